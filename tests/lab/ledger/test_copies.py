"""The daily copy: whole, alone, three kept, never of a damaged file; and who makes it when."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from rivya_core.lab.jobs.copier import Copier
from rivya_core.lab.ledger.backup import copies
from rivya_core.lab.ledger.database import trouble_of
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from tests.lab.given import added, in_state

DAY = date(2026, 11, 20)


class Clock:
    """The copier's days and seconds."""

    def __init__(self) -> None:
        self.day, self.seconds = DAY, 0.0


class Rig(NamedTuple):
    """A copier and what it stands on."""

    copier: Copier
    path: Path
    clock: Clock


@pytest.fixture
def rig(ledger: Ledger, database_path: Path) -> Rig:
    """A copier whose thread does not run."""
    clock = Clock()
    copier = Copier(database_path, ledger, lambda: True, today=lambda: clock.day, clock=lambda: clock.seconds)
    return Rig(copier, database_path, clock)


def test_one_copy_a_day_and_three_are_kept(rig: Rig, ledger: Ledger) -> None:
    """Each holds what there was, is one private file, and copies made before an upgrade stay."""
    before_upgrade = rig.path.with_name("lab.sqlite3.backup-0001")
    before_upgrade.write_bytes(b"older")
    for number in range(5):
        row = added(ledger)
        rig.copier.look()
        rig.copier.look()
        made = copies.daily_paths(rig.path)
        assert made[0].name == f"lab-{rig.clock.day:%Y-%m-%d}.sqlite3"
        with closing(sqlite3.connect(made[0])) as copy:
            assert copy.execute("SELECT count(*), max(id) FROM lab_generations").fetchone()[0] == number + 1
            assert copy.execute("SELECT state FROM lab_generations WHERE id = ?", (row.id,)).fetchone() == ("waiting",)
        rig.clock.day += timedelta(days=1)
    assert [path.name[4:14] for path in copies.daily_paths(rig.path)] == ["2026-11-24", "2026-11-23", "2026-11-22"]
    assert sorted(path.name for path in copies.folder(rig.path).iterdir()) == sorted(
        path.name for path in copies.daily_paths(rig.path)
    )
    assert {path.stat().st_mode & 0o777 for path in copies.daily_paths(rig.path)} == {0o600}
    assert before_upgrade.exists()
    assert rig.copier.trouble == ""


def test_a_damaged_database_is_not_copied(rig: Rig, ledger: Ledger, database: sa.Engine) -> None:
    """The copies of the days before stay, health says why, and nothing is bought any more."""
    added(ledger)
    rig.copier.look()
    rig.clock.day += timedelta(days=1)
    with database.connect() as connection:
        page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name='lab_events'").scalar_one()
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    with rig.path.open("rb+") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x5a" * 64)
    rig.copier.look()
    assert [path.name for path in copies.folder(rig.path).iterdir()] == ["lab-2026-11-20.sqlite3"]
    assert "damaged" in rig.copier.trouble
    assert trouble_of(database).damage is not None


def test_a_full_disk_is_told_and_tried_again(
    rig: Rig, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line, a sentence in health, no part left behind; with room again the copy is made."""
    usage: Any = shutil.disk_usage(rig.path.parent)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        rig.copier.look()
        assert rig.copier.trouble == "The daily copy could not be made: No space left on device."
        assert [record.exc_info for record in caplog.records] == [None]
        assert list(copies.folder(rig.path).iterdir()) == []
    rig.copier.look()
    assert copies.daily_paths(rig.path) == []
    rig.clock.seconds += 601
    rig.copier.look()
    assert len(copies.daily_paths(rig.path)) == 1
    assert rig.copier.trouble == ""


def test_creates_in_flight_go_first_but_not_for_ever(rig: Rig, ledger: Ledger) -> None:
    """While a request is being sent no copy begins; after a quarter of an hour it does."""
    row = in_state(ledger, State.SUBMITTING)
    rig.copier.look()
    assert copies.daily_paths(rig.path) == []
    assert ledger.get(row.id).state is State.SUBMITTING
    rig.clock.seconds += 901
    rig.copier.look()
    assert len(copies.daily_paths(rig.path)) == 1


def test_only_the_process_that_runs_the_jobs_copies(ledger: Ledger, database_path: Path) -> None:
    """A viewer makes none."""
    Copier(database_path, ledger, lambda: False).look()
    assert copies.daily_paths(database_path) == []


def test_a_file_system_that_cannot_sync_a_folder_keeps_the_copy(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it keeps clips; an error of the disk itself is told."""
    real = os.fsync
    answers = {"code": errno.EINVAL}

    def sync(number: int) -> None:
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(answers["code"], "no")
        real(number)

    monkeypatch.setattr(os, "fsync", sync)
    rig.copier.look()
    assert (rig.copier.trouble, len(copies.daily_paths(rig.path))) == ("", 1)
    answers["code"] = errno.EIO
    rig.clock.day += timedelta(days=1)
    rig.copier.look()
    assert "could not be made" in rig.copier.trouble


def test_a_copy_that_is_being_checked_is_dropped_when_the_lab_closes(rig: Rig, ledger: Ledger) -> None:
    """Also in the middle of the check; nothing of it stays, and nobody says that the database is damaged."""
    for _ in range(60):
        added(ledger)
    asked = 0

    def go_on() -> bool:
        nonlocal asked
        asked += 1
        return asked < 2  # only after the copy itself

    assert copies.make(rig.path, DAY, go_on=go_on) is None
    assert asked == 3  # in the check, which it ended, and after it
    assert list(copies.folder(rig.path).iterdir()) == []
