"""The clip of a cell in a dialog above the grid. Outside the ticking part of the page, so that it plays on."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import actions, cards, frame, words
from pages._ui.components.player import player
from pages._ui.results import clip_card
from pages._ui.sweep import words as sweep_words
from rivya_core import GenerationRecord, Lab
from rivya_core.lab.experiments.records import CellRecord

_SHOWN = "_sweep_clip"


def show(generation_id: str) -> None:
    """Ask for the dialog; the next run of the page draws it."""
    st.session_state[_SHOWN] = generation_id


def is_open() -> bool:
    """Tell whether a clip is shown above the grid."""
    return _SHOWN in st.session_state


def draw(lab: Lab, cells: Sequence[CellRecord]) -> None:
    """Draw the dialog when it was asked for and the clip is of a cell on the screen."""
    shown = st.session_state.get(_SHOWN)
    if shown is None:
        return
    cell = next((cell for cell in cells if any(take.generation_id == shown for take in cell.takes)), None)
    if cell is None:
        _close()
        return
    st.dialog(_title(cell), width="medium", on_dismiss=_close)(_clip)(lab, cell)


def _title(cell: CellRecord) -> str:
    """Name the cell; a value alone, as "0.5", says too little."""
    pairs = list(cell.labels.items())
    if len(pairs) == 1:
        return words.excerpt(sweep_words.value(*pairs[0]), 80)
    return words.excerpt(cell.title, 80) or "Baseline"


def _close() -> None:
    st.session_state.pop(_SHOWN, None)


def _clip(lab: Lab, cell: CellRecord) -> None:
    """Draw what is asked for now: turning a take runs the dialog alone."""
    record = lab.get(str(st.session_state.get(_SHOWN)))
    if not record.has_clip:
        cards.failure_card(lab, record, repeats=False)
        return
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="clip_of_cell"
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            if record.mode == "simulated":
                frame.mode_badge(record.mode)
            frame.state_badge(record)
        _takes(record, cell)
    player(record, key="cell")
    with st.container(key="muted_cell_labels", gap="xxsmall"):
        st.text("\n".join(f"{sweep_words.axis(axis)}: {label}" for axis, label in cell.labels.items()))
    st.text(record.prompt)
    with st.container(key="muted_cell_facts"):
        st.text(clip_card.facts(record))
    with st.container(horizontal=True, vertical_alignment="center"):
        actions.download_link(record)
        st.page_link(
            frame.page_file("history"),
            label="Open in History",
            icon=":material/history:",
            query_params={"id": record.id},
        )
        actions.copy_menu(lab, record, key="cell")


def _takes(record: GenerationRecord, cell: CellRecord) -> None:
    """Say which take this is, and turn to the clips of the cell's others."""
    ids: Sequence[str] = [take.generation_id for take in cell.takes if take.has_clip and take.generation_id is not None]
    number = next((take.take for take in cell.takes if take.generation_id == record.id), None)
    if number is None or record.id not in ids or len(cell.takes) < 2:  # noqa: PLR2004 - one clip needs no turning
        return
    at = ids.index(record.id)
    with st.container(
        horizontal=True, vertical_alignment="center", width="content", gap="xsmall", key="muted_turn_takes"
    ):
        st.text(f"Take {number} of {len(cell.takes)}", width="content")
        if len(ids) < 2:  # noqa: PLR2004 - one clip needs no turning
            return
        # Never switched off: a focused button that is loses the keyboard, and Escape no longer closes the dialog.
        before = "Take before" if at else "Last take"
        after = "Next take" if at + 1 < len(ids) else "First take"
        for label, icon, step in ((before, "chevron_left", -1), (after, "chevron_right", 1)):
            st.button(
                label,
                icon=f":material/{icon}:",
                type="tertiary",
                key=f"turn_{step}",
                on_click=show,
                args=(ids[(at + step) % len(ids)],),
            )
