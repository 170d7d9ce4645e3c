"""Differences that the last contract check found in one setting, shown beside its field."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout


def beside(model: str, setting: str, form: str) -> None:
    """Draw one muted line per difference below a setting, by its name in ``differences``; nothing while the server agrees."""
    differences = layout.lab().server.drift(model, setting)
    if not differences:
        return
    with st.container(key=f"muted_drift_{form}_{setting}", gap=None):
        for one in differences:
            st.text(f"Server: {one.what} {one.meaning}")
        st.page_link(layout.page_file("connection"), label="API contract", icon=":material/difference:")
