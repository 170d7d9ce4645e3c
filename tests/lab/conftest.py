"""A real database file and archive for each test, and a simulator for those that ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.database import open_database, open_shared
from rivya_core.lab.ledger.database.postgresql import SESSION
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.media.archive import Archive
from rivya_core.services import close_all, open_worker
from rivya_core.settings import Settings
from rivya_core.simulator.server import SimulatorServer
from tests.conftest import FAST
from tests.lab.given import Clock
from tests.template import copy_template

PATIENT: Final = dict.fromkeys(("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout"), "240s")
"""What a session on PostgreSQL may take in tests: on a busy machine a thread that holds the lock may stand still for long."""


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
        engine = open_shared(SecretStr(request.getfixturevalue("postgresql_url")), session=PATIENT)
    else:
        path: Path = request.getfixturevalue("database_path")
        copy_template(path)
        engine = open_database(path)
    yield engine
    engine.dispose()


@pytest.fixture
def make_lab(
    make_lab: Callable[..., Lab],
    database_kind: str,
    request: pytest.FixtureRequest,
    data_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Lab]]:
    """Open the test's lab with fast settings; arguments change them.

    Of what is marked ``database`` it is a folder's once, and once a worker's on a shared database, with a simulator outside.
    There ``lab.simulator`` is None, and ``how`` may be ``open_lab``: a dashboard, which never runs jobs.
    """
    if database_kind == "sqlite":
        yield make_lab
        return
    for name, limit in PATIENT.items():
        monkeypatch.setitem(SESSION, name, limit)
    shared: dict[str, Any] = {"database_url": request.getfixturevalue("postgresql_url"), "simulated": True}
    with ExitStack() as stack:

        def make(how: Callable[[Settings], Lab] = open_worker, **changes: Any) -> Lab:
            settings = {**FAST, "data_dir": data_dir, **changes}
            if "base_url" not in shared:
                world = tmp_path_factory.mktemp("outside") / "world.sqlite3"
                speed, wallet = settings["simulator_speed"], settings.get("simulator_credits", 4800)
                server = stack.enter_context(SimulatorServer(world, speed=speed, credits=wallet))
                shared.update(base_url=server.base_url, api_key=server.api_key)
            return how(Settings(**{**settings, **shared, **changes}))

        yield make
        close_all()  # before the simulator, which its jobs may be asking


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
