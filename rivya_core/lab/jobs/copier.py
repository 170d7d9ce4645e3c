"""The thread that makes the daily database backup: in the process that runs the jobs, at low priority, between creates."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Final

from rivya_core.lab.ledger.backup import copies
from rivya_core.lab.ledger.database import damage_error, log_error, told, trouble_of
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.thread_priority import step_back

log = logging.getLogger("rivya.copies")

LOOK_EVERY_S: Final = 30.0
AGAIN_AFTER_S: Final = 600.0
WAIT_MAX_S: Final = 900.0
"""Seconds after which a due backup is made even while creates are in flight."""


def local_today() -> date:
    """The day by this machine's calendar."""
    return datetime.now().astimezone().date()


class Copier:
    """Make the daily backup in a daemon thread; one per lab. ``trouble``: why the last attempt failed, or empty."""

    def __init__(
        self,
        database: Path,
        ledger: Ledger,
        is_executor: Callable[[], bool],
        *,
        today: Callable[[], date] = local_today,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._is_executor = is_executor
        self._today = today
        self._clock = clock
        self._stop = threading.Event()
        self._next_s = float("-inf")
        self._due_since_s: float | None = None
        self.trouble = ""
        self._thread = threading.Thread(target=self._run, name="rivya-copies", daemon=True)

    def start(self) -> None:
        """Start the thread; its first check comes half a minute later."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; a backup in progress is discarded."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def newest(self) -> Path | None:
        """Return the newest backup, or None."""
        return copies.newest_path(self._database)

    def _run(self) -> None:
        step_back()
        while not self._stop.wait(LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Make today's backup if it is due and no create is in flight; never raises."""
        try:
            if self._is_executor() and self._clock() >= self._next_s and self._may_begin():
                self._make()
        except Exception as error:  # noqa: BLE001 - the outer edge of the thread
            self._failed(error)

    def _may_begin(self) -> bool:
        if not copies.is_due(self._database, self._today()):
            self._due_since_s = None
            return False
        now_s = self._clock()
        self._due_since_s = now_s if self._due_since_s is None else self._due_since_s
        in_flight = self._ledger.counts().get(State.SUBMITTING, 0)
        return not in_flight or now_s - self._due_since_s > WAIT_MAX_S

    def _make(self) -> None:
        began_s = self._clock()
        backup = copies.make(self._database, self._today(), go_on=lambda: not self._stop.is_set())
        self.trouble = ""
        if backup is not None:
            log.info("copied the database to %s in %.1f s", backup.name, self._clock() - began_s)

    def _failed(self, error: Exception) -> None:
        self._next_s = self._clock() + AGAIN_AFTER_S
        if isinstance(error, copies.DamagedCopyError):
            trouble_of(self._ledger.database).note(damage_error(), is_damage=True)
            self.trouble = "The database is damaged, so no copy of it was kept."
            log.error("%s SQLite says: %s", self.trouble, error)
        elif isinstance(error, OSError):
            self.trouble = f"The daily copy could not be made: {os.strerror(error.errno or 0)}."
            log.error("%s It is tried again.", self.trouble)
        else:
            sentence = told(error)
            log_error(log, "the daily copy failed", error)
            why = sentence.title if sentence is not None else type(error).__name__
            self.trouble = f"The daily copy could not be made: {why}."
