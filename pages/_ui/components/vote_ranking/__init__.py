"""The ranking of a vote: the winner's clips playing, and a table of place, poster, name, share with its interval, and votes.

Names are words of people: text only.

In: a :class:`Ranking`. Out: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pages._ui.components import component

_component = component("vote_ranking", shared=("dom",))


@dataclass(frozen=True, slots=True)
class Chip:
    """A word on a row; ``tone``: "won", "soft" or ""."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``share``, ``low``, ``high``: 0..1; ``poster``: its address, or ""."""

    place: int
    name: str
    poster: str
    share: float
    low: float
    high: float
    counts: str
    chips: tuple[Chip, ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of the winner, with its addresses and what stands below it."""

    src: str
    poster: str
    label: str
    mark: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is drawn. ``what``: the head of the names' column."""

    sentence: str
    rate: str
    caption: str
    what: str
    rows: Sequence[Row]
    winning: Sequence[Clip]
    notes: Sequence[str]


def vote_ranking(ranking: Ranking, *, key: str) -> None:
    """Draw a ranking."""
    _component(key=key, data=asdict(ranking))
