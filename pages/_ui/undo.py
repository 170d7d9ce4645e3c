"""Deleting with a way back: the bar stays until the next action, and brings the rows back as they were."""

from __future__ import annotations

import streamlit as st

from pages._ui import address, words
from rivya_core import GenerationRecord, Lab

_DELETED = "_deleted"


def delete(lab: Lab, record: GenerationRecord) -> None:
    """Hide an ended generation and offer to bring it back; a callback."""
    if lab.delete([record.id]):
        st.session_state[_DELETED] = (record.id, words.excerpt(record.prompt, 60))
        address.open_row(None)


def forget() -> None:
    """Take the bar away: another action was taken."""
    st.session_state.pop(_DELETED, None)


def bar(lab: Lab) -> None:
    """Draw the bar while there is something to bring back."""
    deleted = st.session_state.get(_DELETED)
    with st.container(key="undo_bar"):
        if deleted is None:
            return
        generation_id, prompt = deleted
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="undo_card"):
            st.text(f"Deleted: {prompt}", width="stretch")
            st.button(
                "Undo",
                icon=":material/undo:",
                key="undo_delete",
                type="primary",
                on_click=_bring_back,
                args=(lab, generation_id),
            )
            st.button("Close", key="undo_close", on_click=forget, type="tertiary")


def _bring_back(lab: Lab, generation_id: str) -> None:
    lab.undelete([generation_id])
    forget()
    address.open_row(generation_id)
