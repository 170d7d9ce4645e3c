"""What the tests of whole flows share: an outside simulator, child processes, and how to ask both what happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flow.outside import ROOT, Outside
from tests.until import HANGS_S


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a simulator or a lab in a process of its own."""
    for item in items:
        if {"outside", "start_child"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("process")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """A simulator in a process of its own, for a module's tests; each counts only its own intents."""
    with Outside(tmp_path_factory.mktemp("outside") / "world.sqlite3", credits=1_000_000) as simulator:
        yield simulator


Child = subprocess.Popen[str]


@pytest.fixture
def start_child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Start real processes of ``tests.flow.child``, or of another module; whatever is left of them is killed at the end."""
    started: list[Child] = []

    def start(settings: dict[str, Any], *, module: str = "tests.flow.child", **config: Any) -> Child:
        path = tmp_path / f"child-{len(started)}.json"
        config["settings"] = {**settings, "data_dir": str(settings["data_dir"])}
        path.write_text(json.dumps(config), encoding="utf-8")
        command = [sys.executable, "-m", module, str(path)]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for child in started:
        child.send_signal(signal.SIGKILL)
        child.wait(HANGS_S)
        assert child.stdout is not None
        child.stdout.close()


def heard(child: Child) -> Any:
    """The next JSON line of a child."""
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line, f"the child ended with {child.wait(HANGS_S)}"
    return json.loads(line)
