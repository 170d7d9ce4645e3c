"""Damaged clips: when to download again, and when to keep a damaged file.

A clip damaged in transfer is downloaded again until it is whole. One that is damaged at Rivya arrives with the same bytes
each time: it is paid for, so it is kept and marked damaged. Each arrival is recorded in the timeline, so the count survives
a restart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from rivya_core.api.errors import DownloadError, StorageError
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import events, generations
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Archive, Clip
from rivya_core.lab.media.stored import is_unreachable
from rivya_core.lab.media.video_probe import DAMAGED, UNOPENED, WHOLE, StoppedError, decode_fault, sha256_of

log = logging.getLogger("rivya.clips")

SAME_BYTES: Final = 3
"""After this many arrivals of the same damaged bytes, they are what Rivya has."""

SAME_UNOPENED: Final = 2
"""The same for a clip over the decoding limits, as which a damaged file may appear."""

BATCH: Final = 50
NEWEST: Final = 2**62
OVERLAP_S: Final = 600.0
"""Overlap with the previous scan: a row's end time is taken before its commit, so it may show up late."""

TITLE: Final = "What arrived is not a whole video"


def check_arrival(ledger: Ledger, archive: Archive, row: GenerationRecord, part: Path, key: str) -> Clip:
    """Check a downloaded file; accept it if it is whole, or has arrived equally damaged often enough.

    Raises:
        DownloadError: it is damaged, and another download may be better.
    """
    try:
        clip = archive.check_clip(part, key)
    except DownloadError as error:
        if _note(ledger, row.id, sha256_of(part), error.detail) < SAME_BYTES:
            raise
        return archive.keep_broken(part, key, _for_good(error.detail))
    if clip.check == UNOPENED and _note(ledger, row.id, clip.sha256, clip.fault or "") < SAME_UNOPENED:
        raise _again(clip.fault or "")
    fault = None if clip.check == UNOPENED else _earlier_fault(ledger, row.id, clip.sha256)
    if fault is None:
        return clip
    if _note(ledger, row.id, clip.sha256, fault) < SAME_BYTES:
        raise _again(fault)
    return replace(clip, check=DAMAGED, fault=_for_good(fault))


def kept_for_good(row: GenerationRecord) -> Clip | None:
    """Return the damaged clip that a row has kept while a better one was sought, to be used once Rivya has none any more."""
    if row.clip_key is None or row.clip_sha256 is None:
        return None
    return Clip(
        clip_key=row.clip_key,
        poster_key=row.poster_key,
        sha256=row.clip_sha256,
        size_bytes=row.clip_bytes or 0,
        width_px=row.clip_width_px,
        height_px=row.clip_height_px,
        duration_s=row.clip_duration_s,
        fps=row.clip_fps,
        check=DAMAGED,
        fault=f"{row.clip_fault or 'It is damaged.'} Rivya does not give it any more, so it is kept as it is.",
    )


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A clip that was not yet decoded to its end."""

    seq: int
    generation_id: str
    clip_key: str
    sha256: str
    connection: str
    has_task: bool


def unchecked(connection: sa.Connection, since: datetime | None, below: int, limit: int) -> Sequence[Unchecked]:
    """Return archived clips not yet decoded to their end, newest first, of rows with a sequence number under ``below``.

    ``since``: only rows finished from then on.
    """
    column = generations.c
    where = [column.mode.in_(["live", "simulated"]), column.state == State.SUCCEEDED.value, column.seq < below]
    where += [column.clip_check.is_(None), column.clip_key.is_not(None), column.deleted_at.is_(None)]
    if since is not None:
        where.append(column.finished_at >= since)
    rows = connection.execute(
        sa.select(column.seq, column.id, column.clip_key, column.clip_sha256, column.connection, column.task_id)
        .where(*where)
        .order_by(column.seq.desc())
        .limit(limit)
    )
    return [
        Unchecked(row.seq, row.id, row.clip_key, row.clip_sha256 or "", row.connection, row.task_id is not None)
        for row in rows
    ]


class WholeChecks:
    """Queue of archived clips to be decoded to their end, and what to do with the results.

    Used by one thread. Whole clips are recorded in batches, since each write invalidates every cache and redraws open pages.
    """

    def __init__(self, ledger: Ledger, archive: Archive, connection: str) -> None:
        self._ledger = ledger
        self._archive = archive
        self._connection = connection
        self._since: datetime | None = None
        self._began = ledger.clock()
        self._below: int | None = None
        self._looked_at = -1
        self._ahead: list[Unchecked] = []
        self._whole: list[Unchecked] = []
        self._skipped: set[str] = set()

    def next(self) -> Unchecked | None:
        """Return the newest unchecked clip, or None."""
        changes = self._ledger.changes()
        if self._below is None:
            if changes == self._looked_at:
                return None
            self._below, self._began, self._looked_at = NEWEST, self._ledger.clock(), changes
        while True:
            if not self._ahead:
                with self._ledger.reading() as connection:
                    self._ahead = list(unchecked(connection, self._since, self._below, BATCH))
                self._write_whole()
            if not self._ahead:
                self._below, self._since = None, self._began - timedelta(seconds=OVERLAP_S)
                return None
            clip = self._ahead.pop(0)
            self._below = clip.seq
            if clip.generation_id not in self._skipped:
                return clip

    def put_off(self, clip: Unchecked) -> None:
        """Put a clip that could not be decoded now back to the front; it is read anew, as its file may have been replaced."""
        self._ahead, self._below = [], clip.seq + 1

    def fault(self, clip: Unchecked, go_on: Callable[[], bool]) -> str | None:
        """Decode a clip; return what is wrong with it, "" if nothing, None if ``go_on`` stopped it or it cannot be judged."""
        if clip.generation_id in self._skipped:
            return None
        try:
            with self._archive.open_local(clip.clip_key) as path:
                if clip.sha256 and sha256_of(path) != clip.sha256:
                    return "Its file has changed since it was archived."
                return decode_fault(path, go_on=go_on)
        except StoppedError:
            return None
        except (FileNotFoundError, StorageError) as error:  # a missing file is handled when the clip is asked for
            if not is_unreachable(error):
                self._skipped.add(clip.generation_id)
            return None
        except Exception:
            log.exception("a clip could not be checked", extra={"generation_id": clip.generation_id})
            self._skipped.add(clip.generation_id)
            return None

    def conclude(self, clip: Unchecked, fault: str) -> None:
        """Record the result of decoding; a damaged clip is sent back to be downloaded again.

        Only a clip of this connection can be downloaded again: any other is kept as damaged.
        """
        id_ = clip.generation_id
        if not fault:
            self._whole.append(clip)
        elif (
            clip.has_task
            and clip.connection == self._connection
            and _note(self._ledger, id_, clip.sha256, fault) < SAME_BYTES
        ):
            self._ledger.actions.damaged_clip(id_, fault)
        else:
            self._ledger.actions.mark_clips(
                [(id_, clip.clip_key)], check=DAMAGED, fault=f"{fault} It is kept as it is."
            )

    def _write_whole(self) -> None:
        if self._whole:
            self._ledger.actions.mark_clips(
                [(clip.generation_id, clip.clip_key) for clip in self._whole], check=WHOLE, fault=None
            )
            self._whole = []


def _note(ledger: Ledger, generation_id: str, sha256: str, fault: str) -> int:
    """Record an arrival of damaged bytes; return how often these same bytes have arrived."""
    detail = {"phase": "fetch", "title": TITLE, "why": fault, "clip_sha256": sha256}
    ledger.rows.update(generation_id, event=("exchange", detail))
    return len(_arrivals(ledger, generation_id, sha256))


def _earlier_fault(ledger: Ledger, generation_id: str, sha256: str) -> str | None:
    """Return the fault found earlier in the same bytes, or None."""
    faults = _arrivals(ledger, generation_id, sha256)
    return faults[-1] if faults else None


def _arrivals(ledger: Ledger, generation_id: str, sha256: str) -> list[str]:
    query = (
        sa.select(events.c.detail["why"].as_string())
        .where(events.c.generation_id == generation_id, events.c.detail["clip_sha256"].as_string() == sha256)
        .order_by(events.c.id)
    )
    with ledger.reading() as connection:
        return list(connection.scalars(query))


def _for_good(fault: str) -> str:
    return f"{fault} It came like this each time, so it is kept as it is."


def _again(fault: str) -> DownloadError:
    return DownloadError(
        TITLE,
        fault,
        "The clip is fetched again; the task and its charge are not touched.",
        retryable=True,
        code="broken_clip",
    )
