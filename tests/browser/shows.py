"""Make the show of the first start's decided example in a data folder, in a process of its own: ``fresh.run("tests.browser.shows:make")``."""

from __future__ import annotations

from pathlib import Path

from rivya_core import open_lab
from rivya_core.lab.examples.example_sweep import EXPERIMENT_ID
from rivya_core.settings import Settings
from tests.conftest import FAST
from tests.until import until


def make(folder: str) -> str:
    """Wait until the example sweep is decided, make its show, and return the show's id."""
    with open_lab(Settings(**{**FAST, "data_dir": Path(folder), "first_start_examples": True})) as lab:

        def is_decided() -> bool:
            rows = [one for one in lab.sweeps.list() if one.id == EXPERIMENT_ID]
            return bool(rows) and lab.sweeps.status(EXPERIMENT_ID).experiment.decided_at is not None

        until(is_decided, what="the example sweep is decided")
        return lab.shows.of_sweep(EXPERIMENT_ID).id
