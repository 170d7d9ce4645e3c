"""One process runs the jobs of a folder; others see, submit and cancel, and take over within seconds when it dies."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rivya_core import GenerationRequest
from rivya_core.lab.jobs import admission, heartbeat, supervisor
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from tests.conftest import FAST
from tests.flow.conftest import Child, heard
from tests.flow.outside import Outside
from tests.flow.test_kill import assert_each_paid_once_and_kept
from tests.until import until

REQUEST = GenerationRequest(prompt="A red fox in the snow")


def runs_jobs(lab: Lab) -> bool:
    """True in the process that holds the executor's lock."""
    return lab.health().engine == "running"


@pytest.mark.parametrize("where", ["embedded", "outside"])
def test_a_second_process_submits_cancels_and_takes_over(
    data_dir: Path, outside: Outside, start_child: Callable[..., Child], make_lab: Callable[..., Lab], where: str
) -> None:
    """The viewer's submits run in the holder; when the holder is killed the viewer brings its open rows to their end."""
    live = outside.live if where == "outside" else {}
    holder = start_child({**FAST, **live, "data_dir": data_dir}, intents=[f"second{where}"], stay=True)
    mine = heard(holder)
    assert [row["state"] for row in heard(holder)] == ["succeeded"]
    lab = make_lab(**live)
    assert not runs_jobs(lab)
    assert lab.health().ok
    seen = lab.wait(lab.submit(REQUEST).id)
    assert (seen.state, runs_jobs(lab)) == (State.SUCCEEDED, False)

    lab.pause_queue()
    time.sleep(
        admission.LOOK_AGAIN_S + 0.1
    )  # older than this the holder trusts no look at the pauses, however slow it is
    taken_back, left_behind = lab.submit(REQUEST).id, lab.submit(REQUEST).id
    assert lab.cancel(taken_back)
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    assert (
        supervisor.LOCK_EVERY_S + supervisor.TICK_S < 5
    )  # how soon it tries; how long its engine needs is the machine's business
    until(lambda: runs_jobs(lab), what="taken over")
    assert lab.get(left_behind).state is State.WAITING
    lab.resume()
    assert lab.wait(left_behind).state is State.SUCCEEDED
    world = outside if lab.simulator is None else lab.simulator.world
    assert taken_back not in {task.idempotency_key for task in world.tasks()}
    assert_each_paid_once_and_kept(lab, [*mine, seen.id, left_behind], world, 1)


def test_a_row_of_a_killed_holder_is_finished_by_the_viewer(
    data_dir: Path, outside: Outside, start_child: Callable[..., Child], make_lab: Callable[..., Lab]
) -> None:
    """A holder dies while the server has its task and it has no answer: the viewer asks again and fetches the clip."""
    outside.clear_faults()
    outside.add_fault("timeout_after_accept", delay_s=60.0)
    holder = start_child({**FAST, **outside.live, "data_dir": data_dir}, intents=["orphan"])
    ids = heard(holder)
    lab = make_lab(**outside.live)
    assert not runs_jobs(lab)
    until(lambda: ids[0] in {task.idempotency_key for task in outside.tasks()})
    holder.send_signal(signal.SIGKILL)
    assert_each_paid_once_and_kept(lab, ids, outside, 2)
    assert runs_jobs(lab)


def test_a_holder_that_was_stopped_is_named(
    data_dir: Path, start_child: Callable[..., Child], make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by a signal it keeps its role, which nobody takes; the others say who it is until it goes on."""
    monkeypatch.setattr(heartbeat, "SILENT_AFTER_S", 5.0)
    holder = start_child({**FAST, "data_dir": data_dir}, intents=["stopped"], stay=True)
    heard(holder)
    lab = make_lab()
    assert lab.troubles() == []
    holder.send_signal(signal.SIGSTOP)
    try:
        until(lab.troubles)
        health = lab.health()
        assert not health.ok
        assert health.engine.startswith(f"silent: Process {holder.pid} holds this folder and has not answered for ")
        assert f"kill -CONT {holder.pid}" in lab.troubles()[0]
    finally:
        holder.send_signal(signal.SIGCONT)
    until(lambda: lab.health().ok)
    assert lab.troubles() == []
    assert not runs_jobs(lab)
