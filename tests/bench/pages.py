"""Script runs of Generate and History over ten thousand rows, on a real server over its real protocol.

A run is timed in the client, from the question to the message that the script has finished, so queueing, drawing and
sending are in it. A page of one line on the same kind of server stands beside it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence

import aiohttp

from tests.bench import fresh
from tests.bench.dashboard import Dashboard, Tab
from tests.bench.figures import Figure, percentile
from tests.bench.scripted import KEY, Scripted

RUNS = 60
PAUSE_S = 0.05
BARE = "tests/bench/bare_app.py"
VIEWS = {
    "Generate": [("generate", "")],
    "History": [("history", "")],
    "History, page 300 / a search / a state": [
        ("history", "page=300"),
        ("history", "q=violet"),
        ("history", "state=failed"),
    ],
}


async def runs_ms(port: int, views: Sequence[tuple[str, str]]) -> list[float]:
    """Milliseconds of runs, the views taking turns, each in a tab of its own."""
    async with aiohttp.ClientSession() as session:
        tabs = [await Tab.open(session, port, page, query) for page, query in views]
        times = []
        for number in range(RUNS):
            times.append(await tabs[number % len(tabs)].run() * 1000)
            await asyncio.sleep(PAUSE_S)
        for tab in tabs:
            await tab.close()
    return times


def figures() -> list[Figure]:
    """Fill a folder, measure the bare page, then each page."""
    with Dashboard(BARE, "/_stcore/health") as server:
        bare = asyncio.run(runs_ms(server.port, [("", "")]))
    found = []
    with Scripted() as api, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        fresh.run("tests.bench.filled:fill", base_url=api.base_url, folder=folder)
        settings = {"RIVYA_DATA_DIR": folder, "RIVYA_API_KEY": KEY, "RIVYA_BASE_URL": api.base_url}
        with Dashboard(**settings) as server:
            for name, views in VIEWS.items():
                times = asyncio.run(runs_ms(server.port, views))
                words = f"p50 {percentile(times, 0.5):.1f} ms; a one-line page: p50 {percentile(bare, 0.5):.1f}, p95 {percentile(bare, 0.95):.1f} ms"
                found.append(
                    Figure("pages", f"{name}, 10,000 rows, script run p95", percentile(times, 0.95), "ms", "at most", 40, words)
                )
    return found
