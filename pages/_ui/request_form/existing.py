"""What exists of exactly one request, shown beside every button that buys it again on purpose (P10)."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout
from pages._ui.compare_limits import MOST
from rivya_core.lab.experiments.reuse import Existing


def note(found: Existing, *, key: str, shown_id: str = "") -> None:
    """Say what exists and link to it; nothing when there is nothing. ``shown_id``: the generation that is on the screen."""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"muted_exists_{key}"
    ):  # always there: what comes and goes in it must not move what stands beside it
        if not found.ids:
            return
        st.text(found.sentence, width="content")
        others = [one for one in found.ids if one != shown_id]
        if len(found.clips) > 1:
            ids = ",".join(found.clips[-MOST:])
            st.page_link(layout.page_file("compare"), label="Compare them", query_params={"ids": ids}, width="content")
        elif others:
            st.page_link(layout.page_file("history"), label="See it", query_params={"id": others[0]}, width="content")
