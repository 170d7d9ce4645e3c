"""The head of a card: its title, and a chip that says how things stand."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.formatting import Badge


def head(title: str, chip: Badge | None = None) -> None:
    """Draw the first line of a card."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small", wrap=True
    ):
        st.header(title, anchor=False, width="content")
        if chip is not None:
            frame.badge(chip)
