"""Generations that this tab saw running and that have ended since, passed to the browser for title and notification."""

from __future__ import annotations

import time

import streamlit as st

from pages._ui import fragments, layout
from pages._ui.components.ended_jobs import Ended, ended_jobs
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State

TICK_S = 3.0
REMEMBERED = 100

_RUNNING = "_ended_running"
_LATELY = "_ended_lately"
_FRESH = "_ended_seen_in_this_run"


def watch(lab: Lab) -> None:
    """Draw the fragment that reports them; it polls only while something runs, so an idle tab asks nothing."""
    running = _look(lab)
    st.session_state[_FRESH] = running
    with st.container(key="ended_jobs"):
        fragments.part(_tell, TICK_S if running else None)()


def _tell() -> None:
    seen: int | None = st.session_state.pop(_FRESH, None)  # the page itself has just looked
    running = _look(layout.lab()) if seen is None else seen
    ended_jobs(running, st.session_state[_LATELY])


def _look(lab: Lab) -> int:
    """Count what runs; what ran at the last look and no longer does is recorded with how it ended."""
    now = set(lab.history.running_ids())
    lately: list[Ended] = st.session_state.setdefault(_LATELY, [])
    for generation_id in sorted(st.session_state.get(_RUNNING, set()) - now):
        how = _how(lab.get(generation_id).state)
        if how:
            lately.append(Ended(max(time.time_ns() // 1000, lately[-1].at_us + 1 if lately else 0), how))
    del lately[:-REMEMBERED]
    st.session_state[_RUNNING] = now
    return len(now)


def _how(state: State) -> str:
    match state:
        case State.SUCCEEDED:
            return "finished"
        case State.FAILED:
            return "failed"
        case State.UNCONFIRMED | State.UNSAVED:
            return "waiting for you"
        case _:
            return ""  # cancelled by a person, or not watched any more
