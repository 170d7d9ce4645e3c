"""The live grid of an open experiment: its window, its tabs, and the only part of the page that ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages._ui import failure_cards, formatting, fragments, generation_actions, layout
from pages._ui.sweep import clip as sweep_clip, formatting as sweep_formatting, grid
from pages._ui.sweep.grid import Note, Window
from rivya_core import Lab
from rivya_core.lab.experiments.records import Axis, CellRecord, SweepStatus, TakeRecord
from rivya_core.lab.ledger.states import State

TICK_S = 2.0
MOST_COLUMNS = 12
MOST_CELLS = 60
"""Cells on one page of the grid: a screen or two of pictures; the rest is turned to."""
MOST_SEGMENTS = 6
TITLE_MAX = 300
REASON_MAX = 120
PAGES_PX = 250
COLUMNS_PX = 360

_STATUS = "_sweep_status"
_CELLS = "_sweep_cells"
_NOTES = "_sweep_notes"
_ASKED = "_sweep_asked"
_GO = "_sweep_go"


@dataclass(frozen=True, slots=True)
class _Area:
    """The part of a tab that is on the screen: which of its cells, and what their rows and columns are."""

    offset: int
    limit: int
    rows: Axis | None = None
    columns: Axis | None = None


def draw(lab: Lab, status: SweepStatus) -> None:
    """Draw the tabs of further axes and the grid, which ticks while something may change."""
    drawn = signature(lab, status)
    where = _where(lab, status)
    ticks = sweep_formatting.moves(lab, status)
    fragments.live_part(_tick, drawn, TICK_S if ticks else None)(status.id, where, drawn)


def signature(lab: Lab, status: SweepStatus) -> tuple[object, ...]:
    """What the parts outside the ticking fragment show; when it changes, the page is drawn again."""
    pause = lab.pause()
    return (
        status.id,
        sweep_formatting.moves(lab, status),
        status.experiment.paused_at,
        (status.planned, status.planned_reused, status.planned_credits),
        (status.failed, status.failed_reused, status.failed_credits, status.damaged),
        status.states.get(State.WAITING, 0) > 0,
        status.states.get(State.SUCCEEDED, 0) > 1,
        status.states.get(State.UNCONFIRMED, 0) > 0,
        status.unwatched,
        None if pause is None else (pause.effect, pause.since),
    )


def _tick(experiment_id: str, where: dict[str, str], drawn: tuple[object, ...]) -> tuple[object, ...]:
    """Draw the grid; what the parts outside it show of the sweep by now, as far as they may be drawn again."""
    _go_on()
    lab = layout.lab()
    status = status_of(lab, experiment_id)
    area = _area(status)
    cells = _cells(lab, experiment_id, where, area)
    picked_key = f"_sweep_picked_{experiment_id}"
    st.session_state[picked_key] = grid.grid(
        _window(status, area, cells),
        strip=grid.strip_of(status, sweep_formatting.time_left(lab, status)),
        note=lambda take: _note(lab, status, take),
        detail=sweep_clip.detail(lab, cells, st.session_state.pop(_ASKED, "")),
        picked=st.session_state.get(picked_key, ()),
        on_act=_act,
        changes=not lab.settings.read_only,
        label=f"Combinations of {status.experiment.name}",
        key=f"grid_{experiment_id}",
    )
    # A full run may draw an open dialog anew, and its clip would begin again; closing it runs the page anyway.
    return drawn if sweep_clip.is_open() else signature(lab, status)


def shown_cells() -> Sequence[CellRecord]:
    """The cells that are on the screen, as last read."""
    seen = st.session_state.get(_CELLS)
    return () if seen is None else seen[1]


def status_of(lab: Lab, experiment_id: str) -> SweepStatus:
    """Read where the experiment stands, but only when the ledger has changed since the last look.

    Raises:
        LabError: there is no such experiment.
    """
    version = (lab.changes(), experiment_id)
    seen = st.session_state.get(_STATUS)
    if seen is None or seen[0] != version:
        seen = (version, lab.sweeps.brief(experiment_id))
        st.session_state[_STATUS] = seen
    status: SweepStatus = seen[1]
    return status


def _cells(lab: Lab, experiment_id: str, where: dict[str, str], area: _Area) -> Sequence[CellRecord]:
    """Read the cells on the screen, and no others, when the ledger has changed or others came into sight."""
    version = (lab.changes(), experiment_id, tuple(where.items()), area.offset, area.limit)
    seen = st.session_state.get(_CELLS)
    if seen is None or seen[0] != version:
        seen = (version, lab.sweeps.page(experiment_id, where, offset=area.offset, limit=area.limit))
        st.session_state[_CELLS] = seen
    cells: Sequence[CellRecord] = seen[1]
    return cells


def _act(name: str, id_: str, on: bool) -> None:
    """Do what was pressed in the grid; a callback. What needs the whole page, or another one, is left to the run that follows."""
    match name:
        case "detail":
            st.session_state[_ASKED] = id_
        case "star" if layout.can_spend():
            layout.lab().star(id_, on)
        case "use" if layout.can_spend():
            generation_actions.use_settings(id_)
            st.session_state[_GO] = ("generate", {})
        case "history":
            st.session_state[_GO] = ("history", {"id": id_})
        case "compare":
            st.session_state[_GO] = ("compare", {"ids": id_})
        case "card":
            sweep_clip.show(id_)
            st.session_state[_GO] = ("", {})


def _go_on() -> None:
    """Go where a press leads, before anything is drawn; a dialog needs the whole page once more."""
    go: tuple[str, dict[str, str]] | None = st.session_state.pop(_GO, None)
    if go is None:
        return
    page, query = go
    if page:
        st.switch_page(layout.page_file(page), query_params=query)
    st.rerun()


def _where(lab: Lab, status: SweepStatus) -> dict[str, str]:
    """Let the person choose a value of every axis beyond the second; one tab of the grid is on the screen."""
    chosen = {}
    further = _further(status)
    failures = lab.sweeps.failures(status.id) if further and status.states.get(State.FAILED) else {}
    for axis in further:
        key = f"sweep_tab_{status.id}_{axis.name}"
        if st.session_state.get(key) not in axis.labels:
            st.session_state[key] = axis.labels[0]
        failed = failures.get(axis.name, {})
        if len(axis.labels) <= MOST_SEGMENTS:
            st.segmented_control(sweep_formatting.axis(axis.name), axis.labels, key=key, required=True)
        else:
            st.selectbox(sweep_formatting.axis(axis.name), axis.labels, key=key)
        if failed:
            _failed(axis, failed)
        chosen[axis.name] = str(st.session_state[key])
    return chosen


def _failed(axis: Axis, failed: Mapping[str, int]) -> None:
    """Say below which values takes failed: all but one of them are out of sight."""
    counts = [f"{label}: {failed[label]:,} failed" for label in axis.labels if label in failed]
    more = f" · and of {len(counts) - MOST_SEGMENTS:,} more values" if len(counts) > MOST_SEGMENTS else ""
    with st.container(key=f"muted_failed_{axis.name}"):
        st.text(" · ".join(counts[:MOST_SEGMENTS]) + more)


def _further(status: SweepStatus) -> Sequence[Axis]:
    return () if sweep_formatting.is_paired(status) else status.experiment.axes[2:]


def _area(status: SweepStatus) -> _Area:
    """Choose what is on the screen; pages are offered when there is more."""
    experiment, axes = status.experiment, status.experiment.axes
    if len(axes) < 2 or sweep_formatting.is_paired(status):  # noqa: PLR2004 - one axis flows, two make a table
        page = _page(status, "cells", experiment.cells, MOST_CELLS)
        return _Area(page.start, page.stop - page.start)
    columns = _span(status, axes[1], MOST_COLUMNS)
    wide = min(len(axes[1].labels), MOST_COLUMNS)
    rows = _page(status, axes[0].name, len(axes[0].labels), max(1, MOST_CELLS // wide))
    across = len(axes[1].labels)
    return _Area(
        offset=rows.start * across,
        limit=(rows.stop - rows.start) * across,
        rows=Axis(axes[0].name, axes[0].labels[rows]),
        columns=Axis(axes[1].name, axes[1].labels[columns]),
    )


def _window(status: SweepStatus, area: _Area, cells: Sequence[CellRecord]) -> Window:
    if area.rows is None or area.columns is None:
        axes = status.experiment.axes
        return Window(cells, axis=axes[0].name if len(axes) == 1 else "")
    labels = set(area.columns.labels)
    shown = [cell for cell in cells if cell.labels[area.columns.name] in labels]
    titles = {axis.name: _titles(status, axis) for axis in (area.rows, area.columns)}
    return Window(shown, area.rows, area.columns, titles=titles)


def _titles(status: SweepStatus, axis: Axis) -> dict[str, str]:
    """The beginning of each value whose label does not say it all."""
    found = next((one for one in status.experiment.spec["axes"] if one["name"] == axis.name), None)
    pairs = zip(found["labels"], found["values"], strict=True) if found is not None else ()
    shown = set(axis.labels)
    return {
        label: formatting.excerpt(value, TITLE_MAX)
        for label, value in pairs
        if label in shown and isinstance(value, str) and value != label
    }


def _span(status: SweepStatus, axis: Axis, size: int) -> slice:
    """Choose the columns by the names of the first and the last one."""
    count = len(axis.labels)
    if count <= size:
        return slice(0, count)
    starts = list(range(0, count, size))
    first = st.selectbox(
        f"Values of {sweep_formatting.axis(axis.name)}",
        starts,
        key=f"sweep_columns_{status.id}",
        format_func=lambda start: f"{axis.labels[start]} to {axis.labels[min(count, start + size) - 1]}",
        width=COLUMNS_PX,
    )
    return slice(first, min(count, first + size))


def _page(status: SweepStatus, name: str, count: int, size: int) -> slice:
    pages = -(-count // size)
    if pages < 2:  # noqa: PLR2004 - one page needs no turning
        return slice(0, count)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"muted_pages_{name}"):
        at = st.pagination(pages, width=PAGES_PX, key=f"sweep_pages_{status.id}_{name}_{pages}")
        first = (at - 1) * size
        what = "combinations" if name == "cells" else f"values of {sweep_formatting.axis(name)}"
        st.text(f"{first + 1:,} to {min(count, first + size):,} of {count:,} {what}", width="content")
    return slice(first, min(count, first + size))


def _note(lab: Lab, status: SweepStatus, take: TakeRecord) -> Note | None:
    """Say what is known of a take without a clip: why it failed and whether it was charged, or why it does not start."""
    if take.generation_id is None or take.state is None:
        return None
    if take.state in {State.FAILED, State.UNCONFIRMED, State.UNSAVED}:
        known: dict[tuple[str, State], Note] = st.session_state.setdefault(_NOTES, {})
        at = (take.generation_id, take.state)
        if at not in known:
            known[at] = _failure(lab, take.generation_id, take.state)
        return known[at]
    if take.state is State.WAITING and status.experiment.paused_at is not None:
        return Note("The sweep is paused", "care")
    return None


def _failure(lab: Lab, generation_id: str, state: State) -> Note:
    record = lab.get(generation_id)
    error = record.error
    reason = (
        formatting.state_of(record).label
        if error is None
        else formatting.excerpt(error.detail or error.title, REASON_MAX)
    )
    charged = formatting.CHARGED[failure_cards.charged(record)].label
    return Note(f"{reason} · {charged}", "bad" if state is State.FAILED else "care")
