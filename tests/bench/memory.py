"""Memory of the server over twenty minutes of ticking, twenty times as fast: one minute.

Use in small: tabs tick all the time, a generation is started every minute of that time and runs through the
built-in simulator, and the page is run in full whenever the live list is over or something ended.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp

from rivya_core import Lab, Settings, open_lab
from tests.bench.dashboard import Dashboard, Tab
from tests.bench.figures import Figure, median
from tests.bench.labs import request

SPEED = 20.0
USED_S = 1200.0
SESSIONS = 3
TICK_S = 2.0
SUBMIT_S = 60.0
SAMPLE_S = 1.0
WARM_SHARE = 0.2
END_SHARE = 0.1


async def use(server: Dashboard, lab: Lab) -> tuple[list[float], int]:
    """Twenty minutes of use; resident megabytes at regular moments, and the number of script runs."""
    ends = time.monotonic() + USED_S / SPEED
    memory: list[float] = []
    runs = 0

    async def look(session: aiohttp.ClientSession) -> None:
        nonlocal runs
        tab = await Tab.open(session, server.port, "generate")
        while time.monotonic() < ends:
            took_s = await (tab.tick() if tab.fragment else tab.run())
            runs += 1
            await asyncio.sleep(max(0.0, TICK_S / SPEED - took_s))
        await tab.close()

    async def sample() -> None:
        while time.monotonic() < ends:
            memory.append(server.rss_mb())
            await asyncio.sleep(SAMPLE_S)

    async def submit() -> None:
        number = 0
        while time.monotonic() < ends:
            await asyncio.to_thread(lab.submit, request(number))
            number += 1
            await asyncio.sleep(SUBMIT_S / SPEED)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(sample(), submit(), *(look(session) for _ in range(SESSIONS)))
    return memory, runs


def figures() -> list[Figure]:
    """Run them; the level at the end over the level after the warm-up."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        pace = {"POLL_FIRST_S": 2.5, "POLL_MIN_S": 5.0, "POLL_MAX_S": 10.0, "BALANCE_REFRESH_S": 60.0}
        environment = {f"RIVYA_{name}": str(value / SPEED) for name, value in pace.items()}
        environment |= {"RIVYA_SIMULATOR_SPEED": str(SPEED), "RIVYA_SIMULATOR_CREDITS": str(10**9)}
        with (
            Dashboard(RIVYA_DATA_DIR=folder, **environment) as server,
            # this process only submits; the server holds the folder and runs the jobs
            open_lab(Settings(data_dir=Path(folder), simulator_credits=10**9)) as lab,
        ):
            memory, runs = asyncio.run(use(server, lab))
            done = sum(lab.ledger.counts().values())
    warm = memory[int(len(memory) * WARM_SHARE) :]
    last = max(1, int(len(memory) * END_SHARE))
    before, after = median(warm[:last]), median(warm[-last:])
    words = f"{memory[0]:.0f} MB at the start, {before:.0f} after the warm-up, {after:.0f} at the end; {runs:,} runs, {done} generations"
    return [
        Figure(
            "memory",
            "twenty minutes of ticking at 20x speed: growth",
            (after / before - 1) * 100,
            "%",
            "at most",
            20,
            words,
        )
    ]
