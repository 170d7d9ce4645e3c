"""Health of the open database, kept in memory: damage is permanent, a full disk or a lock is transient. Logs each once.

A damaged database refuses to buy anything until it is opened again: what is sent might be forgotten and paid twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from rivya_core.api.errors import StorageError

PASSES_S = 60.0
"""Seconds for which a transient problem is shown after its last occurrence, unless a write succeeds sooner."""

LOG_EVERY_S = 60.0

_guard = threading.Lock()
_logged_at_s: dict[str, float] = {}


class Trouble:
    """The health of one open database; safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.damage: StorageError | None = None
        """Set once the file was found damaged, until it is opened again: from then on nothing is bought."""
        self._passing: tuple[StorageError, float] | None = None

    def note(self, error: StorageError, *, is_damage: bool) -> None:
        """Record a problem."""
        if is_damage:
            self.damage = self.damage or error
        else:
            self._passing = (error, self._clock())

    def wrote(self) -> None:
        """Clear a transient problem: a write succeeded."""
        self._passing = None

    def current(self) -> StorageError | None:
        """Return the present problem of the database, or None."""
        if self.damage is not None:
            return self.damage
        passing = self._passing
        if passing is None or self._clock() - passing[1] > PASSES_S:
            return None
        return passing[0]

    def refuse_if_damaged(self) -> None:
        """Raise StorageError when the database is damaged, so that nothing may be bought any more."""
        if self.damage is not None:
            raise self.damage.with_traceback(None)


def tell(log: logging.Logger, error: StorageError) -> None:
    """Log a database problem as one line, the same one at most once a minute across all callers."""
    now_s = time.monotonic()
    with _guard:
        if now_s - _logged_at_s.get(error.title, float("-inf")) < LOG_EVERY_S:
            return
        _logged_at_s[error.title] = now_s
    log.error("%s; trying again", " ".join((f"{error.title}:", error.detail)).rstrip(". "))
