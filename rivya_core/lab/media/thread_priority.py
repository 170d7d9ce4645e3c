"""Lower the priority of background threads: measuring, previews, backups."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Final

NICE: Final = 5


def step_back() -> None:
    """Give this thread a low priority, on systems with per-thread priorities."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
