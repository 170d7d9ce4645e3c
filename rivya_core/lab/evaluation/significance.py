"""Permutation test: does a setting change clips more than take-to-take variation does. Pure: figures and labels in, a finding out.

Groups are the values of the axis in question, blocks the combinations of all other axes. A feature's statistic is the share
of its spread within blocks that the groups explain (R², in step with F and, for two groups, with t²; 0 when a figure never
changes). Takes are permuted within their blocks, and of each permutation only the largest share among all features is kept
(max-T, Westfall and Young): every feature is compared with this one distribution, so the error rate holds for the finding as
a whole, whatever the features' number, correlation and distribution.

The level and the power are the two constants below; everything else follows from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rivya_core.lab.evaluation.permutations import Permutations, deals, smallest_p
from rivya_core.lazy_import import lazily

if TYPE_CHECKING:
    from scipy import special
else:
    special = lazily("scipy.special")


LEVEL: Final = 0.05
"""Error rate of a verdict: *clear* of settings that do nothing at most this often, and a difference beyond what is called possible."""

POWER: Final = 0.8
TAKES_MAX: Final = 200
"""Most takes per cell that are suggested."""

_SAME: Final = 1e-9

Word = Literal["clear", "unclear", "too few"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """One value of the axis, for one feature: number of takes, their mean, and its 95 % interval (None with too few takes)."""

    takes: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect of the axis on one feature.

    ``p``: adjusted for all features, None with too few takes. ``most`` and ``least``: the groups with the largest and the smallest adjusted mean;
    ``difference`` between them in the feature's own unit, with ``low`` and ``high`` of its 95 % interval (Scheffé's for more
    than two groups). ``sd``: standard deviation between takes. ``at_most_sd``: no two groups differ by more, by their intervals. ``f``: between over within. ``constant``: it never changed.
    """

    key: str
    p: float | None
    f: float
    sd: float
    most: int
    least: int
    difference: float
    low: float
    high: float
    levels: tuple[Level, ...]
    at_most_sd: float = math.inf
    constant: bool = False

    @property
    def difference_sd(self) -> float:
        """The difference in standard deviations between takes; infinite when takes do not differ at all."""
        return _over(self.difference, self.sd)


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding about one axis.

    ``word``: the verdict. ``p``: smallest adjusted p, None with too few takes. ``smallest_p``: the smallest these takes can
    give. ``effects``: one a feature, smallest p first, then in the order given; without p, largest ``f`` first, an infinite one
    before all, an unknown one last. ``takes_clear``: takes in each cell at which the difference seen would be told as clear four
    times in five, None when no number up to 200 would. ``exact``: all permutations were enumerated.
    """

    word: Word
    p: float | None
    smallest_p: float
    effects: tuple[Effect, ...]
    takes_now: float
    takes_clear: int | None
    ways: int = 0
    exact: bool = True
    level: float = LEVEL

    @property
    def widest(self) -> Effect | None:
        """The feature whose values may still lie furthest apart, in standard deviations between takes; None when unknown.

        Its ``at_most_sd`` bounds every feature at the level: a bound below the largest true difference is one below that
        feature's own, however many features there are.
        """
        bounded = [effect for effect in self.effects if not effect.constant and math.isfinite(effect.at_most_sd)]
        return max(bounded, key=lambda effect: effect.at_most_sd, default=None)


@dataclass(frozen=True)
class _Design:
    """How the takes lie over groups and blocks."""

    groups: tuple[int, ...]
    blocks: tuple[int, ...]
    counts: Floats  # takes of each block (row) in each group (column)

    @classmethod
    def of(cls, groups: Sequence[int], blocks: Sequence[int]) -> _Design:
        group_ids = {label: index for index, label in enumerate(sorted(set(groups)))}
        block_ids = {label: index for index, label in enumerate(sorted(set(blocks)))}
        counts = np.zeros((len(block_ids), len(group_ids)))
        for group, block in zip(groups, blocks, strict=True):
            counts[block_ids[block], group_ids[group]] += 1
        return cls(tuple(group_ids[g] for g in groups), tuple(block_ids[b] for b in blocks), counts)

    @classmethod
    def balanced(cls, like: _Design, takes: int) -> _Design:
        """The same cells with an equal number of takes each."""
        counts = np.where(like.counts > 0, float(takes), 0.0)
        rows = [(g, b) for b, g in zip(*np.nonzero(counts), strict=True) for _ in range(takes)]
        return cls(tuple(int(g) for g, _ in rows), tuple(int(b) for _, b in rows), counts)

    @property
    def cells(self) -> int:
        return int(np.count_nonzero(self.counts))

    @property
    def information(self) -> Floats:
        """Information matrix of the groups after the block effects are removed."""
        of_block = self.counts.sum(axis=1)
        matrix: Floats = np.diag(self.counts.sum(axis=0)) - (self.counts / of_block[:, None]).T @ self.counts
        return matrix

    @property
    def rank(self) -> int:
        return int(np.linalg.matrix_rank(self.information))

    @property
    def error_df(self) -> int:
        return int(self.counts.sum()) - len(self.counts) - self.rank

    @property
    def spread(self) -> Floats:
        """Variance of the difference between each two groups, for a variance of 1 between takes."""
        inverse = np.linalg.pinv(self.information)
        variances: Floats = np.diag(inverse)[:, None] + np.diag(inverse)[None, :] - 2 * inverse
        return variances


def find(groups: Sequence[int], blocks: Sequence[int], figures: Mapping[str, Sequence[float]]) -> Finding:
    """Judge one axis.

    Args:
        groups: for each clip, the number of its value on the axis.
        blocks: for each clip, the number of its combination of the other axes.
        figures: feature to one number a clip; every clip must have every feature.

    Raises:
        ValueError: the lengths differ, or there are fewer than two values.
    """
    if len(set(groups)) < 2 or any(len(values) != len(groups) for values in figures.values()):  # noqa: PLR2004 - a pair
        raise ValueError("a finding needs two values, and each figure once a clip")
    design = _Design.of(groups, blocks)
    least = smallest_p(design.groups, design.blocks)
    takes_now = len(groups) / design.cells
    if least > LEVEL or design.rank < design.counts.shape[1] - 1 or design.error_df < 1 or not figures:
        effects = _effects(design, figures, None, None) if figures else ()
        return Finding("too few", None, least, effects, takes_now, _takes_that_can(design))
    deal = deals(design.groups, design.blocks)
    shares = _shares(design, deal, figures)
    effects = _effects(design, figures, shares, deal)
    p = min((effect.p for effect in effects if effect.p is not None), default=1.0)
    word: Word = "clear" if p <= LEVEL else "unclear"
    alive = max(1, sum(not effect.constant for effect in effects))
    return Finding(
        word=word,
        p=p,
        smallest_p=least,
        effects=effects,
        takes_now=takes_now,
        takes_clear=None if word == "clear" else _takes_for_clear(design, effects, alive, takes_now),
        ways=len(deal.labels),
        exact=deal.exact,
    )


def _shares(design: _Design, deal: Permutations, figures: Mapping[str, Sequence[float]]) -> Floats:
    """Return R² of each feature (column) under each permutation (row)."""
    values = _centred(design, figures)
    total = (values**2).sum(axis=0)
    sums = np.stack(
        [(deal.labels == group).astype(np.float64) @ values for group in range(design.counts.shape[1])], axis=1
    )
    inverse = np.linalg.pinv(design.information)
    between = np.einsum("wgf,gh,whf->wf", sums, inverse, sums, optimize=True)
    alive = total > 0
    shares: Floats = np.zeros_like(between)
    shares[:, alive] = between[:, alive] / total[alive]
    return shares


def _centred(design: _Design, figures: Mapping[str, Sequence[float]]) -> Floats:
    """Subtract the mean of their block from the figures; rounding residue becomes zero."""
    raw = np.column_stack([np.asarray(values, dtype=np.float64) for values in figures.values()])
    values = raw.copy()
    blocks = np.asarray(design.blocks)
    for block in range(len(design.counts)):
        rows = blocks == block
        values[rows] -= values[rows].mean(axis=0)
    values[:, np.abs(values).max(axis=0) <= _SAME * np.maximum(np.abs(raw).max(axis=0), 1e-300)] = 0.0
    return values


def _effects(
    design: _Design, figures: Mapping[str, Sequence[float]], shares: Floats | None, deal: Permutations | None
) -> tuple[Effect, ...]:
    values, groups = _centred(design, figures), np.asarray(design.groups)
    inverse = np.linalg.pinv(design.information)
    best = None if shares is None else shares.max(axis=1)
    effects = []
    for column, (key, raw) in enumerate(figures.items()):
        centred = values[:, column]
        sums = np.asarray([centred[groups == group].sum() for group in range(design.counts.shape[1])])
        means = inverse @ sums
        between, total = float(sums @ means), float((centred**2).sum())
        p = None if best is None else 1.0
        if best is not None and shares is not None and deal is not None and total > 0:
            p = float(np.count_nonzero(best >= shares[0, column] - _SAME)) / len(best)
        effects.append(_effect(design, key, np.asarray(raw, dtype=np.float64), means, between, total, p))
    if best is None:
        return tuple(sorted(effects, key=lambda effect: (math.isnan(effect.f), -effect.f)))
    return tuple(sorted(effects, key=lambda effect: 1.0 if effect.p is None else effect.p))


def _effect(
    design: _Design, key: str, raw: Floats, means: Floats, between: float, total: float, p: float | None
) -> Effect:
    highest, lowest = int(means.argmax()), int(means.argmin())
    if highest == lowest:
        highest, lowest = 0, 1
    df, groups = design.error_df, np.asarray(design.groups)
    within = max(0.0, total - between)
    within = 0.0 if within <= _SAME * total else within
    variance = within / df if df > 0 else math.nan
    sd = math.sqrt(variance) if df > 0 else math.nan
    scale = design.rank * special.fdtri(design.rank, df, 1 - LEVEL) if df > 0 else math.nan
    half = math.sqrt(scale * variance * design.spread[highest, lowest]) if df > 0 else math.nan
    apart = np.abs(means[:, None] - means[None, :]) + np.sqrt(scale * variance * np.maximum(design.spread, 0.0))
    difference = float(means[highest] - means[lowest])
    reach = float(special.stdtrit(df, 1 - LEVEL / 2)) * sd if df > 0 else math.nan
    levels = []
    for group in range(len(means)):
        own = raw[groups == group]
        by = reach / math.sqrt(len(own))
        mean = float(own.mean())
        levels.append(
            Level(len(own), mean, None if math.isnan(by) else mean - by, None if math.isnan(by) else mean + by)
        )
    return Effect(
        key=key,
        p=p,
        f=_over(between / max(1, design.rank), variance) if df > 0 else math.nan,
        sd=sd,
        most=highest,
        least=lowest,
        difference=difference,
        low=difference - half,
        high=difference + half,
        levels=tuple(levels),
        at_most_sd=_over(float(apart.max()), sd) if df > 0 else math.inf,
        constant=total == 0,
    )


def _over(number: float, by: float) -> float:
    if by > 0 or math.isnan(by):
        return number / by
    return 0.0 if number == 0 else math.copysign(math.inf, number)


# -- how many takes would do -------------------------------------------------------------------------------------------


def _takes_that_can(design: _Design) -> int | None:
    """Return the smallest equal number of takes per cell that can reach the level at all."""
    for takes in range(1, TAKES_MAX + 1):
        wider = _Design.balanced(design, takes)
        if wider.error_df >= 1 and smallest_p(wider.groups, wider.blocks) <= LEVEL:
            return takes
    return None


def _takes_for_clear(design: _Design, effects: Sequence[Effect], features: int, takes_now: float) -> int | None:
    """By the noncentral F with the observed effect less what chance alone would give, the level shared by the features."""
    strength = max((_lambda(design, effect) for effect in effects), default=0.0) / takes_now
    if strength <= 0:
        return None
    reachable = _takes_that_can(design) or TAKES_MAX
    for takes in range(max(reachable, math.floor(takes_now) + 1), TAKES_MAX + 1):
        df = takes * design.cells - len(design.counts) - design.rank
        bar = special.fdtri(design.rank, df, 1 - LEVEL / features)
        if math.isinf(strength) or 1 - special.ncfdtr(design.rank, df, strength * takes, bar) >= POWER:
            return takes
    return None


def _lambda(design: _Design, effect: Effect) -> float:
    df = design.error_df
    if effect.constant or df <= 2:  # noqa: PLR2004 - F has no mean with two degrees or fewer
        return 0.0
    return max(0.0, design.rank * (effect.f * (df - 2) / df - 1))
