"""Move a data folder into a shared database and a bucket: ``python -m rivya_core.admin move``.

Whatever happens on the way, one side is closed: the target until the source is marked as moved, the source from then on. A move
that was interrupted is run again and goes on: rows are copied anew in one transaction, files that are there are passed over.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from filelock import FileLock, Timeout
from pydantic import SecretStr

from rivya_core import opening
from rivya_core.api.errors import LabError, StorageError, unusable_setting
from rivya_core.lab.jobs.engine import prepare
from rivya_core.lab.ledger import move_marks, moved_rows
from rivya_core.lab.ledger.database import (
    begin_immediate,
    migrate,
    migrate_shared,
    open_database,
    open_shared,
    reading,
    reading_at_once,
    refuse_other_revision,
)
from rivya_core.lab.ledger.database.sqlite import SqliteWatch, copy_to
from rivya_core.lab.ledger.database.upgrades import revision_of
from rivya_core.lab.ledger.move_marks import Mark
from rivya_core.lab.media.bucket_store import BucketStore
from rivya_core.lab.media.file_cache import FileCache
from rivya_core.lab.media.moved_files import SentFiles, files_of, send_all
from rivya_core.lab.media.parts import Parts
from rivya_core.private_files import mode_of
from rivya_core.settings import Settings
from rivya_core.settings.shared import name_of_database, read_archive_url, read_database_url

TURNS_MAX: Final = 3
LISTED_MAX: Final = 5

Point = Literal["rows", "files", "mark", "open"]
"""Where a move may be interrupted: in the copy of the rows, after a file, before the source is marked, before the target opens."""


@dataclass(frozen=True)
class Target:
    """Where a data folder is moved to. ``archive_url``: empty leaves the files where they are."""

    database_url: SecretStr
    archive_url: str
    zone: str

    @property
    def place(self) -> str:
        """The database as people may see it."""
        return name_of_database(self.database_url.get_secret_value())


def target_of(database_url: str, archive_url: str, zone: str) -> Target:
    """Check where to move. Raises ConfigurationError with the argument's name; a refused value is not repeated."""
    try:
        url, bucket = read_database_url(database_url), read_archive_url(archive_url)
    except ValueError as error:
        raise unusable_setting("move", f"an argument {error}", f"See {move_marks.COMMAND} --help.") from None
    if not url:
        raise unusable_setting("to_database", "is not given", f"See {move_marks.COMMAND} --help.")
    return Target(SecretStr(url), bucket, zone or machine_zone())


def move(
    settings: Settings, target: Target, *, dry_run: bool = False, step: Callable[[Point], None] = lambda _: None
) -> str:
    """Move the data folder of ``settings``; return what was done, in words. With ``dry_run`` nothing is changed anywhere.

    Raises:
        LabError: something must end first. StorageError: a database or the bucket does not answer, or the copy differs.
        ConfigurationError: the settings are of no data folder, or the days of the target begin in another zone.
    """
    folder = _folder_of(settings, target)
    with ExitStack() as stack:
        _hold(folder, stack)
        source = _copied(folder, stack) if dry_run else opening.open_file(folder, stack, even_moved=True)
        with reading(source) as connection:
            earlier_mark = move_marks.read(connection)
            waiting = moved_rows.open_simulated(connection)
        if waiting and (earlier_mark is None or earlier_mark.state != "moved"):
            raise _must_end(waiting)
        database = open_shared(target.database_url)
        stack.callback(database.dispose)
        store = _store_of(target, stack)
        files = list(files_of(folder / "archive")) if store is not None and not settings.archive_url else []
        plan = _Plan(settings, folder, target, source, database, store if files else None, step)
        mark = earlier_mark or Mark(move_marks.new_id(), target.place, "going")
        if dry_run:
            return _preview(plan, mark, files)
        return _moved(plan, mark)


@dataclass(frozen=True)
class _Plan:
    settings: Settings
    folder: Path
    target: Target
    source: sa.Engine
    database: sa.Engine
    store: BucketStore | None
    step: Callable[[Point], None]


def _moved(plan: _Plan, mark: Mark) -> str:
    _prepare_target(plan)
    with begin_immediate(plan.database) as connection:
        theirs = move_marks.read(connection)
        _refuse_other_move(plan, mark, theirs)
        if mark.state == "moved" and theirs is None:
            return f"{plan.folder} was moved to {mark.place} before. Nothing was left to do."
        moved_rows.refuse_busy(connection, plan.target.place, plan.settings.worker_silent_s)
        if theirs is None:
            moved_rows.refuse_filled(connection, plan.target.place)
        move_marks.write(connection, Mark(mark.id, str(plan.folder), "unfinished"))
    sent = SentFiles(0, 0)
    if mark.state != "moved":
        mark = replace(mark, place=plan.target.place)
        with begin_immediate(plan.source) as connection:
            move_marks.write(connection, mark)
        sent = _copy_until_nothing_changes(plan, mark)
    plan.step("open")
    with begin_immediate(plan.database) as connection:
        totals = moved_rows.totals(connection)
        move_marks.write(connection, None)
    rows = sum(count for count in totals.values() if isinstance(count, int))
    generations = totals["lab_generations"]
    return (
        f"{plan.folder} was moved to {plan.target.place}: {generations:,} generations, {rows:,} rows, "
        f"{sent.sent:,} files sent, {sent.there:,} were there. Credits and counts agree. "
        "The folder stays as it is and is not opened any more."
    )


def _copy_until_nothing_changes(plan: _Plan, mark: Mark) -> SentFiles:
    """Copy rows and files, then mark the source as moved in a transaction that saw no change since the rows were read."""
    watch = SqliteWatch(plan.source)
    total = SentFiles(0, 0)
    for _ in range(TURNS_MAX):
        version = watch.changes()
        _copy_rows(plan)
        if plan.store is not None:
            sent_files = send_all(plan.folder / "archive", plan.store, lambda: plan.step("files"))
            total = SentFiles(
                total.sent + sent_files.sent, sent_files.there if total == SentFiles(0, 0) else total.there
            )
        plan.step("mark")
        with begin_immediate(plan.source) as connection:
            if watch.changes() != version:
                continue
            with reading(plan.database) as theirs:
                moved_rows.refuse_difference(moved_rows.totals(connection), moved_rows.totals(theirs))
            move_marks.write(connection, replace(mark, state="moved"))
            return total
    raise LabError(
        "The data folder is still being used",
        "Something was written to it while it was copied.",
        "Close every dashboard and script of it, and run the move again.",
        field="data_dir",
    )


def _copy_rows(plan: _Plan) -> None:
    with reading_at_once(plan.source) as source, begin_immediate(plan.database) as target:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):  # many rows take their time
            target.exec_driver_sql(f"SET LOCAL {name} = 0")
        moved_rows.clear(target)
        moved_rows.copy_all(source, target, lambda: plan.step("rows"))


# -- before anything is changed ----------------------------------------------------------------------------------------


def _folder_of(settings: Settings, target: Target) -> Path:
    if settings.is_shared:
        raise unusable_setting(
            "database_url",
            "is set, but a data folder is what is moved",
            "Unset RIVYA_DATABASE_URL and let RIVYA_DATA_DIR name the folder; give the database as --to-database.",
        )
    if settings.archive_url and target.archive_url not in {"", settings.archive_url}:
        raise unusable_setting(
            "archive_url",
            f"is {settings.archive_url}, and files are not moved from one bucket to another",
            f"Give --to-archive {settings.archive_url}, or leave it out; copy the bucket with its own tools later.",
        )
    folder = settings.data_dir.expanduser().resolve()
    if not (folder / opening.DATABASE).is_file():
        raise unusable_setting("data_dir", f"holds no database: {folder}", "Let RIVYA_DATA_DIR name the data folder.")
    return folder


def _hold(folder: Path, stack: ExitStack) -> None:
    """Hold the lock of the process that runs the folder's jobs. Raises LabError while one runs."""
    path = folder / "executor.lock"
    lock = FileLock(path, mode=mode_of(path), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LabError(
            "The data folder is in use",
            f"A process runs the jobs of {folder}.",
            "Stop the program, then run the move again.",
            field="data_dir",
        ) from None
    stack.callback(lock.release)


def _copied(folder: Path, stack: ExitStack) -> sa.Engine:
    """Open a copy of the folder's database in the newest form; the folder's own stays as it is."""
    beside = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rivya-move-")))
    original = open_database(folder / opening.DATABASE)
    try:
        copy_to(original, beside / opening.DATABASE)
    finally:
        original.dispose()
    database = open_database(beside / opening.DATABASE)
    stack.callback(database.dispose)
    migrate(database, beside / opening.DATABASE)
    return database


def _store_of(target: Target, stack: ExitStack) -> BucketStore | None:
    """Return the bucket, after asking it whether it is there; None without one."""
    if not target.archive_url:
        return None
    beside = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rivya-move-")))
    parts = Parts(beside / "parts", shared=False)
    store = BucketStore(target.archive_url, parts, FileCache(beside / "cache", 0))
    stack.callback(store.close)
    store.refuse_unusable()
    return store


def _must_end(waiting: list[str]) -> LabError:
    named = ", ".join(waiting[:LISTED_MAX]) + (" and others" if len(waiting) > LISTED_MAX else "")
    return LabError(
        "Generations of the built-in simulator are still open",
        f"{len(waiting)} of them: {named}. Only the process of this folder can end them. Nothing was moved.",
        "Start the program and let them end, or cancel them; then stop it and run the move again.",
        field="data_dir",
    )


def _refuse_other_move(plan: _Plan, mark: Mark, theirs: Mark | None) -> None:
    if mark.state == "moved" and mark.place != plan.target.place:
        raise LabError(
            "This data folder was moved",
            f"Its generations are in {mark.place}.",
            "It cannot be moved to a second place.",
            field="data_dir",
        )
    if theirs is not None and theirs.id != mark.id:
        raise StorageError(
            "Another move into this database is not finished",
            f"{plan.target.place} takes what is in {theirs.place}.",
            "Finish that one, or move into an empty database.",
            field="database",
        )


def _prepare_target(plan: _Plan) -> None:
    """Make the tables of an empty target, and keep its zone; a filled one must have the newest tables."""
    if revision_of(plan.database) is not None:
        refuse_other_revision(plan.database, plan.target.place)
    settings = _settings_there(plan)

    def also(connection: sa.Connection) -> None:
        opening.keep_zone(connection, settings)
        prepare(plan.database.url)

    migrate_shared(plan.database, plan.target.place, also=also)


def _settings_there(plan: _Plan) -> Settings:
    return plan.settings.model_copy(
        update={"database_url": plan.target.database_url, "archive_url": "", "time_zone": plan.target.zone}
    )


def _preview(plan: _Plan, mark: Mark, files: list[tuple[str, Path]]) -> str:
    """Say what a move would do, after checking all that would stop it."""
    if revision_of(plan.database) is None:
        tables = "It is empty: its tables would be made."
    else:
        refuse_other_revision(plan.database, plan.target.place)
        with reading(plan.database) as connection:
            opening.zone_for(connection, _settings_there(plan))
            theirs = move_marks.read(connection)
            _refuse_other_move(plan, mark, theirs)
            moved_rows.refuse_busy(connection, plan.target.place, plan.settings.worker_silent_s)
            if theirs is None and mark.state != "moved":
                moved_rows.refuse_filled(connection, plan.target.place)
        tables = "It is empty and has its tables." if theirs is None else "An interrupted move into it would go on."
    with reading(plan.source) as connection:
        totals = moved_rows.totals(connection)
    rows = sum(count for name, count in totals.items() if name.startswith("lab_"))
    size = sum(path.stat().st_size for _, path in files)
    return (
        f"Nothing was changed. {plan.folder} would be moved to {plan.target.place}: {totals['lab_generations']:,} "
        f"generations, {rows:,} rows, {len(files):,} files of {size / 1e6:,.1f} MB. {tables} "
        f"Days would begin at midnight of {plan.target.zone}."
    )


def machine_zone() -> str:
    """Return the name of this machine's time zone, in which the days of a data folder begin.

    Raises:
        ConfigurationError: the system does not tell it.
    """
    named = Path("/etc/localtime").resolve().as_posix().partition("/zoneinfo/")[2] or "UTC"
    year = datetime.now(UTC).year
    try:
        zone = ZoneInfo(named)
        is_it = all(
            moment.astimezone().utcoffset() == moment.astimezone(zone).utcoffset()
            for moment in (datetime(year, month, 1, tzinfo=UTC) for month in (1, 4, 7, 10))
        )
    except (KeyError, ValueError, OSError):
        is_it = False
    if not is_it:
        raise unusable_setting(
            "time_zone",
            "of this machine has no name that could be found",
            "Give it as --time-zone, such as Europe/Berlin: the caps of a day hold from midnight to midnight there.",
        )
    return named
