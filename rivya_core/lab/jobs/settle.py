"""Step 4: end the row and settle its credits, provisionally first when Rivya has not said the final price yet."""

from __future__ import annotations

from rivya_core.api.errors import RivyaError
from rivya_core.lab.jobs.context import JobContext, StepResult, facts, log
from rivya_core.lab.jobs.crash_points import CrashPoint, crash_point
from rivya_core.lab.jobs.wait import read


async def settle(context: JobContext, generation_id: str) -> StepResult:
    """Bring a saved row to ``succeeded`` and its credits to rest; safe to repeat after a crash."""
    crash_point(CrashPoint.BEFORE_SETTLE, generation_id)
    row = await context.db(context.ledger.jobs.succeed, generation_id)
    if not context.is_ours(row):
        return StepResult.SKIPPED if row.settlement == "provisional" else StepResult.ENDED
    for delay_s in context.settings.settle_delays_s:
        if row.settlement != "provisional":
            break
        await context.sleep(generation_id, delay_s)
        try:
            answer = await read(context, row)
        except RivyaError as error:
            log.warning("settlement not read", extra=facts(row, code=error.code))
            continue
        if answer.final_credits:
            row = await context.db(context.ledger.jobs.settle, row.id, answer.final_credits, provisional=False)
            context.observer.settled_late(row, answer)
    return StepResult.ENDED
