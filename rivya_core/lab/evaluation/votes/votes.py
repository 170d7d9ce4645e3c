"""A vote: one blind comparison of two clips, and what it means for the two cells they represent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Outcome = Literal["left", "right", "tie", "bad", "skip"]
OUTCOMES: Final[frozenset[str]] = frozenset(get_args(Outcome))
WHYS: Final = ("motion", "artefacts", "look")
"""What a voter may name as the reason: the criteria of a review but for the one that asks for the prompt, which is hidden."""

NO_NAME: Final = "No name"
"""Name of voters who sent an anonymous ballot line: one word for many people."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VoteRecord:
    """One vote, as it was cast. ``voted_at``: aware UTC.

    ``question``: the key of what was voted on, "" for whole combinations. ``among``: the cells that had a clip when the pair was
    drawn, where the draw depended on them; else None. ``ballot``: the ballot whose copies of the clips were seen, "" for a vote
    on the clips themselves.
    """

    round_id: str
    voter: str
    left_cell: int
    right_cell: int
    left_generation_id: str
    right_generation_id: str
    outcome: Outcome
    whys: tuple[str, ...]
    voted_at: datetime
    question: str = ""
    among: frozenset[int] | None = None
    ballot: str = ""

    @property
    def preferred(self) -> int | None:
        """The cell that was preferred, or None."""
        return {"left": self.left_cell, "right": self.right_cell}.get(self.outcome)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a vote says of two variants: ``first`` was preferred to ``second``, or neither when it ``is_tie``."""

    first: int
    second: int
    is_tie: bool = False


def comparisons(votes: Iterable[VoteRecord]) -> list[Comparison]:
    """Read votes as comparisons, in order: both bad is a tie, a skipped pair says nothing."""
    compared = []
    for vote in votes:
        if vote.outcome == "skip":
            continue
        won_right = vote.outcome == "right"
        first, second = (vote.right_cell, vote.left_cell) if won_right else (vote.left_cell, vote.right_cell)
        compared.append(Comparison(first, second, is_tie=vote.outcome in {"tie", "bad"}))
    return compared


def places(variants: Iterable[int]) -> dict[int, int]:
    """Number the variants, for matrices."""
    return {variant: place for place, variant in enumerate(variants)}


def wins(variants: Mapping[int, int], compared: Iterable[Comparison], *, tie: float = 0.0) -> Matrix:
    """Count who was preferred to whom: row over column; a tie gives ``tie`` to both. Other variants are left out."""
    matrix = np.zeros((len(variants), len(variants)))
    for one in compared:
        first, second = variants.get(one.first), variants.get(one.second)
        if first is None or second is None:
            continue
        if one.is_tie:
            matrix[first, second] += tie
            matrix[second, first] += tie
        else:
            matrix[first, second] += 1.0
    return matrix
