"""Records of votes: the result of a question, in figures and one sentence, and what a voter may see before that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, zip_longest
from typing import Final

from rivya_core.lab.evaluation.votes.questions import Question, titled
from rivya_core.lab.evaluation.votes.ranking import Rated, rate
from rivya_core.lab.evaluation.votes.repository import RoundRow, VotableClips
from rivya_core.lab.evaluation.votes.stopping import ALPHA, Progress, fewest_more
from rivya_core.lab.evaluation.votes.tally import Tally
from rivya_core.lab.evaluation.votes.votes import NO_NAME, VoteRecord
from rivya_core.lab.experiments.records import CellRecord, ExperimentRecord
from rivya_core.settings import Mode

NAMED: Final = 4
"""Most variants named in one sentence."""


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
    """An open round, without what was shown in it. ``last_at``: time of its last vote, else of its start."""

    id: str
    voter: str
    started_at: datetime
    votes: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Ballot:
    """A pair to vote on: two neutral addresses, and what is the same for both: the mode, and the prompt, or "" when it is not."""

    left_token: str
    right_token: str
    mode: Mode
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """A round. ``question``: the key of what is voted on. ``votes``: cast in it, ``skipped`` ones apart.

    Of all rounds on the question: ``counted`` of at most ``limit`` votes, whether they are enough (``is_enough``), and whether they
    have a winner (``is_decided``). ``may_vote``: this server may write in it; a read-only one may not, but for rounds that its own visitors began.
    ``ended_by``: the address of who ended it; None without sign-in.
    """

    id: str
    experiment_id: str
    voter: str
    started_at: datetime
    ended_at: datetime | None
    mode: Mode
    question: str
    votes: int
    skipped: int
    counted: int
    limit: int
    is_enough: bool
    is_decided: bool
    may_vote: bool
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class VoterRecord:
    """A voter. ``informed``: number of votes in rounds begun after this voter had seen the names."""

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
class BlockVotes:
    """How the leading variant fared in one block: decided votes it ``won`` and ``lost`` there against any other."""

    title: str
    won: int
    lost: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Result of all votes on a question.

    A variant is a value of the variable, or a combination, known by the lowest number of its cells. ``titles``: variant to its
    name; ``cells``: cell to its name; ``clips``: its clips, of each cell the first before any second; ``whys``: how often it was preferred for which reason.
    ``settings``: the block of each clip, by its name. ``blocks``: how the leading one fared in each block, where there are several. ``bad``: votes "both bad"; ``unseen``: cells without a clip;
    ``single``: no compared cell has more than one clip. ``uncounted``: votes on the question that do not count (any more), see ``tally``.
    ``is_over``: no more votes are needed, or none can decide. ``soonest``: the fewest further votes that can decide, if all of
    them go one way; 0 when nothing is left to decide. ``copies``: counted votes that were cast on a ballot's copies of the clips;
    ``taken_out``: lines of ballots on the question that somebody took out.
    """

    experiment_id: str
    question: Question
    mode: Mode
    titles: Mapping[int, str]
    cells: Mapping[int, str]
    clips: Mapping[int, tuple[str, ...]]
    settings: Mapping[str, str]
    rated: tuple[Rated, ...]
    progress: Progress
    voters: tuple[VoterRecord, ...]
    agreements: tuple[Agreement, ...]
    whys: Mapping[int, Mapping[str, int]]
    bad: int
    unseen: int
    single: bool
    uncounted: int
    is_over: bool
    blocks: tuple[BlockVotes, ...] = ()
    soonest: int = 0
    copies: int = 0
    taken_out: int = 0

    @property
    def rate(self) -> str:
        """The error rate of the stopping rule in words, or that none holds."""
        return rate_words(self.taken_out)

    @property
    def winner(self) -> int | None:
        """The variant that won, or None."""
        return self.progress.winner

    @property
    def out(self) -> tuple[int, ...]:
        """The variants that were eliminated, in order."""
        return tuple(variant for variant, _ in self.progress.out)

    @property
    def votes(self) -> int:
        """Votes of all rounds, skipped ones left out."""
        return self.progress.votes

    @property
    def sentence(self) -> str:
        """Whether voting can stop, in one sentence."""
        progress, names = self.progress, self.titles
        if progress.winner is not None:
            return f"Winner: {names[progress.winner]}, after {_votes(progress.decided_after or 0)}."
        if not progress.votes:
            return "Not decided: there is no vote yet."
        still = _listed([names[cell] for cell in progress.left], len(names))
        if self.is_over:
            return f"Not decided after {_votes(progress.votes)}, and more would hardly help. {still}"
        return f"Not decided yet after {_votes(progress.votes)}. {still}"


ERROR_RATE: Final = f"False winners: at most {ALPHA * 100:.0f} %, whenever you look."


def rate_words(taken_out: int) -> str:
    """Return the error rate of the stopping rule in words; none holds once lines were excluded."""
    if not taken_out:
        return ERROR_RATE
    lines = "1 line was" if taken_out == 1 else f"{taken_out} lines were"
    return f"{lines} taken out: chosen with the result in view; {ALPHA * 100:.0f} % no longer holds."


def build(
    experiment: ExperimentRecord,
    cells: Sequence[CellRecord],
    field: VotableClips,
    rounds: Sequence[RoundRow],
    tallied: Tally,
    votes: Sequence[VoteRecord],
    taken_out: int = 0,
) -> Standing:
    """Put together what the votes say of what can be compared; ``votes``: all on the question, ``tallied`` has those that count."""
    question, grid, variants = tallied.question, tallied.grid, tallied.grid.variants
    whys: dict[int, Counter[str]] = {variant: Counter() for variant in variants}
    for vote in tallied.votes:
        if vote.preferred is not None:
            whys[question.variant_of[vote.preferred]].update(vote.whys)
    rated = rate(variants, tallied.found) if variants else ()
    return Standing(
        experiment_id=experiment.id,
        question=question,
        mode=field.mode,
        cells={cell.cell: titled(cell.labels, cell.cell) for cell in cells},
        titles={variant: question.titles[variant] for variant in variants},
        clips={variant: _clips(field, grid.cells[variant].values()) for variant in variants},
        settings={
            clip: question.block_titles[question.block_of[cell]]
            for blocks in grid.cells.values()
            for cell in blocks.values()
            for clip in field.clips[cell]
        },
        rated=rated,
        progress=tallied.progress,
        voters=_voters(rounds, votes),
        agreements=_agreements(votes),
        whys=whys,
        bad=sum(vote.outcome == "bad" for vote in tallied.votes),
        unseen=len(cells) - len(field.clips),
        single=all(len(clips) == 1 for clips in field.clips.values()),
        uncounted=tallied.uncounted,
        is_over=tallied.is_over,
        blocks=_blocks(tallied, rated[0].variant) if rated and not question.is_whole else (),
        soonest=fewest_more(variants, tallied.found),
        copies=sum(bool(vote.ballot) and vote.outcome != "skip" for vote in tallied.votes),
        taken_out=taken_out,
    )


def _clips(field: VotableClips, cells: Iterable[int]) -> tuple[str, ...]:
    """The clips of some cells, the first of each before any second."""
    rows = zip_longest(*(field.clips[cell] for cell in cells))
    return tuple(clip for row in rows for clip in row if clip is not None)


def _blocks(tallied: Tally, leader: int) -> tuple[BlockVotes, ...]:
    question = tallied.question
    won: Counter[int] = Counter()
    lost: Counter[int] = Counter()
    for vote in tallied.votes:
        if vote.preferred is None or leader not in {
            question.variant_of[vote.left_cell],
            question.variant_of[vote.right_cell],
        }:
            continue
        (won if question.variant_of[vote.preferred] == leader else lost)[question.block_of[vote.left_cell]] += 1
    return tuple(
        BlockVotes(title, won[block], lost[block])
        for block, title in question.block_titles.items()
        if won[block] + lost[block]
    )


def _voters(rounds: Sequence[RoundRow], votes: Sequence[VoteRecord]) -> tuple[VoterRecord, ...]:
    cast = Counter(vote.round_id for vote in votes if vote.outcome != "skip")
    by_name: dict[str, list[RoundRow]] = {}
    for row in rounds:
        by_name.setdefault(row.voter.casefold(), []).append(row)
    voters = []
    for own in by_name.values():
        ends = [row.ended_at for row in own if row.ended_at is not None and not row.ballot]  # a ballot shows no names
        informed = sum(cast[row.id] for row in own if any(end <= row.started_at for end in ends))
        total = sum(cast[row.id] for row in own)
        if total:
            voters.append(VoterRecord(own[0].voter, len(own), total, informed))
    return tuple(voters)


def _agreements(votes: Sequence[VoteRecord]) -> tuple[Agreement, ...]:
    """Count agreement over all pairs of votes by two voters on the same two cells in which both preferred one.

    Anonymous ballot lines are left out: they may be by many people, or by a voter who is also named.
    """
    names: dict[str, str] = {}
    preferred: dict[str, dict[frozenset[int], Counter[int]]] = {}
    for vote in votes:
        if vote.preferred is None or (vote.ballot and vote.voter == NO_NAME):
            continue
        key = vote.voter.casefold()
        names.setdefault(key, vote.voter)
        pair = frozenset({vote.left_cell, vote.right_cell})
        preferred.setdefault(key, {}).setdefault(pair, Counter())[vote.preferred] += 1
    agreements = []
    for one, other in combinations(preferred, 2):
        both = preferred[one].keys() & preferred[other].keys()
        comparable = sum(preferred[one][pair].total() * preferred[other][pair].total() for pair in both)
        agreed = sum(
            count * preferred[other][pair][cell] for pair in both for cell, count in preferred[one][pair].items()
        )
        if comparable:
            agreements.append(Agreement(names[one], names[other], comparable, agreed))
    return tuple(agreements)


def _votes(number: int) -> str:
    return f"{number} vote" + ("" if number == 1 else "s")


def _listed(names: Collection[str], total: int) -> str:
    if len(names) == total:
        return "None was eliminated."
    if len(names) > NAMED:
        return f"{len(names)} of {total} are still in."
    return f"Still in: {', '.join(names)}."
