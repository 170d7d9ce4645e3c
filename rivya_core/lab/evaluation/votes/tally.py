"""Which votes count for a question, and the progress they make. Pure.

The winner must be the value preferred on average over the blocks. So each vote on a pair of values must come from a block
drawn with equal weights from all blocks that contain both:

- rounds on another question do not count: their pairs, blocks included, were chosen adaptively over combinations;
- a vote in a block that no longer contains both values does not count: the rest is a draw from the remaining blocks;
- a vote drawn before a block was added does not count for the two values in that block: it could not have been drawn.

No rule depends on the outcome of a vote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rivya_core.lab.evaluation.votes.questions import Grid, Question, grid
from rivya_core.lab.evaluation.votes.stopping import Progress, follow
from rivya_core.lab.evaluation.votes.votes import Comparison, VoteRecord, comparisons


@dataclass(frozen=True, slots=True)
class Tally:
    """A question at one moment. ``votes``: those that count, in order; ``uncounted``: how many on this question do not."""

    question: Question
    grid: Grid
    votes: tuple[VoteRecord, ...]
    uncounted: int
    found: tuple[Comparison, ...]
    progress: Progress

    @property
    def out(self) -> tuple[int, ...]:
        """The variants that were eliminated, in order."""
        return tuple(variant for variant, _ in self.progress.out)

    @property
    def is_over(self) -> bool:
        """No more votes are needed, or none can decide."""
        return self.progress.is_over or self.grid.is_settled(self.progress.left)


def tally(question: Question, clips: Mapping[int, Sequence[str]], votes: Sequence[VoteRecord]) -> Tally:
    """Count for a question; ``clips``: of each cell that has some now, ``votes``: all of the sweep."""
    now = grid(question, clips)
    own = [vote for vote in votes if is_on(question, vote)]
    counted = tuple(vote for vote in own if _counts(question, now, vote))
    comparisons_ = tuple(_of_variants(question, one) for one in comparisons(counted))
    cast = sum(vote.outcome != "skip" for vote in own)
    return Tally(question, now, counted, cast - len(comparisons_), comparisons_, follow(now.variants, comparisons_))


def is_on(question: Question, vote: VoteRecord) -> bool:
    """Tell whether a vote was cast in a round on this question; where variants are cells, combinations are the same one."""
    return vote.question == question.key or (question.is_whole and not vote.question)


def _counts(question: Question, now: Grid, vote: VoteRecord) -> bool:
    if vote.left_cell not in question.variant_of or vote.right_cell not in question.variant_of:
        return False
    one, other = question.variant_of[vote.left_cell], question.variant_of[vote.right_cell]
    blocks = now.shared(one, other)
    if question.block_of[vote.left_cell] not in blocks:
        return False
    if question.is_whole:
        return True
    among = vote.among or frozenset()
    return all(now.cells[variant][block] in among for variant in (one, other) for block in blocks)


def _of_variants(question: Question, one: Comparison) -> Comparison:
    return Comparison(question.variant_of[one.first], question.variant_of[one.second], one.is_tie)
