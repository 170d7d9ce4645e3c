"""Count observed server behaviour that the documentation leaves open; buffered in memory, flushed periodically.

The jobs call the hooks here, so none of them may raise or wait for the database. A first observation is written at the next
housekeeping tick, repetitions once a minute; a killed process loses at most that minute's counts. Observations consist of
figures, codes and host names: never a prompt, a key, a path or a query string.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec
from urllib.parse import urlsplit

import sqlalchemy as sa

from rivya_core.api.contract import Generation, UploadedFile
from rivya_core.api.errors import RateLimitedError, RivyaError
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.observations.redaction import strike_keys
from rivya_core.lab.ledger.records import GenerationRecord, Phase
from rivya_core.lab.ledger.schema import observations
from rivya_core.lab.media.archive import Clip
from rivya_core.lab.media.video_probe import codec_of
from rivya_core.settings import is_built_in

log = logging.getLogger("rivya.observer")
P = ParamSpec("P")

SIMULATED_MARK: Final = " (simulated)"
"""Suffix of a live connection's name when its answers came from a simulator, so that the two are never counted together."""

FLUSH_EVERY_S: Final = 60.0
ANSWER_MAX: Final = 250
KINDS_MAX: Final = 200  # distinct answers kept per question
_UNSAFE = re.compile(r"[^\w .,:;+*/()<>=%-]+")
_READY_S = (10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_AGES_S = (60, 600, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600, 30 * 24 * 3600)
_SIZES_MB = (1, 2, 5, 10, 20, 50, 100)


def _quiet(hook: Callable[Concatenate[Any, P], None]) -> Callable[Concatenate[Any, P], None]:
    """Decorate a hook so that its errors are logged and never reach the job that calls it."""

    def quietly(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(self, *args, **kwargs)
        except Exception:  # the outer edge: an observation must never end a paid row
            log.debug("an observation could not be made", exc_info=True)

    quietly.__doc__ = hook.__doc__
    return quietly


class Observer:
    """Count observations; safe to use from any thread."""

    def __init__(self, database: sa.Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._pending: dict[tuple[str, str, str], tuple[int, datetime, datetime]] = {}
        self._seen_kinds: set[tuple[str, str, str]] = set()
        self._is_new = False
        self._flushed_s = 0.0

    def note(self, connection: str, question: str, answer: str, *, simulated: bool = False) -> None:
        """Count one answer to a question; see ``questions.QUESTIONS`` for their names."""
        marked = simulated and not is_built_in(connection)
        text = " ".join(_UNSAFE.sub(" ", strike_keys(answer)).split())[:ANSWER_MAX]
        key = (connection + SIMULATED_MARK if marked else connection, question, text)
        now = self._now()
        with self._lock:
            if key not in self._seen_kinds:
                if sum(1 for kind in self._seen_kinds if kind[:2] == key[:2]) >= KINDS_MAX:
                    return
                self._seen_kinds.add(key)
                self._is_new = True
            count, first, _ = self._pending.get(key, (0, now, now))
            self._pending[key] = (count + 1, first, now)

    def flush_if_due(self, now_s: float) -> None:
        """Flush if there is something new, or the oldest count has waited long enough."""
        if self._pending and (self._is_new or now_s - self._flushed_s >= FLUSH_EVERY_S):
            self._flushed_s = now_s
            self.flush()

    def flush(self) -> None:
        """Write everything counted so far; what cannot be written is kept for the next flush.

        Returns only after a concurrent flush of another thread has finished, so that a reader afterwards finds everything.
        """
        with self._writing:
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            batch, self._pending, self._is_new = self._pending, {}, False
        if not batch:
            return
        try:
            with begin_immediate(self._database) as connection:
                for key, counted in batch.items():
                    _write(connection, key, *counted)
        except (RivyaError, sa.exc.SQLAlchemyError):
            with self._lock:
                for key, (count, first, last) in batch.items():
                    more, _, later = self._pending.get(key, (0, first, last))
                    self._pending[key] = (count + more, first, later)
            log.debug("observations wait to be written", exc_info=True)

    # -- hooks -----------------------------------------------------------------------------------------------------

    @_quiet
    def created(self, row: GenerationRecord, answer: Generation) -> None:
        """A create was accepted."""
        self._of(row, answer, "create_status", f"HTTP {answer.http_status}")
        self._of(row, answer, "create_state", str(answer.status))
        if answer.reserved_credits is not None:
            self._of(row, answer, "price", f"{_kind(row)}: {answer.reserved_credits:,} credits reserved")
        if row.attempts > 1:
            self._of(row, answer, "replay", f"asked again with the same key: a task, HTTP {answer.http_status}")
        echoed = "echoed" if (answer.model_extra or {}).get("client_request_id") == row.sent_trace_id else "not echoed"
        self._of(row, answer, "trace_id", echoed)
        if more := sorted(answer.model_extra or {}):
            self._of(row, answer, "task_fields", ", ".join(more))

    @_quiet
    def refused(self, row: GenerationRecord, phase: Phase, error: RivyaError) -> None:
        """The server answered a create, an upload or a poll with an error."""
        if error.http_status is None:
            return
        status = f"HTTP {error.http_status}" + (f", {error.code}" if error.code else ", no code")
        self._error(row, "errors", f"{status}, to a {phase}")
        if phase == "create" and row.attempts > 1:
            self._error(row, "replay", f"asked again with the same key: {status}")
        if error.code == "insufficient_credits":
            self._error(row, "no_credits", status)
        if isinstance(error, RateLimitedError) or error.retry_after_s is not None:
            wait = "no Retry-After" if error.retry_after_s is None else f"Retry-After {error.retry_after_s:.0f} s"
            self._error(row, "retry_after", f"{status}: {wait}")

    @_quiet
    def uploaded(self, row: GenerationRecord, answer: UploadedFile) -> None:
        """A reference image was uploaded."""
        self._of(row, answer, "upload_status", f"HTTP {answer.http_status}")
        self._of(row, answer, "file_fields", ", ".join(sorted({*answer.model_fields_set, *(answer.model_extra or {})})))

    @_quiet
    def ended(self, row: GenerationRecord, answer: Generation) -> None:
        """A task has succeeded or failed."""
        took_s = row.elapsed_s(self._now())
        if answer.error is not None:
            self._of(row, answer, "failed_price", f"final_credits {answer.final_credits}")
            self._of(row, answer, "errors", f"failed task, {answer.error.code or 'no code'}")
            return
        if row.source != "adopted":
            self._of(row, answer, "ready", f"{_kind(row)}: {_between(took_s, _READY_S, _seconds)}")
        price = f"{answer.final_credits:,} credits" if answer.final_credits else "not said when it became ready"
        self._of(row, answer, "final_price", f"{_kind(row)}: {price}")
        url = answer.primary_url
        if url is not None:
            parts = urlsplit(url)
            self._of(row, answer, "result_host", parts.hostname or "relative, on the API's own host")
            self._of(
                row, answer, "result_address", "with a query, probably signed" if parts.query else "without a query"
            )

    @_quiet
    def fetched(self, row: GenerationRecord, content_type: str, clip: Clip) -> None:
        """A clip was downloaded and probed."""
        declared = content_type.partition(";")[0].strip() or "none"
        self._row(row, "clip_type", f"declared {declared}")
        if clip.width_px and clip.height_px:
            rate = f", {clip.fps:.0f} fps" if clip.fps else ""
            self._row(row, "clip_picture", f"{_kind(row)}: {clip.width_px}x{clip.height_px}{rate}")
        self._row(row, "clip_size", _between(clip.size_bytes / 1e6, _SIZES_MB, lambda size: f"{size} MB"))
        if row.ready_at is not None:
            age_s = (self._now() - row.ready_at).total_seconds()
            self._row(row, "address_life", f"still answered: {_between(age_s, _AGES_S, _seconds)} old")

    @_quiet
    def coded(self, row: GenerationRecord, path: Path) -> None:
        """A clip was archived; its codec is read here, where no error can reach the job."""
        self._row(row, "clip_codec", codec_of(path))

    @_quiet
    def fetch_failed(self, row: GenerationRecord, error: RivyaError) -> None:
        """A clip's URL gave no usable clip."""
        if error.http_status is not None and row.ready_at is not None:
            age_s = (self._now() - row.ready_at).total_seconds()
            answer = f"HTTP {error.http_status}: {_between(age_s, _AGES_S, _seconds)} old"
            self._row(row, "address_life", answer)

    @_quiet
    def settled_late(self, row: GenerationRecord, answer: Generation) -> None:
        """The price was reported only after the clip was ready."""
        if row.ready_at is not None:
            age_s = (self._now() - row.ready_at).total_seconds()
            self._of(
                row, answer, "settled", f"price told {_between(age_s, _READY_S, _seconds)} after the clip was ready"
            )

    # -- shared ----------------------------------------------------------------------------------------------------

    def _of(self, row: GenerationRecord, answer: Generation | UploadedFile, question: str, text: str) -> None:
        self.note(row.connection, question, text, simulated=answer.simulated)

    def _error(self, row: GenerationRecord, question: str, text: str) -> None:
        self._row(row, question, text)

    def _row(self, row: GenerationRecord, question: str, text: str) -> None:
        self.note(row.connection, question, text, simulated=row.mode == "simulated")


def _write(connection: sa.Connection, key: tuple[str, str, str], count: int, first: datetime, last: datetime) -> None:
    name, question, answer = key
    column = observations.c
    mine = (column.connection == name, column.question == question, column.answer == answer)
    more = sa.update(observations).where(*mine).values(seen=column.seen + count, last_at=last)
    if connection.execute(more).rowcount == 0:
        values: dict[str, Any] = {"connection": name, "question": question, "answer": answer}
        connection.execute(sa.insert(observations).values(**values, seen=count, first_at=first, last_at=last))


def _kind(row: GenerationRecord) -> str:
    """Model and length of a clip."""
    return f"{row.model} {row.length} s" if row.length else row.model


def _between(value: float, steps: tuple[int, ...], named: Callable[[int], str]) -> str:
    """Return the name of the bucket that a figure falls into, so that similar observations are counted together."""
    below = [step for step in steps if value >= step]
    above = [step for step in steps if value < step]
    if not below:
        return f"under {named(steps[0])}"
    return f"over {named(steps[-1])}" if not above else f"{named(below[-1])} to {named(above[0])}"


def _seconds(value: int) -> str:
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if value >= length and value % length == 0:
            return f"{value // length} {unit}"
    return f"{value} s"
