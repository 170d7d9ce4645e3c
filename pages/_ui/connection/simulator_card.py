"""The switches of the built-in simulator. They take effect at once, for new tasks, and are kept in the data folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui import layout
from pages._ui.connection import connection_cards
from rivya_core import Lab
from rivya_core.api.contract import Effect
from rivya_core.mode_words import UNITS

CFG_EFFECTS = ("strong", "weak", "inert")
SLOWEST, FASTEST = 0.5, 20.0
TOP_UP_CREDITS = 1600

_REMOVED = "_examples_removed"


def simulator_card(lab: Lab) -> None:
    """Draw the switches; a live connection and a read-only server have none."""
    if lab.simulator is None or lab.settings.read_only:
        return
    now = lab.simulator.world.settings()
    with st.container(border=True, key="simulator_card"):
        layout.card_head("Simulator" if lab.cassettes.playing is None else "Wallet of the replay")
        if lab.cassettes.playing is None:  # a recording has its own times and failures
            _behaviour(lab, now)
        _wallet(lab, int(now["credits"]))


def _behaviour(lab: Lab, now: Mapping[str, Any]) -> None:
    st.slider(
        "Speed",
        min_value=SLOWEST,
        max_value=FASTEST,
        step=0.5,
        value=min(FASTEST, max(SLOWEST, float(now["speed"]))),
        format="%g x",
        key="simulator_speed",
        on_change=_configure,
        args=(lab, "simulator_speed", "speed"),
        help="At 1x a clip takes 5 to 12 seconds.",
    )
    st.slider(
        "Failure rate",
        min_value=0,
        max_value=100,
        step=5,
        value=round(float(now["failure_rate"]) * 100),
        format="%d %%",
        key="simulator_failure",
        on_change=_set_failure_rate,
        args=(lab,),
        help="Share of tasks that end as failed. A failed task costs nothing.",
    )
    st.segmented_control(
        "Effect of cfg_scale on the clip",
        CFG_EFFECTS,
        default=now["cfg_effect"],
        required=True,
        key="simulator_cfg",
        on_change=_configure,
        args=(lab, "simulator_cfg", "cfg_effect"),
        help="Sources disagree whether cfg_scale has an effect on Kling V2.1 Master. Choose one.",
    )


def _wallet(lab: Lab, credits: int) -> None:  # noqa: A002 - Rivya's word
    key = f"simulator_credits_{credits}"
    st.number_input(
        f"{UNITS[lab.mode_word].capitalize()} in the wallet",
        min_value=0,
        max_value=1_000_000,
        step=160,
        value=min(credits, 1_000_000),
        key=key,
        on_change=_set_credits,
        args=(lab, key),
        help="Low: the queue pauses. Higher: top up.",
    )
    with st.container(horizontal=True, vertical_alignment="center", key="simulator_acts"):
        st.button(f"Top up by {TOP_UP_CREDITS:,}", icon=":material/add:", key="top_up", on_click=_top_up, args=(lab,))
        _examples(lab)


def _examples(lab: Lab) -> None:
    """Offer to remove the examples while there are some, and afterwards to bring them back."""
    removed: list[str] = st.session_state.get(_REMOVED, [])
    if lab.history.examples():
        st.button(
            "Remove the examples",
            icon=":material/delete_sweep:",
            key="connection_remove_examples",
            on_click=_remove_examples,
            args=(lab,),
            help="Takes the finished examples of the first start out of History.",
        )
    elif removed:
        st.text("1 example removed" if len(removed) == 1 else f"{len(removed)} examples removed", width="content")
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo_examples",
            on_click=_bring_back,
            args=(lab, removed),
            type="primary",
        )


def _configure(lab: Lab, key: str, name: str) -> None:
    lab.simulator.world.configure(**{name: st.session_state[key]})


def _set_failure_rate(lab: Lab) -> None:
    lab.simulator.world.configure(failure_rate=st.session_state["simulator_failure"] / 100)


def _set_credits(lab: Lab, key: str) -> None:
    _fill(lab, int(st.session_state[key]))


def _top_up(lab: Lab) -> None:
    _fill(lab, lab.simulator.world.balance() + TOP_UP_CREDITS)


def _fill(lab: Lab, credits: int) -> None:  # noqa: A002 - Rivya's word
    """Set the wallet, have the page follow, and let a queue go on that an empty wallet stopped."""
    lab.set_simulated_credits(credits)
    connection_cards.ask(lab)
    pause = lab.pause()
    if pause is not None and pause.effect == Effect.WALLET.value:
        lab.resume()


def _remove_examples(lab: Lab) -> None:
    st.session_state[_REMOVED] = lab.remove_examples()


def _bring_back(lab: Lab, ids: list[str]) -> None:
    lab.undelete(ids)
    st.session_state.pop(_REMOVED, None)
