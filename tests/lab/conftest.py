"""A real database file and archive for each test, and a simulator for those that ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core.lab.ledger.database import open_database
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.media.archive import Archive
from rivya_core.simulator.server import SimulatorServer
from tests.lab.given import Clock
from tests.template import copy_template


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    """Where the test's database is."""
    return tmp_path / "lab.sqlite3"


@pytest.fixture
def database(database_path: Path) -> Iterator[sa.Engine]:
    """A migrated database."""
    copy_template(database_path)
    engine = open_database(database_path)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    """The ledger's clock."""
    return Clock()


@pytest.fixture
def ledger(database: sa.Engine, clock: Clock) -> Ledger:
    """An empty ledger."""
    return Ledger(database, clock, key_fingerprint="f" * 16)


@pytest.fixture
def history(database: sa.Engine) -> History:
    """The views of the same database."""
    return History(database)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An empty archive."""
    return Archive(tmp_path / "archive")


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorServer]:
    """A quick simulator in this process."""
    with SimulatorServer(tmp_path / "world.sqlite3", speed=200.0) as server:
        yield server
