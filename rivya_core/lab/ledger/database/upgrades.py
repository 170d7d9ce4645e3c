"""Bring the tables to the newest revision: a file when it is opened, a shared database only on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock

from rivya_core.api.errors import StorageError
from rivya_core.lab.ledger.database import postgresql, sqlite
from rivya_core.lab.ledger.database.errors import storage_errors
from rivya_core.lab.ledger.database.transactions import begin_immediate
from rivya_core.lab.ledger.migrations import VERSION_TABLE, config
from rivya_core.lab.ledger.schema import PREFIX
from rivya_core.private_files import mode_of

MIGRATE = "python -m rivya_core.admin migrate"
"""The command that changes the tables of a shared database."""


def migrate(engine: sa.Engine, path: Path, *, scripts: Path | None = None) -> None:
    """Bring the SQLite database at ``path`` to the newest revision; a filled file that is behind is copied first.

    The copy is ``<path>.backup-<revision>``, the revision being the one it holds. Safe to call from several processes at
    once: one works, the others wait and find nothing to do. All or nothing. ``scripts``: another folder of revisions.

    Raises:
        StorageError: the file was written by a newer version, or the backup or the upgrade cannot be written.
    """
    settings = config(scripts)
    with FileLock(f"{path}.migrate.lock", mode=mode_of(Path(f"{path}.migrate.lock"))), storage_errors():
        with engine.connect() as connection:
            found = _revision(connection)
        if found == _head(scripts):
            return
        if found is not None:
            _refuse_newer(found, settings, str(path), "choose another folder with RIVYA_DATA_DIR")
            sqlite.copy_to(engine, path.with_name(f"{path.name}.backup-{found}"))
        with _file_upgrade(engine) as connection:
            _run(connection, settings)


def migrate_shared(
    engine: sa.Engine,
    place: str,
    *,
    also: Callable[[sa.Connection], None],
    first: Callable[[sa.Connection], None] | None = None,
    scripts: Path | None = None,
) -> tuple[str | None, str]:
    """Bring a PostgreSQL database to the newest revision; return the revisions before (None: empty) and after.

    Safe to call from several processes at once. All or nothing. ``place``: its name for people. ``also``: what else belongs
    to it, run inside the same transaction, whether or not a revision was new. ``first``: raises when a filled database must
    not be changed now.

    Raises:
        StorageError: the tables belong to a newer version, or cannot be changed.
    """
    settings = config(scripts)
    with begin_immediate(engine) as connection:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):  # many rows take their time
            connection.exec_driver_sql(f"SET LOCAL {name} = 0")
        found = _revision(connection)
        if found is not None:
            _refuse_newer(found, settings, place, "let RIVYA_DATABASE_URL name another database")
        if found != _head(scripts):
            if found is not None and first is not None:
                first(connection)
            _run(connection, settings)
        postgresql.order_by_code_points(connection, PREFIX)
        also(connection)
    return found, _head(scripts)


def revision_of(engine: sa.Engine) -> str | None:
    """Return the revision that a database holds; None for an empty one."""
    with storage_errors(), engine.connect() as connection:
        return _revision(connection)


def refuse_other_revision(engine: sa.Engine, place: str, *, scripts: Path | None = None) -> None:
    """Check that a shared database holds the revision that this version works with. ``place``: its name for people.

    Raises:
        StorageError: it is empty, older or newer.
    """
    found, head = revision_of(engine), _head(scripts)
    if found == head:
        return
    if found is None:
        raise StorageError(
            "The database is empty",
            f"{place} has none of Rivya Lab's tables yet.",
            f"Make them with: {MIGRATE}",
            field="database",
        )
    _refuse_newer(found, config(scripts), place, "let RIVYA_DATABASE_URL name another database")
    raise StorageError(
        "The database belongs to an older Rivya Lab",
        f"{place} holds revision {found}, and this version works with {head}. It was left as it is.",
        f"Stop all workers, take a dump with pg_dump, then run: {MIGRATE} --dumped",
        field="database",
    )


@cache
def _head(scripts: Path | None) -> str:
    """Return the newest revision, found once in a process: Alembic loads every revision's file to tell."""
    return ScriptDirectory.from_config(config(scripts)).get_current_head() or ""


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _refuse_newer(found: str, settings: Config, place: str, otherwise: str) -> None:
    known = ScriptDirectory.from_config(settings).walk_revisions()
    if found not in {script.revision for script in known}:
        raise StorageError(
            "The database belongs to a newer Rivya Lab",
            f"{place} holds revision {found}, which this version does not know. It was left as it is.",
            f"Start the newer version again, or {otherwise}.",
            field="database",
        )


def _run(connection: sa.Connection, settings: Config) -> None:
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


@contextmanager
def _file_upgrade(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield one transaction. Foreign keys are off meanwhile, since SQLite rebuilds tables, and are checked at the end."""
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.rollback()
        try:
            sqlite.begin_writing(connection)
            yield connection
            _check_references(connection)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            connection.rollback()


def _check_references(connection: sa.Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    broken = sorted({str(row[0]) for row in found if str(row[0]).startswith(PREFIX)})
    if broken:
        raise AssertionError(f"the upgrade would leave broken references in {broken}")
