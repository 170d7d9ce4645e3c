"""Strengths of the variants, with intervals: Bradley-Terry model by expectation propagation, from ``choix``.

The intervals hold at a fixed time only, not under repeated looks; whether votes are enough is decided by ``stopping`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from rivya_core.lab.evaluation.votes.stopping import fewest_votes
from rivya_core.lab.evaluation.votes.votes import Comparison, Matrix, places
from rivya_core.lazy_import import lazily

if TYPE_CHECKING:
    import choix
    from scipy import special
else:
    choix, special = lazily("choix"), lazily("scipy.special")


LEVEL: Final = 0.95
PRIOR_PRECISION: Final = 0.5
"""Strengths are expected within about ±1.4 (chances of 20 to 80 % against an average opponent) before any vote."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One variant in the ranking.

    ``share``: the chance (0..1) to be preferred to an average one of the others, with its 95 % interval ``low`` to
    ``high``; ``place``: by ``low``, from 1; ``ties`` counts "both bad" as well. ``preliminary``: in fewer decided votes
    than could decide anything at all.
    """

    variant: int
    place: int
    share: float
    low: float
    high: float
    won: int
    lost: int
    ties: int
    preliminary: bool

    @property
    def votes(self) -> int:
        """Votes this variant was in, skipped ones left out."""
        return self.won + self.lost + self.ties


def counted(won: int, lost: int, tied: int) -> str:
    """Write what the votes on one variant came to; "both bad" is a tie."""
    return f"{won:g} won · {lost:g} lost · {tied:g} tied"


def rate(variants: Sequence[int], comparisons: Sequence[Comparison]) -> tuple[Rated, ...]:
    """Rank at least two variants by the lower bound of their share; those without any vote come last, in order.

    Takes about 2 ms a vote; the last few results are kept.
    """
    return _rate(tuple(variants), tuple(comparisons))


@lru_cache(maxsize=32)
def _rate(variants: tuple[int, ...], comparisons: tuple[Comparison, ...]) -> tuple[Rated, ...]:
    place = places(variants)
    relevant = [one for one in comparisons if one.first in place and one.second in place]
    mean, covariance = _posterior(place, relevant)
    count = len(place)
    reach = float(special.ndtri(0.5 + LEVEL / 2))
    fewest = fewest_votes()
    rated = []
    for variant, row in place.items():
        contrast = np.full(count, -1 / (count - 1))
        contrast[row] = 1.0
        middle, half = float(contrast @ mean), reach * float(np.sqrt(contrast @ covariance @ contrast))
        won = sum(one.first == variant and not one.is_tie for one in relevant)
        lost = sum(one.second == variant and not one.is_tie for one in relevant)
        ties = sum(variant in {one.first, one.second} and one.is_tie for one in relevant)
        share, low, high = (float(special.expit(middle + shift)) for shift in (0.0, -half, half))
        rated.append(Rated(variant, 0, share, low, high, won, lost, ties, won + lost < fewest))
    rated.sort(key=lambda one: (one.votes == 0, -one.low))
    return tuple(replace(one, place=number) for number, one in enumerate(rated, start=1))


def _posterior(place: dict[int, int], comparisons: Sequence[Comparison]) -> tuple[Matrix, Matrix]:
    """Give mean and covariance of the strengths.

    The library has no ties. So every vote is entered twice, a tie once in each direction, with twice the prior's precision,
    and the covariance is doubled: a tie is then exactly half a win for each, and the weights are unchanged.
    """
    curvature = []
    for one in comparisons:
        a, b = place[one.first], place[one.second]
        curvature += [(a, b), (b, a)] if one.is_tie else [(a, b), (a, b)]
    if not curvature:
        return np.zeros(len(place)), np.eye(len(place)) / PRIOR_PRECISION
    mean, covariance = choix.ep_pairwise(len(place), curvature, 2 * PRIOR_PRECISION)
    return mean, 2 * covariance
