"""A data folder with experiments. Filled in a process of its own: Playwright's event loop must not meet the engine's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rivya_core import GenerationRequest
from rivya_core.lab.experiments.service import Labelled, Sweep
from rivya_core.services import open_lab
from rivya_core.settings import Settings
from tests.conftest import FAST

LONG = "A grey heron on one leg while slow rain falls on the flooded street and the camera glides low over the water"


def fill(folder: str) -> dict[str, str]:
    """A folder with an experiment that is done, one with failures, and one of 300 cells that was never started whole."""
    with open_lab(Settings(**{**FAST, "data_dir": Path(folder), "simulator_credits": 6400})) as lab:
        scene = GenerationRequest(prompt="{{animal}} crossing a frozen lake, handheld")
        animals = [Labelled("A red fox", "fox"), LONG]
        axes: dict[str, list[Any]] = {"animal": animals, "cfg_scale": [0.0, 1.0], "duration": ["5", "10"]}
        done = lab.start(Sweep("Fox or heron", "Which animal reads better on the ice?", scene, axes, 2))
        lab.wait_sweep(done)
        lab.simulator.world.add_fault(
            "task_failed", times=2, code="generation_failed", message="The picture was refused"
        )
        boat = GenerationRequest(prompt="A paper boat")
        failed = lab.start(Sweep("Shapes", "", boat, {"aspect_ratio": ["16:9", "9:16", "1:1"]}))
        lab.wait_sweep(failed)
        many = {"prompt": [f"Boat number {n}" for n in range(20)], "cfg_scale": [n / 15 for n in range(15)]}
        large = lab.start(Sweep("Three hundred", "", boat, many, cap_credits=320), only_what_fits=True)
        lab.wait_sweep(large)
    return {"done": done, "failed": failed, "large": large}
