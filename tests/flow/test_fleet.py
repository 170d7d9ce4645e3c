"""P1, P2, P3, P12: several workers and dashboards on one database, one bucket and one server. Counted at the server."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Settings
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.schema import generations, workers
from rivya_core.lab.ledger.states import State
from rivya_core.services import close_all, open_lab
from tests.conftest import FAST
from tests.flow.conftest import Child, heard
from tests.flow.door import Door
from tests.flow.fleet import Fleet, Worker, assert_paid_once_and_whole
from tests.flow.outside import Outside
from tests.object_store import Bucket
from tests.pace import HELD_S
from tests.until import HANGS_S, until

REQUEST = GenerationRequest(prompt="A red fox in the snow")
NEVER_SILENT_S = 600.0
A_WORKERS = 5
"""Generations that a worker takes at once: so few that no two of three can hold all there are."""
CAP, FIT = 800, 5

pytestmark = pytest.mark.process


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Outside]:
    """The server, with four clips that all takes share: rendering is not what is tested."""
    with Outside(tmp_path / "world.sqlite3", credits=1_000_000) as simulator:
        simulator.configure(clip_variants=4)
        yield simulator


@pytest.fixture
def settings(world: Outside, postgresql_url: str, bucket: Bucket) -> dict[str, Any]:
    """What all processes have in common."""
    shared = {"database_url": postgresql_url, "archive_url": bucket.url, "simulated": True}
    beats = {"worker_beat_s": 0.25, "worker_silent_s": NEVER_SILENT_S}
    return {**FAST, **world.live, **shared, **beats, "jobs_per_worker": A_WORKERS}


@pytest.fixture
def fleet(settings: dict[str, Any], tmp_path: Path) -> Iterator[Fleet]:
    """No worker yet."""
    made = Fleet(settings, tmp_path)
    yield made
    made.close()


@pytest.fixture
def open_dashboard(data_dir: Path) -> Iterator[Callable[..., Lab]]:
    """Open the database as a dashboard does, in this process."""
    yield lambda settings: open_lab(Settings(**settings, data_dir=data_dir))
    close_all()


def holders(lab: Lab, *where: sa.ColumnElement[bool]) -> dict[str, str]:
    """Generation to the worker that holds it."""
    query = sa.select(generations.c.id, generations.c.worker_id).where(generations.c.worker_id.is_not(None), *where)
    with lab.ledger.reading() as connection:
        return {row.id: row.worker_id for row in connection.execute(query)}


def alive(lab: Lab) -> set[str]:
    """The processes that nobody took for dead."""
    with lab.ledger.reading() as connection:
        return set(connection.execute(sa.select(workers.c.id)).scalars())


def wait_for_all(lab: Lab, ids: list[str]) -> None:
    """Wait until every generation has ended."""
    for id_ in ids:
        lab.wait(id_, timeout_s=HANGS_S)


def submit(start_child: Callable[..., Child], settings: dict[str, Any], folder: Path, side: str, count: int) -> Child:
    """Let one more dashboard put generations into the ledger."""
    intents = [f"fleet{side}{number:03}" for number in range(count)]
    return start_child({**settings, "data_dir": folder / f"dashboard-{side}"}, intents=intents)


def test_a_worker_that_dies_and_one_that_was_stopped_cost_nothing(
    fleet: Fleet,
    settings: dict[str, Any],
    world: Outside,
    bucket: Bucket,
    open_dashboard: Callable[..., Lab],
    start_child: Callable[..., Child],
    tmp_path: Path,
) -> None:
    """One is killed while it sends, one stopped until it is taken for dead, then continued: all clips come, each paid once."""
    settings["worker_silent_s"] = fleet.settings["worker_silent_s"] = 2.0
    lab = open_dashboard(settings)
    world.add_fault("slow", route="create", times=None, delay_s=HELD_S)
    fleet.start(3)
    children = [submit(start_child, settings, tmp_path, side, 10) for side in "ab"]
    ids = [id_ for child in children for id_ in heard(child)] + [lab.submit(REQUEST).id for _ in range(4)]

    def sender() -> Worker | None:
        sending = holders(lab, generations.c.posting_at.is_not(None)).values()
        return next((one for one in fleet.workers for id_ in sending if one.is_mine(id_)), None)

    killed = until(sender, what="a worker sends")
    assert killed is not None
    killed.send(signal.SIGKILL)
    stopped = next(one for one in fleet.workers if one is not killed)
    until(lambda: any(stopped.is_mine(id_) for id_ in holders(lab).values()))
    stopped.send(signal.SIGSTOP)
    gone = [killed, stopped]
    until(lambda: not any(one.is_mine(id_) for id_ in alive(lab) for one in gone), what="both taken for dead")
    world.clear_faults()
    stopped.send(signal.SIGCONT)
    wait_for_all(lab, ids)
    assert_paid_once_and_whole(lab, ids, world, bucket)
    for worker in fleet.workers:
        if worker is not killed:
            worker.send(signal.SIGTERM)
            assert worker.ended() == 0, worker.said
    assert not holders(lab)


def test_limits_hold_over_all_processes(
    fleet: Fleet,
    settings: dict[str, Any],
    world: Outside,
    bucket: Bucket,
    open_dashboard: Callable[..., Lab],
    start_child: Callable[..., Child],
    tmp_path: Path,
) -> None:
    """Sixty submits of three processes under a cap for five: five. Three workers that could send four each: four together."""
    with Door(world.base_url) as door:
        settings["base_url"] = fleet.settings["base_url"] = door.base_url
        start = tmp_path / "start"
        capped = {**settings, "daily_cap_credits": CAP}
        sides = [
            start_child(
                {**capped, "data_dir": tmp_path / f"side-{side}"},
                intents=[f"cap{side}{number:02}" for number in range(20)],
                threads=20,
                start=str(start),
            )
            for side in "abc"
        ]
        assert [heard(side) for side in sides] == ["open"] * 3
        start.touch()
        ids = [id_ for side in sides for id_ in heard(side)]
        assert len(ids) == FIT
        fleet.start(3)
        assert {row["state"] for side in sides for row in heard(side)} == {"succeeded"}
        assert [side.wait(HANGS_S) for side in sides] == [0] * 3

        lab = open_dashboard(settings)  # the cap went with the processes that had it
        world.add_fault("slow", route="create", times=None, delay_s=HELD_S)
        ids += [lab.submit(REQUEST).id for _ in range(15)]
        until(lambda: len(set(holders(lab).values())) == 3, what="every worker has something to send")
        until(lambda: door.under_way == settings.get("max_creates_in_flight", 4))
        world.clear_faults()
        wait_for_all(lab, ids)
        assert door.most == 4
        assert_paid_once_and_whole(lab, ids, world, bucket)


def test_two_workers_read_no_faster_than_one_may(
    fleet: Fleet, settings: dict[str, Any], world: Outside, open_dashboard: Callable[..., Lab]
) -> None:
    """Reads of both together, counted at the server: within the rate, but for those that were due before the count began."""
    rate, each, counted = 20.0, 4, 80
    for one in (settings, fleet.settings):
        one |= {"poll_reads_per_s": rate, "jobs_per_worker": each}
    lab = open_dashboard(settings)
    world.add_fault("never_ready", route="create", times=None)
    fleet.start(2)
    ids = [lab.submit(REQUEST).id for _ in range(2 * each)]
    until(lambda: all(lab.get(id_).state is State.RUNNING for id_ in ids), what="all run")
    assert sorted(Counter(holders(lab).values()).values()) == [each, each]
    began_s, before = time.monotonic(), len(world.requests("retrieve"))

    def read() -> int:
        return len(world.requests("retrieve")) - before

    reads = until(lambda: now if (now := read()) >= counted else 0, what="enough to tell")
    assert reads <= rate * (time.monotonic() - began_s) + len(ids) + 1


def test_a_worker_for_once_ends_when_all_is_done(
    fleet: Fleet, settings: dict[str, Any], world: Outside, bucket: Bucket, open_dashboard: Callable[..., Lab]
) -> None:
    """It runs what is open, says how much that was, and leaves nothing behind."""
    lab = open_dashboard(settings)
    ids = [lab.submit(REQUEST).id for _ in range(3)]
    [worker] = fleet.start(1, "--once")
    assert worker.ended() == 0, worker.said
    assert worker.process.stdout is not None
    assert worker.process.stdout.read() == "3 generations have ended.\n"
    assert_paid_once_and_whole(lab, ids, world, bucket)
    assert settings["api_key"] not in worker.said
    assert "not-a-secret-at-all" not in worker.said
    assert REQUEST.prompt not in worker.said
    assert all(f"generation_id={id_}" in worker.said for id_ in ids)
