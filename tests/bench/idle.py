"""What the lab adds to one generation on an idle machine, and what an idle lab costs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psutil

from tests.bench import fresh
from tests.bench.bare import HEADERS, one
from tests.bench.figures import Figure, median, percentile
from tests.bench.labs import finished, live_lab, request
from tests.bench.scripted import Elsewhere, Scripted

ROUNDS = 10
TASK_S = 0.9
FIRST_S = 1.0
GAP_S = 0.2
IDLE_S = 20.0
SETTLED_S = 40.0  # past the half minute after which a lab with nothing to do rests


def lab_s(base_url: str) -> list[float]:
    """Seconds of single generations, one after another, from the submit to the kept clip; in a process of its own."""
    server = Elsewhere(base_url)
    times = []
    with live_lab(server, poll_first_s=FIRST_S, poll_min_s=GAP_S, poll_max_s=GAP_S) as lab:
        for number in range(ROUNDS):
            began = time.time()
            lab.submit(request(number))
            rows = finished(lab, number + 1)
            times.append(max(row.finished_at.timestamp() for row in rows if row.finished_at) - began)
            time.sleep(0.2)
    return times


def bare_s(base_url: str) -> list[float]:
    """The same with the bare loop and the same moments of reading."""

    async def all_rounds() -> list[float]:
        times = []
        with tempfile.TemporaryDirectory() as folder:
            async with aiohttp.ClientSession(base_url, headers=HEADERS) as session:
                for number in range(ROUNDS):
                    began = time.time()
                    to = Path(folder) / f"{number}.mp4"
                    times.append(await one(session, f"idle-{number}", to, FIRST_S, GAP_S) - began)
        return times

    return asyncio.run(all_rounds())


def idle_cpu(base_url: str) -> float:
    """Percent of a core that an open lab with nothing to do takes."""
    with live_lab(Elsewhere(base_url)):
        time.sleep(SETTLED_S)
        process = psutil.Process()
        before = process.cpu_times()
        time.sleep(IDLE_S)
        after = process.cpu_times()
    return float((after.user - before.user + after.system - before.system) / IDLE_S * 100)


def figures() -> Iterator[Figure]:
    """Measure the loop, the lab, then the quiet."""
    with Scripted() as server:
        server.script(TASK_S, TASK_S)
        bare = fresh.run("tests.bench.idle:bare_s", base_url=server.base_url)
        server.script(TASK_S, TASK_S)
        ours = fresh.run("tests.bench.idle:lab_s", base_url=server.base_url)
        added_ms = (median(ours) - median(bare)) * 1000
        words = f"{median(bare):.2f} s bare, {median(ours):.2f} s ours, p95 {percentile(ours, 0.95):.2f} s"
        yield Figure("idle", "added latency of one generation, p50", added_ms, "ms", "at most", 300, words)
        cpu = fresh.run("tests.bench.idle:idle_cpu", base_url=server.base_url)
        yield Figure("idle", "an idle lab", cpu, "% of a core", "at most", 2.5, f"over {IDLE_S:.0f} s")
