"""Open the database for the lab: look at a file for damage and upgrade it; check that a shared database fits, and its zone.

The tables of a shared database are changed by ``rivya_core.admin`` alone, since other versions may be at work on it.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from rivya_core import local_time
from rivya_core.api.errors import LabError, RivyaError, StorageError, unusable_setting
from rivya_core.lab.jobs.engine import prepare
from rivya_core.lab.ledger import database as databases, move_marks
from rivya_core.lab.ledger.backup.damage import DamagedError, refuse_if_damaged, refuse_if_incomplete, report
from rivya_core.lab.ledger.backup.salvage import state_of
from rivya_core.lab.ledger.database import is_damage, migrate, open_database, reading, refuse_other_revision, told
from rivya_core.lab.ledger.key_value import read_note, write_note
from rivya_core.lab.ledger.mapping import name_unknown_states
from rivya_core.settings import Settings

log = logging.getLogger("rivya.services")

DATABASE: Final = "lab.sqlite3"
TIME_ZONE: Final = "time_zone"
"""Key of the zone whose midnight begins the days of a shared database."""
FIRST_ZONE: Final = "UTC"

_damaged: DamagedError | None = None  # cached, so that not every page run examines the file again


def open_file(folder: Path, stack: ExitStack, *, even_moved: bool = False) -> sa.Engine:
    """Open the database of a data folder after checking it for damage; migrate its tables and those of the engine.

    Raises:
        LabError: what it holds was moved elsewhere, and ``even_moved`` is not set.
    """
    path = folder / DATABASE
    _examine(path)
    database = open_database(path)
    stack.callback(database.dispose)
    migrate(database, path)
    refuse_if_incomplete(path)
    prepare(sa.URL.create("sqlite", database=str(path)))
    with reading(database) as connection:
        if not even_moved:
            move_marks.refuse_marked(connection)
        name_unknown_states(connection)
    return database


def open_shared(settings: Settings, stack: ExitStack) -> sa.Engine:
    """Open the shared database, and let days begin where they begin for all who use it.

    Raises:
        StorageError: it is not reachable, or its tables belong to another version.
        ConfigurationError: it was made for another time zone.
        LabError: a move into it is not finished.
    """
    assert settings.database_url is not None, "only asked for a shared database"
    database = databases.open_shared(settings.database_url)
    stack.callback(database.dispose)
    refuse_other_revision(database, settings.place)
    prepare(None)
    with reading(database) as connection:
        move_marks.refuse_marked(connection)
        zone = zone_for(connection, settings)
        name_unknown_states(connection)
    local_time.use_zone(ZoneInfo(zone))
    stack.callback(local_time.use_zone, None)
    return database


def zone_for(connection: sa.Connection, settings: Settings) -> str:
    """Return the name of the zone whose midnight begins the days of a shared database.

    Raises:
        ConfigurationError: the settings name another one than the database was made for.
    """
    stored = read_note(connection, TIME_ZONE)
    if stored is None:
        return settings.time_zone or FIRST_ZONE
    if settings.time_zone and settings.time_zone != stored:
        raise unusable_setting(
            "time_zone",
            f"is {settings.time_zone}, but the days of {settings.place} begin at midnight of {stored}",
            f"Set RIVYA_TIME_ZONE={stored}, or unset it: a day that moved would change what its cap allows.",
        )
    return str(stored)


def keep_zone(connection: sa.Connection, settings: Settings) -> str:
    """Store the zone of a shared database, once and for all, inside the caller's transaction; return its name."""
    zone = zone_for(connection, settings)
    if read_note(connection, TIME_ZONE) is None:
        write_note(connection, TIME_ZONE, zone, datetime.now(UTC))
    return zone


def _examine(database: Path) -> None:
    global _damaged  # noqa: PLW0603 - see its definition
    try:
        refuse_if_damaged(database)
    except DamagedError as error:
        _damaged = error
        raise
    _damaged = None


def refuse_known_damage(settings: Settings) -> None:
    """Raise the cached damage error again, unless the file has changed since."""
    if settings.is_shared:
        return
    database = settings.data_dir.expanduser().resolve() / DATABASE
    if _damaged is not None and _damaged.damage.database == database and _damaged.damage.seen == state_of(database):
        raise DamagedError(_damaged.damage)


def is_explained(error: BaseException) -> bool:
    """True for an error that says all; not for damage found only while the lab was being opened: nothing was salvaged yet."""
    if isinstance(error, StorageError) and not isinstance(error, DamagedError):
        return not is_damage(error)
    return isinstance(error, RivyaError)


def in_words(settings: Settings, error: Exception) -> RivyaError:
    """Convert an unexpected error while opening the lab to a RivyaError, so that a page shows it and the server keeps running."""
    sentence = told(error)
    if sentence is not None and not is_damage(sentence):
        return sentence
    what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    if not settings.is_shared and isinstance(error, sa.exc.DatabaseError | sqlite3.DatabaseError | StorageError):
        database = settings.data_dir.expanduser().resolve() / DATABASE
        return DamagedError(report(database, ["The database cannot be used as it is."], [what]))
    log.error("the lab could not be opened", exc_info=error)
    return LabError(
        "The lab cannot be opened",
        f"Something nobody foresaw went wrong: {what}.",
        "The program's log has the details. Nothing was sent.",
        field="data_dir",
    )
