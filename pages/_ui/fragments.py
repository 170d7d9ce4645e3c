"""The parts of a page that draw themselves anew every few seconds, and the one trap they set.

When such a part is due while the whole page is drawn, Streamlit runs it right afterwards, and first throws away what the
page drew of that part and has not sent yet. The browser then takes the part for gone and builds it anew: a grid flashes, a
clip that plays begins again (seen on a busy machine, Streamlit 1.67, ``ForwardMsgQueue.clear``). So a page with such parts
gives the server a moment to send everything before its run ends. Parts that only watch and draw nothing need no such care.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
T = TypeVar("T")

SEND_S = 0.02
_LIVE = "_live_parts"


def part(draw: Callable[P, T], every_s: float | None) -> Callable[P, T]:
    """Make ``draw`` a fragment that runs again every ``every_s`` seconds; None: only when something in it is pressed."""
    if every_s is not None:
        st.session_state[_LIVE] = True
    return st.fragment(draw, run_every=every_s)


def begin() -> None:
    """Begin the run of a whole page."""
    st.session_state.pop(_LIVE, None)


def end() -> None:
    """Let what was drawn be sent, when a part of the page may be due."""
    if st.session_state.get(_LIVE):
        time.sleep(SEND_S)
