"""The grid of an experiment as data: what each cell and take says, and the strip of figures above.

Only what is on the screen is sent: a window of rows and columns, each take with its id, state and marks. Pictures are
loaded by the browser when they come into sight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pages._ui import formatting
from pages._ui.compare_limits import MOST
from pages._ui.components.experiment_grid import OnAct, experiment_grid
from pages._ui.sweep import formatting as sweep_formatting
from rivya_core.lab.experiments.records import Axis, CellRecord, SweepStatus, TakeRecord
from rivya_core.lab.ledger.states import State
from rivya_core.mode_words import UNITS, mode_word

MOVING = frozenset({State.SUBMITTING, State.RUNNING, State.SAVING})
CARE = frozenset({State.UNCONFIRMED, State.UNSAVED})


@dataclass(frozen=True, slots=True)
class Note:
    """What is said below a take that has no clip: its words, and how loud they are (``bad``, ``care``)."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a grid that is on the screen. Without ``columns`` the cells flow, each below its own name.

    ``axis``: what those names are values of, when it is one thing. ``titles``: by axis and label, what is too long for the
    label.
    """

    cells: Sequence[CellRecord]
    rows: Axis | None = None
    columns: Axis | None = None
    axis: str = ""
    titles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def grid(
    window: Window,
    *,
    strip: Mapping[str, Any] | None,
    note: Callable[[TakeRecord], Note | None],
    detail: Mapping[str, Any] | None,
    picked: Sequence[str],
    on_act: OnAct,
    changes: bool,
    label: str,
    key: str,
) -> tuple[str, ...]:
    """Draw the window; the clips that are ticked. Takes without a clip say what ``note`` knows of them.

    ``detail``: what was asked for of the open clip. ``changes``: favorites and settings may be taken here.
    """
    return experiment_grid(
        {
            "flow": window.columns is None,
            "axis": window.axis and sweep_formatting.axis(window.axis),
            "label": label,
            "rows": _axis(window, window.rows),
            "columns": _axis(window, window.columns),
            "cells": _cells(window, note),
            "strip": None if strip is None else dict(strip),
            "picked": list(picked),
            "most": MOST,
            "stars": changes,
            "uses": changes,
            "detail": None if detail is None else dict(detail),
        },
        picked,
        on_act,
        key=key,
    )


def strip_of(status: SweepStatus, left: str = "") -> dict[str, Any]:
    """Add up where an experiment stands: takes by kind for the bar, and the sentences below it."""
    states = status.states
    done = states.get(State.SUCCEEDED, 0)
    moving = sum(states.get(state, 0) for state in MOVING)
    waiting = states.get(State.WAITING, 0)
    care = sum(states.get(state, 0) for state in CARE)
    failed = states.get(State.FAILED, 0)
    total = sum(states.values()) + status.planned
    counts = [
        f"{done:,} of {total:,} clips",
        f"{moving:,} running" if moving else "",
        f"{waiting:,} waiting" if waiting else "",
        f"{status.planned:,} planned" if status.planned else "",
        f"{care:,} need attention" if care else "",
        f"{failed:,} failed" if failed else "",
        f"{states[State.CANCELLED]:,} cancelled" if states.get(State.CANCELLED) else "",
        left,
    ]
    return {
        "total": total,
        "parts": {"done": done, "bad": failed, "care": care, "moving": moving},
        "count": " · ".join(part for part in counts if part),
        "money": money_of(status),
    }


def money_of(status: SweepStatus) -> str:
    """Say what is held or spent of what was quoted, and of the cap where there is one."""
    experiment = status.experiment
    unit = UNITS[mode_word(experiment.mode, experiment.connection)]
    cap = "" if experiment.cap_credits is None else f", cap {experiment.cap_credits:,}"
    what = "held or spent" if sweep_formatting.open_takes(status) else "spent"
    return f"{status.spent_credits:,} {unit} {what} of {experiment.quoted_credits:,} quoted{cap}"


def _axis(window: Window, axis: Axis | None) -> dict[str, Any] | None:
    if axis is None:
        return None
    titles = window.titles.get(axis.name, {})
    return {
        "name": sweep_formatting.axis(axis.name),
        "labels": list(axis.labels),
        "titles": [titles.get(label, "") for label in axis.labels],
    }


def _cells(window: Window, note: Callable[[TakeRecord], Note | None]) -> list[dict[str, Any]]:
    rows = {} if window.rows is None else {label: at for at, label in enumerate(window.rows.labels)}
    columns = {} if window.columns is None else {label: at for at, label in enumerate(window.columns.labels)}
    return [
        {
            "k": cell.cell,
            "r": rows.get(cell.labels.get(window.rows.name, ""), 0) if window.rows else at,
            "c": columns.get(cell.labels.get(window.columns.name, ""), 0) if window.columns else 0,
            "name": cell.title or "Baseline",
            "takes": [_take(take, note) for take in cell.takes],
        }
        for at, cell in enumerate(window.cells)
    ]


def _take(take: TakeRecord, note: Callable[[TakeRecord], Note | None]) -> dict[str, Any]:
    said = None if take.has_clip else note(take)
    drawn: dict[str, Any] = {
        "n": take.take,
        "id": take.generation_id or "",
        "s": (take.state or "planned"),
        "clip": take.has_clip,
    }
    if take.has_clip:
        drawn |= {"star": take.starred, "word": "Reused" if take.reused else ""}
        return drawn | {"dark": True} if take.is_unopened else drawn
    drawn["w"] = "Planned" if take.state is None else formatting.STATE_BADGES[take.state].label
    return drawn if said is None else drawn | {"note": said.text, "tone": said.tone}
