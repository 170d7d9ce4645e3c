"""Named crash points of a generation, between two facts that belong together, so that tests can kill the real process there.

``crash_point`` costs one comparison while no watcher is set. Only tests may call ``watch``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class CrashPoint(StrEnum):
    """A place where a crash would separate two writes that belong together."""

    BEFORE_POST = "before POST"
    ANSWERED = "after the answer and before the commit"
    BEFORE_RENAME = "before rename"
    BEFORE_SETTLE = "before settle"


_watcher: Callable[[CrashPoint, str], None] | None = None


def watch(watcher: Callable[[CrashPoint, str], None] | None) -> None:
    """Call ``watcher`` with the point and the generation id each time a crash point is reached; None unsets it."""
    global _watcher  # noqa: PLW0603 - one watcher a process is the purpose
    _watcher = watcher


def crash_point(point: CrashPoint, generation_id: str) -> None:
    """Notify the watcher, if there is one, that a generation has reached this point."""
    if _watcher is not None:
        _watcher(point, generation_id)
