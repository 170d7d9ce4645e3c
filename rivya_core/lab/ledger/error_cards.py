"""Error cards of rows that Rivya's own answer ended: what happened, in Rivya's words where it gave any, and what was charged."""

from __future__ import annotations

from typing import Any, Final

from rivya_core.api.contract import ERROR_CODES, Generation
from rivya_core.api.errors import RivyaError
from rivya_core.lab.ledger.records import ErrorCard, Phase

ID_SHOWN: Final = 80
"""Most characters of a task id in a sentence; ids may be of any length."""


def merged_card(task_id: str, owner: str) -> ErrorCard:
    """Build the card of a row whose request Rivya answered with the task of another row."""
    return ErrorCard(
        title="Rivya answered with the task of an earlier generation",
        detail=f"Task {task_id[:ID_SHOWN]} is that of generation {owner}. Nothing more was charged, and no second clip is made.",
        hint="Open the earlier generation for its clip. For another clip, change the prompt or a setting.",
        charged="no",
        phase="create",
    )


def failure_card(answer: Generation) -> ErrorCard:
    """Build the card of a failed task, in Rivya's words where it gave any; ``charged`` follows from the reported price."""
    price = answer.final_credits
    code = (answer.error.code if answer.error else None) or "generation_failed"
    words = ERROR_CODES.get(code, ERROR_CODES["generation_failed"])
    message = answer.error.message if answer.error else None
    return ErrorCard(
        title=words.title,
        detail=message or "Rivya gave no reason.",
        hint=words.hint,
        charged="unknown" if price is None else "yes" if price > 0 else "no",
        phase="poll",
        code=code,
        retryable=True,
    )


def exchange_detail(phase: Phase, error: RivyaError) -> dict[str, Any]:
    """Return the timeline entry of a failed exchange."""
    facts = {
        "phase": phase,
        "title": error.title,
        "code": error.code,
        "http_status": error.http_status,
        "request_id": error.request_id,
        "retry_after_s": error.retry_after_s,
    }
    return {name: value for name, value in facts.items() if value is not None}
