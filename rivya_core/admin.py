"""Look after a shared database: ``python -m rivya_core.admin migrate`` makes its tables, or brings them up to date, ``move`` fills it.

Nothing else changes the tables of a shared database. It reads the same settings as the dashboard.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import count

import sqlalchemy as sa

from rivya_core.api.errors import RivyaError, unusable_setting
from rivya_core.lab.jobs.engine import prepare
from rivya_core.lab.ledger.database import migrate_shared, open_shared, refuse_other_revision, told
from rivya_core.lab.ledger.database.upgrades import revision_of
from rivya_core.lab.ledger.workers import refuse_while_at_work
from rivya_core.opening import keep_zone
from rivya_core.settings import Settings

FILES_A_LINE = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status. What is said goes to standard output, what went wrong to standard error."""
    parser = argparse.ArgumentParser(prog="python -m rivya_core.admin", description=__doc__.split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("migrate", help="make the tables of RIVYA_DATABASE_URL, or bring them up to date")
    one.add_argument("--dumped", action="store_true", help="a dump was taken: change the tables of a filled database")
    two = commands.add_parser("move", help="move the data folder of RIVYA_DATA_DIR into a shared database and a bucket")
    two.add_argument("--to-database", required=True, metavar="URL", help="without a password: PGPASSWORD is used then")
    two.add_argument("--to-archive", default="", metavar="s3://BUCKET/PREFIX", help="without it the files stay here")
    two.add_argument("--time-zone", default="", help="where the days of the database begin; default: this machine's")
    two.add_argument("--dry-run", action="store_true", help="change nothing; say what would be moved, or what stops it")
    options = parser.parse_args(arguments)
    try:
        _say(migrate(Settings(), dumped=options.dumped) if options.command == "migrate" else _move(options))
    except Exception as error:
        sentence = error if isinstance(error, RivyaError) else told(error)
        if sentence is None:
            raise
        sys.stderr.write(f"{sentence}\n")
        return 1
    return 0


def migrate(settings: Settings, *, dumped: bool = False) -> str:
    """Make the tables of a shared database, or bring them up to date; return what was done, in words.

    An empty database is filled at once. ``dumped``: a dump was taken, so that the tables of a filled one may be changed.

    Raises:
        ConfigurationError: no shared database is set, or it was made for another time zone.
        StorageError: no dump was taken, workers are at work, the database is newer or not reachable.
    """
    if settings.database_url is None:
        raise unusable_setting(
            "database_url",
            "is not set, so there is no shared database",
            "A data folder is brought up to date by whoever opens it.",
        )
    database = open_shared(settings.database_url)
    zone = ""

    def refuse(connection: sa.Connection) -> None:
        refuse_while_at_work(connection, settings.worker_silent_s)

    def also(connection: sa.Connection) -> None:
        nonlocal zone
        zone = keep_zone(connection, settings)
        prepare(database.url)

    try:
        revision = revision_of(database)
        if revision is not None and not dumped:
            refuse_other_revision(database, settings.place)
        before, after = migrate_shared(database, settings.place, first=refuse, also=also)
    finally:
        database.dispose()
    days = f"Its days begin at midnight of {zone}."
    if before == after:
        return f"{settings.place} is up to date: revision {after}. {days}"
    was = "was empty" if before is None else f"held revision {before}"
    return f"{settings.place} {was} and holds revision {after} now. {days}"


def _move(options: argparse.Namespace) -> str:
    from rivya_core import moving  # noqa: PLC0415 - loads the archive and its store

    target = moving.target_of(options.to_database, options.to_archive, options.time_zone)
    files = count(1)

    def step(point: moving.Point) -> None:
        if point == "files" and (number := next(files)) % FILES_A_LINE == 0:
            sys.stderr.write(f"{number:,} files are there.\n")

    return moving.move(Settings(), target, dry_run=options.dry_run, step=step)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
