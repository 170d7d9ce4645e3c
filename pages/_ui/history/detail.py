"""The panel of one generation: its clip or where it stands, what can be done with it, and everything known of it."""

from __future__ import annotations

import streamlit as st

from pages._ui import failure_cards, formatting, generation_actions, layout, query_params
from pages._ui.components.copy_link import copy_link
from pages._ui.components.player import player
from pages._ui.generation_progress import generation_progress
from pages._ui.history import deletion, detail_acts, detail_family, detail_tabs, timeline
from pages._ui.mode_marks import Marks
from rivya_core import GenerationRecord, Lab, RivyaError, State
from rivya_core.lab.ledger.records import ErrorCard
from rivya_core.lab.media.video_probe import UNOPENED

DELETED = formatting.Badge("Deleted", ":material/delete:", "gray")


def find(lab: Lab, generation_id: str) -> GenerationRecord | None:
    """Look a generation up by the id of a link; None when the ledger does not have it."""
    try:
        return lab.get(generation_id)
    except RivyaError:
        return None


def missing(generation_id: str) -> None:
    """Say that a link leads nowhere, and the way on."""
    with st.container(border=True, key="detail_missing"):
        layout.card_head("No such generation")
        st.text("This link names a generation that is not in this data folder:")
        st.code(generation_id[:200], language=None, wrap_lines=True)
        st.text("It may belong to another computer or data folder.")
        _all_generations("detail_missing_back")


def draw(lab: Lab, record: GenerationRecord, *, listed: bool, said: Marks) -> None:
    """Draw the panel of a generation; ``listed`` tells whether it is among the rows beside it, ``said`` what the page marks."""
    _back()
    if not listed and record.deleted_at is None:
        _unlisted()
    with st.container(border=True, key="detail_card"):
        lost = _lost(lab, record) if record.has_clip else None
        _head(record, plays=record.has_clip and lost is None and record.clip_check != UNOPENED, said=said)
        if record.deleted_at is not None:
            by = formatting.by(timeline.who(lab.events(record.id), "deleted", "yes"))
            st.text(
                f"This generation was deleted on {formatting.clock(record.deleted_at)}{by}. Its files are still here."
            )
            if lab.may("Lab.undelete"):
                st.button(
                    "Restore", icon=":material/undo:", key="detail_restore", on_click=_restore, args=(lab, record.id)
                )
        with st.container(key="detail_stage"):
            _stage(lab, record, lost)
        detail_acts.draw(lab, record)
        detail_family.draw(lab, record)
        detail_tabs.draw(lab, record)


def _back() -> None:
    with st.container(key="history_back"):
        _all_generations("history_back_button")


def _all_generations(key: str) -> None:
    st.button("All generations", icon=":material/arrow_back:", key=key, on_click=query_params.open_row, args=(None,))


def _unlisted() -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="detail_unlisted"
    ):
        st.caption("Open by its own link; it is not among the rows of this view.", width="content")
        st.button("Close", key="detail_close", type="tertiary", on_click=query_params.open_row, args=(None,))


def _restore(lab: Lab, generation_id: str) -> None:
    lab.undelete([generation_id])
    deletion.forget()


def _head(record: GenerationRecord, *, plays: bool, said: Marks) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="detail_head", gap="small"):
        st.header(f"Made {formatting.clock(record.created_at)}", anchor=False, width="content")
        layout.state_badge(record)
        # a simulated clip that plays carries the word itself
        if said.of(record.mode) and not (plays and record.mode == "simulated"):
            layout.mode_badge(record.mode)
        if record.source == "example":
            layout.badge(formatting.EXAMPLE)
        if record.deleted_at is not None:
            layout.badge(DELETED)
        copy_link(query_params.permanent_link(record.id), key="detail_link")


def _stage(lab: Lab, record: GenerationRecord, lost: ErrorCard | None) -> None:
    """Show the clip; or, while there is none, where the generation stands and what it needs."""
    if lost is not None:
        detail_acts.lost(lab, record, lost)
    elif record.has_clip:
        player(record, key="history_clip")
        if record.state is State.UNSAVED:  # damaged, and fetched again
            failure_cards.failure_card(lab, record)
    elif record.state is State.CANCELLED:
        by = formatting.by(timeline.who(lab.events(record.id), "to", State.CANCELLED.value))
        st.text(f"Cancelled{by} while it waited. Nothing was sent and nothing was charged.")
    elif record.state is State.FAILED and record.error is not None:
        detail_acts.trouble(record.error)
        generation_actions.earlier_link(record)
    elif record.state in {State.UNCONFIRMED, State.UNSAVED}:
        failure_cards.failure_card(lab, record)
    else:
        typical = formatting.typical(lab.history.typical_s(record.model, record.mode, record.length))
        chosen = generation_progress(lab, [record], lab.pause(), lambda _: typical, key=f"detail_live_{record.id}")
        if chosen is not None:
            detail_acts.act(lab, *chosen)


def _lost(lab: Lab, record: GenerationRecord) -> ErrorCard | None:
    """Say why the kept clip cannot be played; None when it can."""
    try:
        if record.clip_key is not None:
            lab.archive.refuse_lost(record.clip_key)
    except RivyaError as error:
        return ErrorCard.of(error, "fetch")
    return None
