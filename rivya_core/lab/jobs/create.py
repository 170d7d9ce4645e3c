"""Step 1: upload the reference image, commit the request body, send the POST, commit the task id.

The only place where credits are spent: no other module may call ``post_generation``. Every retry reuses the row's stored
idempotency key and, once committed, the stored body bytes. An attempt is committed before it is sent (``open_attempts``),
and is closed only by an answer from the server saying that it was not accepted: a timeout or a dropped connection leaves
the outcome unknown.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import nullcontext
from dataclasses import replace

from rivya_core.api import GenerationRequest, ReferenceImage, reference_item
from rivya_core.api.contract import ERROR_CODES, Effect, Generation, UploadedFile
from rivya_core.api.errors import RivyaError, StorageError
from rivya_core.api.retry import Action, delay_s, rule
from rivya_core.lab.jobs import uploads
from rivya_core.lab.jobs.admission import AdmissionResult
from rivya_core.lab.jobs.context import JobContext, StepResult, at_rest, facts, log
from rivya_core.lab.jobs.crash_points import CrashPoint, crash_point
from rivya_core.lab.ledger.lease import LostRowError, holding
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.trouble import tell
from rivya_core.lab.media.stored import is_unreachable

ACCEPT_AGAIN_S = 2.0
STRANGE_REFUSALS = 3
FUNDED_REFUSALS = 6  # 90 s at the wallet pause's interval: enough for a server that updates its balance late

UNCONFIRMED_HINT = (
    "Ask again with the same key: if Rivya has the request it answers with the first task and charges nothing more. "
    "If you see the task in Rivya's own history, adopt its id. If the balance did not move, close it as not charged."
)

OTHER_KEY_HINT = (
    "It was sent under another API key, and Rivya may know requests by key: asking again under this one could be charged a "
    "second time. Look for the task in Rivya's own history and adopt its id, or set the first key again."
)


async def create(context: JobContext, generation_id: str) -> StepResult:
    """Bring a row from ``waiting`` to ``running``; safe to repeat after a crash at any point.

    Returns:
        NEXT once the task id is committed; ENDED when the row is terminal or waits for a person; SKIPPED when it belongs
        to another connection or its experiment is paused.
    """
    while True:
        # Read afresh on every pass: while this job slept or queued, a person may have cancelled, adopted or closed the row.
        row = await context.db(context.ledger.get, generation_id)
        if row.task_id is not None and row.state not in {State.SUBMITTING, State.UNCONFIRMED}:
            return StepResult.ENDED if at_rest(row) else StepResult.NEXT
        if row.state not in {State.WAITING, State.SUBMITTING}:
            return StepResult.ENDED
        if not context.is_ours(row) or await held_back(context, row):
            return StepResult.SKIPPED
        left_s = window_left_s(context, row)
        # Idempotency may be scoped to the API key, so a retry under another key could create a second, paid task.
        other_key = row.open_attempts > 0 and row.key_fingerprint != context.ledger.key_fingerprint
        if other_key or (left_s is not None and left_s <= 0):
            await give_up(context, row, OTHER_KEY_HINT if other_key else UNCONFIRMED_HINT)
            return StepResult.ENDED
        deadline_s = None if left_s is None else asyncio.get_running_loop().time() + left_s
        # A row that may already have been sent is retried even while its experiment is paused: its outcome must be known.
        experiment_id = row.experiment_id if row.state is State.WAITING else None
        async with context.admission.slot(row.seq, experiment_id=experiment_id, deadline_s=deadline_s) as turn:
            if turn is not AdmissionResult.GO:
                continue  # paused or past the re-send window: the checks above decide what that means for the row
            context.must_finish(generation_id)
            wait_s = await attempt(context, row)
            context.slots.free()
        if wait_s is None:
            return StepResult.NEXT
        context.pause_point(generation_id)
        if wait_s:  # outside of the slot: a row that backs off must not block the creates behind it
            await context.sleep(generation_id, wait_s)


async def held_back(context: JobContext, row: GenerationRecord) -> bool:
    """True while the row's experiment is paused; a row that may have been sent is never held back."""
    if row.experiment_id is None or row.state is not State.WAITING:
        return False
    return await context.db(context.ledger.jobs.is_paused, row.experiment_id)


def window_left_s(context: JobContext, row: GenerationRecord) -> float | None:
    """Seconds in which an attempt of unknown outcome may still be repeated; None while no such attempt is open.

    How long Rivya keeps an idempotency key is not documented; after ``resend_window_s`` a repeat might be charged again.
    """
    if row.open_attempts == 0 or row.first_attempt_at is None:
        return None
    return context.settings.resend_window_s - (context.now() - row.first_attempt_at).total_seconds()


async def give_up(context: JobContext, row: GenerationRecord, hint: str = UNCONFIRMED_HINT) -> None:
    """Mark a row whose outcome is unknown as ``unconfirmed``, for a person to decide; its reservation stays."""
    minutes = max(1, round(context.settings.resend_window_s / 60))
    reason = row.error.detail if row.error else "No answer arrived."
    card = ErrorCard(
        title="Nobody knows whether Rivya accepted this generation",
        detail=f"It was sent {row.attempts} times within {minutes} min without a clear answer. {reason}",
        hint=hint,
        charged="unknown",
        phase="create",
        code=row.error.code if row.error else None,
        request_id=row.request_id,
        retryable=True,
    )
    await context.db(context.ledger.rows.move, row.id, {State.SUBMITTING}, State.UNCONFIRMED, error=card)


async def attempt(context: JobContext, row: GenerationRecord) -> float | None:
    """Make one attempt; return the seconds until the row is checked again, or None once its task id is committed.

    With a reference image the row leaves ``waiting`` before the upload, so that it cannot be cancelled meanwhile; without
    one it leaves in the transaction that begins the attempt.
    """
    if row.asset_sha256 is not None:
        if not await leave_waiting(context, row):
            return 0.0
        row = replace(row, state=State.SUBMITTING)
    body = row.body
    if body is None:
        try:
            body = await build_body(context, row)
        except RivyaError as error:
            return await after_upload_error(context, row, error) if await leave_waiting(context, row) else 0.0
    # The body, its hash and the attempt are on disk before the first byte leaves, so that a restart repeats this very POST.
    begun = await context.slots.begin(context, row, body, hashlib.sha256(body).hexdigest())
    if begun is None:
        return 0.0
    row = begun
    crash_point(CrashPoint.BEFORE_POST, row.id)
    context.refuse_if_lapsed(to_send=True)  # this process may have been stopped for long since the commit
    try:
        answer = await context.api.post_generation(body, idempotency_key=row.idempotency_key)
    except RivyaError as error:
        return await after_create_error(context, row, error)
    # A crash between here and the commit below loses the task id; the retry gets it back through the idempotency key.
    crash_point(CrashPoint.ANSWERED, row.id)
    await accept(context, row, answer)
    context.observer.created(row, answer)
    return None


async def leave_waiting(context: JobContext, row: GenerationRecord) -> bool:
    """Move a row from ``waiting`` to ``submitting``; False when it was cancelled or paused meanwhile."""
    if row.state is not State.WAITING:
        return True
    return await context.db(context.ledger.jobs.leave_waiting, row.id)


async def accept(context: JobContext, row: GenerationRecord, answer: Generation) -> None:
    """Commit the task id as soon as it arrives; a task that another row already has ends this one (``JobWrites.accept``).

    Retries while the database is locked or full. The id is kept also when the row has gone to another worker: that one asks
    again with the same key, and may never be told the id.

    Raises:
        StorageError: the database is damaged. The task id is in the log.
        LostRowError: another worker has the row and goes on.
    """
    lost_row: LostRowError | None = None
    while True:
        try:
            with nullcontext() if lost_row is None else holding(None):
                await context.db(
                    context.ledger.jobs.accept,
                    row.id,
                    task_id=answer.id,
                    reserved_credits=answer.reserved_credits,
                    task_status=answer.status,
                    simulated=answer.simulated,
                )
            break
        except LostRowError as error:
            lost_row = error
        except StorageError as error:
            if not error.retryable:
                log.error("a task id could not be stored", extra=facts(row, accepted_task_id=answer.id))
                raise
            tell(log, error)
            await asyncio.sleep(ACCEPT_AGAIN_S)
    log.info("task accepted", extra=facts(row, accepted_task_id=answer.id))
    if lost_row is not None:
        raise lost_row


async def build_body(context: JobContext, row: GenerationRecord) -> bytes:
    """Return the body of a row's first POST, after uploading its reference image.

    Unless the user set a ``client_request_id``, the generation id is sent as one, so that Rivya's support can find the
    request by the id that History shows.
    """
    run = context.db if row.asset_sha256 is None else context.archive.aside
    request = await run(stored_request, context, row)
    if request.image is None:
        return request.body(trace_id=row.id)
    uploaded = await upload(context, row, request.image)
    await context.db(context.ledger.rows.update, row.id, file_url=uploaded.url, file_id=uploaded.id)
    return request.body([reference_item(uploaded, request.image)], trace_id=row.id)


async def upload(context: JobContext, row: GenerationRecord, image: ReferenceImage) -> UploadedFile:
    """Return the uploaded file of a reference image: a recent one of an earlier take (``uploads.SHARED_FOR``), else a new one.

    Takes that start together share one upload through a lock; if it fails, the next take tries.
    """
    async with context.uploading(image.sha256):
        cached = await context.db(uploads.find, context.ledger.rows, row.connection, image.sha256)
        if cached is not None:
            return cached
        trace = row.client_request_id or row.id
        uploaded = await context.api.post_file(image, model=row.model, client_request_id=trace)
        context.observer.uploaded(row, uploaded)
        await context.db(uploads.keep, context.ledger.rows, row.connection, image.sha256, uploaded)
        return uploaded


def stored_request(context: JobContext, row: GenerationRecord) -> GenerationRequest:
    """The request of a row, its reference image read back from the archive."""
    image: ReferenceImage | None = None
    if row.asset_sha256 is not None:
        image = context.ledger.assets.load(row.asset_sha256, context.archive)
    return GenerationRequest.from_canonical(row.request, image)


async def after_upload_error(context: JobContext, row: GenerationRecord, error: RivyaError) -> float:
    """Retry, pause the queue, or end the row as failed; an upload is never charged. Returns the seconds to wait."""
    verdict = rule("upload", error)
    is_of_store = is_unreachable(error)  # the image cannot be had now, which says nothing about the row
    await context.db(context.ledger.jobs.exchange, row.id, "upload", error)
    context.observer.refused(row, "upload", error)
    if verdict.action is Action.REFUSED and not is_of_store:
        await fail(context, row, ErrorCard.of(error, "upload", charged="no"))
        return 0.0
    if verdict.action is Action.PAUSE:
        await context.pause(row, error, verdict.effect, "upload")
    card = ErrorCard.of(error, "upload", charged="no")
    await context.db(context.ledger.rows.move, row.id, {State.SUBMITTING}, State.WAITING, error=card)
    if verdict.action is Action.PAUSE:
        return 0.0  # the admission queue waits until the pause is over
    tries = await context.db(context.ledger.jobs.count_exchanges, row.id, "upload")
    return delay_s("upload", tries, error.retry_after_s, context.draw())


async def after_create_error(context: JobContext, row: GenerationRecord, error: RivyaError) -> float:
    """Apply the retry table to a failed create, for this row and for the queue. Returns the seconds to wait."""
    verdict = rule("create", error)
    log.warning("create not confirmed", extra=facts(row, code=error.code, request_id=error.request_id))
    row = await context.db(context.ledger.jobs.end_attempt, row.id, error, outcome_known=verdict.outcome_known)
    context.observer.refused(row, "create", error)
    # An earlier attempt may still have been accepted, although this one was refused: then the row keeps its reservation.
    certain = row.open_attempts == 0
    if verdict.action is Action.PAUSE:
        if certain and await refused_for_itself(context, row, error, verdict.effect):
            await fail(context, row, ErrorCard.of(error, "create", charged="no"))
            return 0.0
        await context.pause(row, error, verdict.effect, "create")
        if certain:
            await context.db(context.ledger.rows.move, row.id, {State.SUBMITTING}, State.WAITING)
        return 0.0
    if verdict.action is Action.REFUSED:
        # The refusal may be about the uploaded file, so later takes must not reuse its address.
        await context.db(uploads.forget, context.ledger.rows, row)
        if certain:
            await fail(context, row, ErrorCard.of(error, "create", charged="no"))
        else:
            await give_up(context, row)
        return 0.0
    return delay_s("create", row.attempts, error.retry_after_s, context.draw())


async def refused_for_itself(context: JobContext, row: GenerationRecord, error: RivyaError, effect: Effect) -> bool:
    """True when an error that usually stops the whole queue concerns this row alone, so that the rows behind it may go on.

    Either Rivya repeats ``insufficient_credits`` although the wallet holds enough (it replays its first answer to this
    idempotency key), or it answers with an undocumented code while the same API key can read the wallet (a content filter,
    perhaps). A server may debit a task only when it ends, so the wallet must also cover everything that runs.
    """
    poor = effect is Effect.WALLET
    if not poor and (effect is not Effect.KEY or error.code in ERROR_CODES):
        return False
    tries = await context.db(context.ledger.jobs.count_exchanges, row.id, "create", like=error)
    if tries < (FUNDED_REFUSALS if poor else STRANGE_REFUSALS):
        return False
    wallet = await context.db(context.ledger.key_value.balance, row.connection)
    if wallet.error is not None or wallet.credits is None:
        return False
    return not poor or wallet.credits >= await context.db(context.ledger.at_stake, row.connection)


async def fail(context: JobContext, row: GenerationRecord, card: ErrorCard) -> None:
    """End a row that certainly cost nothing and release its reservation."""
    await context.db(context.ledger.jobs.fail, row.id, card)
