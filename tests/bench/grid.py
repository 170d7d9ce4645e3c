"""Script runs, ticks and bytes of an experiment of 300 cells, on a real server that is asked over its real protocol.

All takes have ended but one, which runs for good, so that the page ticks as it does while a sweep is under way.
"""

from __future__ import annotations

import asyncio
import tempfile

import aiohttp
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, State, open_lab
from rivya_core.lab.experiments.service import Sweep
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import generations
from tests.bench import fresh
from tests.bench.dashboard import Dashboard, Tab
from tests.bench.figures import Figure, percentile
from tests.bench.labs import settings_for
from tests.bench.pages import BARE, PAUSE_S, RUNS, TIMED, WARM_UP, pairs_ms, round_trip
from tests.bench.scripted import KEY, Scripted

ROWS, COLUMNS, TAKES = 20, 15, 2
NAME = "bench-grid"


def fill(base_url: str, folder: str) -> None:
    """Fill the folder with the experiment; its rows are ended by hand, since only the page is measured."""
    with open_lab(settings_for(base_url, folder)) as lab:
        lab.pause_queue()
        scene = "crosses the flooded street while slow rain falls, camera low over the water, handheld, soft focus"
        prompts = [f"Variant {number}: a paper boat {scene}" for number in range(ROWS)]
        scales = [number / COLUMNS for number in range(COLUMNS)]
        sweep = Sweep(
            "Three hundred",
            "Which words, which scale?",
            GenerationRequest(prompt="to be replaced"),
            {"prompt": prompts, "cfg_scale": scales},
            TAKES,
        )
        lab.start(sweep, experiment_id=NAME)
        _end(lab)
        lab.resume()


def _end(lab: Lab) -> None:
    ours = generations.c.experiment_id == NAME
    last = sa.select(sa.func.max(generations.c.seq)).where(ours).scalar_subquery()
    ended = {
        "state": State.SUCCEEDED.value,
        "settlement": "settled",
        "final_credits": 160,
        "clip_key": sa.literal("clips/") + generations.c.id,
        "poster_key": sa.literal("posters/") + generations.c.id,
    }
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.update(generations).where(ours, generations.c.seq != last).values(**ended))


async def bytes_of_a_visit(port: int) -> int:
    """Bytes that one full run of the page sends to a browser that has the page open."""
    async with aiohttp.ClientSession() as session:
        tab = await Tab.open(session, port, "sweep", f"experiment={NAME}")
        before = tab.received_bytes
        await tab.run()
        await tab.close()
        return tab.received_bytes - before


async def ticks_ms(port: int) -> list[float]:
    """Milliseconds of ticks, from the question to the end of the run."""
    async with aiohttp.ClientSession() as session:
        tab = await Tab.open(session, port, "sweep", f"experiment={NAME}")
        assert tab.fragment, "the page ticks"
        times = []
        for _ in range(RUNS):
            times.append(await tab.tick() * 1000)
            await asyncio.sleep(PAUSE_S)
        await tab.close()
        return times


def figures() -> list[Figure]:
    """Fill a folder, then measure the grid beside the bare page."""
    views = [("sweep", f"experiment={NAME}")]
    with (
        Dashboard(BARE, "/_stcore/health") as beside,
        Scripted() as api,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        fresh.run("tests.bench.grid:fill", base_url=api.base_url, folder=folder)
        settings = {"RIVYA_DATA_DIR": folder, "RIVYA_API_KEY": KEY, "RIVYA_BASE_URL": api.base_url}
        with Dashboard(TIMED, **settings) as server:
            asyncio.run(pairs_ms(server.port, views, beside.port, WARM_UP))
            server.timings_ms()
            trips, bare = asyncio.run(pairs_ms(server.port, views, beside.port))
            times = server.timings_ms()[-RUNS:]
            ticks = asyncio.run(ticks_ms(server.port))
            sent = asyncio.run(bytes_of_a_visit(server.port))
    what = f"Sweep, {ROWS * COLUMNS} cells of {TAKES} takes"
    in_server = f"p50 {percentile(times, 0.5):.1f} ms, in the server"
    in_client = f"p50 {percentile(ticks, 0.5):.1f} ms, in the client"
    return [
        round_trip("grid", what, trips, bare, 5),
        Figure("grid", f"{what}: script run, p95", percentile(times, 0.95), "ms", baseline=in_server),
        Figure("grid", f"{what}: sent by a run", sent / 1000, "kB", "at most", 300, "of what is on the screen"),
        Figure("grid", f"{what}: tick, p95", percentile(ticks, 0.95), "ms", "at most", 100, in_client),
    ]
