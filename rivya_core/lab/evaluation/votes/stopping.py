"""Stopping rule for votes: anytime-valid, so that it may be checked after every vote, whatever pairs were shown.

Against each variant stands an e-process, a bet that it is *not* the best. For every opponent the bet spreads evenly over
all preferences for that opponent from 50 to 100 %; the bets against one variant multiply. If a variant is the best, no
opponent is preferred to it in more than half of the decided votes, so no bet against it can be expected to grow, however
the pairs were chosen: whoever chose them knew the past only. By Ville's inequality it ever reaches ``THRESHOLD`` with a
probability of at most 1 / ``THRESHOLD``.

A variant whose bet gets there is voted out; the last one left wins. A false winner needs a best variant to be voted out,
or, when several are equally best, all but one of them: at most 2 / ``THRESHOLD`` = ``ALPHA``, for any number of variants,
any way of pairing and any moment of stopping. New variants may join at any time. Ties and "both bad" take no side.

Ville's inequality and mixtures: Ramdas, Grünwald, Vovk, Shafer, "Game-theoretic statistics and safe anytime-valid
inference", Statistical Science 38 (2023), sections 2 and 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Final

from rivya_core.lab.evaluation.votes.votes import Comparison, places
from rivya_core.lazy_import import lazily

if TYPE_CHECKING:
    from scipy import special
else:
    special = lazily("scipy.special")


ALPHA: Final = 0.05
"""The probability, at most, that a winner is declared who is not better than all others."""

THRESHOLD: Final = 2 / ALPHA
VOTES_PER_VARIANT: Final = 40
"""After so many votes for each variant without a winner, the answer is "not decided"."""


LOG_THRESHOLD: Final = math.log(THRESHOLD)
TINY: Final = 1e-300


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the votes have come.

    ``left``: variants still in; the best one is among them with a probability of at least 1 - ``ALPHA`` / 2, whenever one
    looks. ``out``: each variant voted out, with the number of votes after which it was. ``decided_after``: the number of
    votes after which one was left. ``votes``: counted ones; ``limit``: when to give up.
    """

    left: tuple[int, ...]
    out: tuple[tuple[int, int], ...]
    decided_after: int | None
    votes: int
    limit: int

    @property
    def winner(self) -> int | None:
        """The variant that won, or None."""
        return None if self.decided_after is None else self.left[0]

    @property
    def is_over(self) -> bool:
        """True when more votes are not needed: there is a winner, or there will hardly be one."""
        return self.decided_after is not None or self.votes >= self.limit


@lru_cache(maxsize=50_000)
def log_bet(lost: int, won: int) -> float:
    """Give the logarithm of a bet that an opponent is preferred, after it was in ``lost`` and was not in ``won`` votes."""
    above_half = max(float(special.betainc(won + 1, lost + 1, 0.5)), TINY)
    return (lost + won + 1) * math.log(2) + float(special.betaln(lost + 1, won + 1)) + math.log(above_half)


def follow(variants: Sequence[int], comparisons: Iterable[Comparison]) -> Progress:
    """Go through the votes in the order they were cast; who is out stays out."""
    return _walk(variants, comparisons)[0]


def fewest_more(variants: Sequence[int], comparisons: Iterable[Comparison]) -> int:
    """Give the fewest further votes that can decide, were each to go the way that decides soonest; 0 when decided.

    Not what to expect: who is voted out then loses to one and the same opponent, time after time.
    """
    progress, lost, bets = _walk(variants, comparisons)
    if len(progress.left) < 2:  # noqa: PLR2004 - a pair
        return 0
    place = places(variants)
    needed = [_until_out(place[one], lost, bets[place[one]]) for one in progress.left]
    return sum(needed) - max(needed)


def _until_out(loser: int, lost: Sequence[Sequence[int]], bet: float) -> int:
    """Votes against one variant until its bet is there, all by the opponent against whom that takes the fewest."""
    now = [(lost[loser][winner], lost[winner][loser]) for winner in range(len(lost)) if winner != loser]
    return min(
        next(more for more in count(1) if bet - log_bet(*pair) + log_bet(pair[0] + more, pair[1]) >= LOG_THRESHOLD)
        for pair in now
    )


def _walk(variants: Sequence[int], comparisons: Iterable[Comparison]) -> tuple[Progress, list[list[int]], list[float]]:
    """Progress, who lost to whom how often, and the bets against each, the last two by the variants' places."""
    place = places(variants)
    lost = [[0] * len(place) for _ in place]  # lost[a][b]: decided votes in which b was preferred to a
    bets = [0.0] * len(place)
    remaining, out = list(variants), []
    votes, decided_after = 0, None
    for one in comparisons:
        winner, loser = place.get(one.first), place.get(one.second)
        if winner is None or loser is None:
            continue
        votes += 1
        if one.is_tie:
            continue
        before = lost[loser][winner], lost[winner][loser]
        lost[loser][winner] += 1
        after = before[0] + 1, before[1]
        bets[loser] += log_bet(*after) - log_bet(*before)
        bets[winner] += log_bet(*reversed(after)) - log_bet(*reversed(before))
        if one.second in remaining and len(remaining) > 1 and bets[loser] >= LOG_THRESHOLD:
            remaining.remove(one.second)
            out.append((one.second, votes))
            decided_after = votes if len(remaining) == 1 else None
    progress = Progress(tuple(remaining), tuple(out), decided_after, votes, VOTES_PER_VARIANT * len(place))
    return progress, lost, bets


def fewest_votes() -> int:
    """Give the smallest number of votes that can decide anything: so many wins in a row."""
    return next(number for number in range(1, 1000) if log_bet(number, 0) >= LOG_THRESHOLD)
