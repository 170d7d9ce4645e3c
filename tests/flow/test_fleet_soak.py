"""The fleet at full size, with the real lease times: 4 workers, 3 dashboards, 150 generations, a dead worker, an outage."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rivya_core import Settings
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.schema import generations
from rivya_core.services import close_all, open_lab
from tests import postgresql
from tests.browser.conftest import Server as Dashboard
from tests.flow.conftest import Child, heard
from tests.flow.fleet import Fleet, assert_paid_once_and_whole, environment
from tests.flow.outside import Outside
from tests.flow.test_fleet import holders, submit
from tests.object_store import Bucket
from tests.until import until

pytestmark = [pytest.mark.soak, pytest.mark.process, pytest.mark.timeout(1500)]

WORKERS, DASHBOARDS, EACH = 4, 3, 50
ANSWER_S = 1.0
STOPPED_S = 45.0
WITHIN_S = 90.0
DATABASE_DOWN_S, STORE_DOWN_S = 10.0, 30.0


@pytest.fixture
def server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server of its own that keeps what it confirmed, as it is stopped hard."""
    folder = Path(tempfile.mkdtemp(prefix="rivya-pg-"))  # of another user, who may not look into pytest's
    made = postgresql.Server(folder, fsync="on").make()
    postgresql.create(made, "fleet")
    postgresql.migrate_all(made.url("fleet"))
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Outside]:
    """A server that takes a second for a create and some for a clip; four clips that all takes share."""
    with Outside(tmp_path / "world.sqlite3", speed=2.0, credits=1_000_000) as simulator:
        simulator.configure(clip_variants=4)
        simulator.add_fault("slow", route="create", times=None, delay_s=ANSWER_S)
        yield simulator


@pytest.fixture
def settings(world: Outside, server: postgresql.Server, bucket: Bucket) -> dict[str, Any]:
    """What all processes have in common: the times are the default ones."""
    shared = {"database_url": server.url("fleet"), "archive_url": bucket.url, "simulated": True}
    return {**world.live, **shared, "first_start_examples": False, "min_free_disk_bytes": 0}


@pytest.fixture
def fleet(settings: dict[str, Any], tmp_path: Path) -> Iterator[Fleet]:
    """Four workers."""
    made = Fleet(settings, tmp_path)
    made.start(WORKERS)
    yield made
    made.close()


@pytest.fixture
def dashboards(fleet: Fleet, tmp_path: Path) -> Iterator[list[Dashboard]]:
    """Three dashboards as people start them, each well."""
    made = [Dashboard(tmp_path / f"dashboard-{number}", environment(fleet.settings)) for number in range(DASHBOARDS)]
    for one in made:
        one.start()
    yield made
    for one in made:
        one.stop()


@pytest.fixture
def lab(settings: dict[str, Any], data_dir: Path) -> Iterator[Lab]:
    """A dashboard in this process, to look."""
    yield open_lab(Settings(**settings, data_dir=data_dir))
    close_all()


def health(dashboard: Dashboard) -> dict[str, Any]:
    """What /healthz of a dashboard says, well or not."""
    try:
        with urllib.request.urlopen(f"{dashboard.url}/healthz", timeout=60) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        told = json.load(error)
    return dict(told)


def ended(lab: Lab, ids: list[str]) -> bool:
    """Whether all have succeeded."""
    return all(row.is_terminal for row in lab.history.some(ids)) and len(lab.history.some(ids)) == len(ids)


def extra_posts(world: Outside) -> int:
    """Creates beyond one a row."""
    return sum(count - 1 for count in Counter(post.idempotency_key for post in world.requests("create")).values())


def test_one_of_four_dies_amid_150_and_nobody_notices_but_healthz(
    fleet: Fleet,
    dashboards: list[Dashboard],
    settings: dict[str, Any],
    world: Outside,
    bucket: Bucket,
    lab: Lab,
    start_child: Callable[..., Child],
    tmp_path: Path,
) -> None:
    """A worker is killed in a create, another stopped for 45 s: all is done within 90 s of the kill, each clip paid once."""
    until(lambda: all(len(health(one)["workers"]) == WORKERS for one in dashboards))
    children = [submit(start_child, settings, tmp_path, side, EACH) for side in "abc"]
    ids = [id_ for child in children for id_ in heard(child)]
    assert len(ids) == DASHBOARDS * EACH

    until(lambda: len(world.tasks()) >= 20, what="the fleet is at work")
    sending = until(lambda: set(holders(lab, generations.c.posting_at.is_not(None)).values()))
    killed = next(one for one in fleet.workers for id_ in sending if one.is_mine(id_))
    held = sum(killed.is_mine(id_) for id_ in holders(lab).values())
    killed.send(signal.SIGKILL)
    killed_s = time.monotonic()
    stopped = next(one for one in fleet.workers if one is not killed)
    stopped.send(signal.SIGSTOP)
    while time.monotonic() - killed_s < STOPPED_S:
        time.sleep(1)
    stopped.send(signal.SIGCONT)
    until(lambda: ended(lab, ids), what="all done")
    took_s = time.monotonic() - killed_s
    assert_paid_once_and_whole(lab, ids, world, bucket)
    tasks, posts = len(world.tasks()), len(world.requests("create"))
    print(
        f"\n150 generations, {held} held at the kill: all done {took_s:.1f} s after it; {posts} POSTs, {tasks} charges"
    )
    assert took_s < WITHIN_S
    until(lambda: len(health(dashboards[0])["workers"]) == WORKERS - 1)
    for worker in fleet.workers:
        if worker is not killed:
            began_s = time.monotonic()
            worker.send(signal.SIGTERM)
            assert worker.ended() == 0, worker.said
            assert time.monotonic() - began_s < 20


def test_an_outage_of_database_and_store_fails_no_row(
    fleet: Fleet,
    dashboards: list[Dashboard],
    settings: dict[str, Any],
    server: postgresql.Server,
    world: Outside,
    bucket: Bucket,
    lab: Lab,
    start_child: Callable[..., Child],
    tmp_path: Path,
) -> None:
    """PostgreSQL stopped hard for 10 s, then the store gone for 30 s: /healthz says which, and all clips come, paid once."""
    children = [submit(start_child, settings, tmp_path, side, 20) for side in "ab"]
    ids = [id_ for child in children for id_ in heard(child)]
    until(lambda: len(world.tasks()) >= 8, what="the fleet is at work")
    server.stop("immediate")
    down_s = time.monotonic()
    said = health(dashboards[0])
    while time.monotonic() - down_s < DATABASE_DOWN_S:
        time.sleep(0.5)
    server.start()
    assert (said["ok"], said["database"] == "ok") == (False, False)
    until(lambda: all(health(one)["database"] == "ok" for one in dashboards), what="the dashboards are back")
    bucket.front.fault = "hang"
    down_s = time.monotonic()
    while time.monotonic() - down_s < STORE_DOWN_S:
        time.sleep(0.5)
    bucket.front.heal()
    until(lambda: ended(lab, ids), what="all done")
    took_s = time.monotonic() - down_s - STORE_DOWN_S
    assert_paid_once_and_whole(lab, ids, world, bucket)
    print(
        f"\n40 generations through both outages: done {took_s:.1f} s after the second; {extra_posts(world)} POSTs again"
    )
    until(lambda: all(health(one)["ok"] for one in dashboards), what="all well again")
