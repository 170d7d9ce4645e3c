"""What is known of an experiment: frozen records, never rows."""

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
    """One thing that is varied, with the names of its values in order."""

    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakeRecord:
    """One take of a cell. ``generation_id``: None while it is only planned. ``reused``: paid for before this experiment.

    ``is_unopened``: its clip could not be opened safely, and is not handed to a browser.
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
        """The generation whose clip stands for the combination: a favorite, else its first; None without a clip."""
        clips = [take for take in self.takes if take.has_clip and take.generation_id is not None]
        starred = [take for take in clips if take.starred]
        return (starred or clips)[0].generation_id if clips else None


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One experiment without its cells. Times are aware UTC, credits whole numbers.

    ``source``: "example" for one of the first start, None for a person's own. ``hidden_at``: a person took it out of the list.
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


@dataclass(frozen=True, slots=True)
class SweepStatus:
    """Where an experiment stands.

    ``states``: takes by state of their generation, those only planned left out. ``planned``: takes nobody has started.
    ``spent_credits``: held or settled by the generations that this experiment paid for; reused ones cost it nothing.
    ``planned_credits``: today's price of what is only planned, less the ``planned_reused`` takes that are there meanwhile.
    ``failed``: takes to be made again, as they failed, were taken back, are no longer watched, or hold no clip that can be
    judged; ``damaged`` of them have a clip that was paid for and is broken, ``given_up`` are no longer watched and took nothing.
    ``failed_credits``: what they would cost once more, less the ``failed_reused`` ones that are there meanwhile. ``unwatched``: takes on their way that a person stopped
    watching, so that nothing waits for them; counted in ``states`` as well. ``cells``: those that were asked for, perhaps none.
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
        """The cell that asks for what all values were tried on, or None; with a variable in the prompt, which is no request, the first."""
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
        """Takes that were started and have neither ended nor wait for a person, those left out that nobody watches."""
        return self._count_beyond(TERMINAL | {State.UNCONFIRMED})

    def _count_beyond(self, ended: frozenset[State]) -> int:
        return sum(count for state, count in self.states.items() if state not in ended) - self.unwatched
