"""Clips that are broken: how often the same bytes came, when they are kept all the same, and when they are fetched again.

A clip that was broken on its way is fetched again until it is whole. One that is broken at Rivya arrives the same each time:
it is paid for, so it is kept and said to be damaged. What arrived is remembered in the timeline, so a restart forgets nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from rivya_core.api.errors import DownloadError
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import events, generations
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Archive, Clip
from rivya_core.lab.media.video_probe import DAMAGED, UNOPENED, WHOLE, StoppedError, decode_fault, sha256_of

log = logging.getLogger("rivya.clips")

SAME_BYTES: Final = 3
"""Arrivals of the same broken bytes after which they are what Rivya has."""

SAME_UNOPENED: Final = 2
"""The same for a clip that is too much to open: a broken file may look like one."""

BATCH: Final = 50
NEWEST: Final = 2**62
OVERLAP_S: Final = 600.0
"""Rows that ended shortly before the last look are looked at again: moments are noted before they are committed."""

TITLE: Final = "What arrived is not a whole video"


def check_arrival(ledger: Ledger, archive: Archive, row: GenerationRecord, part: Path, key: str) -> Clip:
    """Check a downloaded file, which counts as a clip when it is whole, or broken in the same way for the last time.

    Raises:
        DownloadError: it is broken, and may come better.
    """
    try:
        clip = archive.check_clip(part, key)
    except DownloadError as error:
        if _note(ledger, row.id, sha256_of(part), error.detail) < SAME_BYTES:
            raise
        return archive.keep_broken(part, key, _for_good(error.detail))
    if clip.check == UNOPENED and _note(ledger, row.id, clip.sha256, clip.fault or "") < SAME_UNOPENED:
        raise _again(clip.fault or "")
    fault = None if clip.check == UNOPENED else _known_fault(ledger, row.id, clip.sha256)
    if fault is None:
        return clip
    if _note(ledger, row.id, clip.sha256, fault) < SAME_BYTES:
        raise _again(fault)
    return replace(clip, check=DAMAGED, fault=_for_good(fault))


def kept_for_good(row: GenerationRecord) -> Clip | None:
    """The damaged clip that a row has while a better one is looked for, for when there is none any more."""
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
    """A clip that nobody has decoded to its end."""

    seq: int
    generation_id: str
    clip_key: str
    sha256: str
    connection: str
    has_task: bool


def unchecked(connection: sa.Connection, since: datetime | None, below: int, limit: int) -> Sequence[Unchecked]:
    """Archived clips that were not decoded to their end, newest first, of rows before ``below`` in order of submission.

    ``since``: only those finished from then on.
    """
    column = generations.c
    found = [column.mode.in_(["live", "simulated"]), column.state == State.SUCCEEDED.value, column.seq < below]
    found += [column.clip_check.is_(None), column.clip_key.is_not(None), column.deleted_at.is_(None)]
    if since is not None:
        found.append(column.finished_at >= since)
    rows = connection.execute(
        sa.select(column.seq, column.id, column.clip_key, column.clip_sha256, column.connection, column.task_id)
        .where(*found)
        .order_by(column.seq.desc())
        .limit(limit)
    )
    return [
        Unchecked(row.seq, row.id, row.clip_key, row.clip_sha256 or "", row.connection, row.task_id is not None)
        for row in rows
    ]


class WholeChecks:
    """Which archived clips are still to be decoded to their end, and what becomes of those that were.

    Used by one thread. Clips that are whole are written down many at a time: each write wakes whoever looks for news.
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
        """The newest clip that nobody has checked, or None."""
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
        """Let a clip that could not be decoded now be the next one again, read anew: it may be another file by then."""
        self._ahead, self._below = [], clip.seq + 1

    def fault(self, clip: Unchecked, go_on: Callable[[], bool]) -> str | None:
        """Decode a clip; what is wrong with it, "" when nothing is, None when ``go_on`` ended it or nobody can tell."""
        if clip.generation_id in self._skipped:
            return None
        path = self._archive.path(clip.clip_key)
        try:
            if clip.sha256 and sha256_of(path) != clip.sha256:
                return "Its file has changed since it was archived."
            return decode_fault(path, go_on=go_on)
        except StoppedError:
            return None
        except FileNotFoundError:  # a lost clip is another matter, and is seen when it is asked for
            self._skipped.add(clip.generation_id)
            return None
        except Exception:
            log.exception("a clip could not be checked", extra={"generation_id": clip.generation_id})
            self._skipped.add(clip.generation_id)
            return None

    def conclude(self, clip: Unchecked, fault: str) -> None:
        """Take note of what decoding told; a broken clip goes back to be fetched.

        Only a clip of this connection can be fetched again: another one is kept as damaged.
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
    """Write down that broken bytes arrived; how often these did."""
    detail = {"phase": "fetch", "title": TITLE, "why": fault, "clip_sha256": sha256}
    ledger.rows.update(generation_id, event=("exchange", detail))
    return len(_arrivals(ledger, generation_id, sha256))


def _known_fault(ledger: Ledger, generation_id: str, sha256: str) -> str | None:
    """What was found in the same bytes before, or None."""
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
