"""A double click is one wish, however slow the server is.

Two seconds between two presses are counted from the moment the page stood there with the outcome of the first, not from the
moment the first was taken in: on a busy server the second press of a double click arrives when the first was long done.
"""

from __future__ import annotations

import time

import streamlit as st

from rivya_core.lab.drafts.drafts import REUSE_INTENT_S

GIVE_UP_S = 30.0  # a page that was never drawn to its end (an error, a closed tab) holds nobody up for longer

_TAKEN = "_once_taken_s"
_DRAWN = "_once_drawn_s"


def taken() -> None:
    """Note that a press has just been taken in."""
    st.session_state[_TAKEN] = time.monotonic()
    st.session_state.pop(_DRAWN, None)


def drawn() -> None:
    """Note that the page was drawn to its end; the last line of every page with a button that spends at once."""
    if _TAKEN in st.session_state:
        st.session_state.setdefault(_DRAWN, time.monotonic())


def is_unseen() -> bool:
    """True while the person cannot have seen what became of the last press, and for a moment after it was drawn."""
    taken_s: float | None = st.session_state.get(_TAKEN)
    if taken_s is None:
        return False
    drawn_s: float | None = st.session_state.get(_DRAWN)
    if drawn_s is None:
        return time.monotonic() - taken_s <= GIVE_UP_S
    return time.monotonic() - drawn_s <= REUSE_INTENT_S
