"""A sign of life of the process that runs the jobs, for the others that have the same folder open.

A process that was stopped (SIGSTOP) or hangs keeps its lock, and nobody takes it over: that might pay twice. So the others say
who it is. The sign is a small file beside the lock, touched every few seconds; nothing is committed for it.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rivya_core.private_files import make_file

NAME: Final = "executor.beat"
EVERY_S: Final = 2.0
SILENT_AFTER_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Silence:
    """A process that holds the folder and gives no sign of life. ``host``: empty when it is this machine."""

    pid: int
    host: str
    seconds: int

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        return (
            f"Process {self.pid}{where} holds this folder and has not answered for {self.seconds} s. "
            f"It may be stopped: continue it (kill -CONT {self.pid}) or end it (kill -KILL {self.pid})."
        )


class Heartbeat:
    """Give the sign of life, or watch that of another process; one a lab, used by one thread, asked by any.

    The watcher measures on its own clock how long the sign stands still, which does not run while the machine sleeps: so
    neither a suspended laptop nor a clock that is set makes a healthy process look silent.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = folder / NAME
        self._clock = clock
        self._next_s = float("-inf")
        self._seen: int | None = None
        self._since_s = clock()

    def begin(self) -> None:
        """Name this process as the one that runs the jobs."""
        told = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started_at": time.time()})
        with suppress(OSError):  # a full disk: there is no sign then, rather than one that names another process
            self._path.unlink(missing_ok=True)
            part = self._path.with_name(f"{NAME}.{os.getpid()}.part")
            make_file(part).write_text(told, encoding="utf-8")
            part.replace(self._path)

    def beat(self) -> None:
        """Give a sign of life, if it is time."""
        now_s = self._clock()
        if now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            with suppress(OSError):
                os.utime(self._path)

    def end(self) -> None:
        """Take the sign away: this process runs the jobs no more."""
        with suppress(OSError):
            self._path.unlink()

    def watch(self) -> None:
        """Look at the sign of the process that runs the jobs."""
        try:
            seen: int | None = self._path.stat().st_mtime_ns
        except OSError:
            seen = None
        if seen != self._seen:
            self._seen, self._since_s = seen, self._clock()

    def silence(self) -> Silence | None:
        """Who gives no sign of life and for how long; None while there is one, or nobody to give it."""
        seconds = int(self._clock() - self._since_s)
        if self._seen is None or seconds < SILENT_AFTER_S:
            return None
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            host = str(told["host"])
            return Silence(int(told["pid"]), "" if host == socket.gethostname() else host, seconds)
        except (OSError, ValueError, KeyError, TypeError):
            return None
