"""The pace of the tests: the same rules with shorter waits. Only numbers are changed, never code."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from rivya_core.api import retry
from rivya_core.api.contract import Effect
from rivya_core.lab import engine, keeper, lab
from rivya_core.lab.jobs import context

STANDS = 3600.0
"""A pause so long that only a person, or a test, ends it."""


def quicken(
    patch: pytest.MonkeyPatch,
    *,
    retries: tuple[float, float] = (0.02, 0.1),
    pause_s: float = STANDS,
    sweep_s: float = 0.2,
    later_s: tuple[float, ...] | None = None,
) -> None:
    """Shorten what lies between two attempts: first and longest delay, pauses, sweeps and fetches of unsaved clips."""
    delays: dict[Any, tuple[float, float]] = retry._DELAYS_S
    for phase in list(delays):
        patch.setitem(delays, phase, retries)
    for effect in list(context.PAUSE_S):
        patch.setitem(context.PAUSE_S, Effect(effect), pause_s)
    patch.setattr(engine, "QUEUE_POLL_S", 0.02)
    patch.setattr(lab, "WAIT_LOOK_S", 0.02)
    patch.setattr(keeper, "TICK_S", 0.05)
    patch.setattr(keeper, "LOCK_EVERY_S", 0.2)
    patch.setattr(keeper, "SWEEP_EVERY_S", sweep_s)
    patch.setattr(keeper, "LOST_AFTER_S", 0.0)
    patch.setattr(keeper, "IDLE_AFTER_S", 2.0)
    patch.setattr(context, "STRANGE_PAUSE_S", pause_s)
    if later_s is not None:
        patch.setattr(import_module("rivya_core.lab.jobs.save"), "LATER_S", later_s)  # the package exports its function
