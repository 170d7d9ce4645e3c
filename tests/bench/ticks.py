"""Fifty sessions that look at twenty running rows and tick every two seconds, beside fifty that look at one figure."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time

import aiohttp

from tests.bench import fresh
from tests.bench.dashboard import Dashboard, Tab
from tests.bench.figures import Figure, percentile
from tests.bench.pages import BARE
from tests.bench.scripted import KEY, Scripted

SESSIONS = 50
RUNNING = 20
EVERY_S = 2.0
FOR_S = 16.0


async def ticks_ms(port: int, page: str) -> list[float]:
    """Milliseconds of every tick of all sessions, their phases spread at random."""
    times: list[float] = []

    async def look(tab: Tab) -> None:
        await asyncio.sleep(random.uniform(0, EVERY_S))
        ends = time.monotonic() + FOR_S
        while time.monotonic() < ends:
            took_s = await tab.tick()
            times.append(took_s * 1000)
            await asyncio.sleep(max(0.0, EVERY_S - took_s))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        tabs = [await Tab.open(session, port, page) for _ in range(SESSIONS)]
        assert all(tab.fragment for tab in tabs), "the page ticks"
        await asyncio.gather(*(look(tab) for tab in tabs))
        for tab in tabs:
            await tab.close()
    return times


def figures() -> list[Figure]:
    """Measure the bare page, then Generate."""
    with Dashboard(BARE, "/_stcore/health") as server:
        bare = asyncio.run(ticks_ms(server.port, ""))
    with Scripted() as api, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        fresh.run("tests.bench.filled:fill", base_url=api.base_url, folder=folder, rows=200, running=RUNNING)
        settings = {"RIVYA_DATA_DIR": folder, "RIVYA_API_KEY": KEY, "RIVYA_BASE_URL": api.base_url}
        with Dashboard(**settings) as server:
            used, began = server.cpu_s(), time.monotonic()
            times = asyncio.run(ticks_ms(server.port, "generate"))
            share = (server.cpu_s() - used) / (time.monotonic() - began) * 100
    words = (
        f"p50 {percentile(times, 0.5):.1f} ms, {len(times) / FOR_S:.0f} ticks/s, {share:.0f} % of a core; "
        f"one figure: p50 {percentile(bare, 0.5):.1f}, p95 {percentile(bare, 0.95):.1f} ms"
    )
    return [
        Figure(
            "ticks",
            f"{SESSIONS} sessions, {RUNNING} running rows, tick p95",
            percentile(times, 0.95),
            "ms",
            "at most",
            100,
            words,
        )
    ]
