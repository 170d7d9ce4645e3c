"""The timeline of one generation in words: what the ledger noted, in order, with the time between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from pages._ui import formatting
from pages._ui.components.timeline import Moment
from rivya_core import GenerationRecord, State
from rivya_core.lab.ledger.records import EventRecord

PHASES = {
    "submit": "submitting",
    "upload": "the upload of the reference image",
    "create": "the request",
    "poll": "a status read",
    "fetch": "the download of the clip",
    "settle": "the final credits",
}

STATES = {
    State.WAITING: "Waiting again",
    State.SUBMITTING: "Sending",
    State.RUNNING: "Accepted by Rivya",
    State.SAVING: "Ready at Rivya, fetching the clip",
    State.SUCCEEDED: "Succeeded, clip kept here",
    State.FAILED: "Failed",
    State.CANCELLED: "Cancelled before it was sent",
    State.UNCONFIRMED: "Outcome unknown, waits for you",
    State.UNSAVED: "Ready at Rivya, clip not fetched yet",
}

STORED = "Stored here, waiting"
MAX_SHOWN = 200
FINE_BELOW_S = 10.0

_MARKED = {
    "watched": ("Watched again", "No longer watched"),
    "deleted": ("Deleted", "Restored"),
    "starred": ("Favorite", "No longer a favorite"),
    "dismissed": ("Card closed", "Card opened"),
}
"""Words of the marks that people set and take away again."""

UNSHOWN = frozenset(
    {"from", "to", "before", "phase", "title", "body_sha256", "attempt", "outcome_known", "why", "mode", "person"}
)


def moments(record: GenerationRecord, events: Sequence[EventRecord]) -> list[Moment]:
    """Turn the ledger's events into points of time, oldest first, each with the time since the one before."""
    points: list[tuple[datetime, str, str, str]] = []
    if not any(event.kind == "state" and not event.detail.get("from") for event in events):
        points.append((record.created_at, STORED, "", "gray"))
    points += [(event.at, *_signed(event)) for event in events]
    points.sort(key=lambda point: point[0])
    gaps = ["", *(f"+{_gap((after[0] - before[0]).total_seconds())}" for before, after in pairwise(points))]
    return [
        Moment(formatting.clock(at, seconds=True, today=False), what, gap, note, tone)
        for (at, what, note, tone), gap in zip(points, gaps, strict=True)
    ]


def _signed(event: EventRecord) -> tuple[str, str, str]:
    """The words of an event, and whose act it was."""
    what, note, tone = _words(event)
    person = event.detail.get("person")
    return what, " · ".join(filter(None, (note, f"by {person}" if person else ""))), tone


def who(events: Sequence[EventRecord], name: str, value: str) -> str | None:
    """Whose act the newest event was in which a field has a value; None where nobody signs in."""
    found = next((event for event in reversed(events) if event.detail.get(name) == value), None)
    person = None if found is None else found.detail.get("person")
    return person if isinstance(person, str) else None


def is_trouble(event: EventRecord) -> bool:
    """Tell whether an event is an answer that was not the expected one."""
    return event.kind == "exchange" and "title" in event.detail


def _words(event: EventRecord) -> tuple[str, str, str]:
    """What happened, a remark, and the colour of its dot."""
    detail = event.detail
    note = " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in detail.items() if _is_shown(name, value))
    if event.kind == "state":
        return _state_words(detail, note)
    if is_trouble(event):
        phase = PHASES.get(str(detail.get("phase")), str(detail.get("phase")))
        return f"Trouble with {phase}", " · ".join(part for part in (str(detail["title"]), note) if part), "orange"
    if event.kind == "exchange":
        return f"Request sent, attempt {detail.get('attempt', 1)}", "the stored bytes under the stored key", "blue"
    return _note_words(event.kind, detail, note)


def _note_words(kind: str, detail: Mapping[str, Any], note: str) -> tuple[str, str, str]:
    if "task_status" in detail:
        return f"Rivya says {detail['task_status']}", "", "blue"
    if "unexpected" in detail:
        return "Something went wrong in this program", str(detail["unexpected"]), "orange"
    for name, words in _MARKED.items():
        if name in detail:
            return words[detail[name] != "yes"], "", "gray"
    if "released" in detail:
        return "Hold given back", str(detail["released"]), "gray"
    if detail.get("mode") == "simulated":
        return "Answered by a simulator", "counted as simulated from here on", "violet"
    return kind.replace("_", " ").capitalize(), note, "gray"


def _state_words(detail: Mapping[str, Any], note: str) -> tuple[str, str, str]:
    before, after = str(detail.get("from") or ""), str(detail.get("to", ""))
    if "duplicate_of" in detail:
        return "Answered with the task of an earlier generation", f"nothing more was charged · {note}", "gray"
    if after not in set(State):
        return after or "State changed", note, "gray"
    return STATES[State(after)] if before else STORED, note, formatting.STATE_BADGES[State(after)].color


def _is_shown(name: str, value: object) -> bool:
    return name not in UNSHOWN and isinstance(value, str | int | float) and len(str(value)) <= MAX_SHOWN


def _gap(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < FINE_BELOW_S else formatting.span(seconds)
