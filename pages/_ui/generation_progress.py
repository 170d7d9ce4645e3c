"""Where generations under way stand, in words: their steps, what is to be said of them, and what can be done.

Elapsed times count from the moment the task began, as ``words.typical`` does, and before it from the submission; no
percentage is shown, because Rivya tells none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from pages._ui import formatting
from pages._ui.components.progress_list import Act, Note, Row, Step, progress_list
from pages._ui.mode_marks import EACH, Marks
from rivya_core import GenerationRecord, Lab, State
from rivya_core.lab.ledger import unwatched
from rivya_core.lab.ledger.records import Pause

MAX_ROWS = 20
UNWATCHED = "Not watched: nothing waits for it. It is read every 6 h, and the clip is kept should it come."
HELD = "Its credits stay held until the balance shows that nothing was taken."
GIVEN_BACK = "The balance showed that nothing was taken, so its credits were given back."

_STEPS = ("Waiting", "Sending", "Queued", "Rendering", "Saving")


def generation_progress(
    lab: Lab,
    records: Sequence[GenerationRecord],
    pause: Pause | None,
    typical: Callable[[GenerationRecord], str],
    *,
    key: str,
    marks: Marks = EACH,
    on_act: Callable[[str, str], None] | None = None,
) -> tuple[str, str] | None:
    """Draw the generations; the action and the id of the one that a button was pressed for just now, or None.

    ``on_act``: called with both instead, before the page is drawn again.
    """
    together = Counter(record.intent_id for record in records)
    rows = [
        _row(lab, record, pause, typical(record), marks.of(record.mode), together[record.intent_id])
        for record in records[:MAX_ROWS]
    ]
    return progress_list(rows, key=key, on_act=on_act)


def is_overdue(lab: Lab, record: GenerationRecord) -> bool:
    """Tell whether a task is unusually long now, so that a person may stop watching it."""
    return unwatched.is_overdue(record, datetime.now(UTC), lab.settings.overdue_after_s)


def _row(lab: Lab, record: GenerationRecord, pause: Pause | None, typical: str, mark: str, takes: int) -> Row:
    return {
        "id": record.id,
        "title": formatting.excerpt(record.prompt, 160),
        "facts": _facts(record, mark),
        "brief": _brief(record, mark, takes),
        "age_s": record.elapsed_s(datetime.now(UTC)),
        "steps": _steps(record),
        "notes": _notes(lab, record, pause, typical),
        "acts": _acts(lab, record),
    }


def _brief(record: GenerationRecord, mark: str, takes: int) -> str:
    return " · ".join(part for part in (mark, f"take {record.take}" if takes > 1 or record.take > 1 else "") if part)


def _facts(record: GenerationRecord, mark: str) -> str:
    take = f"take {record.take}" if record.take > 1 else ""
    held = formatting.credits(record.reserved_credits or record.expected_credits) + (
        " reserved" if record.reserved_credits else " expected"
    )
    return " · ".join(part for part in (mark, formatting.shape(record), take, held) if part)


def _steps(record: GenerationRecord) -> list[Step]:
    times = (
        record.created_at,
        record.first_attempt_at,
        record.submitted_at,
        record.processing_at,
        record.ready_at,
    )
    now = _position(record)
    return [
        {
            "name": name,
            "phase": "done" if index < now else "now" if index == now else "todo",
            "at": formatting.clock(moment, seconds=True, today=False) if moment is not None and index <= now else "",
        }
        for index, (name, moment) in enumerate(zip(_STEPS, times, strict=True))
    ]


def _position(record: GenerationRecord) -> int:
    if record.state is State.RUNNING:
        return 3 if record.processing_at is not None or record.task_status == "processing" else 2
    if record.state in {State.SAVING, State.UNSAVED}:
        return 4
    return 1 if record.state is State.SUBMITTING else 0


def _notes(lab: Lab, record: GenerationRecord, pause: Pause | None, typical: str) -> list[Note]:
    notes: list[Note] = []
    if record.connection != lab.connection:
        notes.append({"text": f"Waits for its own connection: {record.connection}", "warn": True})
    elif record.state is State.WAITING and pause is not None:
        notes.append({"text": "Waits because the queue is paused.", "warn": True})
    if record.state is State.SUBMITTING and record.attempts > 1:
        notes.append(
            {"text": f"Asked {record.attempts} times, always as the same request: it can be charged once only."}
        )
    trouble = _trouble(lab, record)
    if trouble:
        notes.append({"text": trouble, "warn": True})
    if record.unwatched_at is not None:
        notes.append({"text": f"{UNWATCHED} {GIVEN_BACK if record.settlement == 'released' else HELD}"})
    elif is_overdue(lab, record):
        notes.append({"text": "Unusually long. The task is kept and read until it ends.", "warn": True})
    elif typical:
        notes.append({"text": typical, "aside": True})
    return notes


def _trouble(lab: Lab, record: GenerationRecord) -> str:
    """Say what went wrong last with a row that goes on by itself, and until when it does where that has an end."""
    if record.error is None or record.state not in {State.SUBMITTING, State.RUNNING, State.SAVING}:
        return ""
    if record.open_attempts == 0 or record.first_attempt_at is None or record.task_id is not None:
        return formatting.sentences(record.error.title, "It is tried again by itself")
    until = record.first_attempt_at + timedelta(seconds=lab.settings.resend_window_s)
    return formatting.sentences(
        record.error.title, f"Tried again until {formatting.clock(until, today=False)}, then it is yours to decide"
    )


def _acts(lab: Lab, record: GenerationRecord) -> list[Act]:
    if record.state is State.WAITING:
        return [{"name": "cancel", "label": "Cancel", "doing": "Cancelling…"}]
    overdue = is_overdue(lab, record)
    late = overdue or record.error is not None  # its reads are far apart then
    if record.state is not State.RUNNING or not late or lab.settings.read_only:
        return []
    acts: list[Act] = [{"name": "check", "label": "Check now", "doing": "Checking…"}]
    if record.unwatched_at is not None:
        acts.append({"name": "watch", "label": "Watch again", "doing": "Watching…"})
    elif overdue:
        acts.append({"name": "unwatch", "label": "Stop watching", "doing": "Stopping…"})
    return acts
