"""Script runs of Generate, History and Spend over ten thousand rows, on a real server that is asked over its real protocol.

The run itself is timed inside the server, around the script, as the target means it. The round trip beside it is timed in
the client, up to the message that the script has finished: queueing, Streamlit's 10 ms batches and sending are in it. A
page of one line on the same kind of server stands beside that.
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

RUNS = 100
WARM_UP = 12
PAUSE_S = 0.05
BARE = "tests/bench/server/bare_app.py"
TIMED = "tests/bench/server/timed_app.py"
VIEWS = {
    "Generate": [("generate", "")],
    "History": [("history", "")],
    "History, page 300 / a search / a state": [
        ("history", "page=300"),
        ("history", "q=violet"),
        ("history", "state=failed"),
    ],
    "Spend, 30 days / all": [("spend", ""), ("spend", "days=all")],
}
TARGET_MS = {"Spend, 30 days / all": 60}
USUAL_MS = 40


async def runs_ms(port: int, views: Sequence[tuple[str, str]], runs: int = RUNS) -> list[float]:
    """Milliseconds of runs, the views taking turns, each in a tab of its own."""
    async with aiohttp.ClientSession() as session:
        tabs = [await Tab.open(session, port, page, query) for page, query in views]
        times = []
        for number in range(runs):
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
        with Dashboard(TIMED, **settings) as server:
            for name, views in VIEWS.items():
                asyncio.run(runs_ms(server.port, views, WARM_UP))
                server.timings_ms()
                trips = asyncio.run(runs_ms(server.port, views))
                times = server.timings_ms()[-RUNS:]
                words = (
                    f"p50 {percentile(times, 0.5):.1f} ms; round trip p50 {percentile(trips, 0.5):.1f}, "
                    f"p95 {percentile(trips, 0.95):.1f}; of a one-line page {percentile(bare, 0.5):.1f} and {percentile(bare, 0.95):.1f}"
                )
                what = f"{name}, 10,000 rows: script run, p95"
                found.append(
                    Figure(
                        "pages", what, percentile(times, 0.95), "ms", "at most", TARGET_MS.get(name, USUAL_MS), words
                    )
                )
    return found
