"""Salvage the generations from a damaged database into a file beside it, before anything else is tried.

Ids, idempotency keys, task ids, states and reservations: enough that no generation is paid for twice. The damaged file is
only read, never written.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Final

from rivya_core.api.durable import sync_file
from rivya_core.lab.ledger.backup import sqlite_pages
from rivya_core.lab.ledger.states import TERMINAL

STORED_ORDER: Final = (
    *("seq", "id", "intent_id", "take", "parent_id", "source", "state", "mode", "connection", "key_fingerprint"),
    *("model", "prompt", "negative_prompt", "request", "request_sha256", "asset_sha256", "idempotency_key"),
    *("client_request_id", "file_url", "file_id", "body", "body_sha256", "attempts", "open_attempts"),
    *("first_attempt_at", "task_id", "task_status", "result_url", "request_id", "error", "runs", "expected_credits"),
    *("reserved_credits", "final_credits", "held_credits", "settlement", "cap_day", "clip_key", "poster_key"),
    *("clip_sha256", "clip_bytes", "clip_width_px", "clip_height_px", "clip_duration_s", "clip_fps", "created_at"),
    *("submitted_at", "processing_at", "ready_at", "finished_at", "next_action_at", "starred", "dismissed_at"),
    "deleted_at",
)
"""The columns of a generation as the file holds them; later revisions only append."""

COLUMNS_MAX: Final = 2 * len(STORED_ORDER)
EVENT_COLUMNS: Final = 5  # id, generation_id, at, kind, detail
EVENT_KINDS: Final = frozenset({"state", "exchange", "note"})
ENDED: Final = frozenset(state.value for state in TERMINAL)
PREFIX: Final = "lab.salvaged-"


@dataclass(frozen=True, slots=True)
class SavedRow:
    """One salvaged generation; None for a value that could not be read."""

    id: str
    seq: int | None = None
    take: int | None = None
    state: str | None = None
    mode: str | None = None
    connection: str | None = None
    model: str | None = None
    idempotency_key: str | None = None
    task_id: str | None = None
    task_status: str | None = None
    attempts: int | None = None
    open_attempts: int | None = None
    first_attempt_at: str | None = None
    reserved_credits: int | None = None
    final_credits: int | None = None
    held_credits: int | None = None
    settlement: str | None = None
    clip_key: str | None = None
    created_at: str | None = None
    finished_at: str | None = None
    found_in: str = "table"  # table, pages, timeline: where it was read

    @property
    def was_sent(self) -> bool:
        """Whether a create was sent, so that sending it again may be charged again."""
        return self.task_id is not None or bool(self.attempts)


_COLUMNS: Final = tuple(field.name for field in fields(SavedRow) if field.name != "found_in")
_PLACES: Final = tuple(STORED_ORDER.index(name) for name in _COLUMNS)


@dataclass(frozen=True, slots=True)
class Missing:
    """A generation that a backup lacks, or has an older version of: restored from there, it would be paid again."""

    row: SavedRow
    why: str


def read_rows(database: Path) -> dict[str, SavedRow]:
    """Return all readable generations by id: first through SQLite, row by row, then parsed from the raw pages."""
    rows = {row.id: row for row in _by_sqlite(database)}
    pages: dict[str, SavedRow] = {}
    tasks: dict[str, str] = {}
    for row in sqlite_pages.rows(database):
        saved = _of_page(row)
        if saved is not None and saved.id not in rows:
            earlier = pages.get(saved.id)
            pages[saved.id] = saved if earlier is None else max(earlier, saved, key=_progress)
        elif row.columns == EVENT_COLUMNS:
            tasks.update(_task_of_event(row))
    rows |= pages
    for id_, task_id in tasks.items():
        row_ = rows.get(id_)
        if row_ is None:
            rows[id_] = SavedRow(id=id_, idempotency_key=id_, task_id=task_id, found_in="timeline")
        elif row_.task_id is None and row_.state not in ENDED:
            rows[id_] = SavedRow(**{**asdict(row_), "task_id": task_id})
    return dict(sorted(rows.items(), key=lambda item: (item[1].seq or 0, item[0])))


def _progress(row: SavedRow) -> tuple[bool, bool, int, int]:
    """Return a sort key: of several versions of a row, the greatest is the one that has progressed furthest."""
    filled = sum(getattr(row, name) is not None for name in _COLUMNS)
    return row.task_id is not None, row.finished_at is not None, row.attempts or 0, filled


def read_only(database: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """Open a database read-only; ``immutable``: ignoring its write-ahead log, for a backup."""
    more = "&immutable=1" if immutable else ""
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro{more}", uri=True, timeout=5.0)
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def rows_of_copy(copy: Path) -> dict[str, SavedRow]:
    """Return all generations of an intact backup, by id."""
    return {row.id: row for row in _by_sqlite(copy, immutable=True)}


def _by_sqlite(database: Path, *, immutable: bool = False) -> Iterator[SavedRow]:
    """Yield the rows that SQLite can read, one query each, so that one bad page does not hide the rest."""
    if not database.is_file():
        return
    query = f"SELECT {', '.join(_COLUMNS)} FROM lab_generations WHERE seq = ?"  # noqa: S608 - our own column names
    with closing(read_only(database, immutable=immutable)) as connection:
        for seq in range(1, _last(connection) + 1):
            try:
                row = connection.execute(query, (seq,)).fetchone()
            except sqlite3.Error:
                continue
            saved = None if row is None else _saved(row, "table")
            if saved is not None:
                yield saved


def _last(connection: sqlite3.Connection) -> int:
    """Return the highest sequence number, from the table or from ``sqlite_sequence``; 0 when neither can be read."""
    for query in (
        "SELECT max(seq) FROM lab_generations",
        "SELECT seq FROM sqlite_sequence WHERE name = 'lab_generations'",
    ):
        try:
            row = connection.execute(query).fetchone()
        except sqlite3.Error:
            continue
        if row and isinstance(row[0], int):
            return min(row[0], 10_000_000)  # the damaged page may say anything; each number costs a query
    return 0


def _of_page(row: sqlite_pages.Row) -> SavedRow | None:
    if not len(STORED_ORDER) <= row.columns <= COLUMNS_MAX:
        return None
    values = [row.values[place] if place < len(row.values) else None for place in _PLACES]
    values[_COLUMNS.index("seq")] = row.rowid
    return _saved(values, "pages")


def _saved(values: Iterable[object], found_in: str) -> SavedRow | None:
    named: dict[str, Any] = dict(zip(_COLUMNS, values, strict=True))
    if not isinstance(named["id"], str) or not named["id"].isprintable() or not named["id"]:
        return None
    for name, value in named.items():
        expected_type = int if name.endswith("credits") or name in {"seq", "take", "attempts", "open_attempts"} else str
        if not isinstance(value, expected_type) or (isinstance(value, str) and not value.isprintable()):
            named[name] = None
    return SavedRow(**named, found_in=found_in)


def _task_of_event(row: sqlite_pages.Row) -> dict[str, str]:
    """Return the task id in a timeline event, by generation id; empty for any other row."""
    if len(row.values) != EVENT_COLUMNS or row.values[3] not in EVENT_KINDS:
        return {}
    _, id_, _, _, detail = row.values
    try:
        event = json.loads(detail) if isinstance(detail, str) else None
    except ValueError:
        return {}
    task_id = event.get("task_id") if isinstance(event, dict) else None
    return {id_: task_id} if isinstance(id_, str) and isinstance(task_id, str) and task_id else {}


def missing_in(copy: Mapping[str, SavedRow], salvaged: Mapping[str, SavedRow]) -> tuple[Missing, ...]:
    """Return what a backup lacks of the salvaged generations, newest first."""
    lacks = []
    for id_, row in salvaged.items():
        in_copy = copy.get(id_)
        if in_copy is None:
            lacks.append(Missing(row, "not in the copy"))
        elif row.task_id is not None and in_copy.task_id is None:
            lacks.append(Missing(row, "its task id is not in the copy"))
        elif row.was_sent and not in_copy.was_sent:
            lacks.append(Missing(row, "was sent after the copy was made"))
    return tuple(reversed(lacks))


def write_rows(database: Path, rows: Mapping[str, SavedRow], about: Mapping[str, Any], today: date) -> Path:
    """Write the salvaged rows to a file beside the database, and return its path.

    Idempotent: one file per state of the database (``state_of``), however often it is examined.

    Raises:
        OSError: the file cannot be written.
    """
    data = {**about, "database": state_of(database), "generations": [asdict(row) for row in rows.values()]}
    for number in range(1, 1000):
        ending = "" if number == 1 else f"-{number}"
        path = database.with_name(f"{PREFIX}{today:%Y-%m-%d}{ending}.json")
        if not path.exists() or _database_of(path) == data["database"]:
            break
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, ensure_ascii=False)
        file.flush()
        sync_file(file.fileno())
    part.replace(path)
    return path


def state_of(database: Path) -> dict[str, Any]:
    """Return a fingerprint of the database and its log: sizes and modification times."""
    state: dict[str, Any] = {"name": database.name}
    for name, path in (("file", database), ("log", sqlite_pages.log_path(database))):
        if path.is_file():
            stat = path.stat()
            state[name] = [stat.st_size, stat.st_mtime_ns]
    return state


def _database_of(path: Path) -> object:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state.get("database") if isinstance(state, dict) else None
