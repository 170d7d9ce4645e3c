"""Ten parallel uploads of 10 MB: how much memory each takes beyond the client itself."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from rivya_core.api import AsyncRivya, Rivya
from tests.bench import fresh
from tests.bench.figures import Figure, median
from tests.bench.scripted import KEY, Scripted

FILES = 10
SIZE_BYTES = 10_000_000
ROUNDS = 5
MIB = 1 << 20
PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


class Peak:
    """Watches the resident size of this process from a thread."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._stop = threading.Event()
        self.start_bytes = self.top_bytes = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.001):
            self.top_bytes = max(self.top_bytes, self._process.memory_info().rss)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.top_bytes = max(self.top_bytes, self._process.memory_info().rss)


def upload_all(base_url: str, library: str, paths: list[str]) -> dict[str, float]:
    """Upload all files at once after one small warm-up; MiB per file above the level before, and MB/s."""
    warm = Path(paths[0]).with_name("warm.png")
    if library == "rivya":
        rivya = Rivya(KEY, base_url=base_url)
        rivya.upload(warm)
        with Peak() as peak, ThreadPoolExecutor(FILES) as pool:
            began = time.perf_counter()
            list(pool.map(rivya.upload, paths))
            took_s = time.perf_counter() - began
    else:
        peak, took_s = asyncio.run(_upload_async(base_url, library, warm, paths))
    grown = (peak.top_bytes - peak.start_bytes) / MIB / len(paths)
    return {"mib_each": grown, "mb_per_s": len(paths) * SIZE_BYTES / 1e6 / took_s}


async def _upload_async(base_url: str, library: str, warm: Path, paths: list[str]) -> tuple[Peak, float]:
    send, close = _sender(base_url, library)
    await send(str(warm))
    with Peak() as peak:
        began = time.perf_counter()
        await asyncio.gather(*(send(path) for path in paths))
        took_s = time.perf_counter() - began
    await close()
    return peak, took_s


def _sender(base_url: str, library: str) -> tuple[Callable[[str], Awaitable[Any]], Callable[[], Awaitable[None]]]:
    if library == "async rivya":
        rivya = AsyncRivya(KEY, base_url=base_url)
        return rivya.upload, rivya.aclose
    client = httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)

    async def send(path: str) -> Any:
        with Path(path).open("rb") as file:  # noqa: ASYNC230 - what a caller of plain httpx writes
            answer = await client.post(
                "/api/v1/files", data={"kind": "image"}, files={"file": ("a.png", file, "image/png")}
            )
        return answer.json()

    return send, client.aclose


def figures() -> list[Figure]:
    """Measure all three, taking turns; the worst of the rounds is reported."""
    results: dict[str, list[dict[str, float]]] = {"rivya": [], "async rivya": [], "async httpx": []}
    with tempfile.TemporaryDirectory() as folder, Scripted() as server:
        paths = [str(Path(folder) / f"{number}.png") for number in range(FILES)]
        for path in paths:
            Path(path).write_bytes((PNG_HEAD + secrets.token_bytes(SIZE_BYTES))[:SIZE_BYTES])
        (Path(folder) / "warm.png").write_bytes(PNG_HEAD + bytes(1000))
        for _ in range(ROUNDS):
            for library, rounds in results.items():
                rounds.append(
                    fresh.run("tests.bench.uploads:upload_all", base_url=server.base_url, library=library, paths=paths)
                )
    raw = max(one["mib_each"] for one in results["async httpx"])
    words = (
        f"{raw:.2f} MiB streamed by raw httpx, {median([one['mb_per_s'] for one in results['async httpx']]):.0f} MB/s"
    )
    pairs = list(zip(results["async rivya"], results["async httpx"], strict=True))
    ratio = median([ours["mb_per_s"] / theirs["mb_per_s"] for ours, theirs in pairs])
    more = median([ours["mib_each"] - theirs["mib_each"] for ours, theirs in pairs])
    beside = [
        Figure("uploads", "async upload, x httpx's speed, median of pairs", ratio, "x", "at least", 1, words),
        Figure("uploads", "async upload, memory beyond httpx's, each", more, "MiB", "at most", 0.5, words),
    ]
    return [
        Figure(
            "uploads",
            f"10 x 10 MB, {library}: extra memory each ({median([one['mb_per_s'] for one in results[library]]):.0f} MB/s)",
            max(one["mib_each"] for one in results[library]),
            "MiB",
            "at most",
            4,
            words,
        )
        for library in ("rivya", "async rivya")
    ] + beside
