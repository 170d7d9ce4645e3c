"""Marks of a move in both databases: which target a folder is moved to, and whether the move is finished.

A target with an unfinished move is never opened, nor a source that was moved: otherwise both would go on with the same paid tasks.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.ledger.key_value import read_note, write_note

MOVE: Final = "move"
"""Key of the mark among the notes."""

State = Literal["going", "moved", "unfinished"]
"""Of a source: going, moved. Of a target: unfinished, and no mark once it is finished."""

COMMAND: Final = "python -m rivya_core.admin move"


@dataclass(frozen=True, slots=True)
class Mark:
    """One side's record of a move. ``id``: the same in source and target. ``place``: the other side, without credentials."""

    id: str
    place: str
    state: State


def read(connection: sa.Connection) -> Mark | None:
    """Return the mark of a database, or None."""
    stored = read_note(connection, MOVE)
    return None if stored is None else Mark(stored["id"], stored["place"], stored["state"])


def write(connection: sa.Connection, mark: Mark | None) -> None:
    """Set or remove (None) the mark of a database, inside the caller's transaction."""
    write_note(connection, MOVE, None if mark is None else asdict(mark), datetime.now(UTC))


def new_id() -> str:
    """Return an id for a move."""
    return uuid.uuid4().hex


def refuse_marked(connection: sa.Connection) -> None:
    """Refuse a database that must not be opened.

    Raises:
        LabError: it was moved away, or a move into it is not finished.
    """
    mark = read(connection)
    if mark is None or mark.state == "going":
        return
    if mark.state == "moved":
        raise LabError(
            "This data folder was moved",
            f"Its generations are in {mark.place} now. Nothing was sent from here.",
            "Set RIVYA_DATABASE_URL and RIVYA_ARCHIVE_URL to where they are, or RIVYA_DATA_DIR to another folder.",
            field="data_dir",
        )
    raise LabError(
        "A move into this database is not finished",
        f"What is in {mark.place} is being moved here.",
        f"Run {COMMAND} again, with the same arguments: it goes on where it ended.",
        field="database_url",
    )
