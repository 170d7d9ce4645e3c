"""The writes of the four job steps, from ``submitting`` to the end of a row. Nothing here talks to Rivya.

Every method is one transaction, is synced to disk when it returns, and is idempotent: a step that is repeated after a crash
finds the row already changed and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from rivya_core.api.contract import Generation, TaskStatus
from rivya_core.api.errors import Charged, LabError, RivyaError
from rivya_core.lab.ledger.credits import Adjust, CreditMove, Hold, Release, Settle, book, mark_simulated
from rivya_core.lab.ledger.database import trouble_of
from rivya_core.lab.ledger.error_cards import exchange_detail, failure_card, merged_card
from rivya_core.lab.ledger.key_value import price_name, read_balance, read_pause, write_note
from rivya_core.lab.ledger.mapping import clip_columns
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord, PauseState, Phase
from rivya_core.lab.ledger.schema import events, experiments, features, generations
from rivya_core.lab.ledger.sending import begin_posting, end_posting, is_held_back, is_paused
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.transitions import Transitions
from rivya_core.lab.ledger.unexpected_errors import card_of, is_unexpected, kind_of, stored_step
from rivya_core.lab.media.archive import Clip


class JobWrites:
    """The ledger's side of the four job steps; safe to use from any thread."""

    def __init__(self, rows: Transitions) -> None:
        self._rows = rows

    # -- create ----------------------------------------------------------------------------------------------------

    def stops(self, connection: str) -> PauseState:
        """Read what is paused now: the queue of a connection, and experiments."""
        with self._rows.reading() as opened:
            paused = sa.select(experiments.c.id).where(experiments.c.paused_at.is_not(None))
            return PauseState(read_pause(opened, connection), frozenset(opened.execute(paused).scalars()))

    def is_paused(self, experiment_id: str) -> bool:
        """Return whether an experiment is paused."""
        with self._rows.reading() as connection:
            return is_paused(connection, experiment_id)

    def leave_waiting(self, generation_id: str) -> bool:
        """Move a row from ``waiting`` to ``submitting``; False when it was cancelled, or its experiment is paused."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            if is_held_back(connection, row):
                return False
            return self._rows.move_row(connection, row, {State.WAITING}, State.SUBMITTING)

    def begin_attempt(
        self, generation_id: str, body: bytes, body_sha256: str, *, slots: int | None = None
    ) -> GenerationRecord | None:
        """Commit that a POST with this body is about to be sent; the body of the first attempt is the row's for good.

        Returns None when the row may not be sent now: cancelled, has a task already, or its experiment is paused.
        ``slots``: how many creates of all workers may be in flight.

        Raises:
            LabError: another body was sent before. StorageError: the database is damaged. NoSlotError: no slot is free.
        """
        trouble_of(self._rows.database).refuse_if_damaged()
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            if row.state not in {State.WAITING, State.SUBMITTING} or row.task_id is not None:
                return None
            if is_held_back(connection, row):
                return None
            self._rows.move_row(connection, row, {State.WAITING}, State.SUBMITTING)
            if (row.body is not None and row.body != body) or (row.body_sha256 or body_sha256) != body_sha256:
                raise LabError(
                    "A generation is never sent with other bytes",
                    f"{row.id} was sent before with a body of another SHA-256.",
                    field="body",
                )
            posting = begin_posting(connection, row, slots, self._rows.clock())
            detail = {"phase": "create", "attempt": row.attempts + 1, "body_sha256": body_sha256}
            wallet = read_balance(connection, row.connection)
            if row.attempts == 0 and wallet.credits is not None:
                detail["balance_credits"] = wallet.credits  # evidence, should the outcome stay unknown
            self._rows.update_row(
                connection,
                row.id,
                event=("exchange", detail),
                body=body,
                body_sha256=body_sha256,
                attempts=row.attempts + 1,
                open_attempts=row.open_attempts + 1,
                # An open attempt stays bound to the key it was sent under; the next one must not use another key.
                key_fingerprint=row.key_fingerprint if row.open_attempts else self._rows.key_fingerprint,
                first_attempt_at=row.first_attempt_at or self._rows.clock(),
                **({"error": None} if is_unexpected(row.error) else {}),
                **posting,
            )
            return self._rows.must_find(connection, row.id)

    def end_attempt(self, generation_id: str, error: RivyaError, *, outcome_known: bool) -> GenerationRecord:
        """Record how an attempt failed; ``outcome_known``: the server itself said that it was not accepted."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            open_attempts = max(0, row.open_attempts - 1) if outcome_known else row.open_attempts
            # A known refusal closes only its own attempt: an earlier one with a lost answer may still have been accepted.
            charged: Charged = "no" if open_attempts == 0 else "unknown"
            self._rows.update_row(
                connection,
                row.id,
                event=(
                    "exchange",
                    exchange_detail("create", error) | {"attempt": row.attempts, "outcome_known": outcome_known},
                ),
                open_attempts=open_attempts,
                error=ErrorCard.of(error, "create", charged=charged),
                request_id=error.request_id or row.request_id,
                **end_posting(),
            )
            return self._rows.must_find(connection, row.id)

    def accept(
        self,
        generation_id: str,
        *,
        task_id: str,
        reserved_credits: int | None,
        task_status: str | None,
        simulated: bool,
    ) -> bool:
        """Commit the task id of an accepted POST; False when the row has already moved on.

        The reservation is adjusted to ``reserved_credits``, which is also remembered as the price of this model and settings.
        If another row of the connection already has this task (a server that merges equal requests), it was paid for there:
        this row ends as failed and its reservation is released.
        """
        reserved_credits = reserved_credits or None  # 0 says nothing: credits may be taken only when the task starts
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            if row.state not in {State.SUBMITTING, State.UNCONFIRMED}:
                return False
            row = self._mark(connection, row, simulated=simulated)
            owner = owner_of(connection, row.connection, task_id, but=row.id)
            if owner is not None:
                return self._merge(connection, row, task_id, owner)
            return self.accept_row(connection, row, task_id, reserved_credits, task_status, {})

    def _merge(self, connection: sa.Connection, row: GenerationRecord, task_id: str, owner: str) -> bool:
        return self._rows.move_row(
            connection,
            row,
            {State.SUBMITTING, State.UNCONFIRMED},
            State.FAILED,
            note={"task_id": task_id, "duplicate_of": owner},
            credits=Release("Rivya answered with the task of an earlier generation"),
            duplicate_of=owner,
            open_attempts=0,
            error=merged_card(task_id, owner),
            **end_posting(),
        )

    def accept_row(
        self,
        connection: sa.Connection,
        row: GenerationRecord,
        task_id: str,
        reserved_credits: int | None,
        task_status: str | None,
        note: Mapping[str, Any],
    ) -> bool:
        """Do what ``accept`` does, inside the caller's transaction; ``note`` is added to the event."""
        self._learn(connection, row, reserved_credits)
        return self._rows.move_row(
            connection,
            row,
            {State.SUBMITTING, State.UNCONFIRMED},
            State.RUNNING,
            note={"task_id": task_id, "reserved_credits": reserved_credits, **note},
            credits=None if reserved_credits is None else Adjust(reserved_credits),
            task_id=task_id,
            task_status=task_status,
            submitted_at=self._rows.clock(),
            open_attempts=0,
            error=None,
            **end_posting(),
        )

    def fail(self, generation_id: str, card: ErrorCard) -> bool:
        """End a row that was certainly not accepted and release its reservation."""
        return self._rows.move(
            generation_id, {State.SUBMITTING}, State.FAILED, credits=Release("not accepted by Rivya"), error=card
        )

    # -- wait ------------------------------------------------------------------------------------------------------

    def seen(self, generation_id: str, answer: Generation) -> GenerationRecord:
        """Record a changed status or reservation of a running task."""
        with self._rows.writing() as connection:
            row = self._mark(connection, self._rows.must_find(connection, generation_id), simulated=answer.simulated)
            if row.state is not State.RUNNING:
                return row
            self._observe(connection, row, answer)
            if answer.status != row.task_status:
                processing = answer.task_status is TaskStatus.PROCESSING and row.processing_at is None
                self._rows.update_row(
                    connection,
                    row.id,
                    event=("note", {"task_status": answer.status, "before": row.task_status}),
                    task_status=(answer.status or "")[:64] or None,
                    processing_at=self._rows.clock() if processing else row.processing_at,
                )
            return self._rows.must_find(connection, row.id)

    def ready(self, generation_id: str, answer: Generation) -> GenerationRecord:
        """Record that the task succeeded (``running`` to ``saving``) and settle its price if Rivya reports one."""
        with self._rows.writing() as connection:
            row = self._mark(connection, self._rows.must_find(connection, generation_id), simulated=answer.simulated)
            if row.state is State.RUNNING:
                row = self._hold_again(connection, row)
                self._observe(connection, row, answer)
                row = self._rows.must_find(connection, row.id)
                self._rows.move_row(
                    connection,
                    row,
                    {State.RUNNING},
                    State.SAVING,
                    note={"task_status": answer.status, "final_credits": answer.final_credits},
                    credits=Settle(answer.final_credits) if answer.final_credits else None,
                    task_status=(answer.status or "")[:64] or None,
                    result_url=answer.primary_url,
                    ready_at=self._rows.clock(),
                    error=None,
                )
            return self._rows.must_find(connection, row.id)

    def failed_at_rivya(self, generation_id: str, answer: Generation) -> GenerationRecord:
        """End a row whose task failed: release its credits, or settle them if Rivya reports a price all the same."""
        with self._rows.writing() as connection:
            row = self._mark(connection, self._rows.must_find(connection, generation_id), simulated=answer.simulated)
            if row.state is State.RUNNING:
                price = answer.final_credits or 0
                row = self._hold_again(connection, row) if price else row
                credits: CreditMove = Settle(price) if price else Release("the task failed")  # noqa: A001 - Rivya's word
                self._rows.move_row(
                    connection,
                    row,
                    {State.RUNNING},
                    State.FAILED,
                    note={"task_status": answer.status, "final_credits": answer.final_credits},
                    credits=credits,
                    task_status=(answer.status or "")[:64] or None,
                    ready_at=self._rows.clock(),
                    error=failure_card(answer),
                )
            return self._rows.must_find(connection, row.id)

    def _hold_again(self, connection: sa.Connection, row: GenerationRecord) -> GenerationRecord:
        """Reserve again for an unwatched row whose reservation was released before its task went on after all."""
        if not book(connection, row, Hold("the task went on after its hold was given back"), self._rows.clock()):
            return row
        return self._rows.must_find(connection, row.id)

    # -- save and record -------------------------------------------------------------------------------------------

    def saved(self, generation_id: str, clip: Clip) -> GenerationRecord:
        """Record where the archived clip is. Call only after its file was renamed and synced: a row never names a missing file."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            columns = {**clip_columns(clip), "error": None, "next_action_at": None}
            if row.state is State.UNSAVED:
                self._rows.move_row(connection, row, {State.UNSAVED}, State.SAVING, **columns)
            elif row.state is State.SAVING:
                self._rows.update_row(connection, row.id, **columns)
            if row.clip_sha256 not in {None, clip.sha256}:
                forget_figures(connection, row.id)
            return self._rows.must_find(connection, row.id)

    def unsaved(self, generation_id: str, card: ErrorCard, *, in_s: float) -> GenerationRecord:
        """Record that the clip could not be downloaded and will be retried in ``in_s`` seconds."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            again_at = self._rows.clock() + timedelta(seconds=in_s)
            if row.state in {State.RUNNING, State.SAVING}:
                self._rows.move_row(
                    connection,
                    row,
                    {row.state},
                    State.UNSAVED,
                    note={"why": card.title},
                    error=card,
                    next_action_at=again_at,
                )
            elif row.state is State.UNSAVED:
                event = ("exchange", {"phase": "fetch", "title": card.title, "http_status": card.http_status})
                self._rows.update_row(connection, row.id, event=event, error=card, next_action_at=again_at)
            return self._rows.must_find(connection, row.id)

    def succeed(self, generation_id: str) -> GenerationRecord:
        """End a row whose clip is archived; settle it provisionally at its reservation if Rivya has not reported a price."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            if row.state in {State.SAVING, State.UNSAVED}:
                settle = Settle(row.held_credits, provisional=True, reason="reserved_credits, until Rivya settles")
                credits = settle if row.settlement == "reserved" else None  # noqa: A001 - Rivya's word
                self._rows.move_row(connection, row, {row.state}, State.SUCCEEDED, credits=credits, error=None)
            return self._rows.must_find(connection, row.id)

    def settle(self, generation_id: str, credits: int, *, provisional: bool = False) -> GenerationRecord:  # noqa: A002
        """Settle a generation at a price in credits; a final figure replaces a provisional one."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            if book(connection, row, Settle(credits, provisional=provisional), self._rows.clock()):
                note = {"settled_credits": credits, "provisional": provisional}
                self._rows.write_event(connection, row.id, "note", note, self._rows.clock())
            return self._rows.must_find(connection, row.id)

    def release(self, generation_id: str, reason: str) -> GenerationRecord:
        """Release the reservation of a generation."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            book(connection, row, Release(reason), self._rows.clock())
            return self._rows.must_find(connection, row.id)

    # -- any step ---------------------------------------------------------------------------------------------------

    def stumbled(self, generation_id: str, step: str, error: Exception) -> None:
        """Put the card of an unexpected error on an open row; its state and its reservation stay."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            if row.is_terminal:
                return
            card = card_of(step, row, error)
            if card != row.error:  # one event per error, not one per retry
                detail = {"unexpected": kind_of(error), "step": stored_step(step)}
                self._rows.update_row(connection, row.id, event=("note", detail), error=card)

    # -- exchanges -------------------------------------------------------------------------------------------------

    def exchange(self, generation_id: str, phase: Phase, error: RivyaError) -> None:
        """Append a failed exchange to the timeline, and store its request id on the row."""
        columns = {} if error.request_id is None else {"request_id": error.request_id}
        self._rows.update(generation_id, event=("exchange", exchange_detail(phase, error)), **columns)

    def count_exchanges(self, generation_id: str, phase: Phase, *, like: RivyaError | None = None) -> int:
        """Count the failed exchanges of a phase; with ``like`` only those of the same code and HTTP status."""
        query = (
            sa.select(sa.func.count())
            .select_from(events)
            .where(
                events.c.generation_id == generation_id,
                events.c.kind == "exchange",
                events.c.detail["phase"].as_string() == phase,
            )
        )
        if like is not None:
            query = query.where(
                # NULL-safe comparison: errors without a code or a status are alike, too
                events.c.detail["code"].as_string().is_not_distinct_from(like.code),
                events.c.detail["http_status"].as_integer().is_not_distinct_from(like.http_status),
            )
        with self._rows.reading() as connection:
            return connection.execute(query).scalar_one()

    # -- shared ----------------------------------------------------------------------------------------------------

    def _observe(self, connection: sa.Connection, row: GenerationRecord, answer: Generation) -> None:
        if answer.reserved_credits and answer.reserved_credits != row.reserved_credits:
            self._learn(connection, row, answer.reserved_credits)
            book(connection, row, Adjust(answer.reserved_credits), self._rows.clock())

    def _learn(self, connection: sa.Connection, row: GenerationRecord, reserved_credits: int | None) -> None:
        if reserved_credits:
            name = price_name(row.connection, row.model, row.params)
            write_note(connection, name, reserved_credits, self._rows.clock())

    def _mark(self, connection: sa.Connection, row: GenerationRecord, *, simulated: bool) -> GenerationRecord:
        if not simulated or row.mode == "simulated":
            return row
        mark_simulated(connection, row)
        self._rows.write_event(
            connection, row.id, "note", {"mode": "simulated", "why": "a simulator answered"}, self._rows.clock()
        )
        return self._rows.must_find(connection, row.id)


def forget_figures(connection: sa.Connection, generation_id: str) -> None:
    """Delete the measurements of a clip whose file was replaced, so that it is measured again."""
    connection.execute(sa.delete(features).where(features.c.generation_id == generation_id))


def owner_of(connection: sa.Connection, name: str, task_id: str, *, but: str = "") -> str | None:
    """Return the id of the row, other than ``but``, that has a task of the connection ``name``; ids are unique per connection."""
    column = generations.c
    others = [column.task_id == task_id, column.connection == name, column.id != but]
    return connection.execute(sa.select(column.id).where(*others).order_by(column.seq).limit(1)).scalar()
