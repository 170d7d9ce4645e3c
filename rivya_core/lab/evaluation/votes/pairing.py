"""Choose the next pair: two variants, a block, their clips and sides; on the server, from the round's stored seed.

Active selection: of all pairs not eliminated, the one with the largest product of both variants' probabilities of being best
and of the uncertainty that one vote between them removes. The variants may depend on past votes only, which is all that the
stopping rule requires; the block is drawn by chance alone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from rivya_core.lab.evaluation.votes.votes import Comparison, Matrix, places, wins
from rivya_core.lazy_import import lazily

if TYPE_CHECKING:
    import choix
    from scipy import special
else:
    choix, special = lazily("choix"), lazily("scipy.special")


SEEN_FIRST: Final = 2
"""Every variant is shown this often before the active selection starts."""

DRAWS: Final = 200
SHRINKAGE: Final = 0.1  # pseudo-votes each way, so that three wins in a row do not count as certainty
PRIOR_PRECISION: Final = 0.5
FLOOR: Final = 0.005  # least probability of being best


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair as it was shown: cells and clips, left and right."""

    left: int
    right: int
    left_clip: str
    right_clip: str


def next_variants(
    variants: Sequence[int],
    out: Collection[int],
    comparisons: Sequence[Comparison],
    rng: random.Random,
    *,
    last: Collection[int] = (),
    allowed: Collection[tuple[int, int]] | None = None,
) -> tuple[int, int]:
    """Choose two variants; ``out`` ones rest, ``last`` is the pair shown just before and is not repeated without need.

    ``allowed``: the pairs that can be shown, each in the order of ``variants``; None = all. With one variant left, or none that
    can be shown with another, votes go on among all: they sharpen the ranking.
    """
    remaining = [variant for variant in variants if variant not in out]
    can = _pairs(remaining, allowed)
    if not can:
        remaining = list(variants)
        can = _pairs(remaining, allowed)
    pairs = [pair for pair in can if set(pair) != set(last)] or can
    if len(pairs) == 1:
        return pairs[0]
    times = Counter(variant for one in comparisons for variant in (one.first, one.second))
    fewest = min(times[variant] for pair in can for variant in pair)
    if fewest < SEEN_FIRST:
        rng.shuffle(pairs)
        return min(pairs, key=lambda pair: sorted(times[variant] for variant in pair))
    worth = _worth(remaining, comparisons, rng)
    return max(pairs, key=worth.__getitem__)


def _pairs(remaining: Sequence[int], allowed: Collection[tuple[int, int]] | None) -> list[tuple[int, int]]:
    return [pair for pair in combinations(remaining, 2) if allowed is None or pair in allowed]


def next_block(blocks: Sequence[int], seed: str) -> int:
    """Draw the block in which two variants are compared: with equal weights, by a seed of its own, never by votes.

    Preferences in one block may be the opposite of those in another. Only a draw independent of the past keeps the null
    hypothesis (an average preference of one half over the blocks) at a probability of one half per vote.
    """
    return random.Random(f"{seed}:block").choice(blocks)  # noqa: S311 - drawn again from the stored seed, no secret


def _worth(
    remaining: Sequence[int], comparisons: Sequence[Comparison], rng: random.Random
) -> Mapping[tuple[int, int], float]:
    place = places(remaining)
    strengths, covariance = _posterior(wins(place, comparisons, tie=0.5))
    drawn = np.random.default_rng(rng.getrandbits(64)).multivariate_normal(strengths, covariance, size=DRAWS)
    best = np.bincount(drawn.argmax(axis=1), minlength=len(place)) / DRAWS + FLOOR
    worth = {}
    for one, other in combinations(remaining, 2):
        a, b = place[one], place[other]
        spread = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
        chance = special.expit(strengths[a] - strengths[b])
        worth[one, other] = float(best[a] * best[b] * spread * chance * (1 - chance))
    return worth


def _posterior(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Give Bradley-Terry strengths and the inverse of what the votes tell of them, in milliseconds whatever their number."""
    strengths = choix.lsr_pairwise_dense(matrix, alpha=SHRINKAGE)
    chance = special.expit(strengths[:, None] - strengths[None, :])
    information = (matrix + matrix.T) * chance * (1 - chance)
    precision = np.diag(information.sum(axis=1) + PRIOR_PRECISION) - information
    return strengths, np.linalg.inv(precision)


def next_clips(
    pair: tuple[int, int],
    clips: Mapping[int, Sequence[str]],
    shown: Sequence[Shown],
    rng: random.Random,
    *,
    last: Shown | None = None,
) -> Shown:
    """Choose a clip of each variant and their sides; ``shown``: all pairs so far, ``last``: the voter's own last one.

    All pairs of clips are shown equally often, in random order, and so are the sides of two variants; the two clips shown
    last are not repeated at once if there are others. Nothing else may decide the order: a fixed pattern would let chance runs
    look like a preference.
    """
    first, second = pair
    together = Counter(frozenset({one.left_clip, one.right_clip}) for one in shown)
    last_clips = set() if last is None else {last.left_clip, last.right_clip}
    choices = [(a, b) for a in clips[first] for b in clips[second]]
    fresh = [choice for choice in choices if set(choice) != last_clips] or choices
    rng.shuffle(fresh)
    a, b = min(fresh, key=lambda choice: together[frozenset(choice)])
    lefts = sum((one.left, one.right) == (first, second) for one in shown)
    rights = sum((one.left, one.right) == (second, first) for one in shown)
    if lefts > rights or (lefts == rights and rng.random() < 0.5):  # noqa: PLR2004 - an even coin
        return Shown(second, first, b, a)
    return Shown(first, second, a, b)
