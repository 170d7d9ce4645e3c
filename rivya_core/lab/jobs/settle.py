"""Step 4: end the row and settle its credits, provisionally while Rivya has not reported ``final_credits`` yet.

Never guess a price of 0: until Rivya reports one, the reserved credits keep counting against caps and balance.
"""

from __future__ import annotations

from rivya_core.api.errors import RivyaError
from rivya_core.lab.jobs.context import JobContext, StepResult, facts, log
from rivya_core.lab.jobs.crash_points import CrashPoint, crash_point
from rivya_core.lab.jobs.wait import read


async def settle(context: JobContext, generation_id: str) -> StepResult:
    """Move a saved row to ``succeeded`` and settle its credits; safe to repeat after a crash.

    A row still provisional after all ``settle_delays_s`` is read again after the next start.
    """
    # The clip is archived; killed here, the next run finds the row in ``saving`` and settles it exactly once.
    crash_point(CrashPoint.BEFORE_SETTLE, generation_id)
    row = await context.db(context.ledger.jobs.succeed, generation_id)
    # The row ends whatever the connection, but the price is known only to the server that ran the task.
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
        if answer.final_credits:  # 0 or missing means that Rivya has not settled yet
            row = await context.db(context.ledger.jobs.settle, row.id, answer.final_credits, provisional=False)
            context.observer.settled_late(row, answer)
    return StepResult.ENDED
