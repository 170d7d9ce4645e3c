"""Spending reports: by day, experiment, model, outcome; forecasts of running sweeps; cost per decision. Read-only.

A day is the local calendar day of the submission, whose cap it counts against; later movements of a generation count on that
same day, so that the sums here agree with the caps. One mode at a time, never both in one figure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from rivya_core.lab.experiments import repository
from rivya_core.lab.ledger import cap_log, reconciliation
from rivya_core.lab.ledger.cap_log import CapChange
from rivya_core.lab.ledger.database import reading
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.key_value import own_changes, read_person_caps
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import balances, cell_takes, experiments, generations, movements
from rivya_core.lab.ledger.states import NEEDS_JOB, State, stored
from rivya_core.lab.ledger.unwatched import under_way
from rivya_core.lab.people.person import checked_address
from rivya_core.lab.spending.spending_records import (
    Days,
    DecisionCost,
    ExperimentCost,
    Group,
    MovementLine,
    Spent,
    Sums,
    SweepForecast,
    WalletStory,
    moments,
)
from rivya_core.settings import Mode

T = TypeVar("T")

EXPORT_CHUNK: Final = 500
CACHE_MAX: Final = 32

_NOT_SENT: Final = (State.WAITING.value, State.SUBMITTING.value)


class Spending:
    """Sum the ledger for screens; safe to use from any thread."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        history: History,
        now: Callable[[], datetime],
    ) -> None:
        self._database = ledger.database
        self._key_value = ledger.key_value
        self._changes = ledger.changes
        self._history = history
        self._now = now
        self._cache: dict[object, tuple[object, Any]] = {}

    # -- sums ------------------------------------------------------------------------------------------------------

    def spent(self, mode: Mode, days: Days | None = None, *, of_persons: bool = False) -> Spent:
        """Return the sums of one mode, over all days or some; ``of_persons``: by person as well, which reads the rows themselves."""
        days = days or Days()
        name = ("groups", mode, of_persons)
        every = self._once(name, self._changes(), lambda: self._groups(mode, of_persons=of_persons))
        return Spent(mode, days, tuple(group for group in every if days.hold(group.day)))

    def _groups(self, mode: Mode, *, of_persons: bool) -> list[Group]:
        with reading(self._database) as connection:
            return _groups(connection, mode, of_persons=of_persons)

    def _once(self, name: object, version: object, make: Callable[[], T]) -> T:
        """Return a figure, cached until its ``version`` changes."""
        cached = self._cache.get(name)
        if cached is None or cached[0] != version:
            if len(self._cache) >= CACHE_MAX:
                self._cache.clear()
            cached = self._cache[name] = (version, make())
        result: T = cached[1]
        return result

    def experiments(self, mode: Mode) -> list[ExperimentCost]:
        """Return what each experiment of a mode cost so far, and what is planned; newest first, deleted ones included."""
        return self._once(("experiments", mode), self._changes(), lambda: self._experiments(mode))

    def _experiments(self, mode: Mode) -> list[ExperimentCost]:
        totals = self.spent(mode)
        sums = totals.by_experiment()
        with reading(self._database) as connection:
            planned = _planned(connection, mode)
            column = experiments.c
            here = sa.or_(column.mode == mode, column.id.in_([one for one in sums if one is not None]))
            rows = connection.execute(
                sa.select(experiments)
                .where(here, column.source.is_(None))
                .order_by(column.created_at.desc(), column.id)
            ).all()
            working = _working(connection, mode)
        return [_cost(row, sums.get(row.id, Sums()), planned.get(row.id), row.id in working) for row in rows]

    def decisions(self, mode: Mode, days: Days | None = None) -> DecisionCost:
        """Return the total cost, over all days, of the experiments that were decided on these days."""
        days = days or Days()
        since, until = moments(days)
        decided = [
            cost.sums.held
            for cost in self.experiments(mode)
            if cost.decided_at is not None
            and (since is None or cost.decided_at >= since)
            and (until is None or cost.decided_at < until)
        ]
        return DecisionCost(len(decided), sum(decided))

    # -- looking ahead ---------------------------------------------------------------------------------------------

    def forecasts(self, mode: Mode) -> list[SweepForecast]:
        """Return what running experiments have spent, reserved and planned, and when they will probably end."""
        running = [cost for cost in self.experiments(mode) if cost.is_working]
        return [self._forecast(cost, mode) for cost in running]

    def _forecast(self, cost: ExperimentCost, mode: Mode) -> SweepForecast:
        column = generations.c
        query = sa.select(
            sa.func.count(),
            sa.func.sum(column.held_credits),
            sa.func.sum(sa.case((column.state.in_(_NOT_SENT), 1), else_=0)),
            sa.func.max(column.submitted_at),
        ).where(
            column.experiment_id == cost.id,
            column.mode == mode,
            column.state.in_(sorted(state.value for state in NEEDS_JOB)),
            under_way(),
        )
        with reading(self._database) as connection:
            takes, going, unsent, last_sent = connection.execute(query).one()
        low, high = self._ends_in_s(cost, mode, None if unsent else last_sent)
        return SweepForecast(cost, int(takes), int(going or 0), low, high)

    def _ends_in_s(
        self, cost: ExperimentCost, mode: Mode, last_sent: datetime | None
    ) -> tuple[float | None, float | None]:
        """Estimate the range of seconds until the last clip, from how long such clips took; None without enough samples."""
        typical = self._history.typical_s(cost.model, mode)
        elapsed_s = 0.0 if last_sent is None else (self._now() - last_sent).total_seconds()
        remaining_s = None if typical is None or cost.paused_at is not None else typical.left_s(gone_s=elapsed_s)
        return remaining_s or (None, None)

    # -- wallet and caps -------------------------------------------------------------------------------------------

    def wallets(self, mode: Mode, days: Days | None = None) -> list[WalletStory]:
        """Return the changes of the wallets of a mode on these days that our rows do not explain, one entry per connection."""
        days = days or Days()
        since, until = moments(days)
        column = balances.c
        with reading(self._database) as connection:
            newest = connection.execute(
                sa.select(sa.func.max(column.id), sa.func.max(column.asked_at)).where(column.mode == mode)
            ).one()
        return self._once(("wallets", mode, days), tuple(newest), lambda: self._wallets(mode, since, until))

    def _wallets(self, mode: Mode, since: datetime | None, until: datetime | None) -> list[WalletStory]:
        column = balances.c
        with reading(self._database) as connection:
            names = connection.execute(sa.select(column.connection).where(column.mode == mode).distinct()).scalars()
            stories = []
            for name in sorted(names):
                readings = reconciliation.reads(connection, name, mode, since)
                readings = [read for read in readings if until is None or read.asked_at < until]
                if readings:
                    judged = reconciliation.without_own(readings, own_changes(connection, name))
                    changes = tuple(reconciliation.unexplained(judged))
                    stories.append(WalletStory(name, len(readings), readings[0], readings[-1], changes))
        return stories

    def cap_changes(self, mode: Mode, limit: int = 50) -> list[CapChange]:
        """The newest changes of the daily caps of a mode, persons' too, and of the caps of its experiments, newest first."""
        ids = sa.select(sa.literal(cap_log.EXPERIMENT) + experiments.c.id).where(experiments.c.mode == mode)
        with reading(self._database) as connection:
            return cap_log.read_changes(connection, mode, ids, limit=limit)

    def person_caps(self, mode: Mode) -> dict[str, int]:
        """The daily caps of persons in a mode, in credits, by address."""
        with reading(self._database) as connection:
            return read_person_caps(connection, mode)

    def set_person_cap(self, mode: Mode, address: str, credits: int | None, why: str = "") -> None:  # noqa: A002 - Rivya's word
        """Set or remove (None) the daily cap of a person in a mode, in credits; the change is logged.

        Raises:
            LabError: this is no address, the cap is raised or removed without a reason (``field`` "why"), or is no whole number.
        """
        self._key_value.set_person_cap(mode, checked_address(address), credits, why)

    # -- movements -------------------------------------------------------------------------------------------------

    def movements(self, mode: Mode | None = None, days: Days | None = None) -> Iterator[MovementLine]:
        """Yield every credit movement of the generations of some days, oldest first, in batches so that no transaction stays open."""
        days = days or Days()
        column = movements.c
        last = 0
        while True:
            with reading(self._database) as connection:
                query = sa.select(movements).where(column.id > last).order_by(column.id).limit(EXPORT_CHUNK)
                moves = connection.execute(query).all()
                facts = _facts(connection, {move.generation_id for move in moves if mode in {None, move.mode}}, days)
            if not moves:
                return
            last = moves[-1].id
            yield from (_line(move, facts[move.generation_id]) for move in moves if move.generation_id in facts)


def _groups(connection: sa.Connection, mode: Mode, *, of_persons: bool) -> list[Group]:
    """Sum by day, experiment, model and state, from a covering index; released credits are found in the movements only."""
    column = generations.c
    by = (column.cap_day, column.experiment_id, column.model, column.state, *((column.person,) if of_persons else ()))
    where = [column.mode == mode, column.source != "example"]
    query = sa.select(*by, column.settlement, sa.func.count(), sa.func.sum(column.held_credits)).where(*where)
    released = (
        sa.select(*by, -sa.func.sum(movements.c.credits))
        .join_from(generations, movements, movements.c.generation_id == column.id)
        .where(*where, column.settlement == "released", movements.c.kind == "release")
        .group_by(*by)
    )
    totals: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for *key, settlement, count, moved in connection.execute(query.group_by(*by, column.settlement)):
        sums = totals[tuple(key)]
        sums["generations"] += count
        if settlement != "released":
            sums[settlement] += moved
    for *key, moved in connection.execute(released):
        totals[tuple(key)]["released"] += moved
    return [
        Group(day, experiment, model, stored(state), Sums(**sums), *person)
        for (day, experiment, model, state, *person), sums in totals.items()
    ]


def _working(connection: sa.Connection, mode: Mode) -> set[str | None]:
    """Return the ids of the experiments with running takes."""
    column = generations.c
    where = [column.state.in_(sorted(state.value for state in NEEDS_JOB)), column.mode == mode, under_way()]
    return set(connection.execute(sa.select(column.experiment_id).where(*where).distinct()).scalars())


def _planned(connection: sa.Connection, mode: Mode) -> dict[str, tuple[int, int]]:
    """Return the planned takes by experiment and what they would cost now; those for which a clip exists by now are free."""
    query = (
        sa.select(experiments.c.id, experiments.c.connection)
        .where(experiments.c.id.in_(sa.select(cell_takes.c.experiment_id).where(repository.IS_PLANNED)))
        .where(experiments.c.mode == mode, experiments.c.deleted_at.is_(None))
    )
    plans = {
        id_: repository.plan(connection, id_, name, repository.IS_PLANNED, mode)
        for id_, name in connection.execute(query)
    }
    return {id_: (len(plan.places), plan.credits) for id_, plan in plans.items()}


def _cost(row: Any, sums: Sums, planned: tuple[int, int] | None, working: bool) -> ExperimentCost:
    takes, price = planned or (0, 0)
    return ExperimentCost(
        id=row.id,
        name=row.name,
        kind=row.kind,
        model=row.model,
        quoted_credits=row.quoted_credits,
        cap_credits=row.cap_credits,
        sums=sums,
        planned_takes=takes,
        planned_credits=price,
        is_working=working,
        created_at=row.created_at,
        paused_at=row.paused_at,
        decided_at=row.decided_at,
        deleted_at=row.deleted_at,
    )


def _facts(connection: sa.Connection, ids: Collection[str], days: Days) -> dict[str, Any]:
    """What movements tell of their generations, of those that were submitted on these days."""
    row = generations.c
    query = (
        sa.select(
            row.id, row.cap_day, row.connection, row.model, row.experiment_id, experiments.c.name, row.state, row.person
        )
        .outerjoin(experiments, experiments.c.id == row.experiment_id)
        .where(row.id.in_(ids))
    )
    return {facts.id: facts for facts in connection.execute(query) if days.hold(facts.cap_day)}


def _line(move: Any, row: Any) -> MovementLine:
    return MovementLine(
        generation_id=row.id,
        day=row.cap_day,
        at=move.at,
        kind=move.kind,
        credits=move.credits,
        provisional=move.provisional,
        mode=move.mode,
        connection=row.connection,
        model=row.model,
        experiment_id=row.experiment_id,
        experiment=row.name,
        outcome=row.state,
        reason=move.reason,
        person=row.person,
    )
