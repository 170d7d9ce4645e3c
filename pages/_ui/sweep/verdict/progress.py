"""How far a verdict is that somebody waits for, and what to do when it could not be worked out."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout
from rivya_core import Lab
from rivya_core.lab.evaluation.verdicts import Standing

ELSEWHERE = "This process measures no clips: the one that runs this data folder's generations does, while it is up."


def sentence(standing: Standing) -> str:
    """Say in a few words how far the measuring is."""
    if standing.stage == "judging":
        return "All clips are measured; the verdict is being worked out"
    return f"{standing.measured:,} of {standing.clips:,} clips measured"


def line(lab: Lab, standing: Standing) -> None:
    """Draw it as a quiet line, in a part that draws itself anew."""
    st.text(f"Verdict: {sentence(standing)}.", width="content")
    elsewhere(lab, standing)


def elsewhere(lab: Lab, standing: Standing) -> None:
    """Say who has to measure, where it is not this process."""
    if standing.stage == "measuring" and not lab.verdicts.measures_here:
        st.text(ELSEWHERE)


def failed(experiment_id: str, standing: Standing) -> None:
    """Draw the card of a verdict that could not be worked out."""
    with st.container(border=True, key="verdict_failed", gap="small"):
        layout.card_head("The verdict could not be worked out")
        st.text(standing.fault)
        st.text(
            "It is tried again when a clip is added, and when you press the button. The clips and their figures stay."
        )
        st.button(
            "Try again", icon=":material/replay:", key="verdict_again", on_click=_try_again, args=(experiment_id,)
        )


def _try_again(experiment_id: str) -> None:
    layout.lab().verdicts.try_again(experiment_id)
