"""One status read with its typed answer, blocking and async, beside the bare transports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import httpx

from rivya_core.api import AsyncRivya, Rivya
from tests.bench import fresh
from tests.bench.figures import Figure, median
from tests.bench.scripted import KEY, Scripted

ROUNDS = 5
SYNC_READS = 300
ASYNC_READS = {1: 300, 16: 640, 64: 960, 256: 1024}
PATH = "/api/v1/generations/task_steady"
HEADERS = {"Authorization": f"Bearer {KEY}"}
LIBRARIES = ("rivya", "httpx", "aiohttp")


def sync_ms(base_url: str, library: str) -> float:
    """Milliseconds of one blocking read, in a process of its own."""
    if library == "rivya":
        rivya = Rivya(KEY, base_url=base_url)
        return _timed_ms(lambda: rivya.retrieve("task_steady"))
    client = httpx.Client(base_url=base_url, headers=HEADERS)
    return _timed_ms(lambda: client.get(PATH).json())


def _timed_ms(read: Callable[[], object]) -> float:
    for _ in range(30):
        read()
    began = time.perf_counter()
    for _ in range(SYNC_READS):
        read()
    return (time.perf_counter() - began) / SYNC_READS * 1000


def async_ms(base_url: str, library: str) -> dict[str, float]:
    """Milliseconds per read by number of reads in flight, all on one client, in a process of its own."""
    return asyncio.run(_all_widths_ms(base_url, library))


async def _all_widths_ms(base_url: str, library: str) -> dict[str, float]:
    read, close = await _open(base_url, library)
    try:
        await _in_flight_s(read, 32, 100)
        return {
            str(width): await _in_flight_s(read, width, count) / count * 1000 for width, count in ASYNC_READS.items()
        }
    finally:
        await close()


async def _open(base_url: str, library: str) -> tuple[Callable[[], Awaitable[Any]], Callable[[], Awaitable[None]]]:
    if library == "rivya":
        rivya = AsyncRivya(KEY, base_url=base_url)
        return lambda: rivya.retrieve("task_steady"), rivya.aclose
    if library == "httpx":
        client = httpx.AsyncClient(base_url=base_url, headers=HEADERS)

        async def read_httpx() -> Any:
            return (await client.get(PATH)).json()

        return read_httpx, client.aclose
    session = aiohttp.ClientSession(base_url=base_url, headers=HEADERS)

    async def read_aiohttp() -> Any:
        async with session.get(PATH) as answer:
            return await answer.json()

    return read_aiohttp, session.close


async def _in_flight_s(read: Callable[[], Awaitable[Any]], width: int, count: int) -> float:
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await read()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(width)))
    return time.perf_counter() - began


def figures() -> list[Figure]:
    """Measure all, the libraries taking turns within each round; medians, and medians of each round's ratio."""
    sync: dict[str, list[float]] = {"rivya": [], "httpx": []}
    wide: dict[str, list[dict[str, float]]] = {library: [] for library in LIBRARIES}
    with Scripted() as server:
        for _ in range(ROUNDS):
            for library, times in sync.items():
                times.append(fresh.run("tests.bench.reads:sync_ms", base_url=server.base_url, library=library))
            for library, rounds in wide.items():
                rounds.append(fresh.run("tests.bench.reads:async_ms", base_url=server.base_url, library=library))
    ours = median(sync["rivya"])
    ratio = median([mine / raw for mine, raw in zip(sync["rivya"], sync["httpx"], strict=True)])
    found = [
        Figure(
            "reads",
            "sync read, x raw httpx",
            ratio,
            "x",
            "at most",
            1.25,
            f"{median(sync['httpx']):.2f} ms httpx, {ours:.2f} ms ours",
        )
    ]
    for width in ASYNC_READS:
        times_of = {library: [one[str(width)] for one in wide[library]] for library in LIBRARIES}
        faster = median([raw / mine for mine, raw in zip(times_of["rivya"], times_of["httpx"], strict=True)])
        words = ", ".join(f"{median(times):.2f} ms {library}" for library, times in times_of.items())
        if width == 64:
            found.append(Figure("reads", "async at 64, x faster than httpx", faster, "x", "at least", 5, words))
        else:
            found.append(Figure("reads", f"async at {width}, x faster than httpx", faster, "x", baseline=words))
    return found
