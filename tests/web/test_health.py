"""/healthz of a dashboard on a shared database: who runs the jobs, since when nothing was heard of them, what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from rivya_core import GenerationRequest, Settings, web
from rivya_core.lab.jobs import condition
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.processes import NO_WORKER, Processes
from rivya_core.lab.ledger.workers import WorkerRecord, Workers
from rivya_core.services import close_all, open_lab
from rivya_core.simulator import SimulatorServer
from rivya_core.version import VERSION
from tests.conftest import FAST
from tests.lab.given import Clock, give_up


@pytest.fixture
def dashboard(postgresql_url: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A dashboard on a shared database that no worker serves yet."""
    monkeypatch.setattr(condition, "LOOK_EVERY_S", 0.0)
    with SimulatorServer(tmp_path / "world.sqlite3", speed=40.0) as server:
        live = {"base_url": server.base_url, "api_key": server.api_key, "simulated": True}
        yield open_lab(Settings(**{**FAST, **live}, database_url=postgresql_url, data_dir=data_dir))
        close_all()


@pytest.fixture
def ask(dashboard: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Ask /healthz; status and body."""
    monkeypatch.setattr("rivya_core.services.shared_lab", lambda: dashboard)

    async def asked() -> tuple[int, Any]:
        transport = httpx.ASGITransport(Starlette(routes=list(web.routes())))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.get("/healthz")
            return answer.status_code, answer.json()

    return asked


@pytest.fixture
def workers(dashboard: Lab) -> Workers:
    """The table in which other processes enter themselves."""
    return Workers(dashboard.ledger.database, beat_s=5.0, silent_s=30.0)


async def test_a_dashboard_without_workers_says_that_jobs_wait(dashboard: Lab, ask: Callable[[], Any]) -> None:
    """Its own part works, and still it is not well: whoever submits here waits."""
    status, body = await ask()
    assert (status, body["ok"], body["database"], body["workers"]) == (503, False, "ok", [])
    assert [one["role"] for one in body["dashboards"]] == ["dashboard"]
    assert body["engine"] == "no worker runs, so what was submitted waits"
    assert dashboard.troubles() == ["No worker runs, so what was submitted waits."]


async def test_the_workers_alive_are_listed(dashboard: Lab, ask: Callable[[], Any], workers: Workers) -> None:
    """With host, last beat, clock, rows held and version; where their settings differ, that is said."""
    own: dict[str, float | None] = {
        "daily_cap_credits": None,
        "max_creates_in_flight": 4,
        "poll_reads_per_s": dashboard.settings.poll_reads_per_s,
    }
    workers.begin("box-1-aa", role="worker", host="box", version="1.0", limits=own)
    workers.begin("box-2-bb", role="worker", host="box", version="1.0", limits={**own, "max_creates_in_flight": 8})
    dashboard.pause_queue()
    row = dashboard.submit(GenerationRequest(prompt="A red fox in the snow"))
    assert workers.claim(row.id, "box-1-aa") is not None
    status, body = await ask()
    assert (status, body["ok"], body["engine"]) == (200, True, "run by 2 workers")
    told = {one["id"]: one for one in body["workers"]}
    assert {id_: (one["host"], one["rows_held"], one["version"]) for id_, one in told.items()} == {
        "box-1-aa": ("box", 1, "1.0"),
        "box-2-bb": ("box", 0, "1.0"),
    }
    assert all({"last_beat", "silent_s", "clock_off_s"} <= one.keys() for one in told.values())
    assert set(body["settings_differ"]) == {"max_creates_in_flight"}
    assert (body["keys_differ"], body["warnings"], body["given_up"]) == ({}, [], [])
    assert dashboard.troubles() == []


async def test_other_keys_and_servers_are_told_with_what_follows(
    dashboard: Lab, ask: Callable[[], Any], workers: Workers
) -> None:
    """P4: which processes have the same key, and nothing of the key, its fingerprint included."""
    server, own = dashboard.connection, dashboard.ledger.key_fingerprint
    for name, where, key in [("a", server, own), ("b", server, "0" * 16), ("c", "https://other.example", "1" * 16)]:
        workers.begin(name, role="worker", host="box", version=VERSION, connection_name=where, key_fingerprint=key)
    _, body = await ask()
    [board] = body["dashboards"]
    assert body["keys_differ"] == {server: {"a": "key 1", board["id"]: "key 1", "b": "key 2"}}
    [keys, servers] = body["warnings"]
    assert keys.startswith(f"RIVYA_API_KEY differs between the processes that work for {server}: key 1 in ")
    assert "ends as unconfirmed" in keys
    assert "https://other.example in c" in servers
    assert own is not None
    assert not any(secret in json.dumps(body) for secret in (own, "0" * 16, "1" * 16))


async def test_a_worker_that_was_given_up_is_told_for_a_day(
    dashboard: Lab, ask: Callable[[], Any], postgresql_url: str
) -> None:
    """Which it was, when, and who has its generations: from the list of those alive it is gone."""
    clock = Clock(datetime.now(UTC) - timedelta(hours=2))
    table = Workers(dashboard.ledger.database, beat_s=5.0, silent_s=30.0, clock=lambda _: clock())
    for name in ("box-17-aa", "box-18-bb"):
        table.begin(name, role="worker", host="box", version=VERSION)
    dashboard.pause_queue()
    rows = [dashboard.submit(GenerationRequest(prompt=f"Number {number}")) for number in range(2)]
    for row in rows:
        assert table.claim(row.id, "box-17-aa") is not None
    give_up(table, clock, by="box-18-bb")
    assert table.claim(rows[0].id, "box-18-bb") is not None
    _, body = await ask()
    [told] = body["given_up"]
    assert (told["id"], told["host"], told["pid"], told["rows_held"]) == ("box-17-aa", "box", "17", 2)
    assert (told["given_up"], told["last_beat"]) == (clock().isoformat(), (clock() - timedelta(seconds=50)).isoformat())
    assert told["rows_now"] == {"held_by": {"box-18-bb": 1}, "waiting": 1, "ended": 0}


def test_a_silent_worker_counts_no_more() -> None:
    """It is still listed, until another worker has taken its rows; but nobody runs the jobs."""
    beat = datetime(2026, 11, 25, 12, tzinfo=UTC)
    silent = WorkerRecord("box-1-aa", "worker", "box", "1.0", beat, beat, 30.0, 0, 0.0, {}, None, None, 2)
    found = Processes([silent], silent_s=30.0)
    assert (found.workers, found.words, [one["id"] for one in found.as_dicts()]) == ([], NO_WORKER, ["box-1-aa"])
    assert Processes([replace(silent, silent_s=29.0)], silent_s=30.0).words == "run by 1 worker"
