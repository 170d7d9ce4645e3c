"""Wait for something to become true, with a deadline: the only way in which tests wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.02


def until(look: Callable[[], T], *, within_s: float = 20.0, what: str = "") -> T:
    """Look again and again until the answer is true, and return it; fail when it is not in time."""
    ends = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > ends:
            raise AssertionError(f"not within {within_s:g} s: {what or look}")
        time.sleep(LOOK_EVERY_S)
