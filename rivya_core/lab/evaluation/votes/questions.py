"""Questions that can be voted on: one variable, or whole combinations. Pure.

On a variable the two clips of a pair differ in that variable alone; a block is one setting of all other variables. Variables
that only change together are one. Where a sweep has one variable, a vote on combinations is a vote on that variable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from rivya_core.lab.experiments.records import CellRecord

WHOLE: Final = ""
"""The key of the question about whole combinations in a sweep of several variables."""

FEWEST: Final = 2
WORD: Final = re.compile(r"[^\W\d_]{3}")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that can be voted on.

    ``key``: the variable, several joined by " + " when they only change together, "" for whole combinations. A variant is
    one value of it, known by the lowest number of its cells: ``variant_of`` and ``block_of`` say for each cell which value and
    which block it is; ``titles`` and ``block_titles`` name them.
    """

    key: str
    variant_of: Mapping[int, int] = field(repr=False)
    block_of: Mapping[int, int] = field(repr=False)
    titles: Mapping[int, str]
    block_titles: Mapping[int, str]

    @property
    def is_whole(self) -> bool:
        """Every variant is one cell: whole combinations, or the only variable of a sweep."""
        return len(self.block_titles) < FEWEST

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables; none for whole combinations."""
        return tuple(self.key.split(" + ")) if self.key else ()


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells that can be compared: by variant, by block."""

    cells: Mapping[int, Mapping[int, int]]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The variants that can be compared: some block holds both."""
        return tuple(pair for pair in combinations(self.cells, FEWEST) if self.shared(*pair))

    @property
    def variants(self) -> tuple[int, ...]:
        """The variants that can be compared with another one, in order."""
        meeting = self._meeting(self.cells)
        return tuple(variant for variant, blocks in self.cells.items() if blocks.keys() & meeting)

    def shared(self, one: int, other: int) -> tuple[int, ...]:
        """The blocks that hold both variants, in order."""
        return tuple(block for block in self.cells.get(one, {}) if block in self.cells.get(other, {}))

    def is_settled(self, remaining: Collection[int]) -> bool:
        """Tell whether no two of the variants that are still in can be compared: no further vote can decide."""
        return not self._meeting(remaining)

    def _meeting(self, variants: Iterable[int]) -> set[int]:
        """The blocks that hold at least two of the variants."""
        block_counts = Counter(block for variant in variants for block in self.cells.get(variant, {}))
        return {block for block, times in block_counts.items() if times >= FEWEST}


def grid(question: Question, cells: Iterable[int]) -> Grid:
    """Lay the cells given out for a question."""
    laid: dict[int, dict[int, int]] = {variant: {} for variant in question.titles}
    for cell in sorted(cells):
        if cell in question.variant_of:
            laid[question.variant_of[cell]][question.block_of[cell]] = cell
    return Grid({variant: blocks for variant, blocks in laid.items() if blocks})


def questions(cells: Sequence[CellRecord]) -> tuple[Question, ...]:
    """Every question of a sweep: each variable in its order, and last, where there are several, whole combinations."""
    labels = {cell.cell: cell.labels for cell in cells}
    candidates = [_on(names, labels) for names in variables(list(labels.values()))]
    return tuple(candidates) if len(candidates) == 1 else (*candidates, _whole(labels))


def variables(labels: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    """Give the variables of some combinations, those that only change together as one, in their order."""
    names = [name for name in (labels[0] if labels else ()) if len({one[name] for one in labels}) >= FEWEST]
    tied = tuple(name for name in names if not _changes_alone(name, names, labels))
    alone = [(name,) for name in names if name not in tied]
    return sorted([*alone, *([tied] if tied else [])], key=lambda one: names.index(one[0]))


def _changes_alone(name: str, names: Sequence[str], labels: Sequence[Mapping[str, str]]) -> bool:
    """Some combination of the other variables was asked for with more than one value of this one."""
    levels: dict[tuple[str, ...], set[str]] = {}
    for one in labels:
        levels.setdefault(tuple(one[other] for other in names if other != name), set()).add(one[name])
    return any(len(values) >= FEWEST for values in levels.values())


def _on(names: tuple[str, ...], labels: Mapping[int, Mapping[str, str]]) -> Question:
    variants: dict[tuple[str, ...], int] = {}
    blocks: dict[tuple[tuple[str, str], ...], int] = {}
    variant_of, block_of = {}, {}
    for cell, one in labels.items():
        rest = tuple((name, label) for name, label in one.items() if name not in names)
        variant_of[cell] = variants.setdefault(tuple(one[name] for name in names), cell)
        block_of[cell] = blocks.setdefault(rest, cell)
    return Question(
        " + ".join(names),
        variant_of,
        block_of,
        {cell: titled(dict(zip(names, values, strict=True)), cell) for values, cell in variants.items()},
        {cell: titled(dict(rest), cell) for rest, cell in blocks.items()},
    )


def _whole(labels: Mapping[int, Mapping[str, str]]) -> Question:
    first = next(iter(labels), 0)
    titles = {cell: titled(one, cell) for cell, one in labels.items()}
    return Question(WHOLE, {cell: cell for cell in labels}, dict.fromkeys(labels, first), titles, {first: ""})


def titled(labels: Mapping[str, str], cell: int) -> str:
    """Name values in a sentence: one that says nothing by itself ("0.5") goes with the name of its variable."""
    parts = [label if WORD.search(label) else f"{name} {label}" for name, label in labels.items()]
    return " · ".join(parts) or f"Combination {cell + 1}"


def asked(candidates: Sequence[Question], *texts: str) -> Question:
    """Choose the question to begin with: the variable that a text names first, earlier texts before later ones; else the first."""
    return candidates[named_first([one.variables for one in candidates], *texts) or 0]


def named_first(names: Sequence[Iterable[str]], *texts: str) -> int | None:
    """Tell which of several things, each with its names, a text names first; earlier texts outrank later ones."""
    for text in texts:
        places = [(at, number) for number, own in enumerate(names) for at in _places(text, own)]
        if places:
            return min(places)[1]
    return None


def _places(text: str, names: Iterable[str]) -> Iterable[int]:
    """Where names stand in a text as whole words; ``cfg_scale`` is found as "cfg scale" too."""
    folded = text.casefold().replace("_", " ")
    for name in names:
        at = re.search(rf"(?<!\w){re.escape(name.casefold().replace('_', ' '))}(?!\w)", folded) if name else None
        if at is not None:
            yield at.start()


def known(candidates: Sequence[Question], key: str) -> Question | None:
    """Find a question by its key; where there is one variable, whole combinations are that variable."""
    same = next((one for one in candidates if one.key == key), None)
    return candidates[0] if same is None and key == WHOLE and len(candidates) == 1 else same
