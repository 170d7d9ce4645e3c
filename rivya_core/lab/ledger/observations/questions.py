"""Questions that the documentation leaves open, and the answers observed so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.observations.observer import SIMULATED_MARK
from rivya_core.lab.ledger.schema import observations
from rivya_core.settings import is_built_in

QUESTIONS: Final[dict[str, str]] = {
    "create_status": "HTTP status of an accepted generation",
    "create_state": "First state of a task",
    "price": "Credits reserved for a clip (5 s, 10 s)",
    "final_price": "Final credits when the clip is ready",
    "settled": "When a late price is told",
    "failed_price": "Final credits of a failed task",
    "no_credits": "HTTP status when credits are short",
    "ready": "Time until a clip is ready",
    "result_host": "Host of a clip's address",
    "result_address": "Form of a clip's address",
    "address_life": "How long a clip's address answers",
    "clip_type": "Type of a clip's file",
    "clip_codec": "Codec of a clip",
    "clip_picture": "Picture size and frame rate of a clip",
    "clip_size": "Size of a clip's file",
    "replay": "The same idempotency key again",
    "retry_after": "Retry-After when asked too often",
    "rate_headers": "Rate-limit headers",
    "errors": "Error codes and their HTTP status",
    "error_codes": "Error codes in the schema beyond the documented ones",
    "trace_id": "client_request_id in the answer",
    "task_fields": "Undocumented fields of a task",
    "upload_status": "HTTP status of an upload",
    "file_fields": "Fields of an uploaded file",
    "param_fields": "Fields of a parameter in the models list",
    "success_status": "Success status by the schema",
}
"""Every question by its stored name. Source: what the contract marks as unknown."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One answer to one question: how often and when it was observed. ``answer`` is empty before the first observation."""

    question: str
    title: str
    answer: str
    seen: int
    first_at: datetime | None
    last_at: datetime | None
    simulated: bool


def observed(connection: sa.Connection, name: str) -> list[Observation]:
    """Return every question in order, with each answer observed on the connection ``name``, most frequent first."""
    column = observations.c
    marked = name + SIMULATED_MARK
    query = (
        sa.select(observations)
        .where(column.connection.in_([name, marked]))
        .order_by(column.seen.desc(), column.first_at, column.answer)
    )
    by_question: dict[str, list[Observation]] = {}
    for row in connection.execute(query):
        simulated = is_built_in(name) or row.connection == marked
        title = QUESTIONS.get(row.question, row.question)
        one = Observation(row.question, title, row.answer, row.seen, row.first_at, row.last_at, simulated)
        by_question.setdefault(row.question, []).append(one)
    nothing = {key: [Observation(key, title, "", 0, None, None, False)] for key, title in QUESTIONS.items()}
    return [one for answers in {**nothing, **by_question}.values() for one in answers]
