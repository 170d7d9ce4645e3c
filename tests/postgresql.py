"""A PostgreSQL server of the tests' own: made once in a run, shared by all its workers, gone when the run ends however it ends.

It speaks through a socket file only, so no two runs meet. A database for a test is a copy of a migrated one (``new_database``).
A test gets one by the fixture ``postgresql_url``; a test that is marked ``database`` and uses ``database`` (or ``ledger``,
``history``) runs twice, once with each kind. A server that a test may stop or slow down is its own: ``own_server()``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from filelock import FileLock
from pydantic import SecretStr

from rivya_core.lab.jobs.engine import prepare
from rivya_core.lab.ledger.database import migrate_shared, open_shared
from tests.until import HANGS_S

USER: Final = "rivya"
TEMPLATE: Final = "migrated"
MISSING: Final = "PostgreSQL is not installed: apt-get install postgresql"
CONNECTIONS_MAX: Final = 400

WATCHER: Final = """
import os, subprocess, sys, time
watched, folder, stop = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
while True:
    try:
        os.kill(watched, 0)
    except OSError:
        break
    time.sleep(0.5)
subprocess.run(stop, cwd="/", capture_output=True)
import shutil
shutil.rmtree(folder, ignore_errors=True)
"""
"""Runs beside the server: stops it and removes its folder once the process that began the run is gone."""


def programs() -> Path | None:
    """Where the newest PostgreSQL's programs are; None when there are none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return max(found, key=_version, default=None)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


def require() -> Path:
    """Where the programs are; without them the test is skipped, and fails under ``CI=true``."""
    found = programs()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING, pytrace=False)
        pytest.skip(MISSING)
    return found


class Server:
    """A server in a folder of its own. ``settings``: of ``postgresql.conf``; without any it forgets at a crash (fsync off)."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._programs = require()
        self.folder = folder
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "max_connections": str(CONNECTIONS_MAX),
            "fsync": "off",
            "shared_buffers": "64MB",
        } | settings

    def make(self) -> Server:
        """Make the cluster and start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        self._run("initdb", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()
        return self

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = " ".join(f"-c {name}={value or repr('')}" for name, value in self._settings.items())
        self._run("pg_ctl", "-w", "-t", str(HANGS_S), "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        """Stop it; ``immediate`` is as hard as a loss of power."""
        self._run("pg_ctl", "-m", how, "stop")

    def stop_command(self) -> list[str]:
        """What stops it."""
        return self._command("pg_ctl", "-m", "immediate", "stop")

    def url(self, name: str) -> str:
        """The address of a database of this server, as in RIVYA_DATABASE_URL."""
        return f"postgresql+psycopg://{USER}:not-a-secret-at-all@/{name}?host={self.folder}"

    def _command(self, program: str, *arguments: str) -> list[str]:
        root = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        return [*root, str(self._programs / program), "-D", str(self.folder / "data"), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(program, *arguments),
            cwd="/",
            stdout=subprocess.DEVNULL,  # a server that was started keeps what it inherits open
            stderr=subprocess.DEVNULL,
            timeout=HANGS_S,
            check=False,
        )
        assert done.returncode == 0, (program, arguments, self._log())

    def _log(self) -> str:
        with suppress(OSError):
            return (self.folder / "log").read_text(errors="replace")[-2000:]
        return "no log"


@contextmanager
def own_server(**settings: str) -> Iterator[Server]:
    """A server that a test may stop, start and fill; with a migrated database named ``TEMPLATE``."""
    require()
    folder = Path(tempfile.mkdtemp(prefix="rivya-pg-"))
    server = Server(folder, **{"max_connections": "20"} | settings)
    _stop_with_the_run(server)
    try:
        server.make()
        create(server, TEMPLATE)
        migrate_all(server.url(TEMPLATE))
        yield server
    finally:
        with suppress(AssertionError):  # the test left it stopped
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def shared_server(base: Path) -> Server:
    """The run's one server, with its template; whichever worker asks first makes it. ``base``: the run's folder."""
    require()
    note = base / "postgresql.json"
    with FileLock(base / "postgresql.lock", timeout=HANGS_S):
        if note.exists():
            return Server(Path(json.loads(note.read_text())["folder"]))
        folder = Path(tempfile.mkdtemp(prefix="rivya-pg-"))  # short: a socket's path has at most 107 bytes
        server = Server(folder)
        try:
            server.make()
            create(server, TEMPLATE)
            migrate_all(server.url(TEMPLATE))
        finally:
            _stop_with_the_run(server)
        note.write_text(json.dumps({"folder": str(folder)}))
        return server


def _stop_with_the_run(server: Server) -> None:
    first = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    arguments = [sys.executable, "-c", WATCHER, str(first), str(server.folder), *server.stop_command()]
    nowhere = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in range(3)]
    os.posix_spawn(sys.executable, arguments, os.environ, file_actions=nowhere, setsid=True)


def migrate_all(url: str) -> None:
    """Make our tables and those of the job engine."""
    database = open_shared(SecretStr(url))
    try:
        migrate_shared(database, "the test's database", also=lambda _connection: prepare(sa.make_url(url)))
    finally:
        database.dispose()


def create(server: Server, name: str, *options: str) -> None:
    """Create a database."""
    _do(server, f"CREATE DATABASE {name} {' '.join(options)}")


def new_database(server: Server) -> str:
    """Create a migrated database without rows; its address."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    create(server, name, f"TEMPLATE {TEMPLATE}", "STRATEGY file_copy")
    return server.url(name)


def drop(server: Server, url: str) -> None:
    """Remove a database, whoever still has it open."""
    _do(server, f"DROP DATABASE IF EXISTS {sa.make_url(url).database} WITH (FORCE)")


def _do(server: Server, statement: str) -> None:
    engine = sa.create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
