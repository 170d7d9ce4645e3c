"""A real worker process that says what it noticed and, if asked, stops itself at a named point, as a machine that freezes does.

Usage: python -m tests.flow.worker_child CONFIG.json, with ``settings`` (keywords of Settings), ``stop_at`` (a Point or null) and
``reached`` (file that then names the generation). Prints one JSON line when it runs, and after SIGTERM one of its warnings.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from pathlib import Path

from rivya_core import Settings
from rivya_core.lab.jobs import crash_points
from rivya_core.services import open_worker
from tests.flow.child import say


class Warnings(logging.Handler):
    """What a worker has to tell of itself and the others."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.told.append(f"{record.name}: {record.getMessage()}")


def stop_at(point: str, reached: Path) -> None:
    """Stop this whole process the first time that a generation has reached ``point``."""
    done: list[str] = []

    def watcher(at: crash_points.CrashPoint, generation_id: str) -> None:
        if at == point and not done:
            done.append(generation_id)
            reached.write_text(generation_id, encoding="utf-8")
            # to this thread: one for the process may be taken by another, and this one would go on for a moment
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    crash_points.watch(watcher)


def main() -> None:
    """Run jobs until SIGTERM."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    warnings = Warnings()
    for name in ("rivya.membership", "rivya.fleet"):
        logging.getLogger(name).addHandler(warnings)
    if config.get("stop_at"):
        stop_at(config["stop_at"], Path(config["reached"]))
    lab = open_worker(Settings(**config["settings"]))
    say("runs")
    asked.wait()
    lab.close()
    say(warnings.told)


if __name__ == "__main__":
    main()
