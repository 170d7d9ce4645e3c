"""The card that makes a support bundle of the last hours."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout, support_link

HOURS = {"Last hour": 1, "Last day": 24, "Last week": 168}


def support_card() -> None:
    """Draw the choice and the link."""
    with st.container(border=True, key="support_card"):
        layout.card_head("Support bundle")
        st.text(
            "One ZIP with requests, answers, timeline, versions and settings. Never a key, a local path or a signed address."
        )
        with st.container(horizontal=True, vertical_alignment="bottom", key="support_choice"):
            span = st.selectbox("Of the", list(HOURS), key="support_hours", width=160)
            prompts = st.checkbox("Include prompts and image names", key="support_prompts")
        support_link.draw(hours=HOURS[span], prompts=prompts)
        if not prompts:
            st.caption("Prompts are left out, and Rivya's own words where they might quote them.")
