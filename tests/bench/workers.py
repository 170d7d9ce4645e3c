"""A thousand generations of 2 to 5 s worked off by 1, 2 and 4 workers on PostgreSQL, beside a bare loop; and a takeover.

The generations are stored beforehand, with the queue paused. CPU is that of all workers together, PostgreSQL's own beside it.
Needs Debian's ``postgresql``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests import postgresql
from tests.bench import fresh
from tests.bench.bare import many
from tests.bench.figures import Figure
from tests.bench.labs import PATIENCE_S, finished, request, settings_for, until
from tests.bench.scripted import KEY, Scripted
from tests.bench.thousand import cpu_s

COUNT = 1000
LOW_S, HIGH_S = 2.0, 5.0
POLL_S = 1.0
PACE = {
    "poll_first_s": POLL_S,
    "poll_min_s": POLL_S,
    "poll_max_s": POLL_S,
    "poll_reads_per_s": 1000.0,
    "max_creates_in_flight": 64,
}
TARGET_MS = 40
TAKEOVER_COUNT = 150
TAKEOVER_S = 90.0


def bare(base_url: str, folder: str, count: int) -> dict[str, float]:
    """The baseline, in a process of its own."""
    used = cpu_s()
    took_s = asyncio.run(many(base_url, count, Path(folder), POLL_S, POLL_S))
    return {"took_s": took_s, "cpu_s": cpu_s() - used}


def store(base_url: str, folder: str, url: str, count: int) -> float:
    """Store all generations behind a paused queue; seconds."""
    from rivya_core import open_lab  # noqa: PLC0415 - this process only

    with open_lab(settings_for(base_url, folder, database_url=url, **PACE)) as lab:
        until(lambda: lab.balance().credits is not None, "the balance is known")
        lab.pause_queue()
        began = time.perf_counter()
        lab.submit_many([request(number) for number in range(count)])
        return time.perf_counter() - began


def drive(base_url: str, folder: str, url: str, count: int, pids: list[int]) -> dict[str, float]:
    """Let the stored generations go once the workers have begun; from the word go to the last kept clip."""
    from rivya_core import open_lab  # noqa: PLC0415 - this process only

    with open_lab(settings_for(base_url, folder, database_url=url, **PACE)) as lab:
        until(lambda: len(alive(lab)) == len(pids), "the workers run")
        processes = [psutil.Process(pid) for pid in pids]
        used, at = used_s(processes), time.time()
        lab.resume()
        rows = finished(lab, count)
        last = max(row.finished_at.timestamp() for row in rows if row.finished_at)
        return {"took_s": last - at, "cpu_s": used_s(processes) - used}


def take_over(base_url: str, folder: str, url: str, count: int, pids: list[int]) -> dict[str, float]:
    """Kill the worker that holds most rows while they run; seconds from the kill to the last kept clip."""
    from rivya_core import open_lab  # noqa: PLC0415 - this process only

    with open_lab(settings_for(base_url, folder, database_url=url, **PACE)) as lab:
        until(lambda: len(alive(lab)) == len(pids), "the workers run")
        lab.resume()
        until(lambda: sum(alive(lab).values()) > 0, "rows are claimed", look_s=0.02)
        most = max(alive(lab).items(), key=lambda one: one[1])
        killed_at = time.time()
        os.kill(int(most[0].rsplit("-", 2)[1]), signal.SIGKILL)
        rows = finished(lab, count)
        last = max(row.finished_at.timestamp() for row in rows if row.finished_at)
        return {"held": float(most[1]), "took_s": last - killed_at}


def alive(lab: Any) -> dict[str, int]:
    """The workers, and how many rows each holds."""
    from rivya_core.lab.ledger.workers import Workers  # noqa: PLC0415 - this process only

    table = Workers(lab.ledger.database, beat_s=5, silent_s=30)
    return {one.id: one.rows_held for one in table.all() if one.role == "worker"}


def used_s(processes: Sequence[psutil.Process]) -> float:
    """CPU seconds of some processes together."""
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


@contextmanager
def at_work(base_url: str, folder: Path, url: str, workers: int) -> Iterator[list[int]]:
    """Run workers; their process ids."""
    told = {"api_key": KEY, "base_url": base_url, "database_url": url, "first_start_examples": "0", **PACE}
    variables = {f"RIVYA_{name.upper()}": str(value) for name, value in told.items()}
    begun = []
    for number in range(workers):
        env = fresh.environment(**variables, RIVYA_DATA_DIR=str(folder / f"worker-{number}"))
        with (folder / f"worker-{number}.log").open("w") as log:
            command = [sys.executable, "-m", "rivya_core.worker"]
            begun.append(subprocess.Popen(command, cwd=fresh.ROOT, env=env, stderr=log))
    try:
        yield [process.pid for process in begun]
    finally:
        for process in begun:
            process.terminate()
        for process in begun:
            process.wait(PATIENCE_S)


@contextmanager
def own_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server that writes as a real one does."""
    with tempfile.TemporaryDirectory(prefix="rivya-pg-", ignore_cleanup_errors=True) as folder:
        server = postgresql.Server(Path(folder), fsync="on").make()
        try:
            yield server
        finally:
            server.stop()


def migrated(server: postgresql.Server, name: str) -> str:
    """A database with our tables; its address."""
    postgresql.create(server, name)
    postgresql.migrate_all(server.url(name))
    return server.url(name)


def figures(count: int = COUNT) -> Iterator[Figure]:
    """Measure the baseline, then 1, 2 and 4 workers, then a takeover."""
    if postgresql.programs() is None:
        yield Figure("workers", f"not measured: {postgresql.MISSING}", float("nan"), "")
        return
    with Scripted() as api, own_server() as server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place)
        (folder / "bare").mkdir()
        api.script(LOW_S, HIGH_S)
        raw = fresh.run("tests.bench.workers:bare", base_url=api.base_url, folder=str(folder / "bare"), count=count)
        for workers in (1, 2, 4):
            url = migrated(server, f"with_{workers}")
            api.script(LOW_S, HIGH_S)
            where = {"base_url": api.base_url, "folder": str(folder / "dashboard"), "url": url, "count": count}
            stored_s = fresh.run("tests.bench.workers:store", **where)
            with at_work(api.base_url, folder, url, workers) as pids:
                ours = fresh.run("tests.bench.workers:drive", **where, pids=pids)
            assert api.seen()["posts"] == len(api.seen()["tasks"]) == count, "one POST and one task for each generation"
            yield from _worked_off(workers, count, raw, ours, stored_s)
        yield _taken_over(api, server, folder)


def _worked_off(
    workers: int, count: int, raw: dict[str, float], ours: dict[str, float], stored_s: float
) -> list[Figure]:
    who = f"{workers} worker{'s' if workers > 1 else ''}"
    words = f"{count / raw['took_s']:.1f}/s bare; stored in {stored_s:.2f} s"
    each_ms, raw_ms = ours["cpu_s"] / count * 1000, raw["cpu_s"] / count * 1000
    return [
        Figure("workers", f"{count:,} generations, {who}: completions", count / ours["took_s"], "/s", baseline=words),
        Figure("workers", f"CPU per generation, {who}", each_ms, "ms", "at most", TARGET_MS, f"{raw_ms:.1f} ms bare"),
    ]


def _taken_over(api: Scripted, server: postgresql.Server, folder: Path) -> Figure:
    url = migrated(server, "takeover")
    api.script(LOW_S, HIGH_S)
    where = {"base_url": api.base_url, "folder": str(folder / "last"), "url": url, "count": TAKEOVER_COUNT}
    fresh.run("tests.bench.workers:store", **where)
    with at_work(api.base_url, folder, url, 3) as pids:
        took = fresh.run("tests.bench.workers:take_over", **where, pids=pids)
    seen = api.seen()
    assert len(seen["tasks"]) == TAKEOVER_COUNT, "one task for each generation"
    words = (
        f"{took['held']:.0f} rows held by the one that was killed; {seen['posts']} POSTs, {len(seen['tasks'])} tasks"
    )
    what = f"{TAKEOVER_COUNT} generations, one of 3 workers killed: from the kill to the last clip"
    return Figure("workers", what, took["took_s"], "s", "at most", TAKEOVER_S, words)
