"""What ails the database while it is open, kept in memory: damage stays, a full disk or a lock passes; and one line of log for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from rivya_core.api.errors import StorageError

PASSES_S = 60.0
"""A passing trouble is told for so long after it was last met, unless something was written meanwhile."""

TOLD_EVERY_S = 60.0

_guard = threading.Lock()
_told_at_s: dict[str, float] = {}


class Trouble:
    """The trouble of one open database; used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.damage: StorageError | None = None
        """Set once the file was found damaged, until it is opened again: from then on nothing is bought."""
        self._passing: tuple[StorageError, float] | None = None

    def note(self, error: StorageError, *, is_damage: bool) -> None:
        """Remember what was met."""
        if is_damage:
            self.damage = self.damage or error
        else:
            self._passing = (error, self._clock())

    def wrote(self) -> None:
        """Forget what has passed: a write was stored."""
        self._passing = None

    def current(self) -> StorageError | None:
        """What ails the database now, or None."""
        if self.damage is not None:
            return self.damage
        passing = self._passing
        if passing is None or self._clock() - passing[1] > PASSES_S:
            return None
        return passing[0]

    def refuse_if_damaged(self) -> None:
        """Raise the StorageError of a database in which nothing may be bought any more."""
        if self.damage is not None:
            raise self.damage.with_traceback(None)


def tell(log: logging.Logger, error: StorageError) -> None:
    """Log a trouble of the database as one line, the same one at most once a minute, whoever meets it."""
    now_s = time.monotonic()
    with _guard:
        if now_s - _told_at_s.get(error.title, float("-inf")) < TOLD_EVERY_S:
            return
        _told_at_s[error.title] = now_s
    log.error("%s; trying again", " ".join((f"{error.title}:", error.detail)).rstrip(". "))
