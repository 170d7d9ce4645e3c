"""What Connection says where several processes share a database: whose limit holds, whose key differs, who was given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rivya_core.lab.jobs import condition
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.workers import Workers
from rivya_core.services import close_all, shared_lab
from rivya_core.simulator import SimulatorServer
from rivya_core.version import VERSION
from tests.conftest import FAST
from tests.flow.fleet import environment
from tests.lab.given import Clock, added, give_up


@pytest.fixture
def dashboard(postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A dashboard on a shared database, as pages open it."""
    monkeypatch.setattr(condition, "LOOK_EVERY_S", 0.0)
    with SimulatorServer(tmp_path / "world.sqlite3", speed=40.0) as world:
        live = {"base_url": world.base_url, "api_key": world.api_key, "simulated": True}
        settings = {**FAST, **live, "database_url": postgresql_url, "max_creates_in_flight": 4}
        for name, value in environment(settings).items():
            monkeypatch.setenv(name, value)
        yield shared_lab()
        close_all()


def test_a_smaller_limit_of_another_process_is_said_with_whose_it_is(
    dashboard: Lab, open_app: Callable[..., AppTest]
) -> None:
    """The number that holds, in the card of the queue; by itself, where it is this process's own."""
    assert "At most 4 requests are sent at the same time." in said(open_app("connection"))
    table = Workers(dashboard.ledger.database, beat_s=5.0, silent_s=30.0)
    table.begin("box-1-aa", role="worker", host="box", version=VERSION, limits={"max_creates_in_flight": 2})
    assert (
        "At most 2 requests are sent at the same time: RIVYA_MAX_CREATES_IN_FLIGHT is 2 in box-1-aa and 4 here. "
        "The smallest holds for all."
    ) in said(open_app("connection"))


def test_a_worker_that_was_given_up_and_another_key_are_told(dashboard: Lab, open_app: Callable[..., AppTest]) -> None:
    """Who it was, how much it held and who has that now; and what a key of another kind leads to."""
    clock = Clock(dashboard.ledger.clock() - timedelta(seconds=50))  # in the end it is now
    table = Workers(dashboard.ledger.database, beat_s=5.0, silent_s=30.0, clock=lambda _: clock())
    server = dashboard.connection
    for name, key in [("box-17-aa", "0" * 16), ("box-18-bb", "1" * 16)]:
        table.begin(name, role="worker", host="box", version=VERSION, connection_name=server, key_fingerprint=key)
    rows = [added(dashboard.ledger, f"Number {number}", connection=server) for number in range(3)]
    for row in rows:
        assert table.claim(row.id, "box-17-aa") is not None
    give_up(table, clock, by="box-18-bb")
    picture = "![box](https://elsewhere.example/a.png)-19-cc"
    table.begin(picture, role="worker", host="box", version=VERSION, connection_name=server, key_fingerprint="2" * 16)
    assert table.claim(rows[0].id, "box-18-bb") is not None
    assert dashboard.cancel(rows[1].id)
    app = open_app("connection")
    words = said(app)
    assert "Process 17 on box, " in words
    assert "It held 3 generations, now: 1 with box-18-bb, 1 waiting for a worker, 1 ended." in words
    assert f"RIVYA_API_KEY differs between the processes that work for {server}: " in words
    assert "it ends as unconfirmed" in words
    assert picture in words
    assert not app.warning


def said(app: AppTest) -> str:
    """What the page says in texts and captions."""
    assert not app.exception, [error.value for error in app.exception]
    return "\n".join(str(one.value) for one in (*app.text, *app.caption))
