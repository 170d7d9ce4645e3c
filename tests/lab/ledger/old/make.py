"""How the data folder of revision 0002 was filled: run once with the code of commit 1e04135, the last one before 0003.

    git worktree add /tmp/old 1e04135
    PYTHONPATH=/tmp/old .venv/bin/python tests/lab/ledger/old/make.py tests/lab/ledger/old

It holds a sweep of which one take failed, votes on it, a single generation, one that was running and one that was waiting in
the engine's queue when the lab was closed. Only the two databases are kept, packed; clips are left out.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from rivya_core import GenerationRequest, Settings, State, Sweep, open_lab

KEPT = {"lab": "lab.sqlite3", "world": "simulator/world.sqlite3"}


def fill(folder: Path) -> None:
    """Do a morning's work in a new data folder."""
    settings = Settings(data_dir=folder, first_start_examples=False, simulator_speed=40, simulator_credits=9000)
    lab = open_lab(settings)
    assert lab.simulator is not None
    base = GenerationRequest(prompt="Café at night\nslow pan\n", params={"negative_prompt": "blur\r\n"})
    lab.simulator.world.add_fault("task_failed", code="generation_failed", message="Refused")
    lab.start(Sweep("Night", "Which?", base, {"cfg_scale": [0, 0.5, 1]}, takes=2), experiment_id="xold")
    lab.wait_sweep("xold", 300)
    single = lab.submit(GenerationRequest(prompt="A red fox\r\n"), intent_id="single")
    lab.wait(single.id, 120)
    round_id = lab.ballots.start("xold", "Ana")
    for _ in range(3):
        ballot = lab.ballots.ballot(round_id)
        assert ballot is not None
        lab.ballots.vote(round_id, ballot.left_token, "left", [])
    time.sleep(20)  # the clips are measured meanwhile
    running = lab.submit(GenerationRequest(prompt="A kite"), intent_id="running")
    while lab.get(running.id).state is not State.RUNNING:
        time.sleep(0.01)
    lab.pause_queue()
    waiting = lab.submit(GenerationRequest(prompt="A boat"), intent_id="waiting")
    lab.close()
    print(lab.get(running.id).state, lab.get(waiting.id).state)


def pack(folder: Path, into: Path) -> None:
    """Keep the two databases without their free pages."""
    for name, file in KEPT.items():
        part = folder / f"{name}.part"
        with closing(sqlite3.connect(folder / file)) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        with part.open("rb") as plain, gzip.GzipFile(into / f"{name}.gz", "wb", 9, mtime=0) as packed:
            shutil.copyfileobj(plain, packed)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        fill(Path(work))
        pack(Path(work), Path(sys.argv[1]))
