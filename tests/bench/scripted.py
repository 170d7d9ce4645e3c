"""A server that honours the contract and costs next to nothing: it decides when tasks are ready and remembers every read.

Run as ``python -m tests.bench.scripted`` it prints its port; ``Scripted`` starts it in a process of its own.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from aiohttp import web
from av.video.stream import VideoStream

from tests.bench.fresh import ROOT, environment

KEY = "rvya_sk_bench_0123456789abcdef"
FOREVER_S = 1e6


def tiny_clip() -> bytes:
    """A real MP4 of one second."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=12)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for shade in range(12):
            picture = np.full((90, 160, 3), 20 * shade, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


@dataclass(slots=True)
class Task:
    """One task and what was asked of it; times are seconds since the epoch."""

    id: str
    created: float
    ready: float
    reads: list[float] = field(default_factory=list)
    fetches: int = 0


class World:
    """All tasks of one script."""

    def __init__(self) -> None:
        self.clip = tiny_clip()
        self.script(FOREVER_S, FOREVER_S)

    def script(self, low_s: float, high_s: float) -> None:
        """Forget everything; tasks made from now on are ready ``low_s`` to ``high_s`` seconds after their creation."""
        self.low_s, self.high_s = low_s, high_s
        self.random = random.Random(7)
        self.tasks: dict[str, Task] = {}
        self.by_key: dict[str, Task] = {}
        self.posts = self.bytes_in = 0

    def create(self, key: str) -> Task:
        """Make a task, or return the one of this key."""
        self.posts += 1
        task = self.by_key.get(key)
        if task is None:
            now = time.time()
            task = Task(f"task_{len(self.tasks):08d}", now, now + self.random.uniform(self.low_s, self.high_s))
            self.tasks[task.id] = self.by_key[key] = task
        return task


def body_of(task: Task, base_url: str, status: str) -> dict[str, Any]:
    """A task as the API states it."""
    done = status == "succeeded"
    return {
        "id": task.id,
        "object": "generation",
        "status": status,
        "model": "kling-v2-1-master",
        "created_at": "2026-11-22T10:00:00Z",
        "updated_at": "2026-11-22T10:00:00Z",
        "reserved_credits": 160,
        "final_credits": 160 if done else 0,
        "result": {"primary_url": f"{base_url}/media/{task.id}.mp4", "urls": []} if done else None,
        "error": None,
    }


def create_app(world: World) -> web.Application:
    """The routes."""
    app = web.Application(client_max_size=64_000_000)

    async def create(request: web.Request) -> web.Response:
        await request.read()
        task = world.create(request.headers.get("Idempotency-Key") or str(world.posts))
        return web.json_response(body_of(task, f"http://{request.host}", "queued"), status=201)

    async def retrieve(request: web.Request) -> web.Response:
        now = time.time()
        task = world.tasks.get(request.match_info["id"])
        if task is None:
            task = Task(request.match_info["id"], now, now + FOREVER_S)
        else:
            task.reads.append(now)
        status = "succeeded" if now >= task.ready else "processing"
        return web.json_response(body_of(task, f"http://{request.host}", status))

    async def media(request: web.Request) -> web.Response:
        task = world.tasks.get(request.match_info["id"])
        if task is not None:
            task.fetches += 1
        return web.Response(body=world.clip, content_type="video/mp4")

    async def upload(request: web.Request) -> web.Response:
        async for chunk in request.content.iter_any():
            world.bytes_in += len(chunk)
        return web.json_response({"id": "file_1", "url": f"http://{request.host}/files/1.png"}, status=201)

    async def wallet(_request: web.Request) -> web.Response:
        return web.json_response({"current_credits": 10**9})

    app.router.add_post("/api/v1/generations", create)
    app.router.add_get("/api/v1/generations/{id}", retrieve)
    app.router.add_get("/api/v1/credits", wallet)
    app.router.add_post("/api/v1/files", upload)
    app.router.add_get("/media/{id}.mp4", media)
    add_controls(app, world)
    return app


def add_controls(app: web.Application, world: World) -> None:
    """The routes for whoever measures."""

    async def script(request: web.Request) -> web.Response:
        wanted = await request.json()
        world.script(wanted["low_s"], wanted["high_s"])
        return web.json_response({})

    async def seen(_request: web.Request) -> web.Response:
        tasks = [
            {"id": t.id, "created": t.created, "ready": t.ready, "reads": t.reads, "fetches": t.fetches}
            for t in world.tasks.values()
        ]
        return web.json_response({"tasks": tasks, "posts": world.posts, "bytes_in": world.bytes_in})

    app.router.add_post("/script", script)
    app.router.add_get("/seen", seen)


class Scripted:
    """The server in a process of its own; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.scripted"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.base_url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def script(self, low_s: float, high_s: float) -> None:
        """Start afresh; see ``World.script``."""
        body = json.dumps({"low_s": low_s, "high_s": high_s}).encode()
        request = urllib.request.Request(f"{self.base_url}/script", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def seen(self) -> dict[str, Any]:
        """Tasks with their times and reads, the number of POSTs, the bytes uploaded."""
        with urllib.request.urlopen(f"{self.base_url}/seen", timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)


class Elsewhere(Scripted):
    """A server that another process started."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def reads(self) -> int:
        """Status reads so far."""
        return sum(len(task["reads"]) for task in self.seen()["tasks"])


async def serve() -> None:
    """Serve until the process ends or whoever started it is gone."""
    runner = web.AppRunner(create_app(World()), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
