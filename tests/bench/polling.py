"""Fifty tasks of 20 to 40 s under the default schedule: reads per task, lateness, smallest gap between two reads.

Beside it, at the same time and on the same server, the rules of two vendors' clients: 6 s give or take 1.5 s, asleep first,
and a fixed second.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from rivya_core import State
from tests.bench.figures import Figure, median, percentile
from tests.bench.labs import finished, in_state, live_lab, request, until
from tests.bench.scripted import KEY, Scripted

TASKS = 50
LOW_S, HIGH_S = 20.0, 40.0


async def follow_all(base_url: str, name: str, gap_s: Callable[[], float]) -> list[tuple[str, float]]:
    """Create all tasks and wait for each by a fixed rule; the task ids with the moments at which their end was known."""
    async with aiohttp.ClientSession(base_url, headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def follow(number: int) -> tuple[str, float]:
            async with session.post("/api/v1/generations", headers={"Idempotency-Key": f"{name}-{number}"}) as answer:
                task_id = (await answer.json())["id"]
            while True:
                await asyncio.sleep(gap_s())
                async with session.get(f"/api/v1/generations/{task_id}") as answer:
                    if (await answer.json())["status"] == "succeeded":
                        return task_id, time.time()

        return await asyncio.gather(*(follow(number) for number in range(TASKS)))


RULES: dict[str, Callable[[], float]] = {
    "6 s +- 1.5 s": lambda: random.uniform(4.5, 7.5),
    "fixed 1 s": lambda: 1.0,
}


def figures() -> list[Figure]:
    """Run all side by side."""
    others: dict[str, list[tuple[str, float]]] = {}
    with Scripted() as server:
        server.script(LOW_S, HIGH_S)
        threads = [
            threading.Thread(
                target=lambda name=name, rule=rule: others.update(
                    {name: asyncio.run(follow_all(server.base_url, name, rule))}
                )
            )
            for name, rule in RULES.items()
        ]
        with live_lab(server) as lab:
            for number in range(TASKS):
                lab.submit(request(number))
            until(lambda: in_state(lab, State.RUNNING) == TASKS, "all tasks run", 60)
            for thread in threads:
                thread.start()
            rows = finished(lab, TASKS)
            for thread in threads:
                thread.join()
        tasks = {task["id"]: task for task in server.seen()["tasks"]}
    mine = [tasks[row.task_id] for row in rows if row.task_id]
    seen_s = [row.ready_at.timestamp() - tasks[row.task_id]["ready"] for row in rows if row.ready_at and row.task_id]
    kept_s = [
        row.finished_at.timestamp() - tasks[row.task_id]["ready"] for row in rows if row.finished_at and row.task_id
    ]
    gaps = [b - a for task in mine for a, b in itertools.pairwise(task["reads"])]
    words = "; ".join(_words(name, found, tasks) for name, found in others.items())
    reads = _mean([len(task["reads"]) for task in mine])
    first = median([task["reads"][0] - task["created"] for task in mine])
    return [
        Figure("polling", f"{TASKS} tasks of 20-40 s: reads per task", reads, "", "at most", 6, words),
        Figure(
            "polling",
            "mean lateness until known",
            _mean(seen_s),
            "s",
            "at most",
            3,
            f"worst {max(seen_s):.1f} s; {words}",
        ),
        Figure(
            "polling",
            "mean lateness until the clip is kept",
            _mean(kept_s),
            "s",
            "at most",
            3,
            f"worst {max(kept_s):.1f} s, p95 {percentile(kept_s, 0.95):.1f} s",
        ),
        Figure(
            "polling",
            "smallest gap between two reads",
            min(gaps),
            "s",
            "at least",
            5,
            f"first read after {first:.1f} s",
        ),
    ]


def _words(name: str, found: list[tuple[str, float]], tasks: dict[str, Any]) -> str:
    reads = _mean([len(tasks[task_id]["reads"]) for task_id, _ in found])
    late = _mean([known - tasks[task_id]["ready"] for task_id, known in found])
    return f"{name}: {reads:.1f} reads, {late:.1f} s late"


def _mean(values: list[float] | list[int]) -> float:
    return sum(values) / len(values)
