"""Setting or taking away a key never bills, sends or reads what was submitted under another connection. Counted at both sides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rivya_core import GenerationRequest
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.database import open_database
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from rivya_core.simulator.state.world import World
from tests.flow.outside import Outside
from tests.pace import quicken
from tests.until import until

REQUEST = GenerationRequest(prompt="A red fox in the snow")


def looked_at_all(lab: Lab, ids: list[str]) -> bool:
    """True when the engine has nothing queued or running for these rows: each was taken up and put down again."""
    rows = [lab.get(id_) for id_ in ids]
    return not lab._queue.unfinished(f"{row.id}:{row.runs}" for row in rows)


@pytest.mark.parametrize("paused", [True, False], ids=["paused", "not-paused"])
def test_three_waiting_simulated_rows_are_not_sent_after_a_restart_with_a_key(
    data_dir: Path, outside: Outside, make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, paused: bool
) -> None:
    """Three rows wait for the embedded simulator; with a key set nothing is posted anywhere; without it they run."""
    quicken(monkeypatch)
    lab = make_lab()
    assert lab.simulator is not None
    lab.simulator.world.add_fault("never_ready", route="create")
    running = lab.submit(REQUEST).id
    until(lambda: lab.get(running).state is State.RUNNING)
    lab.pause_queue()
    waiting = [lab.submit(REQUEST).id for _ in range(3)]
    lab.close()
    if not paused:
        database = open_database(data_dir / "lab.sqlite3")
        Ledger(database).key_value.set_pause("embedded simulator", None)
        database.dispose()

    live = make_lab(**outside.live)
    done = live.wait(live.submit(REQUEST).id)
    assert done.state is State.SUCCEEDED
    until(lambda: looked_at_all(live, [*waiting, running]), what="all rows parked")
    assert {(live.get(id_).state, live.get(id_).connection) for id_ in waiting} == {
        (State.WAITING, "embedded simulator")
    }
    assert live.connection != "embedded simulator"
    assert live.get(running).state is State.RUNNING
    assert not {seen.idempotency_key for seen in outside.requests("create")} & set(waiting)
    assert live.get(running).task_id not in {seen.path.rsplit("/", 1)[-1] for seen in outside.requests("retrieve")}
    assert live.budget().promised_credits <= done.held_credits  # until the wallet is asked again
    assert live.budget().spent_today_credits == done.held_credits
    live.close()
    world = World(data_dir / "simulator" / "world.sqlite3", speed=40.0)
    assert {seen.idempotency_key for seen in world.requests("create")} == {running}
    world.add_fault("task_failed", route="retrieve")
    world.close()

    lab = make_lab()
    assert lab.simulator is not None
    if paused:
        assert lab.pause() is not None
        assert {lab.get(id_).state for id_ in waiting} == {State.WAITING}
        lab.resume()
    assert {lab.wait(id_).state for id_ in waiting} == {State.SUCCEEDED}
    assert lab.wait(running).state is State.FAILED
    assert sorted(str(task.idempotency_key) for task in lab.simulator.world.tasks()) == sorted([running, *waiting])


def test_a_live_row_is_left_alone_while_the_key_is_away(
    outside: Outside, make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running live row is not asked for at the embedded simulator; with its key back it is followed to its end."""
    quicken(monkeypatch)
    lab = make_lab(**outside.live)
    outside.add_fault("never_ready", route="create")
    first = lab.submit(REQUEST).id
    until(lambda: lab.get(first).state is State.RUNNING)
    lab.close()
    lab = make_lab()
    assert lab.simulator is not None
    assert lab.wait(lab.submit(REQUEST).id).state is State.SUCCEEDED
    until(lambda: looked_at_all(lab, [first]))
    assert lab.get(first).state is State.RUNNING
    assert len(lab.simulator.world.tasks()) == 1
    assert not [seen for seen in lab.simulator.world.requests("retrieve") if seen.status == 404]
    lab.close()
    outside.add_fault("task_failed", route="retrieve")
    lab = make_lab(**outside.live)
    assert lab.wait(first).state is State.FAILED
    assert not [fault for fault in outside.faults() if not fault.fired]
    outside.clear_faults()
