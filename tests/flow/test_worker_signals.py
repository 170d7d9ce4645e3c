"""A real worker that is started before its database, and one that is asked to end: once, and once more."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rivya_core import GenerationRequest, Settings
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.services import close_all, open_lab
from tests import postgresql
from tests.conftest import FAST
from tests.flow.fleet import Fleet
from tests.flow.outside import Outside
from tests.pace import HELD_S
from tests.until import HANGS_S, until

pytestmark = pytest.mark.process

NEVER_S = 3600.0
_PATIENT_PROGRAM = f"""
from rivya_core import services, worker
services.FINISH_S = worker.END_WITHIN_S = {NEVER_S}
worker.leave(worker.main())
"""
PATIENT = ("-c", _PATIENT_PROGRAM)
"""A worker that takes all the time there is to finish what it sends, so that no machine is too slow for the test."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Outside]:
    """The server."""
    with Outside(tmp_path / "world.sqlite3", credits=1_000_000) as simulator:
        yield simulator


@pytest.fixture
def make_fleet(world: Outside, tmp_path: Path) -> Iterator[Callable[[str], Fleet]]:
    """Workers of a database; none is started yet."""
    made: list[Fleet] = []

    def one(url: str) -> Fleet:
        beats = {"worker_beat_s": 0.25, "worker_silent_s": 2.0}
        made.append(Fleet({**FAST, **world.live, **beats, "simulated": True, "database_url": url}, tmp_path))
        return made[-1]

    yield one
    for fleet in made:
        fleet.close()


@pytest.fixture
def open_dashboard(data_dir: Path) -> Iterator[Callable[[dict[str, Any]], Lab]]:
    """Open the database as a dashboard does, in this process."""
    yield lambda settings: open_lab(Settings(**settings, data_dir=data_dir))
    close_all()


def test_a_worker_waits_for_its_database(make_fleet: Callable[[str], Fleet]) -> None:
    """It says so in one line and to who asks for its health, ends when it is asked to, and works once the database answers."""
    with postgresql.own_server(fsync="on") as server:
        server.stop()
        fleet = make_fleet(server.url(postgresql.TEMPLATE))
        [asked] = fleet.start(1, "--health-port", "0")
        [patient] = fleet.start()
        until(lambda: all("waits for the database" in worker.said for worker in (asked, patient)))
        [address] = re.findall(r"health is answered at (\S+)", asked.said)
        health = httpx.get(address)
        assert (health.status_code, health.json()["error"]) == (503, "The database cannot be reached")
        asked.send(signal.SIGTERM)
        assert asked.ended() == 0, asked.said
        server.start()
        until(lambda: "works for" in patient.said, what="it works as soon as the database answers")
        patient.send(signal.SIGTERM)
        assert patient.ended() == 0, patient.said
        assert [worker.said.count("waits for the database") for worker in (asked, patient)] == [1, 1]
        assert "not-a-secret-at-all" not in asked.said + patient.said


def test_a_second_signal_ends_a_worker_at_once(
    make_fleet: Callable[[str], Fleet], postgresql_url: str, world: Outside, open_dashboard: Callable[..., Lab]
) -> None:
    """While it waits for an answer it was asked to end: what it sent goes on in another worker, and is paid once."""
    fleet = make_fleet(postgresql_url)
    fleet.settings["read_timeout_s"] = NEVER_S
    lab = open_dashboard(fleet.settings)
    world.add_fault("slow", route="create", times=None, delay_s=HELD_S)
    [first] = fleet.start(program=PATIENT)
    row = lab.submit(GenerationRequest(prompt="A red fox in the snow"))
    until(lambda: world.requests("create"), what="it sends")
    first.send(signal.SIGTERM)
    until(lambda: "asked to end" in first.said)
    first.send(signal.SIGTERM)
    assert first.ended() == 1, first.said
    assert "INFO rivya.worker ended" not in first.said
    world.clear_faults()
    [second] = fleet.start()
    assert lab.wait(row.id, timeout_s=HANGS_S).state is State.SUCCEEDED, second.said
    assert Counter(task.idempotency_key for task in world.tasks()) == {row.id: 1}
