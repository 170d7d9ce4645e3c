"""What went over the wire for one generation: the request as it was sent, and each answer that the ledger noted."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from pages._ui import formatting
from pages._ui.components.fact_list import Fact, fact_list
from pages._ui.components.timeline import Moment, timeline
from pages._ui.history.timeline import PHASES, is_trouble
from rivya_core import GenerationRecord
from rivya_core.lab.ledger.records import EventRecord
from rivya_core.settings import is_built_in


def draw(record: GenerationRecord, events: Sequence[EventRecord]) -> None:
    """Draw the request without its key, the facts of the exchange, and the answers, oldest first."""
    st.caption("The request. The API key is left out here, and was never stored.")
    if record.body is None:
        st.text("Nothing was sent yet.")
        return
    where = "simulator" if is_built_in(record.connection) else record.connection
    st.code(
        f"POST {where}/api/v1/generations\nAuthorization: Bearer (left out)\n"
        f"Idempotency-Key: {record.idempotency_key}\nContent-Type: application/json\n\n{_pretty(record.body)}",
        language="http",
        wrap_lines=True,
    )
    fact_list(
        [
            Fact("Sent", f"{record.attempts} time" + ("" if record.attempts == 1 else "s"), _sent_note(record)),
            Fact("Task id", record.task_id or "", copy=True),
            Fact("Request id", record.request_id or "", "Of the last answer that went wrong", copy=True),
            Fact("Body SHA-256", record.body_sha256 or "", copy=True),
            Fact("Result", record.result_url or "", "As Rivya named it last; the clip is kept here"),
        ],
        key=f"detail_wire_{record.id}",
    )
    st.caption("The answers, oldest first")
    answers = [answer for event in events if (answer := _answer(event)) is not None] + _end(record)
    if answers:
        timeline(answers, key=f"detail_answers_{record.id}")
    else:
        st.text("None so far.")


def _answer(event: EventRecord) -> Moment | None:
    """Say what an event tells of an answer; None when it tells of something else."""
    detail = event.detail
    at = formatting.clock(event.at, seconds=True, today=False)
    if is_trouble(event):
        phase = PHASES.get(str(detail.get("phase")), str(detail.get("phase")))
        status = f"HTTP {detail['http_status']}" if detail.get("http_status") else "No answer"
        attempt = f"attempt {detail['attempt']}" if detail.get("attempt") else ""
        what = _joined(status, detail.get("code"), f"to {phase}", attempt)
        wait = f"try again after {detail['retry_after_s']:g} s" if detail.get("retry_after_s") else ""
        return Moment(
            at, what, note=_joined(detail["title"], _request_id(detail.get("request_id")), wait), tone="orange"
        )
    if detail.get("task_id"):
        reserved = detail.get("reserved_credits")
        note = "" if reserved is None else f"{formatting.credits(reserved)} reserved"
        return Moment(at, f"Accepted as {detail['task_id']}", note=note, tone="green")
    if detail.get("task_status"):
        final = detail.get("final_credits")
        note = "" if final is None else f"{formatting.credits(final)} in the end"
        return Moment(at, f"Task is {detail['task_status']}", note=note, tone="blue")
    return None


def _end(record: GenerationRecord) -> list[Moment]:
    """Say in Rivya's own words why it ended badly, which no single event holds."""
    error = record.error
    if error is None:
        return []
    status = f"HTTP {error.http_status}" if error.http_status else ""
    what = _joined(error.title, error.code, status)
    at = formatting.clock(record.finished_at, seconds=True, today=False) if record.finished_at else "now"
    return [Moment(at, what, note=_joined(error.detail, _request_id(error.request_id)), tone="red")]


def _request_id(request_id: object) -> str:
    return f"request id {request_id}" if request_id else ""


def _joined(*parts: object) -> str:
    return " · ".join(str(part) for part in parts if part)


def _sent_note(record: GenerationRecord) -> str:
    return "" if record.attempts <= 1 else "Always the same bytes under the same key, so it can be charged once only"


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body.decode("utf-8", errors="replace")
