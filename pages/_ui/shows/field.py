"""A text field bound to a stored value: typed text is never overwritten, and never lost without a message."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import formatting
from rivya_core.api.errors import RivyaError


def field(
    key: str,
    stored: str,
    draw: Callable[[str, str], str | None],
    *,
    check: Callable[[str], str],
    store: Callable[[], None],
) -> None:
    """Draw a text field; what is stored goes into it when it is new, or was changed elsewhere while nothing else was typed.

    Args:
        key: The widget's key.
        stored: What is stored.
        draw: Draws the widget with this key and this default; its text.
        check: The text as it is kept; raises RivyaError for one that is not taken.
        store: Stores what the field holds.
    """
    known = st.session_state.get(_known(key))
    default = stored
    if key in st.session_state and known != stored and _says(st.session_state[key], known, check):
        st.session_state[key] = stored
        default = ""  # Streamlit wants one of the two
    st.session_state[_known(key)] = stored
    typed = draw(key, default) or ""
    if not _says(typed, stored, check):
        _not_saved(key, stored, trouble(typed, check), store)


def was_stored(key: str) -> str | None:
    """What was stored when the field was drawn last, or None."""
    found: str | None = st.session_state.get(_known(key))
    return found


def _not_saved(key: str, stored: str, why: str, store: Callable[[], None]) -> None:
    """Say that the field holds something else than what is stored: it was refused, or typed while the server was away."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"unsaved_{key}"):
        st.text(f"Not saved. {why or 'It was typed while the server was away.'}", width="stretch")
        if not why:
            st.button("Save", key=f"save_{key}", on_click=store)
        st.button("Discard", key=f"discard_{key}", type="tertiary", on_click=_discard, args=(key, stored))


def _discard(key: str, stored: str) -> None:
    st.session_state[key] = stored


def _says(text: object, stored: str | None, check: Callable[[str], str]) -> bool:
    """Whether a text is kept as what is stored."""
    try:
        return text == stored or check(str(text or "")) == stored
    except RivyaError:
        return False


def trouble(text: str, check: Callable[[str], str]) -> str:
    """Why a text is not taken, or ""."""
    try:
        check(text)
    except RivyaError as error:
        return formatting.sentences(error.detail, error.hint)
    return ""


def _known(key: str) -> str:
    return f"_stored_{key}"
