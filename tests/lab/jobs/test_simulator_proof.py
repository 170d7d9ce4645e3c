"""P8: work for a server that the settings call a simulator is simulated from its first moment, and none goes to a real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rivya_core import GenerationRequest
from rivya_core.http_server.listener import Listener
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.simulator import SimulatorServer
from tests.until import until

MakeLab = Callable[..., Lab]
REQUEST = GenerationRequest(prompt="A red fox in the snow")


class AsReal:
    """A simulator whose answers do not say what it is, while ``pretends`` is true."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.pretends = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def without_header(message: Message) -> None:
            if self.pretends and message["type"] == "http.response.start":
                headers = [one for one in message.get("headers", []) if one[0] != b"x-rivya-simulator"]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, without_header)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[SimulatorServer]:
    """A simulator that is not the lab's own."""
    with SimulatorServer(tmp_path / "outside.sqlite3", speed=40.0) as server:
        yield server


def said(server: SimulatorServer) -> dict[str, Any]:
    """The settings of a lab that is told that its server is a simulator."""
    return {"base_url": server.base_url, "api_key": server.api_key, "simulated": True}


def test_rows_are_simulated_from_the_start(make_lab: MakeLab, outside: SimulatorServer) -> None:
    """Before anything was sent the row, its credits and the budget are simulated; the clip is archived like any other."""
    lab = make_lab(**said(outside))
    lab.pause_queue()
    row = lab.submit(REQUEST)
    assert (row.mode, row.mode_word, lab.mode_word) == ("simulated", "simulated", "simulated")
    assert {move.mode for move in lab.movements(row.id)} == {"simulated"}
    assert lab.budget().mode == "simulated"
    lab.resume()
    ended = lab.wait(row.id)
    assert (ended.state, ended.mode) == (State.SUCCEEDED, "simulated")
    assert lab.clip(row.id).stat().st_size
    assert lab.troubles() == []


def test_nothing_is_sent_to_a_real_server_that_is_called_a_simulator(
    make_lab: MakeLab, outside: SimulatorServer
) -> None:
    """Every page says so and the row waits; once a simulator answers there, it goes on by itself."""
    door = AsReal(outside.app)
    listener = Listener(door, "as-real").start()
    try:
        lab = make_lab(**{**said(outside), "base_url": f"http://127.0.0.1:{listener.port}"})
        row = lab.submit(REQUEST)
        [trouble] = until(lab.troubles)
        assert "RIVYA_SIMULATED" in trouble
        context = lab._jobs
        until(lambda: context.at_work(row.id), what="its job has begun")
        assert context._stops().pause is not None
        assert outside.world.requests("create") == []
        door.pretends = False
        lab.check_connection()
        assert lab.wait(row.id).state is State.SUCCEEDED
        assert lab.troubles() == []
    finally:
        lab.close()
        listener.stop()
