"""Fill a data folder with one decided sweep and no show, for a process of its own: ``fresh.run("tests.browser.decided:fill")``."""

from __future__ import annotations

from pathlib import Path

from rivya_core import open_lab
from rivya_core.settings import Settings
from tests.conftest import FAST
from tests.lab.shows.given import based, decided


def fill(folder: str) -> str:
    """Make the sweep; its id."""
    with open_lab(Settings(**{**FAST, "data_dir": Path(folder)})) as lab:
        return based(lab, decided(lab))
