"""What the votes of an experiment say, in figures and in one sentence; and what a voter sees before that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final

from rivya_core.lab.experiments.records import CellRecord, ExperimentRecord
from rivya_core.lab.judging.ballot_box import Field, RoundRow
from rivya_core.lab.judging.ratings import Rated, rate
from rivya_core.lab.judging.stopping import ALPHA, Progress, fewest_more, follow
from rivya_core.lab.judging.votes import VoteRecord, comparisons
from rivya_core.settings import Mode

NAMED: Final = 4
"""So many variants are called by name in one sentence."""

WORD: Final = re.compile(r"[^\W\d_]{3}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An experiment as it stands in the list to choose from; ``cells``: those with a clip.

    ``voting_rounds``: open ones with a vote, whose voters must not see names yet; an open one without a vote hides nothing.
    """

    id: str
    name: str
    question: str
    mode: Mode
    created_at: datetime
    planned_cells: int
    cells: int
    clips: int
    rounds: int
    ended_rounds: int
    voting_rounds: int


@dataclass(frozen=True, slots=True)
class OpenRound:
    """A round nobody has ended, without anything of what was shown in it. ``last_at``: its last vote, else its start."""

    id: str
    voter: str
    started_at: datetime
    votes: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Ballot:
    """A pair to vote on: two neutral addresses, and whether the clips are simulated, which is the same for both."""

    left_token: str
    right_token: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """A round. ``votes``: cast in it, ``skipped`` ones apart. ``is_enough``: all rounds together need no more votes.

    ``may_vote``: this server may write in it; a read-only one may not, but for rounds that its own visitors began.
    """

    id: str
    experiment_id: str
    voter: str
    started_at: datetime
    ended_at: datetime | None
    mode: Mode
    votes: int
    skipped: int
    is_enough: bool
    may_vote: bool


@dataclass(frozen=True, slots=True)
class VoterRecord:
    """Who voted. ``informed``: of the votes, those in rounds begun after this voter had seen the names."""

    name: str
    rounds: int
    votes: int
    informed: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two voters: of ``comparable`` pairs of their votes on the same two cells, in how many they preferred the same."""

    one: str
    other: str
    comparable: int
    agreed: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What all votes say. ``titles``: cell to its name; ``whys``: how often a cell was preferred for which reason.

    ``bad``: votes "both bad"; ``unseen``: cells without a clip; ``single``: no compared cell has more than one clip.
    ``soonest``: the fewest further votes that can decide, if all of them go one way; 0 when nothing is left to decide.
    """

    experiment_id: str
    mode: Mode
    titles: Mapping[int, str]
    clips: Mapping[int, tuple[str, ...]]
    rated: tuple[Rated, ...]
    progress: Progress
    voters: tuple[VoterRecord, ...]
    agreements: tuple[Agreement, ...]
    whys: Mapping[int, Mapping[str, int]]
    bad: int
    unseen: int
    single: bool
    soonest: int = 0

    @property
    def winner(self) -> int | None:
        """The cell that won, or None."""
        return self.progress.winner

    @property
    def out(self) -> tuple[int, ...]:
        """The cells that were voted out, in order."""
        return tuple(cell for cell, _ in self.progress.out)

    @property
    def votes(self) -> int:
        """Votes of all rounds, skipped ones left out."""
        return self.progress.votes

    @property
    def sentence(self) -> str:
        """Whether one can stop, in one sentence."""
        progress, names = self.progress, self.titles
        if progress.winner is not None:
            others = [cell for cell in names if cell != progress.winner]
            over = {1: names[others[0]], 2: "both others"}.get(len(others), f"all {len(others)} others")
            return f"You can stop: {names[progress.winner]} over {over} after {_votes(progress.decided_after or 0)}."
        if not progress.votes:
            return "Not decided: there is no vote yet."
        still = _listed([names[cell] for cell in progress.left], len(names))
        if progress.is_over:
            return f"Not decided after {_votes(progress.votes)}, and more would hardly help. {still}"
        return f"Not decided yet after {_votes(progress.votes)}. {still}"


ERROR_RATE: Final = (
    f"A winner who is not better than the others is named in at most {ALPHA * 100:.0f} % of studies, whichever pairs were shown "
    "and whenever you look."
)


def build(
    experiment: ExperimentRecord,
    cells: Sequence[CellRecord],
    field: Field,
    rounds: Sequence[RoundRow],
    votes: Sequence[VoteRecord],
) -> Standing:
    """Put together what the votes of all rounds say of the cells that have clips."""
    found = comparisons(votes)
    titles = {cell.cell: name(cell) for cell in cells if cell.cell in field.clips}
    whys: dict[int, Counter[str]] = {cell: Counter() for cell in titles}
    for vote in votes:
        if vote.preferred in whys:
            whys[vote.preferred].update(vote.whys)
    return Standing(
        experiment_id=experiment.id,
        mode=field.mode,
        titles=titles,
        clips=field.clips,
        rated=rate(tuple(titles), found) if len(titles) > 1 else (),
        progress=follow(tuple(titles), found),
        voters=_voters(rounds, votes),
        agreements=_agreements(votes),
        whys=whys,
        bad=sum(vote.outcome == "bad" for vote in votes),
        unseen=len(cells) - len(titles),
        single=all(len(clips) == 1 for clips in field.clips.values()),
        soonest=fewest_more(tuple(titles), found),
    )


def name(cell: CellRecord) -> str:
    """Name a cell in a sentence: a value that says nothing by itself ("0.5") goes with the name of its axis."""
    parts = [label if WORD.search(label) else f"{axis} {label}" for axis, label in cell.labels.items()]
    return " · ".join(parts) or f"Cell {cell.cell + 1}"


def _voters(rounds: Sequence[RoundRow], votes: Sequence[VoteRecord]) -> tuple[VoterRecord, ...]:
    cast = Counter(vote.round_id for vote in votes if vote.outcome != "skip")
    by_name: dict[str, list[RoundRow]] = {}
    for row in rounds:
        by_name.setdefault(row.voter.casefold(), []).append(row)
    found = []
    for own in by_name.values():
        ends = [row.ended_at for row in own if row.ended_at is not None]
        informed = sum(cast[row.id] for row in own if any(end <= row.started_at for end in ends))
        total = sum(cast[row.id] for row in own)
        if total:
            found.append(VoterRecord(own[0].voter, len(own), total, informed))
    return tuple(found)


def _agreements(votes: Sequence[VoteRecord]) -> tuple[Agreement, ...]:
    """Count agreement over every two votes of two voters on the same two cells in which both preferred one."""
    names: dict[str, str] = {}
    preferred: dict[str, dict[frozenset[int], Counter[int]]] = {}
    for vote in votes:
        if vote.preferred is None:
            continue
        key = vote.voter.casefold()
        names.setdefault(key, vote.voter)
        pair = frozenset({vote.left_cell, vote.right_cell})
        preferred.setdefault(key, {}).setdefault(pair, Counter())[vote.preferred] += 1
    found = []
    for one, other in combinations(preferred, 2):
        both = preferred[one].keys() & preferred[other].keys()
        comparable = sum(preferred[one][pair].total() * preferred[other][pair].total() for pair in both)
        agreed = sum(
            count * preferred[other][pair][cell] for pair in both for cell, count in preferred[one][pair].items()
        )
        if comparable:
            found.append(Agreement(names[one], names[other], comparable, agreed))
    return tuple(found)


def _votes(number: int) -> str:
    return f"{number} vote" + ("" if number == 1 else "s")


def _listed(names: Collection[str], total: int) -> str:
    if len(names) == total:
        return "None was voted out."
    if len(names) > NAMED:
        return f"{len(names)} of {total} are still in."
    return f"Still in: {', '.join(names)}."
