"""What a task id that is followed here promises: it is read, never sent, kept once, and counts with what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from rivya_core import GenerationRequest, Lab, State
from rivya_core.api.errors import LabError
from rivya_core.simulator import SimulatorServer
from tests.until import until


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[SimulatorServer]:
    """A server whose tasks others make as well."""
    with SimulatorServer(tmp_path / "outside.sqlite3", speed=40.0, credits=4800) as server:
        yield server


@pytest.fixture
def live(make_lab: Callable[..., Lab], outside: SimulatorServer) -> Lab:
    """A lab with a key of that server."""
    return make_lab(api_key=outside.api_key, base_url=outside.base_url)


def made_elsewhere(server: SimulatorServer) -> str:
    """A task that another program made with the same key."""
    answer = httpx.post(
        f"{server.base_url}/api/v1/generations",
        content=GenerationRequest(prompt="A red fox").body(),
        headers={"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"},
    )
    return str(answer.json()["id"])


def test_a_task_is_shown_and_then_kept_to_its_end(live: Lab, outside: SimulatorServer) -> None:
    """Its clip is archived, nothing is sent for it, and its price is counted as the task states it."""
    task_id = made_elsewhere(outside)
    posts = len(outside.world.tasks())
    live.server.ask_task(f" {task_id} ")
    look = until(lambda: live.server.task(task_id))
    assert look is not None
    assert look.task is not None
    assert (look.task.model, look.task.reserved_credits, look.generation_id) == ("kling-v2-1-master", 160, None)
    row = live.wait(live.server.keep_task(task_id).id)
    assert (row.state, row.source, row.task_id, row.attempts) == (State.SUCCEEDED, "adopted", task_id, 0)
    assert live.clip(row.id).is_file()
    until(lambda: live.get(row.id).settlement == "settled")
    assert live.get(row.id).held_credits == 160
    assert len(outside.world.tasks()) == posts
    assert live.server.look_up(task_id).generation_id == row.id


def test_kept_twice_it_is_one_row(live: Lab, outside: SimulatorServer, make_lab: Callable[..., Lab]) -> None:
    """From two tabs at once, and after a restart."""
    task_id = made_elsewhere(outside)
    with ThreadPoolExecutor(6) as tabs:
        rows = list(tabs.map(lambda _: live.server.keep_task(task_id), range(6)))
    live.close()
    again = make_lab(api_key=outside.api_key, base_url=outside.base_url)
    rows.append(again.server.keep_task(task_id))
    assert len({row.id for row in rows}) == 1
    assert sum(again.ledger.counts().values()) == 1


def test_a_task_of_our_own_is_its_row(live: Lab) -> None:
    """No second row, no second price."""
    row = live.wait(live.submit(GenerationRequest(prompt="A red fox")).id)
    assert row.task_id is not None
    assert live.server.keep_task(row.task_id).id == row.id


@pytest.mark.parametrize("task_id", ["task_nobody_made", "..", "x" * 70_000, "\ud800", ""])
def test_an_id_that_does_not_exist_is_a_sentence(live: Lab, task_id: str) -> None:
    """Nothing is stored, whatever was typed."""
    look = live.server.look_up(task_id)
    assert look.task is None
    assert look.trouble.endswith(".")
    with pytest.raises(LabError):
        live.server.keep_task(task_id)
    assert sum(live.ledger.counts().values()) == 0


def test_a_kept_task_is_no_clip_of_a_sweep_and_cannot_be_bought_again_by_accident(
    live: Lab, outside: SimulatorServer
) -> None:
    """Where the API tells no prompt there is nothing to repeat; what it took is a charge made elsewhere."""
    row = live.wait(live.server.keep_task(made_elsewhere(outside)).id)
    assert (row.prompt, row.reuse_sha256) == ("", None)
    assert live.existing(GenerationRequest(prompt="A red fox")).ids == ()
    with pytest.raises(LabError, match="unconfirmed"):
        live.ask_again(row.id)
    assert live.history.typical_s(row.model, row.mode) is None
