"""One page of History's rows, as a table, a list or posters. They are live while something runs.

The open row is the ``id`` in the address, never a position: positions move when rows arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages._ui import addresses, formatting, fragments, mode_marks
from pages._ui.add_to_show import menu as show_menu
from pages._ui.components.history_rows import Row, View, history_rows
from pages._ui.history import row_formatting, selection
from pages._ui.query_params import open_row, sweep_link
from rivya_core import GenerationRecord, Lab, State
from rivya_core.lab.ledger.history.marks import Marks
from rivya_core.lab.media.video_probe import UNOPENED

TICK_S = 2.0
PROMPT_LETTERS = 110
NAME_LETTERS = 60

_ROWS = "history_rows"
_SEEN = "_history_seen"


def draw(lab: Lab, rows: Sequence[GenerationRecord], shown: GenerationRecord | None, view: View) -> None:
    """Draw one page of rows, and watch them and the ``shown`` generation while any of them is under way."""
    watched = (*rows, shown) if shown is not None and all(row.id != shown.id for row in rows) else tuple(rows)
    ticks = any(is_moving(lab, row) for row in watched)
    fragments.part(_rows, TICK_S if ticks else None)(lab, watched, len(rows), shown.id if shown else None, view)


def is_moving(lab: Lab, row: GenerationRecord) -> bool:
    """Tell whether a job is at work on the row now, so that looking again soon is worth it."""
    if row.state in {State.SUBMITTING, State.RUNNING, State.SAVING}:
        return row.connection == lab.connection
    return row.state is State.WAITING and row.connection == lab.connection and lab.pause() is None


def _rows(lab: Lab, watched: tuple[GenerationRecord, ...], listed: int, shown: str | None, view: View) -> None:
    fresh = _refreshed(lab, watched)
    if _is_news(lab, watched, fresh, shown):
        st.rerun()
    rows = fresh[:listed]
    if not rows:
        return
    marks = lab.history.marks([row.id for row in rows])
    said = mode_marks.marks(lab.mode, (row.mode for row in fresh))
    history_rows(
        [_row(row, marks[row.id], said.of(row.mode)) for row in rows],
        opened=shown,
        view=view,
        labels=list(lab.labels.all("generation")),
        shows=list(show_menu.choices(lab).items()),
        gone=selection.gone(),
        may_write=not lab.settings.read_only,
        may_delete=not lab.settings.read_only and lab.may("Lab.delete"),
        may_record=lab.cassettes.playing is None,
        on_open=_opened,
        on_act=_acted,
        key=_ROWS,
    )


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


def _row(row: GenerationRecord, marks: Marks, mode: str) -> Row:
    state, made = formatting.state_of(row), formatting.clock(row.created_at)
    return {
        "id": row.id,
        "name": f"{formatting.excerpt(row.prompt, NAME_LETTERS)}, {made}, {state.label.lower()}",
        "prompt": formatting.excerpt(row.prompt, PROMPT_LETTERS),
        "favorite": row.starred,
        "labels": marks.labels,
        "marks": _marks(marks),
        "state": row_formatting.state_word(row),
        "tone": state.color,
        "mode": mode,
        "modeTone": formatting.MODE_BADGES[row.mode_word].color,
        "sweep": _sweep(marks),
        "made": made,
        "credits": row_formatting.credits_word(row),
        "settings": formatting.shape(row),
        "took": row_formatting.elapsed(row),
        "poster": row_formatting.poster_url(row),
        "clip": addresses.clip(row.id) if row.has_clip and row.clip_check != UNOPENED else "",
    }


def _marks(marks: Marks) -> str:
    notes = len(marks.notes)
    parts = (
        "" if marks.rating is None else f"rated {marks.rating:.1f}".removesuffix(".0"),
        f"{notes} note{'' if notes == 1 else 's'}" if notes else "",
    )
    return " · ".join(part for part in parts if part)


def _sweep(marks: Marks) -> Sequence[str]:
    """The newest sweep that shows the row: name, address and id; nothing for none."""
    if not marks.sweeps:
        return ()
    newest = marks.sweeps[-1]
    more = f" and {len(marks.sweeps) - 1} more" if len(marks.sweeps) > 1 else ""
    return formatting.excerpt(newest.name, 40) + more, sweep_link(newest.id), newest.id


def _opened() -> None:
    open_row(st.session_state[_ROWS].open)
    st.rerun()


def _acted() -> None:
    asked = st.session_state[_ROWS].act
    if isinstance(asked, Mapping):
        selection.act(asked)
    st.rerun()
