"""P1, P12: a worker that froze sends nothing when it goes on, and an outage of the database is nobody's death."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from rivya_core import GenerationRequest, Settings
from rivya_core.lab.jobs.crash_points import CrashPoint
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.workers import Workers
from rivya_core.services import close_all, open_lab
from tests import postgresql
from tests.conftest import FAST
from tests.flow.conftest import Child, heard
from tests.flow.outside import Outside
from tests.pace import HELD_S
from tests.until import HANGS_S, until

REQUEST = GenerationRequest(prompt="A red fox in the snow")
CHILD = "tests.flow.worker_child"
BEAT_S, SILENT_S = 0.1, 4.0  # half of it is longer than a loaded machine keeps a thread waiting


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Outside]:
    """The server, with one clip that all takes share: rendering is not what is tested."""
    with Outside(tmp_path / "world.sqlite3", credits=1_000_000) as simulator:
        simulator.configure(clip_variants=1)
        yield simulator


@pytest.fixture
def shared(world: Outside) -> dict[str, Any]:
    """What all processes have in common, but the database."""
    return {**FAST, **world.live, "simulated": True, "worker_beat_s": BEAT_S}


@pytest.fixture
def open_dashboard(data_dir: Path) -> Iterator[Callable[[dict[str, Any]], Lab]]:
    """Open the database as a dashboard does, in this process."""
    yield lambda settings: open_lab(Settings(**settings, data_dir=data_dir))
    close_all()


def all_done(lab: Lab, ids: list[str], world: Outside) -> None:
    """Wait until every clip is here, and each was paid once."""
    for id_ in ids:
        assert lab.wait(id_, timeout_s=HANGS_S).state is State.SUCCEEDED
    assert Counter(task.idempotency_key for task in world.tasks()) == Counter(ids)
    assert set(world.charges()) == {task.id for task in world.tasks()}


def workers_of(lab: Lab) -> list[str]:
    """The workers that nobody took for dead."""
    table = Workers(lab.ledger.database, beat_s=BEAT_S, silent_s=SILENT_S)
    return [one.id for one in table.all() if one.role == "worker"]


def test_a_worker_that_froze_before_a_post_does_not_send_it_when_it_goes_on(
    shared: dict[str, Any],
    postgresql_url: str,
    world: Outside,
    open_dashboard: Callable[..., Lab],
    start_child: Callable[..., Child],
    tmp_path: Path,
) -> None:
    """The attempt was committed, the other worker has sent it meanwhile; not even the key has to absorb a second one."""
    settings = {**shared, "database_url": postgresql_url, "worker_silent_s": SILENT_S, "max_creates_in_flight": 1}
    lab = open_dashboard(settings)
    ids = [row.id for row in lab.submit_many([REQUEST] * 3)]
    reached = tmp_path / "reached"
    frozen = start_child(
        {**settings, "data_dir": tmp_path / "frozen"},
        module=CHILD,
        stop_at=CrashPoint.BEFORE_POST.value,
        reached=str(reached),
    )
    assert heard(frozen) == "runs"
    until(reached.exists)
    assert world.requests("create") == []
    living = start_child({**settings, "data_dir": tmp_path / "living"}, module=CHILD)
    assert heard(living) == "runs"
    all_done(lab, ids, world)
    frozen.send_signal(signal.SIGCONT)
    until(lambda: len(workers_of(lab)) == 2, what="the frozen one beats again")
    frozen.send_signal(signal.SIGTERM)
    told = heard(frozen)
    assert any("taken for dead" in line for line in told), told
    living.send_signal(signal.SIGTERM)
    told = heard(living)
    assert any("workers that died" in line for line in told), told
    assert Counter(post.idempotency_key for post in world.requests("create")) == Counter(ids)


@pytest.fixture
def own_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server that the test may stop; it loses nothing."""
    postgresql.require()
    with TemporaryDirectory(prefix="rivya-pg-") as folder:  # short, and open to the server's user
        server = postgresql.Server(Path(folder), fsync="on").make()
        yield server
        server.stop()


def test_an_outage_of_the_database_is_nobodys_death(
    shared: dict[str, Any],
    own_server: postgresql.Server,
    world: Outside,
    open_dashboard: Callable[..., Lab],
    start_child: Callable[..., Child],
    tmp_path: Path,
) -> None:
    """Stopped hard for longer than a worker may be silent, while rows run: all go on, nobody takes a row from another."""
    postgresql.create(own_server, "outage")
    url = own_server.url("outage")
    postgresql.migrate_all(url)
    settings = {**shared, "database_url": url, "worker_silent_s": SILENT_S}
    lab = open_dashboard(settings)
    world.add_fault("slow", route="retrieve", times=None, delay_s=HELD_S)
    children = [start_child({**settings, "data_dir": tmp_path / side}, module=CHILD) for side in "ab"]
    assert [heard(child) for child in children] == ["runs", "runs"]
    ids = [row.id for row in lab.submit_many([REQUEST] * 6)]
    until(lambda: all(lab.get(id_).state is State.RUNNING for id_ in ids), what="all run")
    own_server.stop()
    ends_s = time.monotonic() + 1.5 * SILENT_S
    until(lambda: time.monotonic() > ends_s, what="longer than the limit")
    own_server.start()
    world.clear_faults()
    all_done(lab, ids, world)
    assert len(workers_of(lab)) == 2
    for child in children:
        child.send_signal(signal.SIGTERM)
    told = [line for child in children for line in heard(child)]
    assert [line for line in told if "dead" in line or "died" in line] == []
    assert Counter(post.idempotency_key for post in world.requests("create")) == Counter(ids)
