"""How long a submit takes until its row is on the disk, while 200 generations run."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from rivya_core import State
from tests.bench.figures import Figure, percentile
from tests.bench.labs import in_state, live_lab, request, until
from tests.bench.scripted import FOREVER_S, Scripted

RUNNING = 200
SUBMITS = 100
GAP_S = 0.05


def insert_ms() -> list[float]:
    """The least that a durable row costs on this disk: one insert, one synced commit."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.sqlite3", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT)")
        times = []
        for number in range(SUBMITS):
            began = time.perf_counter()
            connection.execute("INSERT INTO row VALUES (?, ?)", (number, "x" * 1000))
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(GAP_S / 10)
        connection.close()
        return times


def figures() -> list[Figure]:
    """Fill the lab, then submit one by one; ``submit`` returns when the transaction is committed."""
    bare = insert_ms()
    with Scripted() as server:
        server.script(FOREVER_S, FOREVER_S)
        with live_lab(server) as lab:
            for number in range(RUNNING):
                lab.submit(request(number))
            until(lambda: in_state(lab, State.RUNNING) >= RUNNING, f"{RUNNING} run")
            times = []
            for number in range(SUBMITS):
                wanted = request(RUNNING + number)
                began = time.perf_counter()
                lab.submit(wanted)
                times.append((time.perf_counter() - began) * 1000)
                time.sleep(GAP_S)
    words = f"p50 {percentile(times, 0.5):.1f} ms; one bare insert: p50 {percentile(bare, 0.5):.1f}, p95 {percentile(bare, 0.95):.1f} ms"
    return [
        Figure("submits", "submit to committed, 200 running, p95", percentile(times, 0.95), "ms", "at most", 50, words)
    ]
