"""States of a generation row, written once.

waiting → submitting → running → saving → succeeded, with the side exits failed, cancelled (only while waiting),
unconfirmed (a POST may have been accepted; keeps its reservation) and unsaved (succeeded at Rivya, clip not here yet).
The states the API reports are a second set: ``rivya_core.api.contract.TaskStatus``.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """State of a generation, as this lab knows it."""

    WAITING = "waiting"
    SUBMITTING = "submitting"
    RUNNING = "running"
    SAVING = "saving"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"
    UNSAVED = "unsaved"


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
"""End states: no job changes them any more."""

NEEDS_JOB = frozenset({State.WAITING, State.SUBMITTING, State.RUNNING, State.SAVING, State.UNSAVED})
"""Open states that need a running job; ``unconfirmed`` is open, too, but waits for a person."""

LEGAL: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.SUBMITTING, State.CANCELLED}),
    State.SUBMITTING: frozenset({State.WAITING, State.RUNNING, State.FAILED, State.UNCONFIRMED}),
    State.UNCONFIRMED: frozenset({State.SUBMITTING, State.RUNNING, State.FAILED}),
    State.RUNNING: frozenset({State.SAVING, State.UNSAVED, State.FAILED, State.UNCONFIRMED}),
    State.SAVING: frozenset({State.SUCCEEDED, State.UNSAVED, State.FAILED}),
    State.UNSAVED: frozenset({State.SAVING, State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
"""Every legal transition; the ledger refuses any other as a bug."""


def stored(value: str | None) -> State:
    """Read a stored state; an unknown one (a damaged row) counts as unconfirmed: still reserved, and never sent again."""
    try:
        return State(value or "")
    except ValueError:
        return State.UNCONFIRMED


def is_terminal(state: State | str) -> bool:
    """Return whether this is an end state."""
    return State(state) in TERMINAL
