"""What people wrote of one clip: the notes of the wall at their places, and a field for one on the clip as a whole."""

from __future__ import annotations

import streamlit as st

from pages._ui import direction, formatting
from rivya_core import GenerationRecord, Lab, RivyaError
from rivya_core.lab.evaluation.reviews import NOTE_MAX, ClipNote

WHOLE_S = 0.0
"""Where a note on the clip as a whole stands: at its beginning."""

_GONE = "_note_deleted"


def draw(lab: Lab, record: GenerationRecord) -> None:
    """Draw the notes of a generation; only a clip can have one."""
    notes = lab.reviews.notes([record.id])
    may_write = not lab.settings.read_only
    for note in notes:
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key=f"note_{note.id}"
        ):
            with st.container(gap=None, width="stretch"):
                st.text(note.text)
                st.caption(_told(note))
            if may_write:
                st.button(
                    "Delete note",
                    icon=":material/delete:",
                    type="tertiary",
                    key=f"note_delete_{note.id}",
                    on_click=_delete,
                    args=(lab, note.id),
                )
    gone: ClipNote | None = st.session_state.get(_GONE)
    if gone is not None and gone.generation_id == record.id:
        st.button("Undo", icon=":material/undo:", key="note_undo", on_click=_restore, args=(lab, gone))
    if not notes:
        st.caption("No notes yet." if record.has_clip else "Notes can be written once there is a clip.")
    if may_write and record.has_clip:
        key = f"note_text_{record.id}"
        st.text_area("Note on this clip", key=key, height=80, help=f"At most {NOTE_MAX:,} characters.")
        st.button("Add note", icon=":material/add_comment:", key="note_add", on_click=_add, args=(lab, record.id, key))


def _told(note: ClipNote) -> str:
    place = "" if note.at_s == WHOLE_S else f"at {note.at_s:.1f} s"
    return " · ".join(
        part for part in (direction.within(note.author), place, formatting.clock(note.created_at)) if part
    )


def _add(lab: Lab, generation_id: str, key: str) -> None:
    try:
        lab.reviews.add_note(generation_id, WHOLE_S, str(st.session_state.get(key, "")))
    except RivyaError as error:
        st.toast(formatting.sentences(error.title, error.detail, error.hint))
        return
    st.session_state[key] = ""
    st.session_state.pop(_GONE, None)


def _delete(lab: Lab, note_id: int) -> None:
    st.session_state[_GONE] = lab.reviews.delete_note(note_id)


def _restore(lab: Lab, note: ClipNote) -> None:
    lab.reviews.restore_note(note)
    st.session_state.pop(_GONE, None)
