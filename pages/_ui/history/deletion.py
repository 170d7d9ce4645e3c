"""Deleting generations with undo: the bar stays until the next action and restores the rows as they were."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import formatting, query_params
from rivya_core import GenerationRecord, Lab

_DELETED = "_deleted"


def delete(lab: Lab, record: GenerationRecord) -> None:
    """Hide an ended generation and offer to bring it back; a callback."""
    delete_all(lab, [record])


def delete_all(lab: Lab, records: Sequence[GenerationRecord]) -> str:
    """Hide those that have ended, in one write, and offer to undo it; a sentence about those that stay, or ""."""
    ended = [record for record in records if record.is_terminal]
    staying = len(records) - len(ended)
    if ended and lab.delete([record.id for record in ended]):
        first = formatting.excerpt(ended[0].prompt, 60)
        told = first if len(ended) == 1 else f"{len(ended):,} generations"
        st.session_state[_DELETED] = (tuple(record.id for record in ended), told)
        query_params.open_row(None)
    if not staying:
        return ""
    what = "1 was not deleted: it is" if staying == 1 else f"{staying:,} were not deleted: they are"
    return f"{what} still under way, or may have been charged."


def deleted() -> Sequence[str]:
    """The ids that were deleted last."""
    known: tuple[tuple[str, ...], str] | None = st.session_state.get(_DELETED)
    return () if known is None else known[0]


def forget() -> None:
    """Hide the bar: another action was taken."""
    st.session_state.pop(_DELETED, None)


def bar(lab: Lab) -> None:
    """Draw the bar while there is something to restore."""
    known: tuple[tuple[str, ...], str] | None = st.session_state.get(_DELETED)
    with st.container(key="undo_bar"):
        if known is None:
            return
        ids, told = known
        with st.container(border=True, horizontal=True, vertical_alignment="center", key="undo_card"):
            st.text(f"Deleted: {told}", width="stretch")
            st.button(
                "Undo",
                icon=":material/undo:",
                key="undo_delete",
                type="primary",
                on_click=_bring_back,
                args=(lab, ids),
            )
            st.button("Close", key="undo_close", on_click=forget, type="tertiary")


def _bring_back(lab: Lab, ids: Sequence[str]) -> None:
    lab.undelete(ids)
    forget()
    query_params.open_row(ids[0] if len(ids) == 1 else None)
