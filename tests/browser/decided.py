"""A data folder with one decided sweep and no show, filled in a process of its own, and a server over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rivya_core import open_lab
from rivya_core.settings import Settings
from tests.bench import fresh
from tests.browser.conftest import Server
from tests.conftest import FAST
from tests.lab.shows.given import based, decided


class Filled(NamedTuple):
    """A server over a folder with one decided sweep, which shares on this machine only."""

    server: Server
    sweep: str


@contextmanager
def serve(folder: Path) -> Iterator[Filled]:
    """Fill the folder and serve it."""
    sweep = fresh.run("tests.browser.decided:fill", folder=str(folder))
    running = Server(folder, {"RIVYA_FIRST_START_EXAMPLES": "false", "RIVYA_SHARE_ADDRESS": "127.0.0.1"})
    running.start()
    try:
        yield Filled(running, str(sweep))
    finally:
        running.stop()


def fill(folder: str) -> str:
    """Make the sweep; its id."""
    with open_lab(Settings(**{**FAST, "data_dir": Path(folder)})) as lab:
        return based(lab, decided(lab))
