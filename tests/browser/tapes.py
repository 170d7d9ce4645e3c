"""Record a cassette of live work for a process of its own: ``fresh.run("tests.browser.tapes:record")``."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from rivya_core import GenerationRequest, Sweep, open_lab
from rivya_core.settings import Settings
from rivya_core.simulator import SimulatorServer
from tests.conftest import FAST

SENTINEL = "rvya_sk_sentinel_5e17ine1a0b1c2d3e4f5"
BASE = GenerationRequest(prompt="{{animal}} in the snow", params={"duration": "5"})
SWEEP = Sweep("Which animal", "Which one reads better?", BASE, {"animal": ["A fox", "A heron"], "cfg_scale": [0, 1]}, 3)


def record(folder: str) -> dict[str, list[Any]]:
    """Make 12 takes under a key, one failed and one refused; state, credits and clip of each, by its place in the grid.

    The cassette is ``work.cassette`` in the folder, and says that the work was live.
    """
    root = Path(folder)
    with SimulatorServer(root / "outside.sqlite3", speed=40.0) as server:
        server.world.add_key(SENTINEL)
        server.world.add_fault("task_failed", route="create", after=2)
        server.world.add_fault(
            "error", route="create", after=7, code="validation_failed", status=400, message="A rule."
        )
        settings = {**FAST, "data_dir": root / "recorded", "api_key": SENTINEL, "base_url": server.base_url}
        with open_lab(Settings(**settings)) as lab:
            id_ = lab.start(SWEEP)
            lab.wait_sweep(id_)
            with sqlite3.connect(root / "recorded" / "lab.sqlite3") as database:  # as the real model would have it
                database.execute("UPDATE lab_generations SET mode = 'live', finished_at = '2025-11-12 10:00:00.000000'")
            lab.cassettes.export(id_, root / "work.cassette")
            return takes(lab, id_)


def takes(lab: Any, sweep_id: str) -> dict[str, list[Any]]:
    """State, credits and clip of each take of a sweep, by combination and number."""
    rows = {
        f"{cell.cell}-{take.take}": lab.get(take.generation_id)
        for cell in lab.sweep(sweep_id).cells
        for take in cell.takes
    }
    return {place: [str(row.state), row.held_credits, row.clip_sha256] for place, row in rows.items()}


def played(folder: str, cassette: str) -> dict[str, list[Any]]:
    """What became of the sweep that a server played in a folder, read as a read-only lab reads it."""
    settings = {**FAST, "data_dir": Path(folder), "cassette": Path(cassette), "read_only": True}
    with open_lab(Settings(**settings)) as lab:
        [sweep] = lab.sweeps.list()
        return takes(lab, sweep.id)
