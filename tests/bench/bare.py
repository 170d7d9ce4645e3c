"""The least a client can do: create, poll, download, with asyncio and aiohttp, keeping nothing in mind."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.scripted import KEY

HEADERS = {"Authorization": f"Bearer {KEY}"}


async def one(session: aiohttp.ClientSession, key: str, to: Path, first_s: float, gap_s: float) -> float:
    """Take one generation from its POST to its file; the moment when the file was there."""
    headers = {"Idempotency-Key": key}
    async with session.post("/api/v1/generations", json={"model": "kling-v2-1-master"}, headers=headers) as answer:
        task: dict[str, Any] = await answer.json()
    wait_s = first_s
    while True:
        await asyncio.sleep(wait_s)
        wait_s = gap_s
        async with session.get(f"/api/v1/generations/{task['id']}") as answer:
            task = await answer.json()
        if task["status"] == "succeeded":
            break
    async with session.get(task["result"]["primary_url"]) as answer:
        to.write_bytes(await answer.read())  # noqa: ASYNC240 - a bare loop does just this
    return time.time()


async def many(base_url: str, count: int, folder: Path, first_s: float, gap_s: float) -> float:
    """Take ``count`` generations at once; seconds until the last file."""
    began = time.perf_counter()
    async with aiohttp.ClientSession(base_url, headers=HEADERS) as session:
        await asyncio.gather(
            *(one(session, f"bare-{number}", folder / f"{number}.mp4", first_s, gap_s) for number in range(count))
        )
    return time.perf_counter() - began
