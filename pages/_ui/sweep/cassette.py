"""The download of a sweep as a cassette: with its reference images only where somebody ticks them."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from pages._ui import addresses
from rivya_core import Lab
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.ledger.states import State

HELP = "Everything that has ended, to be played again without key or network: RIVYA_CASSETTE=file make run"


def draw(lab: Lab, status: SweepStatus) -> None:
    """Draw the download, once something of the sweep has ended; what is played from a cassette is not recorded again."""
    if lab.cassettes.playing is not None or not status.states.get(State.SUCCEEDED, 0):
        return
    spec = status.experiment.spec
    axes = [axis.get("target") for axis in spec.get("axes", ())]
    if not spec.get("base", {}).get("reference_image") and "reference_image" not in axes:
        _link(status.id, images=False)
        return
    with st.popover("Cassette", icon=":material/album:", key="sweep_cassette"):
        images = st.checkbox("Include the reference images", key=f"sweep_cassette_images_{status.id}")
        st.caption("Without them the sweep cannot be played at a press.")
        _link(status.id, images=images)


def _link(experiment_id: str, *, images: bool) -> None:
    pairs = [("id", experiment_id)] + ([("images", "1")] if images else [])
    st.link_button(
        "Cassette",
        addresses.export("cassette.zip", urlencode(pairs)),
        icon=":material/album:",
        key="sweep_cassette_link",
        help=HELP,
    )
