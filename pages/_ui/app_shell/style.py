"""The few rules of style that theme tokens cannot express; they stand in ``style.css``, never built from data."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._ui import direction

_STYLE = Path(__file__).with_name("style.css")


def apply() -> None:
    """Add the rules to the page."""
    st.html(_STYLE)
    direction.apply()
