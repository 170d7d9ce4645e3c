"""Frozen records of an experiment, as handed out to pages and scripts; never database rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rivya_core.lab.ledger.states import TERMINAL, State
from rivya_core.settings import Mode

Kind = Literal["sweep", "hint", "verdict"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One variable, with the names of its values in order."""

    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakeRecord:
    """One take of a cell. ``generation_id``: None while it is only planned. ``reused``: paid for before this experiment.

    ``is_unopened``: its clip could not be opened safely, so it is not served to a browser.
    """

    take: int
    generation_id: str | None
    reused: bool
    state: State | None
    has_clip: bool = False
    held_credits: int = 0
    starred: bool = False
    is_unopened: bool = False


@dataclass(frozen=True, slots=True)
class CellRecord:
    """One combination of values. ``labels``: axis name to the name of its value; ``request``: the canonical request."""

    cell: int
    labels: Mapping[str, str]
    request: Mapping[str, Any]
    request_sha256: str
    expected_credits: int
    takes: tuple[TakeRecord, ...]

    @property
    def title(self) -> str:
        """The names of the cell's values, in the order of the axes."""
        return " · ".join(self.labels.values())

    @property
    def clip(self) -> str | None:
        """The generation whose clip represents the combination: a favorite, else its first; None without a clip."""
        clips = [take for take in self.takes if take.has_clip and take.generation_id is not None]
        starred = [take for take in clips if take.starred]
        return (starred or clips)[0].generation_id if clips else None


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One experiment without its cells. Times are aware UTC, credits whole numbers.

    ``source``: "example" for one of the first start, None for a person's own. ``hidden_at``: when a person hid it from the list.
    ``person``, ``paused_by``, ``decided_by``, ``changed_by``: addresses of who started it, paused or resumed it last, decided it,
    and named, hid, showed, cut short, deleted or restored it last; None without sign-in.
    """

    id: str
    kind: Kind
    name: str
    question: str
    mode: Mode
    connection: str
    model: str
    spec: Mapping[str, Any]
    axes: tuple[Axis, ...]
    cells: int
    takes: int
    cap_credits: int | None
    quoted_credits: int
    parent_id: str | None
    created_at: datetime
    paused_at: datetime | None
    decision: Mapping[str, Any] | None
    decided_at: datetime | None
    source: str | None = None
    hidden_at: datetime | None = None
    person: str | None = None
    paused_by: str | None = None
    decided_by: str | None = None
    changed_by: str | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SweepStatus:
    """Progress of an experiment. All credits are whole numbers.

    ``states``: started takes by state of their generation. ``planned``: takes not started yet.
    ``spent_credits``: held or settled by the generations that this experiment paid for; reused ones cost it nothing.
    ``planned_credits``: today's price of the planned takes, without the ``planned_reused`` ones for which a clip exists by now.
    ``failed``: takes to be made again, because they failed, were cancelled, are unwatched, or have no clip that can be
    judged; ``damaged`` of them have a paid but damaged clip, ``given_up`` are unwatched and were not charged.
    ``failed_credits``: the price of making them again, without the ``failed_reused`` ones for which a clip exists by now.
    ``unwatched``: running takes that a person stopped waiting for; also counted in ``states``. ``cells``: those that were
    requested, perhaps none.
    """

    experiment: ExperimentRecord
    cells: tuple[CellRecord, ...]
    states: Mapping[State, int]
    planned: int
    spent_credits: int
    planned_credits: int = 0
    failed: int = 0
    failed_credits: int = 0
    reused: int = 0
    planned_reused: int = 0
    failed_reused: int = 0
    damaged: int = 0
    given_up: int = 0
    unwatched: int = 0

    @property
    def id(self) -> str:
        """The experiment's id."""
        return self.experiment.id

    @property
    def spent(self) -> int:
        """The short name of ``spent_credits``."""
        return self.spent_credits

    @property
    def baseline(self) -> CellRecord | None:
        """The cell whose request is the unchanged base, or None; the first cell if the base prompt has a variable and is no request."""
        spec = self.experiment.spec
        same = next((one for one in self.cells if one.request == spec.get("base")), None)
        if same is not None or not self.cells:
            return same
        has_variable = any(axis.get("target") == "variable" for axis in spec["axes"])
        return self.cells[0] if has_variable else None

    @property
    def is_done(self) -> bool:
        """True when every started take has ended, or is not watched."""
        return self._count_beyond(TERMINAL) == 0

    @property
    def open_takes(self) -> int:
        """Number of started takes that have not ended and do not wait for a person, without the unwatched ones."""
        return self._count_beyond(TERMINAL | {State.UNCONFIRMED})

    def _count_beyond(self, ended: frozenset[State]) -> int:
        return sum(count for state, count in self.states.items() if state not in ended) - self.unwatched
