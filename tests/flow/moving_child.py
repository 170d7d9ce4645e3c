"""A real process that moves a data folder and dies by SIGKILL on the way. Run by ``test_moving.py``.

Usage: python -m tests.flow.moving_child CONFIG.json, with ``settings`` (keywords of Settings), ``database`` and ``archive`` (where
to move), ``kill_at`` (a point of the move) and ``kill_on`` (the how-manieth time it is reached).
"""

from __future__ import annotations

import json
import sys
import threading
from itertools import count
from pathlib import Path

from rivya_core import moving
from rivya_core.settings import Settings
from tests.flow.child import die


def main() -> None:
    """Move until the point."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    settings = Settings(**{**config["settings"], "data_dir": Path(config["settings"]["data_dir"])})
    guard, seen = threading.Lock(), count(1)

    def step(point: moving.Point) -> None:
        if point == config["kill_at"]:
            with guard:
                if next(seen) == config["kill_on"]:
                    die()

    moving.move(settings, moving.target_of(config["database"], config["archive"], "UTC"), step=step)


if __name__ == "__main__":
    main()
