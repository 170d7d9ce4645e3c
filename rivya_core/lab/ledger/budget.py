"""What may still be spent: the last known balance less open reservations, and today's cap.

Must be read inside the submit transaction, under the write lock, so that two submits can never both take the last credits;
figures for screens come from ``look``, which is cached. The balance is as old as its ``asked_at``: whatever may have been
taken from the wallet since then is counted as promised.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from rivya_core.api.errors import BudgetError
from rivya_core.lab.ledger.key_value import read_balance, read_cap, read_person_cap
from rivya_core.lab.ledger.query_cache import QueryCache
from rivya_core.lab.ledger.records import BalanceRecord, Budget
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.ledger.shared_limits import read_limits
from rivya_core.lab.ledger.states import TERMINAL, State
from rivya_core.lab.people.acting import acting_address
from rivya_core.local_time import local, local_day
from rivya_core.settings import Mode, Settings

NOT_SENT = frozenset({State.WAITING, State.SUBMITTING})


def look(memory: QueryCache, mode: Mode, name: str, settings: Settings) -> Budget:
    """Do what ``read`` does, for screens: cached until the database or the day changes. Never use it to decide a purchase."""
    now = datetime.now(UTC)
    return memory.reading(
        ("budget", mode, name, local_day(now), acting_address()),
        lambda connection: read(connection, mode, name, settings, now=now),
    )


def read(
    connection: sa.Connection, mode: Mode, name: str, settings: Settings, *, now: datetime | None = None
) -> Budget:
    """Read what may be spent in a mode on the connection ``name``, inside the caller's transaction. All figures in credits.

    Rows hidden from History count like others; released credits may be spent again.
    """
    wallet = read_balance(connection, name)
    promised = _promised(connection, name, wallet)
    # The lowest cap counts: the environment's cannot be raised from a page.
    cap_sources = (settings.daily_cap_credits, _cap_of_others(connection, settings), read_cap(connection, mode))
    caps = [cap for cap in cap_sources if cap is not None]
    cap = min(caps, default=None)
    day = local_day(now or datetime.now(UTC))
    spent = _spent(connection, mode, name, day)
    person_cap, person_spent = _of_person(connection, mode, name, day)
    available = None if wallet.credits is None else wallet.credits - promised
    # None means unknown or uncapped, which allows; it must not be mistaken for 0.
    rooms = (available, None if cap is None else cap - spent, None if person_cap is None else person_cap - person_spent)
    limits = [room for room in rooms if room is not None]
    return Budget(
        mode=mode,
        balance_credits=wallet.credits,
        balance_asked_at=wallet.asked_at,
        promised_credits=promised,
        available_credits=available,
        cap_credits=cap,
        spent_today_credits=spent,
        remaining_credits=min(limits, default=None),
        person_cap_credits=person_cap,
        person_spent_credits=person_spent,
    )


def _cap_of_others(connection: sa.Connection, settings: Settings) -> int | None:
    """Return the lowest cap in the environments of all processes that share the database; nothing is read on one machine."""
    cap = read_limits(connection).get("daily_cap_credits") if settings.is_shared else None
    return None if cap is None else int(cap)


def _of_person(connection: sa.Connection, mode: Mode, name: str, day: str) -> tuple[int | None, int]:
    """Return the day's cap of the person who asks, and what they have spent of it; nothing is read without one."""
    address = acting_address()
    cap = None if address is None else read_person_cap(connection, mode, address)
    return (cap, 0) if cap is None else (cap, _spent(connection, mode, name, day, generations.c.person == address))


def _promised(connection: sa.Connection, name: str, wallet: BalanceRecord) -> int:
    """Sum the credits held by rows that the last known balance cannot include: not sent, or sent after it was asked for.

    A row in ``submitting`` counts whenever its first attempt was, since a later attempt may be the one that was accepted.
    """
    column = generations.c
    ours = column.connection == name
    if wallet.credits is None or wallet.asked_at is None:
        return _sum(connection, ours, _in(frozenset(State) - TERMINAL))
    # Compared with the time of the question, not of the answer: the server may have read the wallet at any time in between.
    not_sent = _sum(connection, ours, _in(NOT_SENT))
    sent_since = (ours, column.first_attempt_at >= wallet.asked_at, _in(frozenset(State) - NOT_SENT))
    return not_sent + _sum(connection, *sent_since)


def _spent(connection: sa.Connection, mode: Mode, name: str, day: str, *whose: sa.ColumnElement[bool]) -> int:
    """Sum the credits of a day and mode, plus this connection's rows of the other mode.

    Those are rows that were submitted as live and marked simulated because a simulator answered: without them, a
    misconfigured connection would have no cap at all.
    """
    other: Mode = "live" if mode == "simulated" else "simulated"
    column = generations.c
    turned = _sum(connection, column.mode == other, column.cap_day == day, column.connection == name, *whose)
    return _sum(connection, column.mode == mode, column.cap_day == day, *whose) + turned


def _in(states: frozenset[State]) -> sa.ColumnElement[bool]:
    """Match some states. Always an IN list, never a NOT IN: only so SQLite answers the sums from a covering index."""
    return generations.c.state.in_(sorted(state.value for state in states))


def _sum(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> int:
    total = sa.func.coalesce(sa.func.sum(generations.c.held_credits), 0)
    return int(connection.execute(sa.select(total).where(*where)).scalar_one())


def check(budget: Budget, needed_credits: int) -> None:
    """Check a submission against cap and balance; an unknown balance allows it, since Rivya itself then refuses what it must.

    Raises:
        BudgetError: ``field`` is "person_cap", "daily_cap" or "balance"; the sentence gives all figures.
    """
    limit = budget.refuses(needed_credits)
    if limit == "person_cap":
        own_cap, own = budget.person_cap_credits or 0, budget.person_spent_credits
        raise BudgetError(
            "Your cap of today does not allow this",
            f"{_credits(needed_credits)} needed, {_credits(max(0, own_cap - own))} left of your cap of "
            f"{_credits(own_cap)} a day; {_credits(own)} are spent or held by you today.",
            "Ask an admin to raise it on Spend, or wait until tomorrow. Nothing was sent.",
            field="person_cap",
        )
    cap, spent = budget.cap_credits or 0, budget.spent_today_credits
    if limit == "daily_cap":
        raise BudgetError(
            "Today's cap does not allow this",
            f"{_credits(needed_credits)} needed, {_credits(max(0, cap - spent))} left of the cap of {_credits(cap)}; "
            f"{_credits(spent)} are spent or held today. {_wallet(budget)}",
            "Raise the cap on Spend, or wait until tomorrow. Nothing was sent.",
            field="daily_cap",
        )
    if limit == "balance":
        today = f"{_credits(spent)} are spent or held today" + (
            " without a cap." if budget.cap_credits is None else f" of a cap of {_credits(cap)}."
        )
        raise BudgetError(
            "The balance does not allow this",
            f"{_credits(needed_credits)} needed, {_credits(max(0, budget.available_credits or 0))} available. "
            f"{_wallet(budget)} {today}",
            "Top up the wallet, or wait for what is running to end. Nothing was sent.",
            field="balance",
        )


def _wallet(budget: Budget) -> str:
    if budget.balance_credits is None or budget.balance_asked_at is None:
        return "The balance is not known."
    read_at = local(budget.balance_asked_at)
    return (
        f"The balance was {_credits(budget.balance_credits)} when asked at {read_at:%Y-%m-%d %H:%M:%S}, "
        f"{_credits(budget.promised_credits)} of it are promised."
    )


def _credits(number: int) -> str:
    return f"{number:,} credit" if number == 1 else f"{number:,} credits"
