"""/healthz of a dashboard on a shared database: who runs the jobs, since when nothing was heard of them, what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
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
from tests.conftest import FAST


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
    assert dashboard.troubles() == []


def test_a_silent_worker_counts_no_more() -> None:
    """It is still listed, until another worker has taken its rows; but nobody runs the jobs."""
    beat = datetime(2026, 11, 25, 12, tzinfo=UTC)
    silent = WorkerRecord("box-1-aa", "worker", "box", "1.0", beat, beat, 30.0, 0, 0.0, {}, None, 2)
    found = Processes([silent], silent_s=30.0)
    assert (found.workers, found.words, [one["id"] for one in found.as_dicts()]) == ([], NO_WORKER, ["box-1-aa"])
    assert Processes([replace(silent, silent_s=29.0)], silent_s=30.0).words == "run by 1 worker"
