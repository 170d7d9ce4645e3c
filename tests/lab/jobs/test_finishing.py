"""A worker that is asked to end: what it sends or saves is finished, what only waits is given back at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rivya_core import GenerationRequest
from rivya_core.lab.jobs import crash_points
from rivya_core.lab.jobs.crash_points import CrashPoint
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.simulator import SimulatorServer
from tests.pace import HELD_S
from tests.until import HANGS_S, until

REQUEST = GenerationRequest(prompt="A red fox in the snow")


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Holds every clip before it gets its name, until it is set."""
    held = threading.Event()

    def hold(point: CrashPoint, _generation_id: str) -> None:
        if point is CrashPoint.BEFORE_RENAME:
            held.wait(HANGS_S)

    crash_points.watch(hold)
    yield held
    held.set()
    crash_points.watch(None)


def test_what_is_sent_or_saved_is_finished_first(
    make_lab: Callable[..., Lab], tmp_path: Path, release: threading.Event
) -> None:
    """The job that waits for Rivya ends at once, the other two only with their answer and their clip; nothing is sent twice."""
    with SimulatorServer(tmp_path / "world.sqlite3", speed=40.0) as server:
        world = server.world
        lab = make_lab(base_url=server.base_url, api_key=server.api_key, simulated=True)
        lab._jobs.finish_s = HANGS_S
        saved = lab.submit(REQUEST).id
        until(lambda: lab.get(saved).state is State.SAVING and list((lab.archive.root / "parts").iterdir()))
        world.add_fault("never_ready", route="create")
        waits = lab.submit(REQUEST).id
        until(lambda: lab.get(waits).state is State.RUNNING)
        world.add_fault("slow", route="create", delay_s=HELD_S)
        sent = lab.submit(REQUEST).id
        until(lambda: len(world.requests("create")) == 3)

        closing = threading.Thread(target=lab.close)
        closing.start()
        until(lambda: not lab._jobs.at_work(waits))
        assert [lab._jobs.at_work(id_) for id_ in (saved, sent)] == [True, True]
        release.set()
        world.clear_faults()
        closing.join(HANGS_S)
        assert not closing.is_alive()

        lab = make_lab(base_url=server.base_url, api_key=server.api_key, simulated=True, read_only=True)
        assert lab.get(saved).state is State.SUCCEEDED
        assert (lab.get(sent).state, bool(lab.get(sent).task_id)) == (State.RUNNING, True)
        assert [post.idempotency_key for post in world.requests("create")] == [saved, waits, sent]
        lab.close()
