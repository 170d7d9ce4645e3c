"""Heartbeat of the process that runs the jobs, for the other processes that have the same data folder open.

A process that was stopped (SIGSTOP) or hangs keeps its lock, and no other may take it over: both might pay for the same row.
So the others only report which process it is. The heartbeat is a small file beside the lock, touched every few seconds; it
is outside of the database, so it costs no commit.
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
    """A process that holds the executor lock but has no heartbeat. ``host``: empty when it is this machine."""

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
    """Write this process's heartbeat, or watch that of another; one per lab, updated by one thread, read by any.

    The age is measured on the watcher's monotonic clock, which stops while the machine sleeps: neither a suspended laptop
    nor a changed wall clock makes a healthy process look silent.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = folder / NAME
        self._clock = clock
        self._next_s = float("-inf")
        self._mtime_ns: int | None = None
        self._since_s = clock()

    def begin(self) -> None:
        """Write the heartbeat file that names this process as the one that runs the jobs."""
        owner = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started_at": time.time()})
        with suppress(OSError):  # disk full: no heartbeat is better than one that names another process
            self._path.unlink(missing_ok=True)
            part = self._path.with_name(f"{NAME}.{os.getpid()}.part")
            make_file(part).write_text(owner, encoding="utf-8")
            part.replace(self._path)

    def beat(self) -> None:
        """Touch the heartbeat file, if it is time."""
        now_s = self._clock()
        if now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            with suppress(OSError):
                os.utime(self._path)

    def end(self) -> None:
        """Remove the heartbeat file: this process no longer runs the jobs."""
        with suppress(OSError):
            self._path.unlink()

    def watch(self) -> None:
        """Check the heartbeat of the process that runs the jobs."""
        try:
            mtime_ns: int | None = self._path.stat().st_mtime_ns
        except OSError:
            mtime_ns = None
        if mtime_ns != self._mtime_ns:
            self._mtime_ns, self._since_s = mtime_ns, self._clock()

    def silence(self) -> Silence | None:
        """Return the process without a heartbeat, and for how long; None while it beats, or no process runs the jobs."""
        seconds = int(self._clock() - self._since_s)
        if self._mtime_ns is None or seconds < SILENT_AFTER_S:
            return None
        try:
            owner = json.loads(self._path.read_text(encoding="utf-8"))
            host = str(owner["host"])
            return Silence(int(owner["pid"]), "" if host == socket.gethostname() else host, seconds)
        except (OSError, ValueError, KeyError, TypeError):
            return None
