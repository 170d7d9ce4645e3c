"""Which takes of a sweep are there already, or on their way, and which have to be bought.

A cell is known by what is asked for: its canonical request with the hash of its image, texts compared as in ``api.texts``. Any
generation of the same connection that asked for the same fills a take, whoever made it, so that nothing is paid for twice.
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
    """Rows that ended with a broken clip for good; one that is fetched once more is on its way."""
    column = generations.c
    return sa.and_(column.state == State.SUCCEEDED.value, sa.func.coalesce(column.clip_check, "") == DAMAGED)


def is_judgeable() -> sa.ColumnElement[bool]:
    """Rows whose clip is one of its own and whole as far as anybody knows: not another row's task, not damaged."""
    return sa.and_(generations.c.duplicate_of.is_(None), sa.not_(is_damaged()))


def is_given_up() -> sa.ColumnElement[bool]:
    """Rows that nobody watches and that certainly took nothing; what may have been paid still counts as on its way."""
    column = generations.c
    return sa.and_(column.state.in_(ON_THE_WAY), column.unwatched_at.is_not(None), column.settlement == "released")


def is_lost() -> sa.ColumnElement[bool]:
    """Rows of which a take gets no clip that can be judged, or none that anybody waits for: it has to be made again."""
    column = generations.c
    ended = sa.or_(column.state.in_(LOST), is_given_up())
    return sa.and_(column.id.is_not(None), sa.or_(ended, sa.not_(is_judgeable())))


def is_usable() -> sa.ColumnElement[bool]:
    """Rows that can fill a take: with a clip, or on their way to one; never an example, a hidden or a held-back row."""
    column = generations.c
    made = sa.and_(column.state == State.SUCCEEDED.value, column.clip_key.is_not(None))
    coming = sa.and_(column.state.in_(ON_THE_WAY), sa.not_(is_given_up()))
    return sa.and_(
        sa.or_(made, coming),
        is_judgeable(),
        column.deleted_at.is_(None),
        column.source != "example",
        not_held_back(),
    )


def modes_of(connection: sa.Connection, name: str, mode: Mode) -> tuple[Mode, ...]:
    """The modes whose rows of a connection are its own: a simulator may answer under a key, and then all is simulated."""
    return ("simulated",) if read_balance(connection, name).simulated else (mode,)


def _usable(connection: sa.Connection, name: str, mode: Mode) -> sa.Select[tuple[str, str, str, datetime | None]]:
    """Hash, id, state and mark of the usable rows of a connection, oldest first."""
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
    """What there is of exactly one request, as ids of generations.

    ``clips``: with a clip; ``coming``: on their way; ``unwatched``: nobody watches them, and they may have been paid.
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
        """What is said before somebody buys one more on purpose; "" when there is nothing."""
        said = [f"You have {_clips(len(self.clips))}"] if self.clips else []
        for ids, state in ((self.coming, "on the way"), (self.unwatched, "no longer watched and may still come")):
            if ids:
                which = f"{len(ids):,} more" if said else _clips(len(ids))
                said.append(f"{which} {'is' if len(ids) == 1 else 'are'} {state}")
        return f"{', and '.join(said)}." if said else ""


def _clips(count: int) -> str:
    return f"{count:,} clip{'' if count == 1 else 's'} of exactly this"


def existing(connection: sa.Connection, reuse_sha256: str, name: str, mode: Mode) -> Existing:
    """Look up what would fill a take of a request, oldest first."""
    rows = connection.execute(_usable(connection, name, mode).where(generations.c.reuse_sha256 == reuse_sha256)).all()
    made = [row for row in rows if row.state == State.SUCCEEDED.value]
    open_ = [row for row in rows if row.state != State.SUCCEEDED.value]
    return Existing(
        clips=tuple(row.id for row in made),
        coming=tuple(row.id for row in open_ if row.unwatched_at is None),
        unwatched=tuple(row.id for row in open_ if row.unwatched_at is not None),
    )


# -- which takes are there ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TakeSlot:
    """One take of one cell that wants a generation. ``generation_id``: the one that fills it; None while it has to be bought.

    ``tries``: how many were made for it so far, and ``lost_id``: the last one, of which no clip came.
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
    """Every place that was asked for, in the order in which it is made: assigned to what is there, or to be bought."""

    places: tuple[TakeSlot, ...] = ()

    @property
    def reused(self) -> list[TakeSlot]:
        """Those that cost nothing."""
        return [place for place in self.places if place.generation_id is not None]

    @property
    def missing(self) -> list[TakeSlot]:
        """Those that have to be bought."""
        return [place for place in self.places if place.generation_id is None]

    @property
    def prices(self) -> list[int]:
        """What each of the missing ones will probably cost, in credits."""
        return [place.expected_credits for place in self.missing]

    @property
    def credits(self) -> int:
        """What all of them cost."""
        return sum(self.prices)


def places(cells: Sequence[tuple[int, str, int]], takes: int) -> list[TakeSlot]:
    """Every take of cells given as number, hash and price, in the order in which they are made: first takes first."""
    return [TakeSlot(take, cell, sha256, price) for take in range(1, takes + 1) for cell, sha256, price in cells]


def plan(
    connection: sa.Connection, wanted: Sequence[TakeSlot], name: str, mode: Mode, used: Collection[str] = ()
) -> Plan:
    """Give each place the oldest generation that asked for the same and fills no other place; ``used`` ones are left out.

    Every purchase of an experiment, every quote and every price on a button comes from here.
    """
    known = _known(connection, {place.reuse_sha256 for place in wanted}, name, mode, frozenset(used))
    return Plan(tuple(replace(place, generation_id=next(known[place.reuse_sha256], None)) for place in wanted))


def _known(
    connection: sa.Connection, hashes: Collection[str], name: str, mode: Mode, used: frozenset[str]
) -> defaultdict[str, Iterator[str]]:
    query = _usable(connection, name, mode)
    found: defaultdict[str, list[str]] = defaultdict(list)
    left = iter(sorted(hashes))
    while some := list(islice(left, CHUNK)):
        # Asked for by number: SQLite would rather read every row than use the index of the hashes.
        alike = sa.select(generations.c.seq).where(generations.c.reuse_sha256.in_(some))
        for row in connection.execute(query.where(generations.c.seq.in_(alike))):
            if row.id not in used:
                found[row.reuse_sha256].append(row.id)
    return defaultdict(lambda: iter(()), {sha256: iter(ids) for sha256, ids in found.items()})


class Prices:
    """What one take of a request will probably cost, each kind of request looked up once."""

    def __init__(self, connection: sa.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._known: dict[str, int | None] = {}

    def of(self, request: GenerationRequest) -> int:
        """Credits: what the same model and settings reserved last time on this connection, else the list price."""
        return self._learned(request.model, request.wire_params()) or request.expected_credits

    def of_cell(self, canonical: Mapping[str, Any], then_credits: int) -> int:
        """Credits of a stored request today; ``then_credits`` is what was known when its experiment was stored."""
        return self._learned(canonical["model"], canonical["params"]) or then_credits

    def _learned(self, model: str, params: Mapping[str, Any]) -> int | None:
        note = price_name(self._name, model, params)
        if note not in self._known:
            value = read_note(self._connection, note)
            self._known[note] = value if isinstance(value, int) else None
        return self._known[note]
