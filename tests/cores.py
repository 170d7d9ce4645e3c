"""How much of the machine this process may use, for the number of test workers."""

from __future__ import annotations

import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Of the control group, version 2: microseconds of CPU in a period and the period's length, or ``max``."""


def cores() -> int:
    """Cores that this process may use, at least one: those it is bound to, or fewer where a container has a quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota_us, period_us = QUOTA.read_text(encoding="ascii").split()
        allowed = float(quota_us) / float(period_us)  # "max" is no number: as many as there are
    except (OSError, ValueError):
        return bound
    return max(1, min(bound, round(allowed)))
