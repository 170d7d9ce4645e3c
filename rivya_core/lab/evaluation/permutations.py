"""Permutations of takes over the values of an axis, within blocks: all of them, or seeded random draws.

Under the null hypothesis (the axis has no effect) every assignment of a block's takes to its values is equally likely. That
exchangeability, and no assumption about a distribution, is what the test in ``significance`` relies on.
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
"""Up to this many permutations all are enumerated; beyond that, seeded random draws."""

DRAWS = 9_999
SEED = 20_261_123


@dataclass(frozen=True, slots=True)
class Permutations:
    """Permutations. ``labels``: one row each, the observed one first; ``exact``: they are all there are."""

    labels: Labels
    exact: bool


def ways(groups: Sequence[int], blocks: Sequence[int]) -> int:
    """Count the distinct permutations of the takes within their blocks."""
    total = 1
    for members in _blocks(blocks):
        counts = Counter(groups[index] for index in members)
        total *= math.factorial(len(members)) // math.prod(math.factorial(count) for count in counts.values())
    return total


def smallest_p(groups: Sequence[int], blocks: Sequence[int]) -> float:
    """Return the smallest two-sided p that these numbers of takes can give, however large the difference.

    Values with the same number of takes in every block can be swapped without changing the statistic, so each result occurs
    as often as there are such swaps.
    """
    members = _blocks(blocks)
    profiles = Counter(
        tuple(sum(groups[index] == group for index in block) for block in members) for group in sorted(set(groups))
    )
    trades = math.prod(math.factorial(count) for count in profiles.values())
    return min(1.0, trades / ways(groups, blocks))


@lru_cache(maxsize=32)
def deals(groups: tuple[int, ...], blocks: tuple[int, ...]) -> Permutations:
    """Return every permutation if there are at most ``EXACT_MAX``, else the observed one and ``DRAWS`` seeded random ones."""
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
    return [[index for index, block in enumerate(blocks) if block == level] for level in sorted(set(blocks))]


def _all_ways(happened: Labels, members: list[list[int]]) -> Labels:
    """Combine the permutations of all blocks; the observed one comes first."""
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
