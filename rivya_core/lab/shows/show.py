"""What a show is: frozen records of slides, clips and facts, and the one mapping in which pages and files get them.

Nothing here reads a generation: whatever a show says was written down when it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal, get_args

from pydantic import TypeAdapter

from rivya_core.lab.evaluation.votes.ranking import counted
from rivya_core.mode_words import ModeWord, ShownMode

FORMAT: Final = "rivya-show/1"

Layout = Literal["title", "clip", "pair", "grid", "finding", "decision"]
LAYOUTS: Final[tuple[Layout, ...]] = get_args(Layout)

SIDE_BY_SIDE_MAX: Final = 4
"""So many clips stand on one slide; only a grid of combinations holds more."""


@dataclass(frozen=True, slots=True)
class ShownClip:
    """A clip as it was when the show was made; ``sha256`` is of its file. ``settings``: names and values as screens say them."""

    sha256: str
    size_bytes: int
    mime: str
    width_px: int | None
    height_px: int | None
    duration_s: float | None
    label: str
    prompt: str
    negative_prompt: str
    settings: tuple[tuple[str, str], ...]
    params: Mapping[str, Any]
    model: str
    mode: ModeWord
    credits: int | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Variable:
    """What was varied, and the names of its values."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """All combinations: ``cells`` by row, by column, each the hashes of its clips. ``note``: what was left out, or ""."""

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[tuple[str, ...], ...], ...]
    note: str = ""

    @property
    def clips(self) -> tuple[str, ...]:
        """Every clip once, in reading order."""
        return tuple(dict.fromkeys(key for row in self.cells for cell in row for key in cell))


@dataclass(frozen=True, slots=True)
class Finding:
    """One plain sentence on a variable. ``clips``: the two that show it, or none."""

    variable: str
    sentence: str
    clear: bool
    clips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VoteRow:
    """How one value or combination fared: preferred in ``wins`` of the ``of`` votes it was in, of which ``tied`` preferred none.

    ``share``: the chance (0..1) to be preferred to another one, with its 95 % interval ``low`` to ``high``.
    """

    label: str
    wins: int
    of: int
    share: float
    low: float
    high: float
    tied: int = 0

    @property
    def counted(self) -> str:
        """The votes in words, as the ranking says them."""
        return counted(self.wins, self.of - self.wins - self.tied, self.tied)


@dataclass(frozen=True, slots=True)
class VoteTable:
    """What blind votes on one question said. ``variable``: "" for whole combinations; ``winner``: "" while there is none."""

    question: str
    variable: str
    table: tuple[VoteRow, ...]
    sentence: str
    winner: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by whom and why. ``clips``: the chosen one, where there is one."""

    label: str
    clips: tuple[str, ...]
    reason: str
    decided_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What the clips cost, in whole credits; live and simulated ones never in one figure, so ``credits`` are the live ones where there are both."""

    credits: int
    clips: int
    failed: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sweep came to, as it stood at one moment. ``made_at``: of the newest clip, vote or decision in it.

    ``mode``: of the sweep. ``replay``: what recording its clips were played from, "" for none. ``baseline``: the clips of baseline and winner, where both are there. ``notes``: what is not told, and why.
    """

    made_at: datetime
    mode: ModeWord | None = None
    replay: str = ""
    question: str = ""
    variables: tuple[Variable, ...] = ()
    grid: Grid | None = None
    baseline: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    votes: VoteTable | None = None
    decision: Decision | None = None
    cost: Cost | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slide:
    """One slide. ``number``: its own, while others move. ``about``: the fact it tells, "" for clips that a person chose.

    ``clips``: hashes of up to four, of a grid all.
    """

    number: int
    layout: Layout
    clips: tuple[str, ...] = ()
    caption: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Show:
    """A show as it is kept. ``clips``: those its slides hold, by hash. ``offered``: what slides were made about so far."""

    id: str
    title: str
    sweep_id: str | None
    created_at: datetime
    changed_at: datetime
    facts: Facts
    slides: tuple[Slide, ...]
    clips: Mapping[str, ShownClip]
    offered: tuple[str, ...] = ()

    @property
    def mode(self) -> ShownMode:
        """What its clips are, or mixed where live and simulated ones are in it."""
        return mode_of([self.facts.mode, *(clip.mode for clip in self.clips.values())])

    def slide(self, number: int) -> Slide | None:
        """The slide with this number, or None."""
        return next((slide for slide in self.slides if slide.number == number), None)

    def with_slide(self, changed: Slide) -> Show:
        """The show with a slide in the place of the one with its number."""
        return replace(self, slides=tuple(changed if one.number == changed.number else one for one in self.slides))


@dataclass(frozen=True, slots=True)
class Listed:
    """A show in the list. ``poster``: the hash of the clip that stands for it, or None.

    ``person``, ``changed_by``: the addresses of who made it and of who changed it last; None without sign-in, or never changed.
    """

    id: str
    title: str
    sweep_id: str | None
    mode: ShownMode
    slides: int
    clips: int
    created_at: datetime
    changed_at: datetime
    poster: str | None
    person: str | None = None
    changed_by: str | None = None


def mode_of(modes: Iterable[ModeWord | None]) -> ShownMode:
    """What several modes are together; without any, nothing is real."""
    present: set[ModeWord] = {mode for mode in modes if mode is not None}
    if len(present) > 1:
        return "mixed"
    return next(iter(present), "simulated")


def facts_json(facts: Facts) -> Any:
    """Write facts for storage."""
    return _adapter(Facts).dump_python(facts, mode="json")


def to_facts(stored: Any) -> Facts:
    """Read stored facts. Raises ValueError when they are damaged."""
    facts: Facts = _adapter(Facts).validate_python(stored)
    return facts


def clip_json(clip: ShownClip) -> Any:
    """Write a clip for storage."""
    return _adapter(ShownClip).dump_python(clip, mode="json")


def to_clip(stored: Any) -> ShownClip:
    """Read a stored clip. Raises ValueError when it is damaged."""
    clip: ShownClip = _adapter(ShownClip).validate_python(stored)
    return clip


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
