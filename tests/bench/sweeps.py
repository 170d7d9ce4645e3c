"""How long a sweep of a thousand cells takes from the click until all of it is on the disk and in the engine's queue."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from rivya_core import GenerationRequest, Lab, Sweep
from tests.bench.figures import Figure, median
from tests.bench.labs import live_lab, until
from tests.bench.scripted import FOREVER_S, Scripted

CELLS = 1000
ROUNDS = 3


def insert_s() -> float:
    """The least that a thousand durable rows cost here: bare inserts of a kilobyte each, one synced commit."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.sqlite3", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT)")
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        for number in range(CELLS):
            connection.execute("INSERT INTO row VALUES (?, ?)", (number, "x" * 1000))
        connection.execute("COMMIT")
        took = time.perf_counter() - began
        connection.close()
        return took


def sweep(number: int) -> Sweep:
    """A sweep of a thousand cells that no other one shares a request with."""
    words = [f"blur {turn}" for turn in range(10)]
    axes = {"cfg_scale": [value / 100 for value in range(CELLS // 10)], "negative_prompt": words}
    return Sweep("Bench", "", GenerationRequest(prompt=f"A paper boat crosses a flooded street, {number}"), axes)


def started_s(lab: Lab, made: Sweep) -> tuple[float, float]:
    """Seconds of one start, and of its thread alone; nothing is sent meanwhile, and what waits is taken back and passed over before the next one."""
    began, worked = time.perf_counter(), time.thread_time()
    id_ = lab.start(made)
    took, worked = time.perf_counter() - began, time.thread_time() - worked
    assert sum(lab.sweeps.brief(id_).states.values()) == CELLS
    lab.sweeps.cancel_waiting(id_)
    jobs = [f"{take.generation_id}:1" for cell in lab.sweep(id_).cells for take in cell.takes]
    until(lambda: not lab._queue.unfinished(jobs), "the engine has passed over what was taken back")
    return took, worked


def figures() -> list[Figure]:
    """Build, quote and start sweeps of a thousand cells."""
    bare = [insert_s() for _ in range(ROUNDS)]
    with Scripted() as server:
        server.script(FOREVER_S, FOREVER_S)
        with live_lab(server) as lab:
            lab.pause_queue()
            built, quoted, started = [], [], []
            for number in range(ROUNDS):
                began = time.perf_counter()
                made = sweep(number)
                built.append((time.perf_counter() - began) * 1000)
                began = time.perf_counter()
                quote = lab.quote(made)
                quoted.append((time.perf_counter() - began) * 1000)
                assert (quote.cells, quote.new) == (CELLS, CELLS)
                started.append(started_s(lab, made))
    took, worked = [one[0] for one in started], [one[1] for one in started]
    words = (
        f"median {median(took):.2f} s, of it {median(worked):.2f} s CPU; "
        f"{CELLS:,} bare inserts of 1 kB and one commit: median {median(bare):.3f} s"
    )
    return [
        Figure(
            "sweeps", f"start of 1,000 cells to committed, slowest of {ROUNDS}", max(took), "s", "at most", 1, words
        ),
        Figure("sweeps", "1,000 cells built and checked, median", median(built), "ms"),
        Figure("sweeps", "quote of 1,000 cells, median", median(quoted), "ms"),
    ]
