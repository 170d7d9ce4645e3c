"""Step 3: download the clip, verify it, move it into the archive. A failed download never starts a new generation.

After a few quick retries the row becomes ``unsaved`` and is retried on a longer schedule, for ever: the clip is paid for.
Result URLs expire, so after a failed download the task is read again for a fresh URL.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from rivya_core.api.errors import DownloadError, RivyaError, StorageError
from rivya_core.api.retry import delay_s
from rivya_core.lab.jobs.context import JobContext, StepResult, facts, log
from rivya_core.lab.jobs.crash_points import CrashPoint, crash_point
from rivya_core.lab.jobs.wait import read
from rivya_core.lab.ledger.broken_clips import check_arrival, kept_for_good
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Clip
from rivya_core.lab.media.video_probe import UNOPENED

QUICK_TRIES = 4  # retries before the row is shown as unsaved
LATER_S = (60.0, 300.0, 1800.0, 21_600.0)
EXPIRED = frozenset({401, 403, 404, 410})  # what hosts of signed URLs answer once the signature or the file has expired
GONE = frozenset({404, 410})


async def save(context: JobContext, generation_id: str) -> StepResult:
    """Download the clip of a row that succeeded at Rivya into the archive; safe to repeat after a crash.

    Returns:
        NEXT once the clip is archived; ENDED when the row is in a state without a clip; SKIPPED for another connection's row.
    """
    tries = 0
    stale = False
    while True:
        row = await context.db(context.ledger.get, generation_id)
        if row.is_terminal or (row.has_clip and row.state is not State.UNSAVED):
            return StepResult.NEXT
        if row.state not in {State.SAVING, State.UNSAVED}:
            return StepResult.ENDED
        if not context.is_ours(row):
            return StepResult.SKIPPED
        tries += 1
        context.must_finish(generation_id)
        context.refuse_if_lapsed()
        try:
            url = await result_url(context, row, fresh=stale)
            clip = await fetch(context, row, url)
        except RivyaError as error:
            context.observer.fetch_failed(row, error)
            # The first dead URL is retried at once with a fresh one: most likely nothing is wrong but its age.
            fresh_url_due = not stale and is_dead_address(error)
            stale = True
            # Gone at Rivya for good: a damaged copy that arrived earlier is better than no clip.
            damaged_clip = kept_for_good(row) if tries >= QUICK_TRIES and is_gone(error) else None
            if damaged_clip is None:
                if not fresh_url_due:
                    await context.sleep(generation_id, await after_error(context, row, error, tries))
                continue
            clip = damaged_clip
        await context.db(context.ledger.jobs.saved, row.id, clip)
        # The old file goes only after the row names the new one: a crash in between leaves an extra file, never a missing one.
        if row.clip_key not in {None, clip.clip_key}:
            await context.archive.aside(context.archive.delete, row.clip_key)
        return StepResult.NEXT


def is_dead_address(error: RivyaError) -> bool:
    """True when the URL has expired or its host does not answer: the embedded simulator gets a new port on every start."""
    return isinstance(error, DownloadError) and (error.http_status in EXPIRED or error.http_status is None)


def is_gone(error: RivyaError) -> bool:
    """True when Rivya no longer has the clip, or the whole task."""
    return error.http_status in (EXPIRED if isinstance(error, DownloadError) else GONE)


async def result_url(context: JobContext, row: GenerationRecord, *, fresh: bool) -> str:
    """Return the URL of the clip, reading the task again when none is stored or ``fresh`` is set.

    A failed read falls back to the stored URL, which may still work.

    Raises:
        DownloadError: the task succeeded but names no URL.
        RivyaError: the task could not be read and no URL is stored.
    """
    if row.result_url is not None and not fresh:
        return row.result_url
    try:
        answer = await read(context, row)
    except RivyaError:
        if row.result_url is None:
            raise
        return row.result_url
    if answer.primary_url is None:
        raise DownloadError(
            "Rivya says the clip is ready but gives no address",
            f"Task {row.task_id} has the state {answer.status} and no result URL.",
            "The task is read again on its own schedule. If it stays so, show Rivya's support the task id.",
            retryable=True,
        )
    if answer.primary_url != row.result_url:
        await context.db(context.ledger.rows.update, row.id, result_url=answer.primary_url)
    return answer.primary_url


async def fetch(context: JobContext, row: GenerationRecord, url: str) -> Clip:
    """Download to a part file, then verify and rename it. Raises DownloadError, StorageError; no part file is left behind."""
    key = f"clips/{row.created_at:%Y/%m}/{row.id}.mp4"
    part = await context.db(context.archive.part_path, key)
    try:
        fetched = await context.media.fetch(url, part)
        clip = await context.archive.aside(adopt, context, row, part, key)
    except BaseException:
        await asyncio.to_thread(part.unlink, missing_ok=True)
        raise
    context.observer.fetched(row, fetched.content_type, clip)
    return clip


def adopt(context: JobContext, row: GenerationRecord, part: Path, key: str) -> Clip:
    """Verify a downloaded part file, make its poster, and store both, under a key with the container's suffix. Blocks."""
    archive = context.archive
    clip = check_arrival(context.ledger, archive, row, part, key)
    # Killed from here on, the parts are removed at the next start and the clip downloaded again; the row names nothing yet.
    crash_point(CrashPoint.BEFORE_RENAME, row.id)
    poster = None
    if clip.check != UNOPENED:
        context.observer.coded(row, part)
        poster = archive.poster_part(part, clip.clip_key)
    try:
        archive.commit_part(part, clip.clip_key)
        if poster is None:
            return clip
        archive.commit_part(*poster)
        return replace(clip, poster_key=poster[1])
    finally:
        if poster is not None:
            poster[0].unlink(missing_ok=True)


async def after_error(context: JobContext, row: GenerationRecord, error: RivyaError, tries: int) -> float:
    """Return the seconds until the next retry; from the last quick retry on, mark the row ``unsaved`` with the reason.

    A StorageError (disk full, folder not writable) is shown at once: quick retries would not help.
    """
    log.warning("clip not fetched", extra=facts(row, http_status=error.http_status, tries=tries))
    if tries < QUICK_TRIES and not isinstance(error, StorageError):
        return delay_s("fetch", tries, error.retry_after_s, context.draw())
    gap_s = LATER_S[min(tries - min(tries, QUICK_TRIES), len(LATER_S) - 1)]
    card = ErrorCard.of(error, "fetch", charged="yes")
    await context.db(context.ledger.jobs.unsaved, row.id, card, in_s=gap_s)
    return gap_s
