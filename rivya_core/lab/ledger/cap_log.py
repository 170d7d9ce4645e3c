"""Append-only log of cap changes; raising or removing a cap needs a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.api.texts import shows_nothing
from rivya_core.lab.ledger.schema import cap_changes
from rivya_core.lab.ledger.texts import checked_text
from rivya_core.lab.people.acting import acting_address
from rivya_core.settings import Mode

MAX_CAP_CREDITS: Final = 10**12  # far below the database's 64-bit limit, sums included
WHY_MAX: Final = 500
EXPERIMENT: Final = "experiment:"
PERSON: Final = "person:"


@dataclass(frozen=True, slots=True)
class CapChange:
    """One change of a cap. ``cap``: "daily:live", "daily:simulated", "experiment:<id>" or "person:<mode>:<address>".

    None is no cap; ``person``: the address of who changed it, None without sign-in.
    """

    at: datetime
    cap: str
    before_credits: int | None
    after_credits: int | None
    why: str
    person: str | None = None

    @property
    def is_raise(self) -> bool:
        """True when more may be spent than before."""
        return is_raise(self.before_credits, self.after_credits)


def daily(mode: Mode) -> str:
    """Return the name of the daily cap of a mode."""
    return f"daily:{mode}"


def of_experiment(experiment_id: str) -> str:
    """Return the name of the cap of an experiment."""
    return EXPERIMENT + experiment_id


def of_person(mode: Mode, address: str) -> str:
    """Return the name of the daily cap of a person in a mode."""
    return f"{PERSON}{mode}:{address}"


def is_raise(before: int | None, after: int | None) -> bool:
    """Return whether a change allows more spending: a higher cap, or none any more."""
    return before is not None and (after is None or after > before)


def log_change(
    connection: sa.Connection, cap: str, before: int | None, after: int | None, why: str, now: datetime
) -> None:
    """Log a change inside the transaction that makes it; a change that changes nothing is not logged.

    Raises:
        LabError: the cap is no whole number of credits (``field`` "credits"), or is raised or removed without a reason
            (``field`` "why").
    """
    if after is not None and (
        isinstance(after, bool) or not isinstance(after, int) or not 0 <= after <= MAX_CAP_CREDITS
    ):
        raise LabError(
            "The cap is not usable",
            f"It must be a whole number of credits from 0 to {MAX_CAP_CREDITS:,}, or none; not {str(after)[:40]}.",
            field="credits",
        )
    why = " ".join(checked_text("why", why).split())[:WHY_MAX]
    if is_raise(before, after) and shows_nothing(why):
        change = "removed" if after is None else f"raised to {after:,} credits"
        raise LabError(
            "Raising a cap needs a reason",
            f"It is {before:,} credits and would be {change}.",
            "Say why in a few words; it is kept in the log of caps.",
            field="why",
        )
    if before != after:
        row = {"at": now, "cap": cap, "before_credits": before, "after_credits": after, "why": why}
        row["person"] = acting_address()
        connection.execute(sa.insert(cap_changes).values(row))


def read_changes(connection: sa.Connection, mode: Mode, others: sa.Select[str], limit: int) -> list[CapChange]:
    """Return the newest changes of the daily caps of a mode, persons' included, and of the caps that a subquery selects."""
    column = cap_changes.c
    query = sa.select(column.at, column.cap, column.before_credits, column.after_credits, column.why, column.person)
    of_persons = column.cap.startswith(of_person(mode, ""), autoescape=True)
    query = query.where(sa.or_(column.cap == daily(mode), of_persons, column.cap.in_(others)))
    return [
        CapChange(*row) for row in connection.execute(query.order_by(column.at.desc(), column.id.desc()).limit(limit))
    ]
