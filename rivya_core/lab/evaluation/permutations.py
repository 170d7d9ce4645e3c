"""The ways in which the same takes could have been dealt to the values of an axis: all of them, or seeded draws.

If an axis does nothing, every way of dealing the takes of a block to its values was as likely as the one that happened.
That, and nothing about the shape of a figure's spread, is what the test of ``noise.py`` stands on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int8]

EXACT_MAX = 20_000
"""Up to this many ways all are looked at; beyond, seeded draws."""

DRAWS = 9_999
SEED = 20_261_123


@dataclass(frozen=True, slots=True)
class Permutations:
    """Ways of dealing. ``labels``: one row a way, the one that happened first; ``exact``: these are all there are."""

    labels: Labels
    exact: bool


def ways(groups: Sequence[int], blocks: Sequence[int]) -> int:
    """How many different ways there are to deal the takes within their blocks."""
    total = 1
    for members in _blocks(blocks):
        counts = Counter(groups[index] for index in members)
        total *= math.factorial(len(members)) // math.prod(math.factorial(count) for count in counts.values())
    return total


def smallest_p(groups: Sequence[int], blocks: Sequence[int]) -> float:
    """The smallest two-sided p that these numbers of takes can give, however large the difference.

    Values with the same number of takes in every block can trade names without changing the difference, so each result
    comes in as many copies as there are such trades.
    """
    members = _blocks(blocks)
    profiles = Counter(
        tuple(sum(groups[index] == group for index in block) for block in members) for group in sorted(set(groups))
    )
    trades = math.prod(math.factorial(count) for count in profiles.values())
    return min(1.0, trades / ways(groups, blocks))


@lru_cache(maxsize=32)
def deals(groups: tuple[int, ...], blocks: tuple[int, ...]) -> Permutations:
    """Every way of dealing when there are at most ``EXACT_MAX``, else the one that happened and ``DRAWS`` seeded others."""
    happened = np.asarray(groups, dtype=np.int8)
    members = _blocks(blocks)
    if ways(groups, blocks) <= EXACT_MAX:
        return Permutations(_all_ways(happened, members), exact=True)
    dice = np.random.default_rng(SEED)
    labels = np.tile(happened, (DRAWS + 1, 1))
    for block in members:
        columns = np.asarray(block)
        order = np.argsort(dice.random((DRAWS, len(block))), axis=1)
        labels[1:, columns] = happened[columns][order]
    return Permutations(labels, exact=False)


def _blocks(blocks: Sequence[int]) -> list[list[int]]:
    return [[index for index, block in enumerate(blocks) if block == wanted] for wanted in sorted(set(blocks))]


def _all_ways(happened: Labels, members: list[list[int]]) -> Labels:
    """Cross the ways of the blocks; the way that happened comes first."""
    parts = [np.asarray(list(_of_block(tuple(int(happened[index]) for index in block))), np.int8) for block in members]
    crossed = reduce(_cross, parts)
    labels = np.empty_like(crossed)
    labels[:, [index for block in members for index in block]] = crossed
    itself = int(np.flatnonzero((labels == happened).all(axis=1))[0])
    labels[[0, itself]] = labels[[itself, 0]]
    return labels


def _cross(left: Labels, right: Labels) -> Labels:
    return np.hstack([np.repeat(left, len(right), axis=0), np.tile(right, (len(left), 1))])


def _of_block(dealt: tuple[int, ...]) -> Iterator[list[int]]:
    """Yield each different order of a block's labels once."""
    counts = sorted(Counter(dealt).items())
    places = list(range(len(dealt)))

    def place(left: list[tuple[int, int]], free: list[int], row: list[int]) -> Iterator[list[int]]:
        if not left:
            yield list(row)
            return
        (label, count), rest = left[0], left[1:]
        for chosen in combinations(free, count):
            for index in chosen:
                row[index] = label
            yield from place(rest, [index for index in free if index not in chosen], row)

    yield from place(counts, places, [0] * len(dealt))
