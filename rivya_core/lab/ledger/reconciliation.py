"""Reconcile the balance with the ledger: log every balance reading with what our rows had taken by then, and find the rest.

While a row's POST, refund or price is open, it took something between nothing and all of its credits. So each reading gives
an interval for what the wallet would hold without our rows; only disjoint intervals prove a charge or a top-up made
elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.lab.ledger.ids import ADOPTED_INTENT
from rivya_core.lab.ledger.records import BalanceRecord
from rivya_core.lab.ledger.schema import balances, generations, movements
from rivya_core.lab.ledger.states import TERMINAL, State
from rivya_core.settings import Mode, is_built_in

REFUND_WITHIN: Final = timedelta(minutes=15)
"""How long a refund of a failed task, or the rest of a price, may take to show in the balance."""

SETTLE_WITHIN: Final = timedelta(days=1)
"""How long a provisional price may still become a lower one."""

ANSWER_WITHIN: Final = timedelta(seconds=10)
"""Longest time that a balance request to the simulator may take."""

WEAK_RETENTION: Final = timedelta(days=30)
READINGS_MAX: Final = 5000
TIDY_EVERY: Final = 100

_NEEDED: Final = tuple(
    generations.c[name]
    for name in (
        "state", "settlement", "held_credits", "reserved_credits", "expected_credits", "task_id", "attempts",
        "open_attempts", "submitted_at", "finished_at",
    )
)  # fmt: skip
_ON_THEIR_WAY: Final = sorted(frozenset(State) - TERMINAL)
_MODES: Final = ("live", "simulated")


@dataclass(frozen=True, slots=True)
class Taken:
    """Credits that rows had taken from a wallet at the time of a reading: at least ``least``, at most ``most``."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Read:
    """One balance reading. ``booked_credits``: certainly taken by our rows; ``open_credits``: possibly taken on top."""

    asked_at: datetime
    credits: int
    booked_credits: int
    open_credits: int
    key_fingerprint: str | None = None

    @property
    def low(self) -> int:
        """The least that the wallet would hold if our rows had taken nothing."""
        return self.credits + self.booked_credits

    @property
    def high(self) -> int:
        """The most that the wallet would hold if our rows had taken nothing."""
        return self.low + self.open_credits


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A change of the balance between two readings that no row of ours explains.

    ``low`` and ``high`` bound it, below zero for credits that are missing, above for credits that came; equal when exact.
    """

    after: datetime
    until: datetime
    low: int
    high: int

    @property
    def is_exact(self) -> bool:
        """True when the amount is known."""
        return self.low == self.high

    @property
    def least_credits(self) -> int:
        """The certain part of it; below zero when credits are missing."""
        return self.high if self.high < 0 else self.low


# -- the log -----------------------------------------------------------------------------------------------------------


def log_balance(
    connection: sa.Connection, name: str, record: BalanceRecord, key_fingerprint: str | None, now: datetime
) -> None:
    """Log a balance reading of the connection ``name``, in the caller's transaction.

    A run of equal readings is kept as its first and its last one.
    """
    if record.credits is None or record.asked_at is None or record.error is not None:
        return
    took = taken(connection, name, record.asked_at)
    figures = {
        "mode": "simulated" if record.simulated or is_built_in(name) else "live",
        "credits": record.credits,
        "booked_credits": took.least,
        "open_credits": took.most - took.least,
        "key_fingerprint": key_fingerprint,
    }
    query = (
        sa.select(balances)
        .where(balances.c.connection == name)
        .order_by(balances.c.asked_at.desc(), balances.c.id.desc())
        .limit(2)
    )
    before = [row._mapping for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name
    if len(before) > 1 and all(row[key] == value for row in before for key, value in figures.items()):
        same = balances.c.id == before[0]["id"]
        connection.execute(sa.update(balances).where(same).values(asked_at=record.asked_at))
        return
    added = sa.insert(balances).values(connection=name, asked_at=record.asked_at, **figures)
    key = connection.execute(added).inserted_primary_key
    if key is not None and key[0] % TIDY_EVERY == 0:
        _tidy(connection, name, now)


def _tidy(connection: sa.Connection, name: str, now: datetime) -> None:
    """Delete old readings with wide intervals between exact ones, and the oldest beyond a maximum number."""
    ours = balances.c.connection == name
    weak = sa.and_(ours, balances.c.open_credits > 0, balances.c.asked_at < now - WEAK_RETENTION)
    connection.execute(sa.delete(balances).where(weak))
    ids = sa.select(balances.c.id).where(ours).order_by(balances.c.asked_at.desc()).limit(READINGS_MAX)
    connection.execute(sa.delete(balances).where(ours, balances.c.id.not_in(ids)))


def taken(connection: sa.Connection, name: str, asked_at: datetime) -> Taken:
    """Return what the rows of a connection had taken from its wallet at a reading that began at ``asked_at`` and has ended.

    Adopted tasks are left out: they were created, and charged, elsewhere.
    """
    column = generations.c
    ours = column.connection == name
    elsewhere = (column.intent_id >= ADOPTED_INTENT, column.intent_id < ADOPTED_INTENT[:-1] + ".")  # "." follows "-"
    ended = sa.select(sa.func.coalesce(sa.func.sum(column.held_credits), 0))
    least = most = int(connection.execute(ended.where(ours, column.state.in_(sorted(TERMINAL)))).scalar_one())
    created_elsewhere = int(
        connection.execute(ended.where(ours, *elsewhere, column.state.in_(sorted(TERMINAL)))).scalar_one()
    )
    least, most = least - created_elsewhere, most - created_elsewhere
    going = sa.select(*_NEEDED).where(ours, column.state.in_(_ON_THEIR_WAY), column.first_attempt_at.is_not(None))
    for row in connection.execute(going):
        one = taken_by(row, asked_at, moved=False)
        least, most = least + one.least, most + one.most
    moved = sa.select(movements.c.generation_id).where(movements.c.mode.in_(_MODES), movements.c.at >= asked_at)
    unsettled = column.settlement.in_(("reserved", "provisional"))
    late = sa.or_(
        column.finished_at >= asked_at - REFUND_WITHIN,
        sa.and_(column.finished_at >= asked_at - SETTLE_WITHIN, unsettled),
    )
    since = column.finished_at >= asked_at - SETTLE_WITHIN
    ended_lately = sa.select(column.seq).where(column.mode.in_(_MODES), since, late)
    seqs = ended_lately.union(sa.select(column.seq).where(column.id.in_(moved)))
    recent = sa.select(*_NEEDED, column.id.in_(moved).label("moved")).where(
        column.seq.in_(seqs), ours, column.state.in_(sorted(TERMINAL)), sa.not_(sa.and_(*elsewhere))
    )
    for row in connection.execute(recent):
        one = taken_by(row, asked_at, moved=bool(row.moved))
        least, most = least + one.least - row.held_credits, most + one.most - row.held_credits
    return Taken(least, most)


def taken_by(row: Any, asked_at: datetime, *, moved: bool) -> Taken:
    """Return what one row may have taken. ``moved``: its credits changed in the ledger since the balance was requested."""
    held_credits = row.held_credits
    # A running task's reservation is released only when the balance showed that nothing was charged; see ``unwatched``.
    is_proven_untaken = row.state == State.RUNNING and row.settlement == "released"
    if row.attempts == 0 or is_proven_untaken:
        return Taken(0, 0)
    if row.task_id is None:
        in_flight = row.open_attempts > 0 and row.state not in TERMINAL
        return Taken(0, held_credits if in_flight else 0)
    reserved = row.expected_credits if row.reserved_credits is None else row.reserved_credits
    upper = max(held_credits, reserved)
    if row.state == State.RUNNING or row.submitted_at is None or row.submitted_at >= asked_at:
        return Taken(0, upper)  # it may have failed and been refunded already, or have been accepted since
    age = None if row.finished_at is None else asked_at - row.finished_at
    if row.settlement in {"reserved", "provisional"}:
        return Taken(held_credits, held_credits) if age is not None and age > SETTLE_WITHIN else Taken(0, upper)
    if moved or age is None or age <= REFUND_WITHIN:
        return Taken(min(held_credits, reserved), upper)
    return Taken(held_credits, held_credits)


# -- what it says ------------------------------------------------------------------------------------------------------


def reads(connection: sa.Connection, name: str, mode: Mode, since: datetime | None = None) -> list[Read]:
    """Return the logged readings of a wallet, oldest first: those since a moment, and the last one before it."""
    column = balances.c
    where = [column.connection == name, column.mode == mode]
    if since is not None:
        before = sa.select(sa.func.max(column.asked_at)).where(*where, column.asked_at < since).scalar_subquery()
        where.append(column.asked_at >= sa.func.coalesce(before, since))
    query = sa.select(
        column.asked_at, column.credits, column.booked_credits, column.open_credits, column.key_fingerprint
    )
    return [Read(*row) for row in connection.execute(query.where(*where).order_by(column.asked_at, column.id))]


@dataclass(frozen=True, slots=True)
class OwnChange:
    """A change of a simulated wallet that a person made in this lab, in credits."""

    at: datetime
    credits: int


def without_own(readings: Sequence[Read], own: Sequence[OwnChange]) -> list[Read]:
    """Return the readings corrected for changes made in this lab; one that overlaps such a change is dropped."""
    sure = [read for read in readings if not any(one.at - ANSWER_WITHIN < read.asked_at <= one.at for one in own)]
    return [
        replace(read, credits=read.credits - sum(one.credits for one in own if one.at < read.asked_at)) for read in sure
    ]


@dataclass(slots=True)
class _Level:
    """A run of readings whose intervals for the wallet without our rows overlap."""

    low: int
    high: int
    reads: list[Read]

    def agrees(self, read: Read) -> bool:
        return read.low <= self.high and read.high >= self.low and read.key_fingerprint == self.key

    @property
    def key(self) -> str | None:
        return self.reads[-1].key_fingerprint


def unexplained(readings: Sequence[Read]) -> list[Unexplained]:
    """Return the fewest changes that explain these readings, oldest first; another API key starts a new sequence."""
    levels: list[_Level] = []
    for read in readings:
        if levels and levels[-1].agrees(read):
            level = levels[-1]
            level.low, level.high = max(level.low, read.low), min(level.high, read.high)
            level.reads.append(read)
        else:
            levels.append(_Level(read.low, read.high, [read]))
    pairs = pairwise(levels)
    return [_change(before, after) for before, after in pairs if before.key == after.key]


def _change(before: _Level, after: _Level) -> Unexplained:
    """Build the change, placed after the last reading that excludes the new level."""
    sure = next(
        (read for read in reversed(before.reads) if read.low > after.high or read.high < after.low), before.reads[-1]
    )
    return Unexplained(sure.asked_at, after.reads[0].asked_at, after.low - before.high, after.high - before.low)
