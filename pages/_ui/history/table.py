"""One page of History: a table, and on a narrow screen a list of the same rows. Both are live while something runs.

The selected row is the ``id`` in the address, never the position that the grid reports: positions move when rows arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import streamlit as st

from pages._ui import direction, live, words
from pages._ui.address import open_row
from pages._ui.results import row_words
from pages._ui.results.row_list import row_list
from rivya_core import GenerationRecord, Lab, State

TICK_S = 2.0
ROW_PX = 62  # above 4 rem the grid wraps text
HEADER_PX = 36
PROMPT_LETTERS = 64
MARK = "► "
"""Leads the prompt of the open row: the grid's own tint is next to nothing on the dark theme, and it takes no other."""

_GRID = "history_grid"
_SHOWN = "_history_shown"
_SEEN = "_history_seen"

_COLOURS = dict(row_words.CHIPS)


def draw(lab: Lab, rows: Sequence[GenerationRecord], shown: GenerationRecord | None) -> None:
    """Draw one page of rows, and watch them and the ``shown`` generation while any of them is under way."""
    watched = (*rows, shown) if shown is not None and all(row.id != shown.id for row in rows) else tuple(rows)
    ticks = any(is_moving(lab, row) for row in watched)
    live.part(_rows, TICK_S if ticks else None)(lab, watched, len(rows), shown.id if shown else None)


def is_moving(lab: Lab, row: GenerationRecord) -> bool:
    """Tell whether a job is at work on the row now, so that looking again soon is worth it."""
    if row.state in {State.SUBMITTING, State.RUNNING, State.SAVING}:
        return row.connection == lab.connection
    return row.state is State.WAITING and row.connection == lab.connection and lab.pause() is None


def _rows(lab: Lab, watched: tuple[GenerationRecord, ...], listed: int, shown: str | None) -> None:
    fresh = _refreshed(lab, watched)
    if _is_news(lab, watched, fresh, shown):
        st.rerun()
    rows = fresh[:listed]
    st.session_state[_SHOWN] = tuple(row.id for row in rows), shown
    if rows:
        _grid(rows, shown)
        row_list(rows, shown)


def _refreshed(lab: Lab, rows: tuple[GenerationRecord, ...]) -> tuple[GenerationRecord, ...]:
    """Read the open rows again, but only when the ledger has changed since the last look."""
    version = lab.changes()
    ids = tuple(row.id for row in rows)
    seen = st.session_state.get(_SEEN)
    if seen is not None and seen[0] == version and seen[1] == ids:
        known: tuple[GenerationRecord, ...] = seen[2]
        return known
    fresh = tuple(row if row.is_terminal else lab.get(row.id) for row in rows)
    st.session_state[_SEEN] = (version, ids, fresh)
    return fresh


def _is_news(
    lab: Lab, before: Sequence[GenerationRecord], after: Sequence[GenerationRecord], selected: str | None
) -> bool:
    """Tell whether the whole page is due: the selected row moved on, or the last running one has ended."""
    pairs = list(zip(before, after, strict=True))
    if any(new.id == selected and _standing(new) != _standing(old) for old, new in pairs):
        return True
    was = any(is_moving(lab, row) for row in before)
    return was and not any(is_moving(lab, row) for row in after)


def _standing(row: GenerationRecord) -> tuple[object, ...]:
    return row.state, row.task_status, row.attempts, row.settlement


def _grid(rows: Sequence[GenerationRecord], selected: str | None) -> None:
    at = [position for position, row in enumerate(rows) if row.id == selected]
    state = st.session_state.get(_GRID)
    if state is not None:
        cells = [cell for cell in state["selection"]["cells"] if cell[0] in at]
        if list(state["selection"]["rows"]) != at or len(cells) != len(state["selection"]["cells"]):
            st.session_state[_GRID] = {"selection": {"rows": at, "columns": [], "cells": cells}}
    with st.container(key="history_table"):
        st.dataframe(
            _table(rows, selected),
            key=_GRID,
            on_select=_picked,
            selection_mode=["single-row", "single-cell"],
            selection_default={"selection": {"rows": at}},
            hide_index=True,
            placeholder="",
            row_height=ROW_PX,
            height=HEADER_PX + ROW_PX * len(rows) + 2,
            column_config=_columns(),
            alt="Generations, newest first; choose a row to open it",
        )


def _table(rows: Sequence[GenerationRecord], selected: str | None) -> pa.Table:
    chips = pa.list_(pa.string())
    return pa.table(
        {
            "clip": pa.array([row_words.poster_url(row) for row in rows], pa.string()),
            "prompt": pa.array([_prompt(row, selected) for row in rows]),
            "state": pa.array([[row_words.state_word(row), row_words.mode_word(row)] for row in rows], chips),
            "made": pa.array([words.clock(row.created_at) for row in rows]),
            "credits": pa.array([row_words.credits_word(row) for row in rows]),
            "settings": pa.array([words.shape(row) for row in rows]),
            "took": pa.array([row_words.took(row) for row in rows]),
        }
    )


def _prompt(row: GenerationRecord, selected: str | None) -> str:
    """Write the excerpt behind its marks, each of which a search or a copy can do without."""
    marks = (MARK if row.id == selected else "") + ("★ " if row.starred else "")
    return marks + direction.isolated(words.excerpt(row.prompt, PROMPT_LETTERS))


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "clip": column.ImageColumn("Clip", width=92, pinned=True),
        "prompt": column.TextColumn("Prompt", width=178),
        "state": column.MultiselectColumn("State", width=112, options=list(_COLOURS), color=list(_COLOURS.values())),
        "made": column.TextColumn("Made", width=62),
        "credits": column.TextColumn("Credits", width=68),
        "settings": column.TextColumn("Settings", width=142),
        "took": column.TextColumn("Took", width=66),
    }


def _picked() -> None:
    """Open the row that was ticked or whose cell was clicked; unticking goes back to no choice.

    Before the click the open row was ticked, so a box that differs says what was clicked. Cells come last: a grid that gets
    the focus without a cell of its own selects its first one, which nobody clicked.
    """
    chosen = st.session_state[_GRID]["selection"]
    ids: tuple[str, ...]
    ids, shown = st.session_state.get(_SHOWN, ((), None))
    rows = [ids[row] for row in chosen["rows"] if row < len(ids)]
    cells = [ids[row] for row, _ in chosen["cells"] if row < len(ids)]
    if rows and rows[0] != shown:
        open_row(rows[0])
    elif not rows and shown in ids:
        open_row(None)
    elif cells and cells[0] != shown:
        open_row(cells[0])
    st.rerun()
