"""A cassette of the lab as the tape that the simulator plays: the two rooms know nothing of each other."""

from __future__ import annotations

from rivya_core.api.contract import ERROR_CODES, Effect
from rivya_core.api.texts import same_text
from rivya_core.lab.shows.cassette.cassette import Entry
from rivya_core.lab.shows.cassette.replay import Replay
from rivya_core.simulator import Tape, TapedTask


def tape_of(replay: Replay, usual_s: float) -> Tape:
    """Write a cassette as a tape; ``usual_s``: how long takes what nobody saw end."""
    return Tape([_task(replay, entry, usual_s) for entry in replay.cassette.entries], same_text)


def _task(replay: Replay, entry: Entry, usual_s: float) -> TapedTask:
    failure = entry.failure
    known = ERROR_CODES.get(failure.code or "") if failure is not None else None
    stopped_all = known is not None and known.effect is not Effect.ROW  # when it was recorded; here it is one request's
    return TapedTask(
        model=entry.model,
        prompt=entry.prompt,
        params=entry.params,
        file_sha256=entry.image,
        take=entry.take,
        queued_s=entry.queued_s or 0.0,
        work_s=usual_s if entry.work_s is None else entry.work_s,
        reserved=entry.reserved_credits,
        final=entry.final_credits,
        clip=None if entry.clip is None else replay.files[entry.clip.sha256],
        error_code=None if failure is None or stopped_all else failure.code,
        error_message="" if failure is None else failure.message,
        is_refused=failure is not None and failure.is_refused,
    )
