"""The figures that ``spending`` hands out: frozen, in whole credits, each of one mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from rivya_core.lab.ledger.reconciliation import Read, Unexplained
from rivya_core.lab.ledger.states import State
from rivya_core.local_time import midnight
from rivya_core.settings import Mode

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Days:
    """Local calendar days, both ends included; None is open."""

    first: date | None = None
    last: date | None = None

    def hold(self, day: str) -> bool:
        """Return whether a day, YYYY-MM-DD, is one of them."""
        return (self.first is None or day >= self.first.isoformat()) and (
            self.last is None or day <= self.last.isoformat()
        )


def moments(days: Days) -> tuple[datetime | None, datetime | None]:
    """The moment at which the first day begins and that at which the last one has ended, by the clock that decides the days.

    None is open; so is an end of the calendar, which has no moment in every zone.
    """
    return (
        None if days.first is None else _midnight(days.first, timedelta()),
        None if days.last is None else _midnight(days.last, timedelta(days=1)),
    )


def _midnight(day: date, later: timedelta) -> datetime | None:
    try:
        return midnight(day + later)
    except (OverflowError, ValueError, OSError):  # OSError: outside the range of the system's time functions
        return None


@dataclass(frozen=True, slots=True)
class Sums:
    """Credits of some generations. ``released`` no longer counts; the other three do."""

    generations: int = 0
    settled: int = 0
    provisional: int = 0
    reserved: int = 0
    released: int = 0

    @property
    def held(self) -> int:
        """What counts against caps: settled, provisional and reserved together."""
        return self.settled + self.provisional + self.reserved

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.generations + other.generations,
            self.settled + other.settled,
            self.provisional + other.provisional,
            self.reserved + other.reserved,
            self.released + other.released,
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Credits of the generations of one day that share experiment, model and state; and person, where that was asked for."""

    day: str
    experiment_id: str | None
    model: str
    state: State
    sums: Sums
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """The ledger of some days in one mode."""

    mode: Mode
    days: Days
    groups: tuple[Group, ...]

    @property
    def total(self) -> Sums:
        """All of it."""
        return sum((group.sums for group in self.groups), Sums())

    def by_day(self) -> dict[str, Sums]:
        """By day, YYYY-MM-DD, oldest first; days without a generation are left out."""
        return dict(sorted(self._by(lambda group: group.day).items()))

    def by_experiment(self) -> dict[str | None, Sums]:
        """By experiment id; None for generations of no experiment."""
        return self._by(lambda group: group.experiment_id)

    def by_model(self) -> dict[str, Sums]:
        """By model, the dearest first."""
        return dict(sorted(self._by(lambda group: group.model).items(), key=lambda item: -item[1].held))

    def by_person(self) -> dict[str | None, Sums]:
        """By the address of who submitted, the dearest first; None for what was made without sign-in."""
        return dict(sorted(self._by(lambda group: group.person).items(), key=lambda item: -item[1].held))

    def by_state(self) -> dict[State, Sums]:
        """By state of the generation, in the order in which states follow each other."""
        by_state = self._by(lambda group: group.state)
        return {state: by_state[state] for state in State if state in by_state}

    def _by(self, key: Callable[[Group], Key]) -> dict[Key, Sums]:
        sums: dict[Key, Sums] = {}
        for group in self.groups:
            sums[key(group)] = sums.get(key(group), Sums()) + group.sums
        return sums


@dataclass(frozen=True, slots=True)
class ExperimentCost:
    """What an experiment cost on all days, and what is still planned. Reused clips cost it nothing."""

    id: str
    name: str
    kind: str
    model: str
    quoted_credits: int
    cap_credits: int | None
    sums: Sums
    planned_takes: int
    planned_credits: int
    is_working: bool
    created_at: datetime
    paused_at: datetime | None
    decided_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class SweepForecast:
    """Forecast of a running experiment.

    ``going_credits``: held by ``going_takes`` that have not ended. ``ends_from_s``, ``ends_within_s``: seconds from now;
    None when nothing is known of such clips, below zero when the last one takes longer than they usually do.
    """

    cost: ExperimentCost
    going_takes: int
    going_credits: int
    ends_from_s: float | None
    ends_within_s: float | None

    @property
    def spent_credits(self) -> int:
        """What its ended takes cost."""
        return self.cost.sums.held - self.going_credits

    @property
    def total_credits(self) -> int:
        """Total credits if all running and waiting takes succeed and all planned ones are started."""
        return self.cost.sums.held + self.cost.planned_credits

    @property
    def over_cap_credits(self) -> int:
        """Credits by which that exceeds its cap; 0 when it does not."""
        cap = self.cost.cap_credits
        return 0 if cap is None else max(0, self.total_credits - cap)


@dataclass(frozen=True, slots=True)
class DecisionCost:
    """What experiments that led to a decision cost together."""

    decisions: int
    credits: int

    @property
    def credits_each(self) -> int | None:
        """Credits a decision; None before the first."""
        return round(self.credits / self.decisions) if self.decisions else None


@dataclass(frozen=True, slots=True)
class WalletStory:
    """Changes of a wallet, between the first and the last reading of some days, that our rows do not explain."""

    connection: str
    reads: int
    first: Read
    last: Read
    changes: tuple[Unexplained, ...]


@dataclass(frozen=True, slots=True)
class MovementLine:
    """One credit movement with what it belongs to. ``day``: the local day of the submission; ``outcome``: the state by now."""

    generation_id: str
    day: str
    at: datetime
    kind: str
    credits: int
    provisional: bool
    mode: Mode
    connection: str
    model: str
    experiment_id: str | None
    experiment: str | None
    outcome: str
    reason: str
    person: str | None = None
