"""The stop rule of blind votes, by simulation: false winners, power, and how many votes a decision takes.

``python -m tests.bench.votes`` prints the tables of ``docs/votes.md``; ``... blocks``, ``... ballots`` or ``... keys`` only those.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from rivya_core.lab.evaluation.votes import pairing, ranking
from rivya_core.lab.evaluation.votes.questions import Grid
from rivya_core.lab.evaluation.votes.stopping import ALPHA, follow
from rivya_core.lab.evaluation.votes.vote_lines import PAIRS_MAX, Block, Plan, deal
from rivya_core.lab.evaluation.votes.votes import Comparison
from tests.bench.figures import Figure, median

STUDIES = 1000
SIZES = (2, 3, 4, 6)
EDGES = (60, 75, 90)

Chance = Callable[[int, int], float]
"""The chance (0..1) that the first variant is preferred to the second."""


@dataclass(frozen=True, slots=True)
class Study:
    """How one simulated study ended. ``covered``: whether the interval of variant 0 held its true share; None if not asked."""

    winner: int | None
    votes: int
    covered: bool | None = None


def run_study(
    count: int, chance: Chance, seed: int, *, ties: float = 0.0, share: float | None = None, at_random: bool = False
) -> Study:
    """Vote until the rule says stop: pairs by ``pairing`` or, for comparison, at random; each vote independent."""
    rng = random.Random(seed)
    variants = range(count)
    found: list[Comparison] = []
    out: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    while True:
        if at_random:
            one, other = rng.sample([variant for variant in variants if variant not in out], 2)
        else:
            one, other = last = pairing.next_variants(variants, out, found, rng, last=last)
        if rng.random() < ties:
            found.append(Comparison(one, other, is_tie=True))
        elif rng.random() < chance(one, other):
            found.append(Comparison(one, other))
        else:
            found.append(Comparison(other, one))
        progress = follow(variants, found)
        out = tuple(variant for variant, _ in progress.out)
        if progress.is_over:
            covered = None
            if share is not None:
                [rated] = [one for one in ranking.rate(variants, found) if one.variant == 0]
                covered = rated.low <= share <= rated.high
            return Study(progress.winner, len(found), covered)


def run_studies(count: int, chance: Chance, *, studies: int = STUDIES, **how: Any) -> list[Study]:
    """Run many studies with seeds of their own; ``how``: see ``run_study``."""
    return [run_study(count, chance, seed, **how) for seed in range(studies)]


def run_uneven(seed: int, *, edge: float = 0.9) -> Study:
    """Two equal variants of two clips each, where every single pair of clips has a clear winner: half of them either way."""
    rng = random.Random(seed)
    clips = {0: ("a0", "a1"), 1: ("b0", "b1")}
    found: list[Comparison] = []
    shown: list[pairing.Shown] = []
    while True:
        pair = pairing.next_clips((0, 1), clips, shown, rng, last=shown[-1] if shown else None)
        shown.append(pair)
        same = pair.left_clip[1] == pair.right_clip[1]
        first_wins = rng.random() < (edge if same else 1 - edge)
        found.append(Comparison(0, 1) if first_wins else Comparison(1, 0))
        progress = follow((0, 1), found)
        if progress.is_over:
            return Study(progress.winner, len(found))


InBlock = Callable[[int, int, int], float]
"""The chance (0..1) that in a block, given first, one value is preferred to another."""


def laid(values: int, blocks: int, missing: Sequence[tuple[int, int]] = ()) -> Grid:
    """Values by blocks, all filled but the ``missing`` ones, each a value and a block."""
    return Grid(
        {
            value: {block: value + block * values for block in range(blocks) if (value, block) not in missing}
            for value in range(values)
        }
    )


def run_blocks(grid: Grid, chance: InBlock, seed: int, *, by_votes: bool = False) -> Study:
    """Vote on one variable until the rule says stop, in blocks drawn as in the dashboard; or, for comparison, by what was learned."""
    rng = random.Random(seed)
    found: list[Comparison] = []
    lead: Counter[tuple[int, int]] = Counter()  # by block and value: votes won less votes lost
    out: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    pairs = set(grid.pairs)
    while True:
        one, other = last = pairing.next_variants(grid.variants, out, found, rng, last=last, allowed=pairs)
        shared = grid.shared(one, other)
        block = pairing.next_block(shared, f"{seed}:{len(found)}")
        if by_votes:
            block = max(shared, key=lambda place: lead[place, one])
        winner, loser = (one, other) if rng.random() < chance(block, one, other) else (other, one)
        lead[block, winner] += 1
        lead[block, loser] -= 1
        found.append(Comparison(winner, loser))
        progress = follow(grid.variants, found)
        out = tuple(variant for variant, _ in progress.out)
        if progress.is_over or grid.is_settled(progress.left):
            return Study(progress.winner, len(found))


def run_ballots(grid: Grid, chance: InBlock, seed: int) -> Study:
    """The same with all votes from lines of a ballot, one voter after the other, each with pairs dealt by their number."""
    rng = random.Random(seed)
    found: list[Comparison] = []

    def block_of(number: int, pair: tuple[int, int]) -> Block:
        one, other = ([f"{value}.{number}.{take}" for take in range(TAKES)] for value in pair)
        return tuple(one), tuple(other)

    plan = Plan(PAIRS_MAX, tuple(tuple(block_of(block, pair) for block in grid.shared(*pair)) for pair in grid.pairs))
    while True:
        for pair in deal(plan, f"{seed}", "ballot", f"{len(found)}"):
            (one, block), (other, _) = [[int(part) for part in clip.split(".")[:-1]] for clip in pair]
            first = rng.random() < chance(block, one, other)
            found.append(Comparison(one, other) if first else Comparison(other, one))
            progress = follow(grid.variants, found)
            if progress.is_over:
                return Study(progress.winner, len(found))


def in_order(percents: Sequence[int], block: int, one: int, other: int) -> float:
    """In each block the value with the lower number is preferred in so many of 100 votes; below 50 it is the other one."""
    return percents[block] / 100 if one < other else 1 - percents[block] / 100


def first_best(percents: Sequence[int], block: int, one: int, other: int) -> float:
    """Value 0 is preferred to every other in so many of 100 votes, by block; the others are equal."""
    return best(percents[block], one, other)


def opposite_but_one(block: int, one: int, other: int) -> float:
    """Values 0 and 1 are opposite in two blocks; value 2, which only one of them has, is equal to both."""
    return 0.5 if 2 in {one, other} else in_order((80, 20), block, one, other)


def equal(_one: int, _other: int) -> float:
    """Nobody prefers anything."""
    return 0.5


def two_best(one: int, other: int) -> float:
    """Variants 0 and 1 are equally good; both are preferred to all others in 90 of 100 votes."""
    if (one < 2) == (other < 2):
        return 0.5
    return 0.9 if one < 2 else 0.1


def best(percent: int, one: int, other: int) -> float:
    """Variant 0 is preferred to every other in so many of 100 votes; the others are equal."""
    if 0 not in {one, other}:
        return 0.5
    return percent / 100 if one == 0 else 1 - percent / 100


def fixed_votes(count: int, percent: int, power: float) -> int:
    """Votes of the fixed plan with the same power: every pair equally often, two-sided exact binomial tests.

    The winner is the variant that beats every other; each of its ``count - 1`` tests has the level ``ALPHA / (count - 1)``.
    The smallest plan that reaches ``power`` is meant.
    """
    from scipy.stats import binom  # noqa: PLC0415 - slow to load, and only this function compares

    level = ALPHA / (count - 1)
    for each in range(1, 5000):
        needed = next(
            (k for k in range(each // 2 + 1, each + 1) if 2 * binom.sf(k - 1, each, 0.5) <= level),
            None,
        )
        if needed is not None and binom.sf(needed - 1, each, percent / 100) ** (count - 1) >= power:
            return each * count * (count - 1) // 2
    raise AssertionError("no fixed plan reaches this power")


def upper_bound(failures: int, studies: int) -> float:
    """The upper end of the exact 95 % interval of a rate."""
    from scipy.stats import binomtest  # noqa: PLC0415 - slow to load, and only this function compares

    return float(binomtest(failures, studies).proportion_ci().high)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    count: int
    truth: str
    right: float
    wrong: int
    undecided: float
    votes: float
    late: float
    fixed: int | None


def measure(
    count: int, truth: str, chance: Chance, percent: int | None, *, ties: float = 0.0, at_random: bool = False
) -> Row:
    """Run the studies of one line. Without a ``percent`` every winner is a false one."""
    found = run_studies(count, chance, ties=ties, at_random=at_random)
    right = sum(study.winner == 0 for study in found) if percent else 0
    wrong = sum(study.winner is not None for study in found) - right
    votes = [float(study.votes) for study in found]
    fixed = fixed_votes(count, percent, min(right, STUDIES - 1) / STUDIES) if percent and right else None
    return Row(
        count,
        truth,
        right / STUDIES,
        wrong,
        sum(study.winner is None for study in found) / STUDIES,
        median(votes),
        float(np.quantile(votes, 0.9)),
        None if fixed is None else math.ceil(fixed / (1 - ties)),
    )


def rows() -> list[Row]:
    """All lines: nothing to find, and something to find."""
    found = [measure(count, "all equal", equal, None) for count in SIZES]
    found += [measure(count, "two equally best", two_best, None) for count in SIZES[1:]]
    found.append(measure(2, "all equal, 30 % ties", equal, None, ties=0.3))
    uneven = [run_uneven(seed) for seed in range(STUDIES)]
    wrong = sum(study.winner is not None for study in uneven)
    votes = [float(study.votes) for study in uneven]
    late = float(np.quantile(votes, 0.9))
    truth = "equal, but every pair of clips 90/10"
    found.append(Row(2, truth, 0.0, wrong, 1 - wrong / STUDIES, median(votes), late, None))
    found += [
        measure(count, f"one best, {percent}/{100 - percent}", partial(best, percent), percent)
        for percent in EDGES
        for count in SIZES
    ]
    found.append(measure(2, "one best, 75/25, 30 % ties", partial(best, 75), 75, ties=0.3))
    found.append(measure(4, "one best, 75/25, pairs at random", partial(best, 75), 75, at_random=True))
    return found


def as_markdown(found: list[Row]) -> str:
    """The table as it stands in the documents."""
    lines = [
        "| variants | truth | right winner | false winner | not decided | votes, median | votes, 9 in 10 at most | fixed plan of the same power |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in found:
        right = f"{row.right:.1%}" if row.truth.startswith("one best") else "-"
        wrong = f"{row.wrong / STUDIES:.1%} (≤ {upper_bound(row.wrong, STUDIES):.1%})"
        lines.append(
            f"| {row.count} | {row.truth} | {right} | {wrong} | {row.undecided:.1%} | {row.votes:g} | {row.late:g} | {row.fixed or '-'} |"
        )
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One line of the table of blocks."""

    grid: Grid
    truth: str
    has_best: bool
    studies: tuple[Study, ...]


BLOCKS: Mapping[str, tuple[Grid, InBlock, bool]] = {
    "opposite: 80/20 in one block, 20/80 in the other": (laid(2, 2), partial(in_order, (80, 20)), False),
    "opposite: 100/0 in one block, 0/100 in the other": (laid(2, 2), partial(in_order, (100, 0)), False),
    "equal on average: 90/10, 30/70, 30/70": (laid(2, 3), partial(in_order, (90, 30, 30)), False),
    "opposite order of all three: 80/20, 20/80": (laid(3, 2), partial(in_order, (80, 20)), False),
    "opposite: 80/20, 20/80; a third value only in one block, equal": (laid(3, 2, [(2, 1)]), opposite_but_one, False),
    "one best: 75/25 in both": (laid(2, 2), partial(first_best, (75, 75)), True),
    "one best on average: 95/5, 55/45": (laid(2, 2), partial(first_best, (95, 55)), True),
    "one best on average: 90/10, 90/10, 45/55": (laid(2, 3), partial(first_best, (90, 90, 45)), True),
    "one best: 75/25 in both ": (laid(3, 2), partial(first_best, (75, 75)), True),
}
"""By what is true: the values and blocks, the preferences, and whether value 0 is the best on average."""

TAKES: Final = 2
AGAINST: Final = "opposite: 80/20, 20/80, the block chosen by what was learned"
PAIR: Final = 2


def block_rows() -> list[BlockRow]:
    """All lines of the table of blocks, and what happens when votes choose the block: 2,000 studies each, 1,000 of three values."""
    found = []
    for truth, (grid, chance, has_best) in BLOCKS.items():
        studies = range(2 * STUDIES if len(grid.cells) == PAIR else STUDIES)
        found.append(BlockRow(grid, truth.strip(), has_best, tuple(run_blocks(grid, chance, seed) for seed in studies)))
    grid, chance = laid(2, 2), partial(in_order, (80, 20))
    wrong = tuple(run_blocks(grid, chance, seed, by_votes=True) for seed in range(2 * STUDIES))
    return [*found, BlockRow(grid, AGAINST, False, wrong)]


def ballot_rows() -> list[BlockRow]:
    """The truths of two values again, all votes cast on ballots: 2,000 studies each."""
    two = {truth: row for truth, row in BLOCKS.items() if len(row[0].cells) == PAIR}
    return [
        BlockRow(grid, truth, has_best, tuple(run_ballots(grid, chance, seed) for seed in range(2 * STUDIES)))
        for truth, (grid, chance, has_best) in two.items()
    ]


def blocks_as_markdown(found: Sequence[BlockRow]) -> str:
    """The table of blocks as it stands in the documents."""
    lines = [
        "| values | blocks | truth | right winner | false winner | not decided | votes, median | votes, 9 in 10 at most |",
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in found:
        number = len(row.studies)
        right = sum(study.winner == 0 for study in row.studies) if row.has_best else 0
        wrong = sum(study.winner is not None for study in row.studies) - right
        votes = [float(study.votes) for study in row.studies]
        blocks = len({block for held in row.grid.cells.values() for block in held})
        shown = f"{right / number:.1%}" if row.has_best else "-"
        lines.append(
            f"| {len(row.grid.variants)} | {blocks} | {row.truth} | {shown} | {wrong / number:.1%} (≤ {upper_bound(wrong, number):.1%}) "
            f"| {(number - right - wrong) / number:.1%} | {median(votes):g} | {float(np.quantile(votes, 0.9)):g} |"
        )
    return "\n".join(lines)


def keys(edges: tuple[int, int], studies: int = 60) -> dict[str, tuple[float, float]]:
    """Keys a voter presses for a sweep of three values by two, on combinations and on each variable.

    Args:
        edges: In how many of 100 votes the first value of either variable is preferred to any other, all else equal.
        studies: How many to run.

    Returns:
        By what is voted on: the median number of votes, and the share of studies with a winner.
    """
    strength = [
        math.log(edges[0] / (100 - edges[0])) * (cell % 3 == 0) + math.log(edges[1] / (100 - edges[1])) * (cell < 3)
        for cell in range(6)
    ]

    def of_cells(one: int, other: int) -> float:
        return 1 / (1 + math.exp(strength[other] - strength[one]))

    found = {
        "combinations": run_studies(6, of_cells, studies=studies),
        "the variable of three values": [
            run_blocks(laid(3, 2), partial(first_best, (edges[0],) * 2), seed) for seed in range(studies)
        ],
        "the variable of two values": [
            run_blocks(laid(2, 3), partial(first_best, (edges[1],) * 3), seed) for seed in range(studies)
        ],
    }
    return {
        name: (median([float(study.votes) for study in ran]), sum(study.winner is not None for study in ran) / studies)
        for name, ran in found.items()
    }


def coverage(count: int, percent: int, studies: int = 200) -> float:
    """How often the 95 % interval of the best variant holds its true share when voting stopped by the rule."""
    found = run_studies(count, partial(best, percent), studies=studies, share=percent / 100)
    return sum(bool(study.covered) for study in found) / studies


def figures() -> Iterator[Figure]:
    """Measure what the project promises."""
    for count in SIZES:
        row = measure(count, "all equal", equal, None)
        yield Figure("votes", f"{count} equal variants, false winners", row.wrong / STUDIES, "", "at most", ALPHA)
    row = measure(2, "75/25", partial(best, 75), 75)
    words = f"right in {row.right:.1%}, wrong in {row.wrong / STUDIES:.1%} of {STUDIES} studies; the target is the fixed plan's"
    yield Figure("votes", "median votes at 75/25", row.votes, "votes", "at most", row.fixed, words)


if __name__ == "__main__":
    asked_for = sys.argv[1:] or ["pairs", "blocks", "ballots", "keys"]
    if "blocks" in asked_for:
        print(blocks_as_markdown(block_rows()), flush=True)
    if "ballots" in asked_for:
        print(blocks_as_markdown(ballot_rows()), flush=True)
    if "keys" in asked_for:
        for both in ((75, 75), (80, 80), (85, 85), (90, 90), (85, 50)):
            print(both, keys(both), flush=True)
    if "pairs" not in asked_for:
        sys.exit(0)
    print(as_markdown(rows()))
    for variants, edge in ((2, 60), (2, 75), (2, 90), (4, 75)):
        print(f"coverage {variants} variants {edge}/{100 - edge}: {coverage(variants, edge):.1%}", flush=True)
    sys.exit(0)
