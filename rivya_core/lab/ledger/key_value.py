"""Key-value store beside the generations: balance, pause, caps, drafts, learned prices. One JSON value per name."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from rivya_core.api import GenerationRequest
from rivya_core.lab.ledger.cap_log import daily, log_change, of_person
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.mapping import card_json, moment_json, moment_of, to_card
from rivya_core.lab.ledger.reconciliation import OwnChange, log_balance
from rivya_core.lab.ledger.records import BalanceRecord, Pause
from rivya_core.lab.ledger.schema import notes
from rivya_core.lab.ledger.transitions import Transitions
from rivya_core.lab.people.acting import acting_address
from rivya_core.settings import Mode

N = TypeVar("N", bound=str)
T = TypeVar("T")

OWN_CHANGES_MAX: Final = 500
NAME_MAX: Final = 256

PRICE_BLIND: Final = frozenset(
    {
        "aspect_ratio",
        "aspectRatio",
        "cfg_scale",
        "enable_safety_checker",
        "negative_prompt",
        "nsfw_checker",
        "seed",
        "seeds",
        "upload_method",
        "waterMark",
        "watermark",
    }
)
"""Parameters assumed not to change the price; every other one is part of the key of a learned price."""


class KeyValue:
    """Named JSON values, kept in the same database as the generations."""

    def __init__(self, rows: Transitions) -> None:
        self._rows = rows

    def get(self, name: str) -> Any:
        """Return a stored value, or None."""
        return copy.deepcopy(self._once("note", name, read_note))

    def set(self, name: str, value: Any) -> None:
        """Store a JSON value under a name; None removes it. The last writer wins."""
        with begin_immediate(self._rows.database) as connection:
            write_note(connection, name, value, self._rows.clock())

    def change(self, name: str, change: Callable[[Any], Any]) -> Any:
        """Replace a value by what ``change`` makes of it, in one transaction that holds the write lock; the new value.

        What two threads or processes change at once is changed one after the other: the second sees the first one's value.
        """
        with self._rows.writing() as connection:
            value = change(read_note(connection, name))
            write_note(connection, name, value, self._rows.clock())
            return value

    # -- balance and pause -----------------------------------------------------------------------------------------

    def balance(self, connection: str) -> BalanceRecord:
        """Return the last known balance of a connection."""
        return self._once("balance", connection, read_balance)

    def set_balance(self, connection: str, record: BalanceRecord) -> None:
        """Store a balance, unless a newer request has been answered already: late answers must not win."""
        with begin_immediate(self._rows.database, even_read_only=True) as opened:
            stored = read_balance(opened, connection)
            if stored.asked_at is not None and (record.asked_at is None or record.asked_at < stored.asked_at):
                return
            value = asdict(record) | {
                "asked_at": moment_json(record.asked_at),
                "tried_at": moment_json(record.tried_at),
                "error": card_json(record.error),
            }
            write_note(opened, named("balance", connection), value, self._rows.clock())
            log_balance(opened, connection, record, self._rows.key_fingerprint, self._rows.clock())

    def note_own_change(self, connection: str, credits: int) -> None:  # noqa: A002 - Rivya's word
        """Record that a person changed a simulated wallet by so many credits, so that reconciliation does not report it."""
        with begin_immediate(self._rows.database) as opened:
            recent = [[one.at.isoformat(), one.credits] for one in own_changes(opened, connection)][
                1 - OWN_CHANGES_MAX :
            ]
            now = self._rows.clock()
            write_note(opened, named("wallet_set", connection), [*recent, [now.isoformat(), credits]], now)

    def pause(self, connection: str) -> Pause | None:
        """Return why the queue of a connection is paused, or None."""
        return self._once("pause", connection, read_pause)

    def set_pause(self, connection: str, pause: Pause | None) -> None:
        """Pause the queue of a connection, or (None) resume it."""
        value = None
        if pause is not None:
            value = asdict(pause) | {
                "since": moment_json(pause.since),
                "retry_at": moment_json(pause.retry_at),
                "card": card_json(pause.card),
            }
        with begin_immediate(self._rows.database) as opened:
            now, person = self._rows.clock(), acting_address()
            write_note(opened, named("pause", connection), value, now)
            if pause is None and person is not None:
                write_note(opened, named("resumed_by", connection), person, now)

    # -- caps and prices -------------------------------------------------------------------------------------------

    def get_cap(self, mode: Mode) -> int | None:
        """Return the daily cap set in the lab, in credits, or None."""
        return self._once("cap", mode, read_cap)

    def set_cap(self, mode: Mode, credits: int | None, why: str = "") -> None:  # noqa: A002 - Rivya's word
        """Set or remove the daily cap of a mode, in credits; see ``cap_log.log_change`` for ``why``."""
        with begin_immediate(self._rows.database) as connection:
            now = self._rows.clock()
            log_change(connection, daily(mode), read_cap(connection, mode), credits, why, now)
            write_note(connection, named("cap", mode), credits, now)

    def set_person_cap(self, mode: Mode, address: str, credits: int | None, why: str = "") -> None:  # noqa: A002 - Rivya's word
        """Set or remove a person's daily cap in a mode, in credits; see ``cap_log.log_change`` for ``why``."""
        with begin_immediate(self._rows.database) as connection:
            now = self._rows.clock()
            before = read_person_cap(connection, mode, address)
            log_change(connection, of_person(mode, address), before, credits, why, now)
            write_note(connection, named("cap", of_person(mode, address)), credits, now)

    def learned_price(self, connection: str, request: GenerationRequest) -> int | None:
        """Return the credits that Rivya last reserved for the same model and settings on this connection, or None."""
        params = request.canonical()["params"]
        value = self.get(price_name(connection, request.model, params))
        return value if isinstance(value, int) else None

    def _once(self, kind: str, name: N, read: Callable[[sa.Connection, N], T]) -> T:
        return self._rows.remembered.reading((kind, name), lambda connection: read(connection, name))


def named(kind: str, rest: str) -> str:
    """Build a key from a prefix and a rest; a rest too long for the column is replaced by its hash."""
    name = f"{kind}:{rest}"
    return name if len(name) <= NAME_MAX else f"{kind}:sha256:{hashlib.sha256(rest.encode()).hexdigest()}"


def price_name(connection: str, model: str, params: Mapping[str, Any]) -> str:
    """Return the key of the learned price of a model with these parameters, as sent, on a connection."""
    priced = {name: value for name, value in params.items() if name not in PRICE_BLIND}
    return named("price", f"{connection}:{model}:{json.dumps(priced, sort_keys=True, default=str)}")


def read_note(connection: sa.Connection, name: str) -> Any:
    """Return a stored value, read inside the caller's transaction, or None."""
    return connection.execute(sa.select(notes.c.value).where(notes.c.name == name)).scalar()


def write_note(connection: sa.Connection, name: str, value: Any, now: datetime) -> None:
    """Store a value inside the caller's transaction; None removes it."""
    if value is None:
        connection.execute(sa.delete(notes).where(notes.c.name == name))
        return
    row = {"value": value, "updated_at": now}
    if connection.execute(sa.update(notes).where(notes.c.name == name).values(row)).rowcount == 0:
        connection.execute(sa.insert(notes).values(name=name, **row))


def read_balance(connection: sa.Connection, name: str) -> BalanceRecord:
    """Return the last known balance of the connection ``name``; all fields are None before the first reading."""
    value = read_note(connection, named("balance", name)) or {}
    return BalanceRecord(
        credits=value.get("credits"),
        asked_at=moment_of(value.get("asked_at")),
        error=to_card(value.get("error")),
        simulated=bool(value.get("simulated")),
        tried_at=moment_of(value.get("tried_at")),
    )


def own_changes(connection: sa.Connection, name: str) -> list[OwnChange]:
    """Return the changes people made to the simulated wallet of the connection ``name``, oldest first."""
    stored = read_note(connection, named("wallet_set", name)) or []
    return [OwnChange(datetime.fromisoformat(at), moved) for at, moved in stored]


def read_pause(connection: sa.Connection, name: str) -> Pause | None:
    """Return why the queue of the connection ``name`` is paused, or None."""
    value = read_note(connection, named("pause", name))
    card = to_card(value["card"]) if value else None
    since = moment_of(value["since"]) if value else None
    if card is None or since is None:
        return None
    return Pause(
        effect=value["effect"],
        since=since,
        card=card,
        retry_at=moment_of(value["retry_at"]),
        key_fingerprint=value["key_fingerprint"],
        person=value.get("person"),
    )


def read_cap(connection: sa.Connection, mode: Mode) -> int | None:
    """The daily cap set in the lab, in credits, or None."""
    value = read_note(connection, named("cap", mode))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_person_cap(connection: sa.Connection, mode: Mode, address: str) -> int | None:
    """A person's daily cap in a mode, in credits, or None."""
    value = read_note(connection, named("cap", of_person(mode, address)))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_person_caps(connection: sa.Connection, mode: Mode) -> dict[str, int]:
    """The daily caps of persons in a mode, in credits, by address."""
    first = named("cap", of_person(mode, ""))
    rows = connection.execute(
        sa.select(notes.c.name, notes.c.value)
        .where(notes.c.name.startswith(first, autoescape=True))
        .order_by(notes.c.name)
    )
    return {name.removeprefix(first): value for name, value in rows if isinstance(value, int)}
