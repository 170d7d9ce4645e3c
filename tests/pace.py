"""The pace of the tests: the same rules with shorter waits. Only numbers are changed, never code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from rivya_core.api import retry
from rivya_core.api.contract import Effect
from rivya_core.lab.jobs import context, engine, generation_actions, supervisor
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.states import State
from tests.until import until

HELD_S = 3600.0
"""An answer held back so long that only a test lets it go, by clearing the fault."""

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
    patch.setattr(engine, "QUEUE_POLL_S", 0.05)  # each look costs milliseconds: more of them make every test slower
    patch.setattr(generation_actions, "WAIT_LOOK_S", 0.02)
    patch.setattr(supervisor, "TICK_S", 0.05)
    patch.setattr(supervisor, "LOCK_EVERY_S", 0.2)
    patch.setattr(supervisor, "SWEEP_EVERY_S", sweep_s)
    patch.setattr(supervisor, "LOST_AFTER_S", 0.0)
    patch.setattr(supervisor, "IDLE_AFTER_S", 2.0)
    patch.setattr(context, "STRANGE_PAUSE_S", pause_s)
    if later_s is not None:
        patch.setattr(import_module("rivya_core.lab.jobs.save"), "LATER_S", later_s)  # the package exports its function


@contextmanager
def after_the_window(lab: Lab) -> Iterator[None]:
    """Let the jobs of a lab see a moment after every re-send window that is open now; afterwards the time is what it was."""
    jobs = lab._jobs
    now, later = jobs.now, timedelta(seconds=lab.settings.resend_window_s + 1)
    jobs.now = lambda: now() + later
    try:
        yield
    finally:
        jobs.now = now


def left_to_a_person(lab: Lab, generation_id: str) -> GenerationRecord:
    """A row whose creates are never answered, once it was sent more than once and its window has passed."""
    until(lambda: lab.get(generation_id).attempts > 1 and lab.get(generation_id).error, what="sent twice")
    with after_the_window(lab):
        row = until(lambda: _unconfirmed(lab, generation_id), what="left to a person")
    assert row is not None
    return row


def _unconfirmed(lab: Lab, generation_id: str) -> GenerationRecord | None:
    lab._jobs.wake(generation_id)
    row = lab.get(generation_id)
    return row if row.state is State.UNCONFIRMED else None
