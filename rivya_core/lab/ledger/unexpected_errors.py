"""Unexpected errors in a job step or in the housekeeping: what is recorded of them and shown to a person.

Kept in memory, one per place, until that place works again; the row gets a card as well. Only the type of the error is
shown: its message may contain anything, a prompt or an API key included.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rivya_core.api.errors import RivyaError
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord, Phase

CODE: Final = "program_error"
"""Code of every such card; the card is cleared when its row makes progress."""

PHASES: Final[dict[str, Phase]] = {"create": "create", "wait": "poll", "save": "fetch", "settle": "settle"}
_WHILE: Final[dict[Phase, str]] = {
    "create": "while the request was sent",
    "poll": "while the task was read",
    "fetch": "while the clip was fetched",
    "settle": "while the price was booked",
}
_ERRORS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Unexpected:
    """The error of one place since it last worked. ``kind``: type of the last error; ``generation_id``: None in the housekeeping."""

    where: str
    kind: str
    at: datetime
    count: int = 1
    generation_id: str | None = None

    def __str__(self) -> str:
        times = "" if self.count == 1 else f", {self.count} times"
        return f"{self.kind} {self.where}{times}"


class UnexpectedErrors:
    """The errors of places that have not recovered yet; safe to use from any thread."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._guard = threading.Lock()
        self._by_key: dict[str, Unexpected] = {}

    def note(self, key: str, where: str, error: Exception, *, generation_id: str | None = None) -> None:
        """Remember an error at a place."""
        with self._guard:
            before = self._by_key.get(key)
            count = 1 if before is None else before.count + 1
            self._by_key[key] = Unexpected(where, kind_of(error), self._now(), count, generation_id)

    def forget(self, key: str) -> None:
        """Clear the error of a place that works again."""
        if key in self._by_key:
            with self._guard:
                self._by_key.pop(key, None)

    def all(self) -> tuple[Unexpected, ...]:
        """Return the errors, newest first, at most twenty."""
        with self._guard:
            newest_first = sorted(self._by_key.values(), key=lambda one: one.at, reverse=True)
        return tuple(newest_first[:_ERRORS_MAX])


def kind_of(error: Exception) -> str:
    """Return the name of an error's type, the only part of it that is safe to show."""
    return type(error).__name__


def trace_of(error: Exception) -> str:
    """Return type and traceback of an error for the log, without its message."""
    return f"{kind_of(error)}\n{''.join(traceback.format_tb(error.__traceback__))}".rstrip()


def stored_step(step: str) -> str:
    """Return a step's name as stored in timelines; the last one keeps the name that existing folders hold."""
    return "record" if step == "settle" else step


def where_of(step: str) -> str:
    """Return what a step was doing, phrased for use in a sentence."""
    phase = PHASES.get(step, "create")
    return _WHILE.get(phase, step)


def card_of(step: str, row: GenerationRecord, error: Exception) -> ErrorCard:
    """Build the card of a row whose step failed unexpectedly; ``charged`` follows from what the row knows."""
    phase = PHASES.get(step, "create")
    summary = f"{error.title}. {error.detail}" if isinstance(error, RivyaError) else ""
    unknown = row.open_attempts > 0 and row.task_id is None
    again = (
        "It is sent again by itself with the same key, so that it can be charged once only."
        if unknown
        else "It is tried again by itself, later each time. Nothing was lost."
    )
    return ErrorCard(
        title="Something went wrong in this program",
        detail=f"An unexpected error ({kind_of(error)}) came up {where_of(step)}. {summary}".strip(),
        hint=f"{again} The program's log says where it happened.",
        charged="yes" if phase in {"fetch", "settle"} else "unknown" if unknown or row.task_id is not None else "no",
        phase=phase,
        code=CODE,
        retryable=True,
    )


def is_unexpected(card: ErrorCard | None) -> bool:
    """True for the card of an unexpected error, which is cleared when its row makes progress."""
    return card is not None and card.code == CODE
