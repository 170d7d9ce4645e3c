"""Script runs of Generate, History and Spend over ten thousand rows, on a real server that is asked over its real protocol.

The round trip is timed in the client, up to the message that the script has finished: queueing, Streamlit's 10 ms batches and
sending are in it. It takes turns with a page of one line on the same kind of server, and the target is how many times as long
it takes in the median. The run itself, timed inside the server around the script, stands beside it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence

import aiohttp

from tests.bench import fresh
from tests.bench.dashboard import Dashboard, Tab
from tests.bench.figures import Figure, percentile
from tests.bench.scripted import KEY, Scripted

RUNS = 60
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
TARGETS = {"Generate": 5, "History": 4, "History, page 300 / a search / a state": 5, "Spend, 30 days / all": 6}


async def pairs_ms(
    port: int, views: Sequence[tuple[str, str]], bare_port: int, runs: int = RUNS
) -> tuple[list[float], list[float]]:
    """Milliseconds of runs, the views taking turns, each in a tab of its own; and of the bare page's run before each."""
    async with aiohttp.ClientSession() as session:
        tabs = [await Tab.open(session, port, page, query) for page, query in views]
        bare_tab = await Tab.open(session, bare_port)
        times, bare = [], []
        for number in range(runs):
            bare.append(await bare_tab.run() * 1000)
            times.append(await tabs[number % len(tabs)].run() * 1000)
            await asyncio.sleep(PAUSE_S)
        for tab in (*tabs, bare_tab):
            await tab.close()
    return times, bare


def round_trip(subject: str, what: str, trips: Sequence[float], bare: Sequence[float], target: float) -> Figure:
    """How many times as long as the bare page's a round trip takes, in the median."""
    words = (
        f"p50 {percentile(trips, 0.5):.1f} ms, p95 {percentile(trips, 0.95):.1f}; "
        f"of a one-line page {percentile(bare, 0.5):.1f} and {percentile(bare, 0.95):.1f}"
    )
    ratio = percentile(trips, 0.5) / percentile(bare, 0.5)
    return Figure(subject, f"{what}: round trip", ratio, "x bare", "at most", target, words)


def figures() -> Iterator[Figure]:
    """Fill a folder, then measure each page beside the bare one."""
    with (
        Dashboard(BARE, "/_stcore/health") as beside,
        Scripted() as api,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        fresh.run("tests.bench.filled:fill", base_url=api.base_url, folder=folder)
        settings = {"RIVYA_DATA_DIR": folder, "RIVYA_API_KEY": KEY, "RIVYA_BASE_URL": api.base_url}
        with Dashboard(TIMED, **settings) as server:
            for name, views in VIEWS.items():
                asyncio.run(pairs_ms(server.port, views, beside.port, WARM_UP))
                server.timings_ms()
                trips, bare = asyncio.run(pairs_ms(server.port, views, beside.port))
                times = server.timings_ms()[-RUNS:]
                yield round_trip("pages", f"{name}, 10,000 rows", trips, bare, TARGETS[name])
                words = f"p50 {percentile(times, 0.5):.1f} ms, in the server"
                what = f"{name}, 10,000 rows: script run, p95"
                yield Figure("pages", what, percentile(times, 0.95), "ms", baseline=words)
