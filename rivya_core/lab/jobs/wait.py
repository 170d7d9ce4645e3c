"""Step 2: poll the task until it ends.

A poll that finds no change writes nothing, since every commit is synced to disk. No error and no deadline ever ends a row
here, because its task is paid for; only the task's own final status does.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from rivya_core.api.contract import Effect, Generation, TaskStatus
from rivya_core.api.errors import RivyaError
from rivya_core.api.retry import delay_s, rule
from rivya_core.lab.jobs import uploads
from rivya_core.lab.jobs.context import JobContext, StepResult, at_rest, facts, log
from rivya_core.lab.jobs.poll_schedule import STALE_GAP_S, Schedule
from rivya_core.lab.ledger.history.history import ENOUGH_TO_TELL, Typical
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord
from rivya_core.lab.ledger.states import State

TYPICAL_FOR_S = 30.0
SHOW_TROUBLE_AFTER = 3  # consecutive failed polls before an error card is shown


async def wait(context: JobContext, generation_id: str) -> StepResult:
    """Poll a running row's task to its end; safe to repeat after a crash.

    Returns:
        NEXT when the task succeeded; ENDED when it failed, or nothing is left to poll; SKIPPED for another connection's row.
    """
    row = await context.db(context.ledger.get, generation_id)
    if row.state is not State.RUNNING:
        return StepResult.ENDED if at_rest(row) else StepResult.NEXT
    if not context.is_ours(row):
        return StepResult.SKIPPED
    schedule = await schedule_of(context, row)
    reads = failures = 0
    gap_s = next_gap_s(context, row, schedule, reads)
    while True:
        if await context.sleep(generation_id, gap_s):
            # Woken early means that a person acted on the row: it may have ended, or be polled at another rate from now on.
            row = await context.db(context.ledger.get, generation_id)
            if row.state is not State.RUNNING:
                return StepResult.ENDED if at_rest(row) else StepResult.NEXT
        await context.reads.take()  # the process-wide rate limit of polls, shared by all rows
        reads += 1
        try:
            answer = await read(context, row)
        except RivyaError as error:
            if await disowned(context, row, error):
                return StepResult.ENDED
            failures += 1
            await note_trouble(context, row, error, failures)
            # Backoff may only lengthen the regular interval: a failing server must not be polled more often than a healthy one.
            gap_s = max(
                next_gap_s(context, row, schedule, reads),
                delay_s("poll", failures, error.retry_after_s, context.draw()),
            )
            continue
        row = await clear_error(context, row, failures)
        failures = 0
        if answer.is_final:
            return await end(context, row, answer)
        # 0 reserved credits says nothing yet: a server may reserve only once the task starts.
        if answer.status != row.task_status or answer.reserved_credits not in {None, 0, row.reserved_credits}:
            row = await context.db(context.ledger.jobs.seen, row.id, answer)
        gap_s = next_gap_s(context, row, schedule, reads)


async def read(context: JobContext, row: GenerationRecord) -> Generation:
    """Read the row's task once, at most every ``poll_min_s`` seconds. Raises RivyaError."""
    if row.task_id is None:
        raise AssertionError(f"{row.id} is {row.state} without a task id")
    await context.space_polls(row.id)
    return await context.api.read_generation(row.task_id)


async def disowned(context: JobContext, row: GenerationRecord, error: RivyaError) -> bool:
    """Make a row ``unconfirmed`` again when a person adopted a task id that Rivya does not know; True when that was so.

    A 404 for a task whose status Rivya has ever reported is not believed: such a task is polled for ever.
    """
    if rule("poll", error).effect is not Effect.MISSING or row.task_status is not None:
        return False
    card = ErrorCard(
        title="Rivya knows no such task",
        detail=f"The task id {row.task_id} was entered by hand, and Rivya answers that it does not exist.",
        hint="Look the id up in Rivya's own history and adopt it again, ask again, or close it as not charged.",
        charged="unknown",
        phase="poll",
        code=error.code,
        request_id=error.request_id,
        retryable=True,
    )
    return await context.db(context.ledger.actions.disown, row.id, card)


def next_gap_s(context: JobContext, row: GenerationRecord, schedule: Schedule, reads: int) -> float:
    """Seconds until the next poll of a row; six hours once a person has stopped watching it."""
    if row.unwatched_at is not None and reads > 0:
        return STALE_GAP_S
    return schedule.next_gap_s(row.elapsed_s(context.now()), reads, context.draw())


async def schedule_of(context: JobContext, row: GenerationRecord) -> Schedule:
    """Return the poll schedule of a row, its second poll timed by the 10 % fastest of recent clips of the same kind."""
    settings = context.settings
    typical = await typical_of(context, row)
    quick_s = typical.p10_s if typical is not None and typical.count >= ENOUGH_TO_TELL else context.quick_s
    return Schedule(
        first_s=settings.poll_first_s,
        min_s=settings.poll_min_s,
        max_s=settings.poll_max_s,
        quick_s=quick_s,
        overdue_s=settings.overdue_after_s,
    )


async def typical_of(context: JobContext, row: GenerationRecord) -> Typical | None:
    """Rendering times of recent clips of a row's kind, or None; cached for ``TYPICAL_FOR_S`` seconds across rows."""
    kind = (row.model, row.mode, row.length or None)
    now_s = asyncio.get_running_loop().time()
    cached = context.typical.get(kind)
    if cached is None or now_s - cached[0] > TYPICAL_FOR_S:
        cached = (now_s, await context.db(context.history.rendering_s, *kind))
        context.typical[kind] = cached
    return cached[1]


async def note_trouble(context: JobContext, row: GenerationRecord, error: RivyaError, failures: int) -> None:
    """Show an error card after repeated failures, once; pause new creates when the API key itself is refused."""
    verdict = rule("poll", error)
    log.warning("status read failed", extra=facts(row, code=error.code, request_id=error.request_id))
    context.observer.refused(row, "poll", error)
    if verdict.effect is Effect.KEY and failures == 1:
        await context.pause(row, error, verdict.effect, "poll")
    if failures == SHOW_TROUBLE_AFTER:
        card = ErrorCard.of(error, "poll", charged="unknown")
        await context.db(context.ledger.rows.update, row.id, error=card, request_id=error.request_id)
        await context.db(context.ledger.jobs.exchange, row.id, "poll", error)


async def clear_error(context: JobContext, row: GenerationRecord, failures: int) -> GenerationRecord:
    """Clear the row's error after a successful poll."""
    context.recovered(row.id)
    if row.error is None and failures < SHOW_TROUBLE_AFTER:
        return row
    await context.db(context.ledger.rows.update, row.id, error=None)
    return replace(row, error=None)


async def end(context: JobContext, row: GenerationRecord, answer: Generation) -> StepResult:
    """Commit how the task ended at Rivya; any final status but ``failed`` is taken as succeeded."""
    context.observer.ended(row, answer)
    if answer.task_status is TaskStatus.FAILED:
        failed = await context.db(context.ledger.jobs.failed_at_rivya, row.id, answer)
        await context.db(uploads.forget, context.ledger.rows, row)  # the uploaded file may be the reason
        if failed.error is not None and failed.error.code == "insufficient_credits":
            error = RivyaError(failed.error.title, failed.error.detail, failed.error.hint, code=failed.error.code)
            await context.pause(row, error, Effect.WALLET, "poll")
        return StepResult.ENDED
    await context.db(context.ledger.jobs.ready, row.id, answer)
    return StepResult.NEXT
