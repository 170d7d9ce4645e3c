"""What ordinary sweeps found about a parameter; reported beside the results of probes, never instead of them.

A probe tests one hypothesis stated beforehand, so its error rate holds. Of many sweeps that vary a parameter some come out
clear by chance (multiple comparisons), so a clear one is reported together with how many others could have been.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.lab.evaluation import observations
from rivya_core.lab.evaluation.axis_analysis import AxisVerdict
from rivya_core.lab.evaluation.observations import Observed
from rivya_core.lab.evaluation.wording import BEYOND, headline
from rivya_core.lab.experiments.parameter_notes import note_name
from rivya_core.lab.ledger.database import reading_at_once
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import experiments
from rivya_core.settings import Mode

log = logging.getLogger("rivya.verdicts")

SETTLED: Final = "knob-sweeps-settled"
"""Key of the progress through the sweeps: ``{"at", "pending"}``."""

NAME_MAX: Final = 60

Judge = Callable[[Observed], Sequence[AxisVerdict]]


@dataclass(frozen=True, slots=True)
class SweepFinding:
    """The newest clear sweep of a parameter, in words that say out of how many. ``at``: when it was judged, aware UTC."""

    words: str
    experiment_id: str
    at: datetime


def settle(ledger: Ledger, judge: Judge, go_on: Callable[[], bool] = lambda: True) -> None:
    """Store the findings of every complete sweep about its parameters; a sweep is processed again when something changed.

    ``go_on``: called before each; False stops, and all are processed again later.
    """
    note = ledger.key_value.get(SETTLED)
    known: Mapping[str, Any] = note if isinstance(note, Mapping) else {}
    with ledger.reading() as connection:
        fresh, until = observations.fresh_sweeps(connection, _moment(known.get("at")))
    pending = []
    for experiment_id in dict.fromkeys([*map(str, known.get("pending", ())), *fresh]):
        if not go_on():
            return
        with reading_at_once(ledger.database) as connection:
            observed = observations.read(connection, experiment_id)
        if observed is None:
            continue
        if any(take.is_open or take.is_due for take in observed.takes):
            pending.append(experiment_id)
        elif observed.is_complete and not any(take.generation_id is None for take in observed.takes):
            _keep(ledger, observed, judge(observed))
    now = {"at": None if until is None else until.isoformat(), "pending": pending}
    if now != known:
        ledger.key_value.set(SETTLED, now)


def find(ledger: Ledger, mode: Mode, model: str, param: str) -> SweepFinding | None:
    """Return the newest sweep that was clear on a parameter of a model, or None."""
    note = ledger.key_value.get(_name(mode, model, param))
    told = [one for one in note.values() if one["verdict"] != "too few"] if isinstance(note, Mapping) else []
    clear = sorted((one for one in told if one["verdict"] == "clear"), key=lambda one: str(one["started_at"]))
    if not clear:
        return None
    with ledger.reading() as connection:
        names = _names(connection, [one["experiment_id"] for one in clear])
    newest = next((one for one in reversed(clear) if one["experiment_id"] in names), None)
    at = None if newest is None else _moment(newest["at"])
    if newest is None or at is None:
        return None
    name = names[newest["experiment_id"]]
    title = name if len(name) <= NAME_MAX else f"{name[:NAME_MAX].rstrip()}…"
    way = str(newest["words"]).removeprefix("clear, ").removesuffix(BEYOND)
    rest = (
        f"{len(clear)} of the {len(told)} sweeps of it that could tell were"
        if len(told) > 1
        else "no other sweep of it could tell so far"
    )
    return SweepFinding(f"a sweep found a clear effect (“{title}”), {way}; {rest}", newest["experiment_id"], at)


def _keep(ledger: Ledger, observed: Observed, verdicts: Iterable[AxisVerdict]) -> None:
    """Store the verdict of every axis that is a parameter of one model and changed by itself."""
    names = list(observed.cells[0].labels) if observed.cells else []
    if "model" in names:
        return
    for verdict in verdicts:
        if verdict.axis not in names:  # axes that changed together: their effects cannot be separated
            continue
        name = _name(observed.mode, observed.model, verdict.axis)
        kept = _noted(ledger.key_value.get(name))
        told = {
            "experiment_id": observed.experiment_id,
            "verdict": verdict.finding.word,
            "words": headline(verdict),
            "started_at": observed.created_at.isoformat(),
        }
        before = kept.get(observed.experiment_id, {})
        if {key: before.get(key) for key in told} != told:
            mine = {observed.experiment_id: {**told, "at": ledger.clock().isoformat()}}
            ledger.key_value.change(name, partial(_with, mine))
            log.info("a sweep was judged", extra={"experiment_id": observed.experiment_id})


def _noted(note: Any) -> Mapping[str, Any]:
    return note if isinstance(note, Mapping) else {}


def _with(mine: Mapping[str, Any], note: Any) -> dict[str, Any]:
    """What is noted by now and one thing more: another process may have noted its own since it was looked at."""
    return {**_noted(note), **mine}


def _names(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    """Return the names of those that were not deleted."""
    column = experiments.c
    query = sa.select(column.id, column.name).where(column.id.in_(ids), column.deleted_at.is_(None))
    return {row.id: row.name for row in connection.execute(query)}


def _name(mode: Mode, model: str, param: str) -> str:
    return f"{note_name(mode, model, param)}:sweeps"


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
