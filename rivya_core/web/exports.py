"""Export history as CSV and JSON, and credit movements as CSV, row by row, so that memory does not grow with the export.

A cell that a spreadsheet would run as a formula is prefixed with an apostrophe. The mode column and the file name tell
simulated and replayed rows from live ones.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from rivya_core.api.texts import shows_nothing
from rivya_core.lab.ledger.history.marks import Marks, NoteText
from rivya_core.lab.ledger.observations.questions import Observation
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.spending.spending_records import MovementLine
from rivya_core.mode_words import ModeWord, mode_word

FORMULA_SIGNS = frozenset("=+-@\N{MINUS SIGN}")
"""First characters of a formula (OWASP, CSV Injection), compared after NFKC: East Asian spreadsheets accept full-width forms."""

FORMULA_STARTS = (*"=+-@", "\t", "\r", "\n")  # OWASP, CSV Injection: tabs and line breaks start a cell too

Cell = str | int | float | bool | None
Row = TypeVar("Row")
Marked = tuple[GenerationRecord, Marks]
"""A generation, with its labels, ratings, notes, votes and sweeps."""


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat()


COLUMNS: Mapping[str, Callable[[GenerationRecord], Cell]] = {
    "id": lambda row: row.id,
    "mode": lambda row: row.mode_word,
    "connection": lambda row: row.connection,
    "state": lambda row: str(row.state),
    "created_at": lambda row: _moment(row.created_at),
    "submitted_at": lambda row: _moment(row.submitted_at),
    "processing_at": lambda row: _moment(row.processing_at),
    "ready_at": lambda row: _moment(row.ready_at),
    "finished_at": lambda row: _moment(row.finished_at),
    "model": lambda row: row.model,
    "prompt": lambda row: row.prompt,
    "negative_prompt": lambda row: row.negative_prompt,
    "params": lambda row: json.dumps(dict(row.params), ensure_ascii=False, sort_keys=True),
    "reference_image_sha256": lambda row: row.asset_sha256,
    "take": lambda row: row.take,
    "repeats": lambda row: row.parent_id,
    "source": lambda row: row.source,
    "task_id": lambda row: row.task_id,
    "task_status": lambda row: row.task_status,
    "request_id": lambda row: row.request_id,
    "client_request_id": lambda row: row.client_request_id,
    "expected_credits": lambda row: row.expected_credits,
    "reserved_credits": lambda row: row.reserved_credits,
    "final_credits": lambda row: row.final_credits,
    "held_credits": lambda row: row.held_credits,
    "settlement": lambda row: row.settlement,
    "error": lambda row: None if row.error is None else row.error.title,
    "error_code": lambda row: None if row.error is None else row.error.code,
    "charged": lambda row: None if row.error is None else row.error.charged,
    "clip_sha256": lambda row: row.clip_sha256,
    "clip_bytes": lambda row: row.clip_bytes,
    "clip_width_px": lambda row: row.clip_width_px,
    "clip_height_px": lambda row: row.clip_height_px,
    "clip_duration_s": lambda row: row.clip_duration_s,
    "clip_fps": lambda row: row.clip_fps,
    "starred": lambda row: row.starred,
    "sent_client_request_id": lambda row: row.sent_trace_id,
}
"""The exported columns of a generation. None contains the API key; names and order are stable, new ones are appended."""

MARK_COLUMNS: Mapping[str, Callable[[Marks], Cell]] = {
    "sweep": lambda marks: "; ".join(sweep.name for sweep in marks.sweeps),
    "labels": lambda marks: "; ".join(marks.labels),
    "rating": lambda marks: marks.rating,
    "ratings": lambda marks: json.dumps(dict(marks.ratings)) if marks.ratings else "",
    "notes": lambda marks: "\n".join(_note(note) for note in marks.notes),
    "votes_won": lambda marks: marks.votes.won,
    "votes_lost": lambda marks: marks.votes.lost,
    "votes_tied": lambda marks: marks.votes.tied,
}
"""The columns of labels, ratings, notes, votes and sweeps, after all others."""


def _note(note: NoteText) -> str:
    author = f" {note.author}:" if note.author else ""
    return f"{note.at_s:g} s{author} {note.text}"


MOVEMENT_COLUMNS: Mapping[str, Callable[[MovementLine], Cell]] = {
    "generation_id": lambda line: line.generation_id,
    "day": lambda line: line.day,
    "time": lambda line: _moment(line.at),
    "kind": lambda line: line.kind,
    "credits": lambda line: line.credits,
    "provisional": lambda line: line.provisional,
    "mode": lambda line: mode_word(line.mode, line.connection),
    "connection": lambda line: line.connection,
    "model": lambda line: line.model,
    "experiment_id": lambda line: line.experiment_id,
    "experiment": lambda line: line.experiment,
    "outcome": lambda line: line.outcome,
    "reason": lambda line: line.reason,
    "person": lambda line: line.person,
}
"""The columns of a credit movement. ``day`` is the local calendar day of the submission, to whose cap it counts."""


OBSERVATION_COLUMNS: Mapping[str, Callable[[Observation], Cell]] = {
    "question": lambda one: one.question,
    "meaning": lambda one: one.title,
    "observed": lambda one: one.answer or None,
    "times": lambda one: one.seen,
    "first_seen": lambda one: _moment(one.first_at),
    "last_seen": lambda one: _moment(one.last_at),
    "simulated": lambda one: one.simulated if one.seen else None,
}
"""The columns of the observations of a server; questions without an answer are listed too."""


def formula_safe(value: Cell) -> Cell:
    """Prefix a text that a spreadsheet would read as a formula, also after leading blanks or invisible characters."""
    if isinstance(value, str) and (value.startswith(FORMULA_STARTS) or _first_visible(value) in FORMULA_SIGNS):
        return "'" + value
    return value


def _first_visible(text: str) -> str:
    """Return the first visible character in its NFKC form; empty when there is none."""
    visible = next((character for character in text if not shows_nothing(character)), "")
    return unicodedata.normalize("NFKC", visible)[:1]


def _of_record(column: Callable[[GenerationRecord], Cell]) -> Callable[[Marked], Cell]:
    return lambda row: column(row[0])


def _of_marks(column: Callable[[Marks], Cell]) -> Callable[[Marked], Cell]:
    return lambda row: column(row[1])


MARKED_COLUMNS: Mapping[str, Callable[[Marked], Cell]] = {
    **{name: _of_record(column) for name, column in COLUMNS.items()},
    **{name: _of_marks(column) for name, column in MARK_COLUMNS.items()},
    "person": lambda row: row[0].person,
}


def csv_lines(rows: Iterable[Marked], *, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield generations as CSV, the header and then one piece per row. without: columns to leave out."""
    return _csv(rows, {name: column for name, column in MARKED_COLUMNS.items() if name not in without})


def movement_lines(rows: Iterable[MovementLine]) -> Iterator[str]:
    """Yield credit movements as CSV, the header and then one piece per row."""
    return _csv(rows, MOVEMENT_COLUMNS)


def observation_lines(rows: Iterable[Observation]) -> Iterator[str]:
    """Yield the observations of a server as CSV, the header and then one piece per row."""
    return _csv(rows, OBSERVATION_COLUMNS)


def _csv(rows: Iterable[Row], columns: Mapping[str, Callable[[Row], Cell]]) -> Iterator[str]:
    """Yield CSV as in RFC 4180, with a byte order mark: without one Excel does not read it as UTF-8."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow(columns)
    yield _drain(buffer)
    for row in rows:
        writer.writerow([formula_safe(column(row)) for column in columns.values()])
        yield _drain(buffer)


def json_lines(rows: Iterable[Marked]) -> Iterator[str]:
    """Yield generations as one JSON array, one piece per row."""
    separator = "[\n"
    for row in rows:
        yield separator + json.dumps(json_row(row), ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def json_row(row: Marked) -> dict[str, object]:
    """Return a generation as a JSON object; unlike in CSV, parameters, sweeps, labels, ratings and notes are structured."""
    record, marks = row
    return {name: column(row) for name, column in MARKED_COLUMNS.items()} | {
        "params": dict(record.params),
        "sweep": [sweep._asdict() for sweep in marks.sweeps],
        "labels": list(marks.labels),
        "ratings": dict(marks.ratings),
        "notes": [note._asdict() for note in marks.notes],
    }


def file_name(what: str, mode: ModeWord | None, extension: str, now: datetime) -> str:
    """Return the file name of an export; capitals mark every export that is not of live rows only. mode: None for mixed rows."""
    rows = {"live": "live", "simulated": "SIMULATED", "replay": "REPLAY", None: "live-and-SIMULATED"}[mode]
    return f"rivya-{what}-{rows}-{now:%Y%m%d-%H%M%S}.{extension}"


def _drain(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate(0)
    return text
