"""Wait for something to become true, with a deadline: the only way in which tests wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.02
HANGS_S = 240.0
"""What takes this long hangs. No test says how quick a machine must be: on a slow one everything comes late, and comes."""


def until(look: Callable[[], T], *, what: str = "") -> T:
    """Look again and again until the answer is true, and return it; fail when it never comes."""
    ends = time.monotonic() + HANGS_S
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > ends:
            raise AssertionError(f"not within {HANGS_S:g} s: {what or look}")
        time.sleep(LOOK_EVERY_S)
