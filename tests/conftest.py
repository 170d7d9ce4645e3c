"""Guards that hold for every test, and the lab most of them use.

No test talks to anything but this machine, reads the developer's settings or secrets, or writes outside its own folder.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import disk_usage
from typing import Any

import hypothesis
import pytest

from rivya_core.lab.lab import Lab
from rivya_core.lab.media import thread_priority
from rivya_core.services import DATABASE, close_all, open_lab
from rivya_core.settings import Settings
from rivya_core.simulator.video import clips
from tests import postgresql
from tests.cores import cores
from tests.object_store import Bucket, ObjectStore, bucket_of
from tests.template import copy_template

LOOPBACK = ("127.", "::1", "localhost")

FAST: dict[str, Any] = {
    "poll_first_s": 0.05,
    "poll_min_s": 0.05,
    "poll_max_s": 0.2,
    "poll_reads_per_s": 1000.0,
    "settle_delays_s": (0.2, 0.4, 0.8),
    "min_free_disk_bytes": 0,
    "simulator_speed": 40.0,
    "first_start_examples": False,
}
"""Settings under which a simulated generation takes well under a second."""

NETWORK_VARIABLES = {
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "ssl_cert_file",
    "ssl_cert_dir",
    "sslkeylogfile",
}

SMALL_PX = 160
"""The long side of simulated clips; the simulator's own tests look at whole ones."""

MEMORY = Path("/dev/shm")
MEMORY_NEEDED_BYTES = 4_000_000_000
"""Tests sync thousands of commits to disk. What they write is kept in memory where a system has room for it."""

real_connect = socket.socket.connect

hypothesis.settings.register_profile("any machine", deadline=None)  # an example may take long on a busy one
hypothesis.settings.load_profile("any machine")

WORKERS_A_CORE = 3
"""Measured on two cores: tests wait more than they compute; with more workers each is slower and all take as long."""

WORKERS_MAX = 24
"""A worker needs up to half a gigabyte."""


def pytest_configure() -> None:
    """Temporary files of the tests and of their child processes go where a sync costs nothing, unless somebody chose."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and disk_usage(MEMORY).free > MEMORY_NEEDED_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # to be looked up again


SLOW = ("pages", "docs", "simulator/video", "flow/test_faults.py")
"""Where by measurement the time goes: drawn pages, rendered clips, a whole generation for each error of the server."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` passes over."""
    slow = [Path(__file__).parent / name for name in SLOW]
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in slow):
            item.add_marker("slow")


def pytest_xdist_auto_num_workers() -> int:
    """Workers of ``-n auto``, by the cores that this process may use."""
    return min(WORKERS_MAX, WORKERS_A_CORE * cores())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once how many tests were passed over for want of PostgreSQL, and what to install."""
    skipped = sum(postgresql.MISSING in str(report.longrepr) for report in terminalreporter.getreports("skipped"))
    if skipped:
        terminalreporter.write_line(f"{skipped} tests need PostgreSQL. {postgresql.MISSING}")


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> postgresql.Server:
    """The run's PostgreSQL server. Not to be stopped: ``postgresql.own_server()`` is a test's own."""
    base = tmp_path_factory.getbasetemp()
    return postgresql.shared_server(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture
def postgresql_url(postgresql_server: postgresql.Server) -> Iterator[str]:
    """The address of an empty, migrated PostgreSQL database of this test, to be given as RIVYA_DATABASE_URL."""
    url = postgresql.new_database(postgresql_server)
    yield url
    postgresql.drop(postgresql_server, url)


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets beyond loopback raise."""

    def connect(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in {socket.AF_INET, socket.AF_INET6} and not str(host).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {address}")
        real_connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's reaches a test; the data folder is the test's own."""
    for name in list(os.environ):
        if name.startswith("RIVYA_") or name.lower() in NETWORK_VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("RIVYA_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def _small_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process simulates is rendered at a quarter of its size: a second of computing less a clip."""
    monkeypatch.setattr(clips, "LONG_SIDE_PX", SMALL_PX)


@pytest.fixture(autouse=True)
def _nobody_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done in the background gets its turn beside other tests: those wait for it."""
    monkeypatch.setattr(thread_priority, "NICE", 0)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data folder of this test."""
    return tmp_path / "data"


@pytest.fixture
def make_lab(data_dir: Path) -> Iterator[Callable[..., Lab]]:
    """Open the test's lab with fast settings; arguments change them. Closed at the end, whoever holds it."""

    def make(**changes: Any) -> Lab:
        settings = Settings(**{**FAST, "data_dir": data_dir, **changes})
        copy_template(settings.data_dir / DATABASE)
        return open_lab(settings)

    yield make
    close_all()


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A running lab on the embedded simulator, fast."""
    return make_lab()


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """An object store on this machine."""
    store = ObjectStore()
    yield store
    store.stop()


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A new bucket in it, with the variables that lead there."""
    yield bucket_of(object_store, monkeypatch)
    object_store.front.heal()
