"""A field that shows what is stored and keeps what is typed until that was taken."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def field(key: str, stored: str, draw: Callable[[str], object]) -> None:
    """Draw a text field named ``key``; what is stored goes into it when it is new, or has changed since it was drawn."""
    known = f"_stored_{key}"
    if key not in st.session_state or st.session_state.get(known) != stored:
        st.session_state[key] = stored
    st.session_state[known] = stored
    draw(key)
