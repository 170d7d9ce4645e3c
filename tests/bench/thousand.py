"""A thousand generations in flight, 20 to 30 s each and read every 5 s, beside a bare loop; and what a read writes.

The generations are stored beforehand, with the queue paused, so that both sides start from the same line. CPU is that of
the whole process, from the first create to the last kept clip.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from rivya_core import Lab, State
from tests.bench import fresh
from tests.bench.bare import many
from tests.bench.figures import Figure
from tests.bench.labs import finished, in_state, live_lab, request, settings_for, until
from tests.bench.scripted import FOREVER_S, Elsewhere, Scripted

COUNT = 1000
LOW_S, HIGH_S = 20.0, 30.0
POLL_S = 5.0
PACE = {
    "poll_first_s": POLL_S,
    "poll_min_s": POLL_S,
    "poll_max_s": POLL_S,
    "poll_reads_per_s": 1000.0,
    "max_creates_in_flight": 64,
}
WATCHED = 20
WATCHED_FOR_S = 5.0


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def bare(base_url: str, folder: str) -> dict[str, float]:
    """The baseline, in a process of its own."""
    used = cpu_s()
    took_s = asyncio.run(many(base_url, COUNT, Path(folder), POLL_S, POLL_S))
    return {"took_s": took_s, "cpu_s": cpu_s() - used}


def store(base_url: str, folder: str) -> float:
    """Store all generations behind a paused queue; seconds."""
    from rivya_core import open_lab  # noqa: PLC0415 - this process only

    with open_lab(settings_for(base_url, folder)) as lab:
        until(lambda: lab.balance().credits is not None, "the balance is known")
        lab.pause_queue()
        began = time.perf_counter()
        for number in range(COUNT):
            lab.submit(request(number))
        return time.perf_counter() - began


def drive(base_url: str, folder: str) -> dict[str, float]:
    """Let the stored generations go; from the word go to the last kept clip, in a process of its own."""
    from rivya_core import open_lab  # noqa: PLC0415 - this process only

    with open_lab(settings_for(base_url, folder, **PACE)) as lab:
        until(lambda: lab.health().engine == "running", "the engine runs")
        time.sleep(8)  # every job is at the gate
        used, began, at = cpu_s(), time.perf_counter(), time.time()
        lab.resume()
        rows = finished(lab, COUNT)
        last = max(row.finished_at.timestamp() for row in rows if row.finished_at)
        created = max(row.submitted_at.timestamp() for row in rows if row.submitted_at)
        return {
            "took_s": last - at,
            "created_s": created - at,
            "cpu_s": cpu_s() - used,
            "seen_s": time.perf_counter() - began,
            "rss_mb": psutil.Process().memory_info().rss / 1e6,
        }


class Commits:
    """Counts commits of the lab's database as another connection sees them."""

    def __init__(self, lab: Lab) -> None:
        self._connection = sqlite3.connect(lab.settings.data_dir / "lab.sqlite3")

    def during(self, seconds: float) -> int:
        """How many moments of the next ``seconds`` showed a new commit; looked at every 5 ms."""
        ends, seen, last = time.monotonic() + seconds, 0, self._version()
        while time.monotonic() < ends:
            time.sleep(0.005)
            now = self._version()
            seen += now != last
            last = now
        return seen

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def polls_alone(base_url: str) -> dict[str, float]:
    """Commits while twenty tasks do nothing but run; the pace is faster than any default."""
    server = Elsewhere(base_url)
    pace = {"poll_first_s": 0.2, "poll_min_s": 0.2, "poll_max_s": 0.2, "poll_reads_per_s": 1000.0}
    with live_lab(server, **pace) as lab:
        for number in range(WATCHED):
            lab.submit(request(number))
        until(lambda: in_state(lab, State.RUNNING) == WATCHED, "all tasks run")
        until(lambda: all(row.task_status == "processing" for row in lab.history.running(WATCHED)), "all render")
        time.sleep(12)  # the balance is read once after the ledger moved
        before = server.reads()
        commits = Commits(lab).during(WATCHED_FOR_S)
        return {"reads": server.reads() - before, "commits": commits}


def figures() -> Iterator[Figure]:
    """Measure the baseline, the lab, then reads alone."""
    with Scripted() as server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server.script(LOW_S, HIGH_S)
        clips = Path(folder) / "bare"
        clips.mkdir()
        raw = fresh.run("tests.bench.thousand:bare", base_url=server.base_url, folder=str(clips))
        server.script(LOW_S, HIGH_S)
        stored_s = fresh.run("tests.bench.thousand:store", base_url=server.base_url, folder=folder)
        what = "storing and enqueuing 1,000 one by one"
        yield Figure("thousand", what, stored_s, "s", baseline="while their jobs start")
        ours = fresh.run("tests.bench.thousand:drive", base_url=server.base_url, folder=folder)
        seen = server.seen()
        assert seen["posts"] == len(seen["tasks"]) == COUNT, "one POST and one task for each generation"
        reads = sum(len(task["reads"]) for task in seen["tasks"]) / COUNT
        yield from _in_flight(raw, ours, reads)
        server.script(FOREVER_S, FOREVER_S)
        alone = fresh.run("tests.bench.thousand:polls_alone", base_url=server.base_url)
        yield Figure("thousand", f"commits during {alone['reads']:.0f} reads alone", alone["commits"], "", "at most", 0)


def _in_flight(raw: dict[str, float], ours: dict[str, float], reads: float) -> list[Figure]:
    rate, raw_rate = COUNT / ours["took_s"], COUNT / raw["took_s"]
    words = (
        f"{raw_rate:.1f}/s bare, {rate:.1f}/s ours; last create after {ours['created_s']:.1f} s, {reads:.1f} reads each"
    )
    each_ms, raw_ms = ours["cpu_s"] / COUNT * 1000, raw["cpu_s"] / COUNT * 1000
    beside = f"{raw_ms:.1f} ms bare; {ours['rss_mb']:.0f} MB resident"
    what = "1,000 in flight: completions, x a bare loop's"
    return [
        Figure("thousand", what, rate / raw_rate, "x", "at least", 0.75, words),
        Figure("thousand", "CPU per generation", each_ms, "ms", "at most", 25, beside),
    ]
