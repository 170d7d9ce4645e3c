"""Labs in which a test decides what happens to each take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from rivya_core.lab.lab import Lab
from rivya_core.services import open_lab
from tests.pace import quicken
from tests.until import until


@pytest.fixture
def make_still(make_lab: Callable[..., Lab], database_kind: str, data_dir: Path) -> Iterator[Callable[..., Lab]]:
    """Open labs whose jobs another process is taken to run, so that nothing is ever sent; the balance is known."""
    data_dir.mkdir(parents=True)
    fixed: dict[str, Any] = {"how": open_lab} if database_kind == "postgresql" else {}
    with FileLock(data_dir / "executor.lock", thread_local=False):

        def make(**changes: Any) -> Lab:
            lab = make_lab(**{"simulator_credits": 10_000, **fixed, **changes})
            until(lambda: lab.balance().credits is not None)
            return lab

        yield make


@pytest.fixture
def still(make_still: Callable[..., Lab]) -> Lab:
    """Such a lab, with 10,000 simulated credits."""
    return make_still()


@pytest.fixture
def paused(make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab that sends one create at a time, with 10,000 simulated credits and a queue that stands until it is resumed."""
    quicken(monkeypatch)
    lab = make_lab(simulator_credits=10_000, max_creates_in_flight=1)
    lab.pause_queue()
    until(lambda: lab.balance().credits is not None)
    return lab
