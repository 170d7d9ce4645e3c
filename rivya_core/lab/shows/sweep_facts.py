"""The facts of a show: a frozen snapshot of a sweep's results. Pure.

A show always displays these figures and never newer ones. Live and simulated credits must never be added up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rivya_core.lab.evaluation.findings import SweepVerdict
from rivya_core.lab.evaluation.votes.questions import WHOLE, titled
from rivya_core.lab.evaluation.votes.standings import Standing
from rivya_core.lab.experiments.axes import variable_name
from rivya_core.lab.experiments.records import CellRecord, SweepStatus
from rivya_core.lab.shows.clip_store import whole_second
from rivya_core.lab.shows.show import Cost, Decision, Facts, Finding, Grid, Variable, VoteRow, VoteTable
from rivya_core.lab.shows.slides import first_spent, spent_words
from rivya_core.mode_words import ModeWord, mode_word

GRID_CLIPS_MAX: Final = 120
"""More clips than this are not looked at by anybody, and no file of them could be sent."""

OPEN_ROUND: Final = "A voting round is open, so votes are left out."
NOT_JUDGED: Final = "Clips were still being measured, so there is no finding."


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a sweep. ``spent``: its credits by what they are. ``has_open_round``: somebody votes, so that votes stay out.

    ``replay``: what recording all of this lab is played from, "" for none. ``voted_at``: when the last of ``votes`` was cast.
    """

    status: SweepStatus
    verdict: SweepVerdict | None
    is_measuring: bool
    votes: Standing | None
    has_open_round: bool
    spent: Mapping[ModeWord, int]
    replay: str = ""
    voted_at: datetime | None = None


def wanted(evidence: Evidence) -> dict[str, str]:
    """The generations whose clips a show of a sweep tells of, and the label of each; of a large sweep not every take."""
    cells = _in_grid(evidence.status)
    variables = evidence.verdict.variables if evidence.verdict is not None else ()
    pairs = {id_ for one in variables if one.clips is not None for id_ in (one.clips.first, one.clips.second)}
    chosen = {cell.clip for cell in (_winner(evidence.status), evidence.status.baseline) if cell is not None}
    several = evidence.status.experiment.takes > 1
    labels = {}
    for cell in evidence.status.cells:
        name = titled(cell.labels, cell.cell)
        for take in cell.takes:
            id_ = take.generation_id
            if id_ is not None and take.has_clip and (id_ in cells or id_ in pairs or id_ in chosen):
                labels[id_] = f"{name}, take {take.take}" if several else name
    return labels


def facts(evidence: Evidence, keys: Mapping[str, str], newest: datetime) -> Facts:
    """Write down what a sweep came to.

    Args:
        evidence: What is known of it.
        keys: The hashes of the clips that are held, by generation.
        newest: When the newest of these clips was made.
    """
    experiment = evidence.status.experiment
    notes = [OPEN_ROUND] if evidence.has_open_round else []
    if evidence.is_measuring:
        notes.append(NOT_JUDGED)
    return Facts(
        made_at=whole_second(max(filter(None, (newest, experiment.decided_at, evidence.voted_at)))),
        mode=mode_word(experiment.mode, experiment.connection),
        replay=evidence.replay,
        question=experiment.question or experiment.name,
        variables=tuple(Variable(variable_name(axis.name), axis.labels) for axis in experiment.axes),
        grid=_grid(evidence.status, keys),
        baseline=_pair(evidence.status, keys),
        findings=tuple(_findings(evidence.verdict, keys)),
        votes=None if evidence.votes is None else _votes(evidence.votes),
        decision=_decision(evidence.status, keys),
        cost=_cost(evidence),
        notes=tuple(notes),
    )


# -- clips -------------------------------------------------------------------------------------------------------------


def _in_grid(status: SweepStatus) -> Collection[str]:
    """The clips of the grid: every take, else one of each combination, else none."""
    every = [take.generation_id for cell in status.cells for take in cell.takes if take.has_clip and take.generation_id]
    if len(every) <= GRID_CLIPS_MAX:
        return frozenset(every)
    one_each = [cell.clip for cell in status.cells if cell.clip is not None]
    return frozenset(one_each) if len(one_each) <= GRID_CLIPS_MAX else frozenset()


def _grid(status: SweepStatus, keys: Mapping[str, str]) -> Grid | None:
    """Lay the combinations out: the last variable across, all others down; those that change together in one row."""
    shown = _in_grid(status)
    if not shown:
        return None
    axes = status.experiment.axes
    across = axes[-1:] if not status.experiment.spec.get("paired") else axes
    width = len(axes[-1].labels) if axes else 1
    lines = [status.cells[at : at + width] for at in range(0, len(status.cells), width)]
    names = {axis.name for axis in across}
    clips = sum(take.has_clip for cell in status.cells for take in cell.takes)
    return Grid(
        columns=tuple(_named(cell, names) for cell in lines[0]),
        rows=tuple(_named(row[0], {axis.name for axis in axes} - names) for row in lines),
        cells=tuple(tuple(_keys(cell, shown, keys) for cell in row) for row in lines),
        note="" if len(shown) == clips else f"One take of each combination, of {clips:,} clips in all.",
    )


def _keys(cell: CellRecord, shown: Collection[str], keys: Mapping[str, str]) -> tuple[str, ...]:
    ids = [take.generation_id or "" for take in cell.takes if take.generation_id in shown]
    return tuple(dict.fromkeys(keys[id_] for id_ in ids if id_ in keys))


def _named(cell: CellRecord, names: Collection[str]) -> str:
    labels = {name: label for name, label in cell.labels.items() if name in names}
    return titled(labels, cell.cell) if labels else ""


def _winner(status: SweepStatus) -> CellRecord | None:
    """The combination that was decided on; where the baseline was kept, that one."""
    decision = status.experiment.decision
    if decision is None:
        return None
    number = decision.get("cell")
    return status.baseline if number is None else next((one for one in status.cells if one.cell == number), None)


def _pair(status: SweepStatus, keys: Mapping[str, str]) -> tuple[str, ...]:
    """Baseline and winner side by side, where they are two clips."""
    cells = (status.baseline, _winner(status))
    pair = dict.fromkeys(key for cell in cells for key in _key(cell, keys))
    return tuple(pair) if len(pair) == len(cells) else ()


def _key(cell: CellRecord | None, keys: Mapping[str, str]) -> tuple[str, ...]:
    """The clip that stands for a combination, where it is held."""
    key = keys.get(cell.clip) if cell is not None and cell.clip is not None else None
    return () if key is None else (key,)


# -- findings, votes, decision -----------------------------------------------------------------------------------------


def _findings(verdict: SweepVerdict | None, keys: Mapping[str, str]) -> Iterable[Finding]:
    for one in verdict.variables if verdict is not None else ():
        pair = () if one.clips is None else (one.clips.first, one.clips.second)
        shown = tuple(keys[id_] for id_ in pair if id_ in keys)
        name = _names(one.axis.split(" + "))
        yield Finding(name, one.text, one.word == "clear", shown if len(shown) == len(pair) else ())


def _votes(standing: Standing) -> VoteTable | None:
    if not standing.votes:
        return None
    rows = tuple(
        VoteRow(
            standing.titles[one.variant],
            one.won,
            one.votes,
            round(one.share, 4),
            round(one.low, 4),
            round(one.high, 4),
            one.ties,
        )
        for one in standing.rated
    )
    name = _names(standing.question.variables)
    what = "Which combination is better?" if standing.question.key == WHOLE else f"Which {name} is better?"
    winner, counted = standing.progress.winner, standing.votes
    sentence = standing.sentence
    if winner is not None and counted > (standing.progress.decided_after or 0):
        sentence += f" By now {counted:,} votes are counted."
    if standing.taken_out:
        sentence += f" {standing.rate}"
    return VoteTable(what, name, rows, sentence, "" if winner is None else standing.titles[winner])


def _names(variables: Sequence[str]) -> str:
    return " + ".join(variable_name(name) for name in variables)


def _decision(status: SweepStatus, keys: Mapping[str, str]) -> Decision | None:
    decision, at = status.experiment.decision, status.experiment.decided_at
    if decision is None or at is None:
        return None
    winner = _winner(status) if decision.get("cell") is not None else None
    return Decision(
        label=str(decision.get("title", "")) if winner is None else titled(winner.labels, winner.cell),
        clips=_key(_winner(status), keys),
        reason=str(decision.get("why", "")),
        decided_at=whole_second(at),
        by=str(decision.get("who", "")),
    )


# -- cost --------------------------------------------------------------------------------------------------------------


def _cost(evidence: Evidence) -> Cost:
    """What a sweep cost; clips that were there before it cost it nothing."""
    status = evidence.status
    clips = sum(take.has_clip for cell in status.cells for take in cell.takes)
    parts = [
        f"{clips:,} clip{'' if clips == 1 else 's'}",
        f"{status.failed:,} failed" if status.failed else "",
        f"{status.reused:,} reused" if status.reused else "",
    ]
    sentence = ", ".join(filter(None, parts))
    is_bought = any(evidence.spent.values())
    money = spent_words(evidence.spent) if is_bought else "no credits were spent"
    return Cost(first_spent(evidence.spent), clips, status.failed, f"{sentence}: {money}.")
