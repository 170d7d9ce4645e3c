"""Sweeps as rows that open one: how far each is, what it found out, what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pages._ui import direction, formatting
from pages._ui.components.row_list import row_list
from pages._ui.query_params import sweep_link
from pages._ui.sweep import formatting as sweep_formatting, grid
from rivya_core import Lab
from rivya_core.lab.experiments.records import ExperimentRecord, SweepStatus
from rivya_core.mode_words import mode_word

WINNER_MAX = 160


def sweep_rows(lab: Lab, statuses: Sequence[SweepStatus], on_open: Callable[[str], None], *, key: str) -> None:
    """Draw the rows; ``on_open`` is called with the id of the sweep that was opened."""
    given = lab.labels.of("sweep", [status.id for status in statuses])
    modes = any(status.experiment.mode != lab.mode for status in statuses)
    rows = [_row(lab, status, given.get(status.id, ()), says_mode=modes) for status in statuses]
    row_list(rows, on_open, key=key)


def _row(lab: Lab, status: SweepStatus, labels: Sequence[str], *, says_mode: bool) -> dict[str, Any]:
    experiment = status.experiment
    state = sweep_formatting.state(lab, status)
    strip = grid.strip_of(status)
    kind = sweep_formatting.KINDS.get(experiment.kind)
    mode = formatting.MODE_BADGES[mode_word(experiment.mode, experiment.connection)]
    return {
        "id": experiment.id,
        "href": sweep_link(experiment.id),
        "name": experiment.name,
        "question": formatting.excerpt(experiment.question, 240),
        "winner": winner(experiment),
        "chips": [
            *([[kind.label, kind.color]] if kind is not None else []),
            *([[mode.label, mode.color]] if says_mode else []),
            *([[formatting.EXAMPLE.label, formatting.EXAMPLE.color]] if experiment.source == "example" else []),
            [state.label, state.color],
            *([label, "gray"] for label in labels),
        ],
        "total": strip["total"],
        "parts": strip["parts"],
        "facts": [
            f"{sweep_formatting.shape(experiment)} · {strip['count']}",
            f"{strip['money']} · {formatting.clock(experiment.created_at)}",
        ],
    }


def winner(experiment: ExperimentRecord) -> str:
    """Say what was decided; "" while nothing is."""
    title = str((experiment.decision or {}).get("title") or "")
    return f"Winner: {direction.within(formatting.excerpt(title, WINNER_MAX))}" if title else ""
