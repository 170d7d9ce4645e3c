"""A damaged database: seen before it is written to, told in words, read as far as it goes, compared with the newest copy."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import pytest

from rivya_core.api.errors import RivyaError
from rivya_core.lab.ledger.backup import copies
from rivya_core.lab.ledger.backup.damage import DamagedError, examine
from rivya_core.lab.ledger.backup.salvage import STORED_ORDER, read_rows
from rivya_core.lab.ledger.database import begin_immediate, open_database
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from rivya_core.services import close_all, open_lab
from rivya_core.settings import Settings
from tests.conftest import FAST
from tests.lab.given import Clock, added
from tests.template import copy_template

PAGE = 4096
ROWS = 60
LATER = 10
DAY = date(2026, 11, 19)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with sixty generations, of which the last ten are newer than the copy in it."""
    path = tmp_path_factory.mktemp("filled") / "lab.sqlite3"
    copy_template(path)
    engine = open_database(path)
    ledger = Ledger(engine, Clock(), key_fingerprint="f" * 16)
    for number in range(ROWS - LATER):
        sent(ledger, number)
    copies.make(path, DAY)
    for number in range(ROWS - LATER, ROWS):
        sent(ledger, number)
    engine.dispose()
    return path.parent


def sent(ledger: Ledger, number: int) -> None:
    """A generation that Rivya has accepted, with a prompt that needs pages of its own now and then."""
    row = added(ledger, f"A red fox, number {number}. " + "Golden light over a frozen lake. " * (number % 36 * 4))
    ledger.jobs.begin_attempt(row.id, b'{"a": 1}', "b" * 64)
    assert ledger.jobs.accept(
        row.id, task_id=f"task_{number:04}", reserved_credits=160, task_status="queued", simulated=True
    )


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """The data folder of this test: a copy of the filled one."""
    shutil.copytree(filled, tmp_path / "data", dirs_exist_ok=True)
    return tmp_path / "data"


def root_page(path: Path, name: str) -> int:
    """Where a table or an index begins in the file."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    return int(found[0])


def flip(path: Path, start: int, length: int = 64) -> None:
    """Overwrite a range with noise."""
    with path.open("rb+") as file:
        file.seek(start)
        file.write(random.Random(start).randbytes(length))


def in_root(name: str) -> Callable[[Path], None]:
    """Damage in the first page of a table or index."""
    return lambda path: flip(path, (root_page(path, name) - 1) * PAGE, 16)


def truncated(path: Path) -> None:
    """The second half is gone."""
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size // 2 + 100)


def zeroed(path: Path) -> None:
    """Zeros in the middle."""
    size = path.stat().st_size
    with path.open("rb+") as file:
        file.seek(size // 3)
        file.write(b"\0" * (size // 3))


def no_revision(path: Path) -> None:
    """The table that tells the version is empty."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM lab_alembic_version")
        connection.commit()


def no_table(path: Path) -> None:
    """A table's name changed in the description."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_master SET name='lab_fatings', tbl_name='lab_fatings' WHERE name='lab_ratings'"
        )
        connection.commit()


def emptied(path: Path) -> None:
    """The file is there and holds nothing."""
    path.write_bytes(b"")


def something_else(path: Path) -> None:
    """The file holds notes."""
    path.write_text("these are my notes, not a database. " * 400)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "header": lambda path: flip(path, 0, 100),
    "magic": lambda path: flip(path, 0, 8),
    "format bytes": lambda path: flip(path, 18, 2),
    "schema page": lambda path: flip(path, 100, 300),
    "schema text": lambda path: flip(path, path.read_bytes().index(b"CREATE TABLE lab_generations"), 40),
    "generations": in_root("lab_generations"),
    "events": in_root("lab_events"),
    "settings": in_root("lab_settings"),
    "index": in_root("ix_lab_generations_state"),
    "unique index": in_root("sqlite_autoindex_lab_generations_1"),
    "search": in_root("lab_prompts_fts_data"),
    "engine": in_root("workflow_status"),
    "engine's version": in_root("dbos_migrations"),
    "truncated": truncated,
    "zeroed": zeroed,
    "no revision": no_revision,
    "no table": no_table,
    "empty": emptied,
    "gone": lambda path: path.unlink(),
    "something else": something_else,
}


def opened(folder: Path) -> None:
    """Open the folder and close it again."""
    try:
        open_lab(Settings(**{**FAST, "data_dir": folder}))
    finally:
        close_all()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_damage_is_told_and_the_file_is_left_as_it_is(folder: Path, damage: Callable[[Path], None]) -> None:
    """Whatever was hit, opening says it in words, names the copy and what it lacks, and writes nothing to the file."""
    path = folder / "lab.sqlite3"
    damage(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(DamagedError) as caught:
        opened(folder)
    assert (path.read_bytes() if path.exists() else None) == before
    found = caught.value.damage
    assert found.faults
    assert all(fault.endswith(".") and "Error" not in fault for fault in found.faults)
    assert found.copy is not None
    assert found.copy.path.name == "lab-2026-11-19.sqlite3"
    assert found.copy.generations == ROWS - LATER
    known = {row.task_id for row in found.rows.values()} - {None}
    lacked = {lack.row.task_id for lack in found.copy.lacks}
    assert lacked == known - {f"task_{number:04}" for number in range(ROWS - LATER)}
    if found.rows:
        assert found.saved is not None
        told = json.loads(found.saved.read_text(encoding="utf-8"))
        assert {row["task_id"] for row in told["generations"]} >= known
        assert found.saved.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "least"),
    [(name, ROWS) for name in DAMAGES if name not in {"truncated", "zeroed", "empty", "gone", "something else"}]
    + [("truncated", 3), ("zeroed", 3)],
)
def test_what_can_be_read_is_read(folder: Path, name: str, least: int) -> None:
    """Neither the header nor the description nor a table's first page is needed to find ids, keys, task ids and holds."""
    path = folder / "lab.sqlite3"
    DAMAGES[name](path)
    rows = read_rows(path)
    whole = [row for row in rows.values() if row.task_id and row.held_credits == 160 and row.idempotency_key == row.id]
    assert len(whole) >= least
    assert {row.state for row in whole} == {State.RUNNING.value}


def test_a_whole_folder_opens(folder: Path) -> None:
    """No fault is seen where there is none, and the examined folder opens."""
    assert examine(folder / "lab.sqlite3") == ((), ())
    opened(folder)
    assert examine(folder / "lab.sqlite3") == ((), ())


def test_random_damage_never_ends_in_a_raw_error(folder: Path, filled: Path) -> None:
    """Noise anywhere: the lab opens, or says in words why not."""
    path = folder / "lab.sqlite3"
    size = path.stat().st_size
    chance = random.Random(17)
    for _ in range(12):
        shutil.copy(filled / "lab.sqlite3", path)
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        flip(path, chance.randrange(size - 600), chance.choice([1, 8, 64, 600]))
        with suppress(RivyaError):
            opened(folder)


def test_the_description_of_the_columns_is_right(folder: Path) -> None:
    """The order in which the file holds the columns is the one in which they are read out of its pages."""
    with closing(sqlite3.connect(folder / "lab.sqlite3")) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(lab_generations)")]
    assert tuple(names[: len(STORED_ORDER)]) == STORED_ORDER


# -- the write-ahead log -------------------------------------------------------------------------------------------


@pytest.fixture
def with_log(folder: Path, tmp_path: Path) -> Path:
    """A folder whose last five generations stand in the write-ahead log only, as a killed process leaves it."""
    path = folder / "lab.sqlite3"
    engine = open_database(path)
    with begin_immediate(engine):
        pass
    ledger = Ledger(engine, Clock(), key_fingerprint="f" * 16)
    for number in range(ROWS, ROWS + 5):
        sent(ledger, number)
    killed = tmp_path / "killed"
    shutil.copytree(folder, killed)
    engine.dispose()
    return killed


def test_a_log_that_a_kill_left_is_no_damage(with_log: Path) -> None:
    """The usual end of a killed process opens, with everything that was committed."""
    assert examine(with_log / "lab.sqlite3") == ((), ())
    assert len(read_rows(with_log / "lab.sqlite3")) == ROWS + 5


def test_a_log_torn_at_its_end_is_no_damage(with_log: Path) -> None:
    """A power cut tears the last transaction, of which nobody was told that it is stored."""
    wal = with_log / "lab.sqlite3-wal"
    with wal.open("rb+") as file:
        file.truncate(wal.stat().st_size - 300)
    assert examine(with_log / "lab.sqlite3") == ((), ())


@pytest.mark.parametrize("at", [8, 32 + 24 + 500])
def test_a_damaged_log_is_told_and_read(with_log: Path, at: int) -> None:
    """SQLite would drop the rest of the log without a word; the task ids in it are found all the same."""
    path = with_log / "lab.sqlite3"
    flip(path.with_name("lab.sqlite3-wal"), at, 8)
    with pytest.raises(DamagedError, match="write-ahead log") as caught:
        opened(with_log)
    known = {row.task_id for row in caught.value.damage.rows.values()}
    assert {f"task_{number:04}" for number in range(ROWS + 5)} <= known


@pytest.mark.parametrize("what", ["log", "file"])
def test_a_part_that_was_taken_away_is_told(with_log: Path, what: str) -> None:
    """A log without its file, and an index of a log that is not there: both tell that something was removed."""
    path = with_log / "lab.sqlite3"
    (path if what == "file" else path.with_name("lab.sqlite3-wal")).unlink()
    with pytest.raises(DamagedError):
        opened(with_log)


def test_a_log_of_another_file_is_told(with_log: Path, filled: Path) -> None:
    """Its pages do not fit the file."""
    path = with_log / "lab.sqlite3"
    other = sqlite3.connect(with_log.parent / "other.sqlite3", isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("CREATE TABLE other (a TEXT)")
    other.executemany("INSERT INTO other VALUES (?)", [("x" * 3000,) for _ in range(40)])
    shutil.copy(with_log.parent / "other.sqlite3-wal", with_log / "lab.sqlite3-wal")
    (with_log / "lab.sqlite3-shm").unlink()
    other.close()
    with pytest.raises(DamagedError) as caught:
        opened(with_log)
    assert len(caught.value.damage.rows) >= ROWS
    assert path.exists()
