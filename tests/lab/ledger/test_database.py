"""The database file: durable settings on every connection, writes in line, errors as sentences."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core.api.errors import StorageError
from rivya_core.lab.ledger.database import begin_immediate, open_database, reading, storage_errors
from rivya_core.lab.ledger.ledger import Ledger
from tests.lab.given import added


def test_every_connection_is_durable_and_patient(database: sa.Engine) -> None:
    """WAL, FULL, foreign keys and the busy timeout hold on every connection of the pool."""
    opened = [database.connect() for _ in range(5)]
    for connection in opened:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
        assert found == ["wal", 2, 1, 30_000]
        driver = connection.connection.driver_connection
        assert driver is not None
        assert driver.isolation_level == "IMMEDIATE"
        connection.close()


def test_a_write_holds_the_lock_from_its_first_read(database: sa.Engine) -> None:
    """A second writer gets nowhere between the first one's read and its write."""
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(5)
        with begin_immediate(database):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with begin_immediate(database) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM lab_generations").scalar_one()
        inside.set()
        thread.join(0.2)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_an_error_rolls_back(ledger: Ledger, database: sa.Engine) -> None:
    """Nothing of a failed block is kept, and the connection goes back clean."""

    def write_and_stop() -> None:
        with begin_immediate(database) as connection:
            connection.exec_driver_sql("INSERT INTO lab_settings VALUES ('a', '1', '2026-01-01 00:00:00.000000')")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_stop()
    assert ledger.key_value.get("a") is None
    assert added(ledger).state == "waiting"


def test_another_user_of_the_engine_is_undisturbed(database: sa.Engine) -> None:
    """The engine of the jobs uses plain transactions of the same SQLAlchemy engine; they commit as usual."""
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (a INTEGER)")
        connection.exec_driver_sql("INSERT INTO theirs VALUES (1)")
    with reading(database) as connection:
        assert connection.exec_driver_sql("SELECT a FROM theirs").scalar_one() == 1


def full(database: sa.Engine, _path: Path) -> None:
    """No page more."""
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("CREATE TABLE big (a TEXT)")
        connection.execute(sa.text("INSERT INTO big VALUES (:text)"), {"text": "secret prompt " * 100_000})


def read_only(database: sa.Engine, _path: Path) -> None:
    """Writing is forbidden."""
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
        connection.execute(sa.text("DELETE FROM lab_settings WHERE name = :name"), {"name": "secret prompt"})


def locked(database: sa.Engine, path: Path) -> None:
    """Somebody else writes and does not stop."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with database.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=20")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        other.close()


def damaged(database: sa.Engine, path: Path) -> None:
    """The file's pages were overwritten."""
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    database.dispose()
    size = path.stat().st_size
    with path.open("rb+") as file:
        file.seek(4096)
        file.write(b"\x5a" * (size - 4096))
    with database.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM lab_settings").all()


@pytest.mark.parametrize(
    ("trouble", "title"),
    [
        pytest.param(full, "The disk is full", id="full"),
        pytest.param(read_only, "The database cannot be written", id="read-only"),
        pytest.param(locked, "The database is locked", id="locked"),
        pytest.param(damaged, "The database is damaged", id="damaged"),
    ],
)
def test_trouble_of_the_disk_is_told_in_a_sentence(
    database: sa.Engine, database_path: Path, trouble: Callable[[sa.Engine, Path], None], title: str
) -> None:
    """What has its cause outside the code becomes a StorageError that says what to do, and shows no data."""
    with pytest.raises(StorageError) as caught, storage_errors():
        trouble(database, database_path)
    assert caught.value.title == title
    assert caught.value.hint
    assert "secret prompt" not in f"{caught.value} {caught.value.__cause__}"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file under the database's name is left alone and named as the trouble."""
    path = tmp_path / "lab.sqlite3"
    path.write_text("these are my notes, not a database, and they are long enough to be read as a header" * 20)
    with pytest.raises(StorageError) as caught:
        open_database(path)
    assert caught.value.title == "The database file is not a database"
    assert path.read_text().startswith("these are my notes")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A path into nowhere is a StorageError."""
    with pytest.raises(StorageError, match="cannot be opened"):
        open_database(tmp_path / "none" / "lab.sqlite3")


def test_a_bug_stays_a_bug(database: sa.Engine) -> None:
    """A wrong statement is not dressed up as trouble of the disk."""
    with pytest.raises(sa.exc.OperationalError), reading(database) as connection:
        connection.exec_driver_sql("SELECT nonsense FROM nowhere")


def test_a_path_with_odd_characters_works(tmp_path: Path) -> None:
    """Question marks, spaces and percent signs in the folder's name are part of the name."""
    folder = tmp_path / "my 100% data?x=1#y"
    folder.mkdir()
    engine = open_database(folder / "lab.sqlite3")
    engine.dispose()
    assert (folder / "lab.sqlite3").exists()
