"""Errors that nobody foresaw, in a step of a generation or in the housekeeping: what is kept of them, and what a person is told.

Kept in memory, one a place, until that place works again; a card stands on the row as well. Of the error only its type is
told: its words may hold whatever was at hand, a prompt or a key among it.
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
"""The code of every such card: it goes when its row moves on."""

PHASES: Final[dict[str, Phase]] = {"create": "create", "wait": "poll", "save": "fetch", "settle": "settle"}
_WHILE: Final[dict[Phase, str]] = {
    "create": "while the request was sent",
    "poll": "while the task was read",
    "fetch": "while the clip was fetched",
    "settle": "while the price was booked",
}
_TOLD_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Unexpected:
    """What went wrong at one place since it last worked. ``kind``: type of the last error; ``generation_id``: None in the housekeeping."""

    where: str
    kind: str
    at: datetime
    count: int = 1
    generation_id: str | None = None

    def __str__(self) -> str:
        times = "" if self.count == 1 else f", {self.count} times"
        return f"{self.kind} {self.where}{times}"


class UnexpectedErrors:
    """Those that no place has recovered from; used from any thread."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._guard = threading.Lock()
        self._known: dict[str, Unexpected] = {}

    def note(self, key: str, where: str, error: Exception, *, generation_id: str | None = None) -> None:
        """Remember an error at a place."""
        with self._guard:
            before = self._known.get(key)
            count = 1 if before is None else before.count + 1
            self._known[key] = Unexpected(where, kind_of(error), self._now(), count, generation_id)

    def forget(self, key: str) -> None:
        """The place works again."""
        if key in self._known:
            with self._guard:
                self._known.pop(key, None)

    def all(self) -> tuple[Unexpected, ...]:
        """The newest first, at most twenty."""
        with self._guard:
            found = sorted(self._known.values(), key=lambda one: one.at, reverse=True)
        return tuple(found[:_TOLD_MAX])


def kind_of(error: Exception) -> str:
    """The name of an error's type, which is all that may be told of it."""
    return type(error).__name__


def trace_of(error: Exception) -> str:
    """Type and places of an error for the log, without its words."""
    return f"{kind_of(error)}\n{''.join(traceback.format_tb(error.__traceback__))}".rstrip()


def where_of(step: str) -> str:
    """What a step was doing, for a sentence."""
    phase = PHASES.get(step, "create")
    return _WHILE.get(phase, step)


def card_of(step: str, row: GenerationRecord, error: Exception) -> ErrorCard:
    """The card of a row whose step met an error that nobody foresaw. Whether it was charged is what the row knows of it."""
    phase = PHASES.get(step, "create")
    told = f"{error.title}. {error.detail}" if isinstance(error, RivyaError) else ""
    unknown = row.open_attempts > 0 and row.task_id is None
    again = (
        "It is sent again by itself with the same key, so that it can be charged once only."
        if unknown
        else "It is tried again by itself, later each time. Nothing was lost."
    )
    return ErrorCard(
        title="Something went wrong in this program",
        detail=f"An unexpected error ({kind_of(error)}) came up {where_of(step)}. {told}".strip(),
        hint=f"{again} The program's log says where it happened.",
        charged="yes" if phase in {"fetch", "settle"} else "unknown" if unknown or row.task_id is not None else "no",
        phase=phase,
        code=CODE,
        retryable=True,
    )


def is_unexpected(card: ErrorCard | None) -> bool:
    """True for a card that goes when its row moves on."""
    return card is not None and card.code == CODE
