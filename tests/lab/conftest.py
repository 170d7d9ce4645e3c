"""A real database file and archive for each test, and a simulator for those that ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from rivya_core.lab.ledger.database import open_database, open_shared
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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked ``database`` once on each kind of database, or on those that the marker names."""
    marker = metafunc.definition.get_closest_marker("database")
    if marker is not None and "database_kind" in metafunc.fixturenames:
        metafunc.parametrize("database_kind", marker.args or ("sqlite", "postgresql"), indirect=True)


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which kind of database the test has: ``sqlite``, or what its marker chose."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def database(database_kind: str, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """A migrated database."""
    if database_kind == "postgresql":
        engine = open_shared(SecretStr(request.getfixturevalue("postgresql_url")))
    else:
        path: Path = request.getfixturevalue("database_path")
        copy_template(path)
        engine = open_database(path)
    yield engine
    engine.dispose()


@pytest.fixture
def open_again(database: sa.Engine) -> Callable[[], sa.Engine]:
    """Open the test's database once more, as another process would; the test disposes of it."""
    url = database.url
    if url.get_backend_name() == "postgresql":
        return lambda: open_shared(SecretStr(url.render_as_string(hide_password=False)))
    return lambda: open_database(Path(str(url.database)))


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
