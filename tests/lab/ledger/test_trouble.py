"""Trouble of the database while it is open: one line of log, a sentence in health, nothing bought blind, and on it goes."""

from __future__ import annotations

import logging
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from rivya_core import GenerationRequest
from rivya_core.api.errors import StorageError
from rivya_core.lab.jobs import context, crash_points
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger import trouble as troubles
from rivya_core.lab.ledger.database import OneLineFilter, damage_error, sqlite, transactions, trouble_of
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.trouble import Trouble
from tests.until import HANGS_S, until

REQUEST = GenerationRequest(prompt="A red fox in the snow")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon; nothing was told before."""
    monkeypatch.setattr(context, "BACK_OFF_S", 0.2)
    monkeypatch.setattr(sys.modules["rivya_core.lab.jobs.create"], "ACCEPT_AGAIN_S", 0.1)
    monkeypatch.setattr(troubles, "_logged_at_s", {})


class OtherProgram:
    """Holds the database of a lab. While it does, whoever waits for the lock gives up soon; before and after, as ever."""

    def __init__(self, lab: Lab, database: Path) -> None:
        self._engine = lab.ledger.database
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False, timeout=HANGS_S)
        self._turns = pytest.MonkeyPatch()

    def lock(self) -> None:
        """Take the write lock."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._turns.setattr(transactions, "TURN_MAX_S", 0.1)
        event.listen(self._engine, "checkout", impatient)

    def release(self) -> None:
        """Give it back."""
        event.remove(self._engine, "checkout", impatient)
        event.listen(self._engine, "checkout", patient)
        self._turns.undo()
        self._connection.close()


def impatient(connection: sqlite3.Connection, *_: object) -> None:
    """Give up on a lock soon."""
    connection.execute("PRAGMA busy_timeout=100")


def patient(connection: sqlite3.Connection, *_: object) -> None:
    """Wait for a lock as long as ever."""
    connection.execute(f"PRAGMA busy_timeout={sqlite.BUSY_TIMEOUT_MS}")


@pytest.fixture
def other(lab: Lab, data_dir: Path) -> OtherProgram:
    """Another program with the lab's database open."""
    return OtherProgram(lab, data_dir / "lab.sqlite3")


def traces(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Log records that carry a trace."""
    return [record.getMessage() for record in caplog.records if record.exc_info]


def test_a_locked_database_is_one_line_and_goes_on(
    lab: Lab, other: OtherProgram, caplog: pytest.LogCaptureFixture
) -> None:
    """While another program holds the database nothing is stored and health says so; afterwards everything goes on."""
    other.lock()
    with pytest.raises(StorageError, match="locked"):
        lab.submit(REQUEST)
    assert not lab.health().ok
    assert "locked" in lab.health().database
    assert any("locked" in trouble for trouble in lab.troubles())
    lab.refresh_balance()
    until(lambda: "The database is locked" in caplog.text)
    other.release()
    assert lab.wait(lab.submit(REQUEST).id).state is State.SUCCEEDED
    until(lambda: lab.health().ok)
    assert lab.troubles() == []
    assert traces(caplog) == []
    assert caplog.text.count("The database is locked") == 1


def test_a_task_id_waits_for_a_database_that_is_locked(
    lab: Lab, other: OtherProgram, caplog: pytest.LogCaptureFixture
) -> None:
    """Rivya has accepted and the database cannot take the task id: it is kept until it can; one task, one charge."""
    assert lab.simulator is not None

    def watcher(point: crash_points.CrashPoint, _generation_id: str) -> None:
        if point is crash_points.CrashPoint.ANSWERED:
            other.lock()

    crash_points.watch(watcher)
    try:
        row = lab.submit(REQUEST)
        until(lambda: "The database is locked" in caplog.text)
        crash_points.watch(None)
        assert lab.get(row.id).task_id is None
    finally:
        crash_points.watch(None)
        other.release()
    assert lab.wait(row.id).state is State.SUCCEEDED
    assert lab.get(row.id).attempts == 1
    assert len(lab.simulator.world.tasks()) == 1
    assert traces(caplog) == []


def test_a_full_disk_is_one_line_and_goes_on(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """No page more can be had: the row that is under way keeps its state; with room again it comes to its end, paid once."""
    engine = lab.ledger.database
    lab.pause_queue()
    row = lab.submit(REQUEST)
    event.listen(engine, "checkout", small)
    many = [GenerationRequest(prompt="x" * 5000)] * 25
    with pytest.raises(StorageError, match="full"):
        lab.submit_many(many)
    assert "full" in lab.health().database
    assert lab.get(row.id).state is State.WAITING
    event.remove(engine, "checkout", small)
    event.listen(engine, "checkout", roomy)
    lab.resume()
    assert lab.wait(row.id).state is State.SUCCEEDED
    until(lambda: lab.health().ok)
    assert traces(caplog) == []


def small(connection: sqlite3.Connection, *_: object) -> None:
    """The file cannot grow."""
    connection.execute("PRAGMA max_page_count=1")


def roomy(connection: sqlite3.Connection, *_: object) -> None:
    """There is room again."""
    connection.execute("PRAGMA max_page_count=1073741823")


def test_damage_that_appears_stops_what_costs(lab: Lab) -> None:
    """Once a page cannot be read any more nothing is sent or taken in, and every page says so."""
    assert lab.simulator is not None
    lab.pause_queue()
    row = lab.submit(REQUEST)
    trouble_of(lab.ledger.database).note(damage_error(), is_damage=True)
    lab.resume()
    with pytest.raises(StorageError, match="damaged"):
        lab.submit(REQUEST)
    assert not lab.health().ok
    assert any("damaged" in trouble for trouble in lab.troubles())
    with pytest.raises(StorageError, match="damaged"):
        lab.ledger.jobs.begin_attempt(row.id, b"{}", "0" * 64)
    assert lab.simulator.world.tasks() == []
    assert lab.get(row.id).state is State.WAITING


def test_damage_is_noticed_by_whoever_meets_it(lab: Lab, data_dir: Path) -> None:
    """A read that finds a broken page tells the whole lab."""
    with closing(sqlite3.connect(data_dir / "lab.sqlite3")) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name='lab_cap_changes'").fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    with (data_dir / "lab.sqlite3").open("rb+") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x5a" * 64)
    lab.ledger.database.dispose()
    with pytest.raises(StorageError, match="damaged"), lab.ledger.reading() as connection_:
        connection_.exec_driver_sql("SELECT * FROM lab_cap_changes").all()
    assert "damaged" in lab.health().database


def test_a_passing_trouble_is_forgotten() -> None:
    """By time, or by a write that was stored; damage stays."""
    now = [0.0]
    trouble = Trouble(lambda: now[0])
    trouble.note(StorageError("The disk is full", field="database"), is_damage=False)
    assert trouble.current() is not None
    now[0] = 61.0
    assert trouble.current() is None
    trouble.note(StorageError("The disk is full", field="database"), is_damage=False)
    trouble.wrote()
    assert trouble.current() is None
    trouble.note(damage_error(), is_damage=True)
    trouble.wrote()
    now[0] = 1e6
    assert trouble.current() is not None


def test_the_reports_of_the_job_engine_become_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Its trace of a full disk is our sentence; its other reports pass."""
    heard = OneLineFilter()

    def record(text: str) -> logging.LogRecord:
        return logging.LogRecord("dbos", logging.ERROR, "", 0, text, None, None)

    assert not heard.filter(record("Error connecting: (sqlite3.OperationalError) database or disk is full"))
    assert not heard.filter(record("Error connecting: (sqlite3.OperationalError) database or disk is full"))
    assert heard.filter(record("something else"))
    assert caplog.text.count("The disk is full") == 1
