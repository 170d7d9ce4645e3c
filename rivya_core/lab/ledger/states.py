"""States of a generation row, written once.

waiting → submitting → running → saving → succeeded, with the side exits failed, cancelled (only while waiting),
unconfirmed (a POST may have been accepted; keeps its reservation) and unsaved (succeeded at Rivya, clip not here yet).
The states the API reports are a second set: ``rivya_core.api.contract.TaskStatus``.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a generation stands, as this lab knows it."""

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
"""States that no job changes any more."""

NEEDS_JOB = frozenset({State.WAITING, State.SUBMITTING, State.RUNNING, State.SAVING, State.UNSAVED})
"""States that a job must be driving; ``unconfirmed`` waits for a person."""

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
"""Every transition a row may take; anything else is a bug and is refused by the ledger."""


def stored(value: str | None) -> State:
    """The state that a row holds; one that nobody knows, in a damaged row, counts as unconfirmed: held, and never sent again."""
    try:
        return State(value or "")
    except ValueError:
        return State.UNCONFIRMED


def is_terminal(state: State | str) -> bool:
    """Tell whether no job will change a row in this state."""
    return State(state) in TERMINAL
