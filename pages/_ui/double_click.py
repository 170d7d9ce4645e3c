"""Deduplicate double clicks, however slow the server is.

A second press within two seconds is the same request. The two seconds begin when the page has shown the result of the first
press, not when that press was handled: on a busy server the second click of a double click arrives long after the first is done.
"""

from __future__ import annotations

import time

import streamlit as st

from rivya_core.lab.drafts.drafts import REUSE_INTENT_S

GIVE_UP_S = 30.0  # a page that was never drawn to its end (an error, a closed tab) blocks presses no longer than this

_TAKEN = "_once_taken_s"
_DRAWN = "_once_drawn_s"


def taken() -> None:
    """Record that a press was handled just now."""
    st.session_state[_TAKEN] = time.monotonic()
    st.session_state.pop(_DRAWN, None)


def drawn() -> None:
    """Record that the page was drawn to its end; called in the last line of every page with a button that spends at once."""
    if _TAKEN in st.session_state:
        st.session_state.setdefault(_DRAWN, time.monotonic())


def is_unseen() -> bool:
    """Whether the result of the last press is not on the screen yet, or has been there for less than two seconds."""
    taken_s: float | None = st.session_state.get(_TAKEN)
    if taken_s is None:
        return False
    drawn_s: float | None = st.session_state.get(_DRAWN)
    if drawn_s is None:
        return time.monotonic() - taken_s <= GIVE_UP_S
    return time.monotonic() - drawn_s <= REUSE_INTENT_S
