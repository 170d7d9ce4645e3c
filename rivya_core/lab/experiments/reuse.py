"""Reuse: which takes of a sweep exist already or are running, and which have to be bought.

A cell is identified by its request: the canonical request with the hash of its image, texts normalized as in ``api.texts``.
Any generation of the same connection with the same request fills a take, whoever made it, so that nothing is paid for twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api import GenerationRequest
from rivya_core.lab.ledger.key_value import price_name, read_balance, read_note
from rivya_core.lab.ledger.ledger import not_held_back
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.ledger.states import NEEDS_JOB, State
from rivya_core.lab.media.video_probe import DAMAGED
from rivya_core.settings import Mode

CHUNK: Final = 500
ON_THE_WAY: Final = tuple(sorted({*NEEDS_JOB, State.UNCONFIRMED}))
LOST: Final = (State.FAILED.value, State.CANCELLED.value)


# -- which rows count --------------------------------------------------------------------------------------------------


def is_damaged() -> sa.ColumnElement[bool]:
    """Match rows that ended with a damaged clip for good; one that is being downloaded again counts as running."""
    column = generations.c
    return sa.and_(column.state == State.SUCCEEDED.value, sa.func.coalesce(column.clip_check, "") == DAMAGED)


def is_judgeable() -> sa.ColumnElement[bool]:
    """Match rows with a clip of their own that is not known to be damaged: not a duplicate of another row's task."""
    return sa.and_(generations.c.duplicate_of.is_(None), sa.not_(is_damaged()))


def is_given_up() -> sa.ColumnElement[bool]:
    """Match unwatched rows that were certainly not charged; those that may have been paid still count as running."""
    column = generations.c
    return sa.and_(column.state.in_(ON_THE_WAY), column.unwatched_at.is_not(None), column.settlement == "released")


def is_lost() -> sa.ColumnElement[bool]:
    """Match rows that give a take no usable clip: the take has to be made again."""
    column = generations.c
    ended = sa.or_(column.state.in_(LOST), is_given_up())
    return sa.and_(column.id.is_not(None), sa.or_(ended, sa.not_(is_judgeable())))


def is_usable() -> sa.ColumnElement[bool]:
    """Match rows that can fill a take: with a clip, or running; never an example, a hidden or a held-back row."""
    column = generations.c
    has_clip = sa.and_(column.state == State.SUCCEEDED.value, column.clip_key.is_not(None))
    coming = sa.and_(column.state.in_(ON_THE_WAY), sa.not_(is_given_up()))
    return sa.and_(
        sa.or_(has_clip, coming),
        is_judgeable(),
        column.deleted_at.is_(None),
        column.source != "example",
        not_held_back(),
    )


def modes_of(connection: sa.Connection, name: str, mode: Mode) -> tuple[Mode, ...]:
    """Return the modes whose rows count for a connection: a simulator may answer under a key, and then all is simulated."""
    return ("simulated",) if read_balance(connection, name).simulated else (mode,)


def _usable(connection: sa.Connection, name: str, mode: Mode) -> sa.Select[tuple[str, str, str, datetime | None]]:
    """Select hash, id, state and unwatched mark of the usable rows of a connection, oldest first."""
    column = generations.c
    modes = sorted({mode, *modes_of(connection, name, mode)})
    return (
        sa.select(column.reuse_sha256, column.id, column.state, column.unwatched_at)
        .where(column.connection == name, column.mode.in_(modes), is_usable())
        .order_by(column.seq)
    )


# -- what is there of one request --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Existing:
    """Existing generations of exactly one request, by id.

    ``clips``: with a clip; ``coming``: running; ``unwatched``: no longer waited for, but perhaps paid.
    """

    clips: tuple[str, ...] = ()
    coming: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them, those with a clip first."""
        return self.clips + self.coming + self.unwatched

    @property
    def sentence(self) -> str:
        """What to say before one more is bought on purpose; "" when nothing exists."""
        parts = [f"You have {_clips(len(self.clips))}"] if self.clips else []
        for ids, state in ((self.coming, "on the way"), (self.unwatched, "no longer watched and may still come")):
            if ids:
                which = f"{len(ids):,} more" if parts else _clips(len(ids))
                parts.append(f"{which} {'is' if len(ids) == 1 else 'are'} {state}")
        return f"{', and '.join(parts)}." if parts else ""


def _clips(count: int) -> str:
    return f"{count:,} clip{'' if count == 1 else 's'} of exactly this"


def existing(connection: sa.Connection, reuse_sha256: str, name: str, mode: Mode) -> Existing:
    """Look up what would fill a take of a request, oldest first."""
    rows = connection.execute(_usable(connection, name, mode).where(generations.c.reuse_sha256 == reuse_sha256)).all()
    succeeded = [row for row in rows if row.state == State.SUCCEEDED.value]
    open_ = [row for row in rows if row.state != State.SUCCEEDED.value]
    return Existing(
        clips=tuple(row.id for row in succeeded),
        coming=tuple(row.id for row in open_ if row.unwatched_at is None),
        unwatched=tuple(row.id for row in open_ if row.unwatched_at is not None),
    )


# -- which takes are there ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TakeSlot:
    """One take of one cell that needs a generation. ``generation_id``: the one that fills it; None when it has to be bought.

    ``tries``: how many generations were made for it so far; ``lost_id``: the last one, which gave no clip.
    """

    take: int
    cell: int
    reuse_sha256: str
    expected_credits: int
    generation_id: str | None = None
    tries: int = 0
    lost_id: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All requested take slots, in the order in which they are made: filled by an existing generation, or to be bought."""

    places: tuple[TakeSlot, ...] = ()

    @property
    def reused(self) -> list[TakeSlot]:
        """The slots that cost nothing."""
        return [place for place in self.places if place.generation_id is not None]

    @property
    def missing(self) -> list[TakeSlot]:
        """The slots that have to be bought."""
        return [place for place in self.places if place.generation_id is None]

    @property
    def prices(self) -> list[int]:
        """Estimated price of each missing slot, in credits."""
        return [place.expected_credits for place in self.missing]

    @property
    def credits(self) -> int:
        """Estimated price of all missing slots, in credits."""
        return sum(self.prices)


def places(cells: Sequence[tuple[int, str, int]], takes: int) -> list[TakeSlot]:
    """Return every take slot of cells, given as (number, hash, price), in the order in which they are made: first takes first."""
    return [TakeSlot(take, cell, sha256, price) for take in range(1, takes + 1) for cell, sha256, price in cells]


def plan(
    connection: sa.Connection, slots: Sequence[TakeSlot], name: str, mode: Mode, used: Collection[str] = ()
) -> Plan:
    """Give each slot the oldest generation with the same request that fills no other slot; those in ``used`` are left out.

    The single source of every purchase of an experiment, every quote and every price on a button.
    """
    usable = _usable_by_hash(connection, {place.reuse_sha256 for place in slots}, name, mode, frozenset(used))
    return Plan(tuple(replace(place, generation_id=next(usable[place.reuse_sha256], None)) for place in slots))


def _usable_by_hash(
    connection: sa.Connection, hashes: Collection[str], name: str, mode: Mode, used: frozenset[str]
) -> defaultdict[str, Iterator[str]]:
    query = _usable(connection, name, mode)
    by_hash: defaultdict[str, list[str]] = defaultdict(list)
    remaining = iter(sorted(hashes))
    while some := list(islice(remaining, CHUNK)):
        # Queried by sequence number: with a long list of hashes SQLite would scan every row instead of using their index.
        alike = sa.select(generations.c.seq).where(generations.c.reuse_sha256.in_(some))
        for row in connection.execute(query.where(generations.c.seq.in_(alike))):
            if row.id not in used:
                by_hash[row.reuse_sha256].append(row.id)
    return defaultdict(lambda: iter(()), {sha256: iter(ids) for sha256, ids in by_hash.items()})


class Prices:
    """Estimated prices of takes, cached by kind of request."""

    def __init__(self, connection: sa.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._usable_by_hash: dict[str, int | None] = {}

    def of(self, request: GenerationRequest) -> int:
        """Return the price in credits: the last reservation of the same model and settings on this connection, else the list price."""
        return self._learned(request.model, request.wire_params()) or request.expected_credits

    def of_cell(self, canonical: Mapping[str, Any], then_credits: int) -> int:
        """Return today's price of a stored request; ``then_credits``: the price known when its experiment was stored."""
        return self._learned(canonical["model"], canonical["params"]) or then_credits

    def _learned(self, model: str, params: Mapping[str, Any]) -> int | None:
        note = price_name(self._name, model, params)
        if note not in self._usable_by_hash:
            value = read_note(self._connection, note)
            self._usable_by_hash[note] = value if isinstance(value, int) else None
        return self._usable_by_hash[note]
