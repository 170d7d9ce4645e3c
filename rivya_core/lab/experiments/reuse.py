"""Which takes of a sweep are there already, or on their way, and which have to be bought.

A cell is known by what is asked for: its canonical request with the hash of its image. Any generation of the same connection
that asked for the same fills a take, whoever made it, so that nothing is paid for twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api import GenerationRequest
from rivya_core.lab.ledger import not_held_back
from rivya_core.lab.notes import price_name, read_balance, read_note
from rivya_core.lab.schema import generations
from rivya_core.lab.states import NEEDS_JOB, State
from rivya_core.settings import Mode

CHUNK: Final = 500
ON_THE_WAY: Final = tuple(sorted({*NEEDS_JOB, State.UNCONFIRMED}))


@dataclass(frozen=True, slots=True)
class Place:
    """One take of one cell. ``generation_id``: the generation that fills it; None while it has to be bought."""

    take: int
    cell: int
    request_sha256: str
    expected_credits: int
    generation_id: str | None = None


def places(cells: Sequence[tuple[int, str, int]], takes: int) -> list[Place]:
    """Every take of cells given as number, hash and price, in the order in which they are made: first takes first."""
    return [Place(take, cell, sha256, price) for take in range(1, takes + 1) for cell, sha256, price in cells]


def modes_of(connection: sa.Connection, name: str, mode: Mode) -> tuple[Mode, ...]:
    """The modes whose rows of a connection are its own: a simulator may answer under a key, and then all is simulated."""
    return ("simulated",) if read_balance(connection, name).simulated else (mode,)


def fill(
    connection: sa.Connection, wanted: Iterable[Place], name: str, mode: Mode, used: Collection[str] = ()
) -> list[Place]:
    """Give each place the oldest generation that asked for the same and fills no other place; ``used`` ones are left out."""
    wanted = list(wanted)
    known = _known(connection, {place.request_sha256 for place in wanted}, name, mode, frozenset(used))
    return [
        Place(
            place.take,
            place.cell,
            place.request_sha256,
            place.expected_credits,
            next(known[place.request_sha256], None),
        )
        for place in wanted
    ]


def _known(
    connection: sa.Connection, hashes: Collection[str], name: str, mode: Mode, used: frozenset[str]
) -> defaultdict[str, Iterator[str]]:
    column = generations.c
    modes = {mode, *modes_of(connection, name, mode)}
    here = sa.or_(
        sa.and_(column.state == State.SUCCEEDED.value, column.clip_key.is_not(None)), column.state.in_(ON_THE_WAY)
    )
    query = (
        sa.select(column.request_sha256, column.id)
        .where(column.connection == name, column.mode.in_(sorted(modes)), here)
        .where(column.deleted_at.is_(None), column.source != "example", not_held_back())
        .order_by(column.seq)
    )
    found: defaultdict[str, list[str]] = defaultdict(list)
    left = iter(sorted(hashes))
    while some := list(islice(left, CHUNK)):
        for row in connection.execute(query.where(column.request_sha256.in_(some))):
            if row.id not in used:
                found[row.request_sha256].append(row.id)
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
