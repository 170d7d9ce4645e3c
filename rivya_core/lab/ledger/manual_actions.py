"""Ledger writes behind the buttons of a generation: cancel, ask again, adopt, close, download again, hide.

Waking or enqueuing jobs afterwards is up to ``jobs.generation_actions``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.contract import Generation
from rivya_core.api.errors import LabError
from rivya_core.lab.ledger.credits import Release, book, reserve
from rivya_core.lab.ledger.database import trouble_of
from rivya_core.lab.ledger.error_cards import ID_SHOWN
from rivya_core.lab.ledger.history.param_columns import param_columns
from rivya_core.lab.ledger.history.search_words import stored_words
from rivya_core.lab.ledger.ids import ADOPTED_INTENT, generation_id
from rivya_core.lab.ledger.job_writes import JobWrites, forget_figures, owner_of
from rivya_core.lab.ledger.mapping import to_columns
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord
from rivya_core.lab.ledger.schema import events, generations
from rivya_core.lab.ledger.states import TERMINAL, State
from rivya_core.lab.ledger.transitions import Transitions
from rivya_core.lab.ledger.unwatched import check_overdue, to_release, untaken
from rivya_core.lab.media.video_probe import DAMAGED
from rivya_core.lab.people.acting import acted
from rivya_core.local_time import local_day
from rivya_core.settings import Mode

LOST: Final = ErrorCard(
    title="The clip's file is gone",
    detail="It was archived, but the file is not in the data folder any more.",
    hint="It is fetched again while Rivya keeps it; nothing is charged.",
    charged="yes",
    phase="fetch",
    retryable=True,
)


ADOPTED: Final = "adopted by a person"
ADOPTED_DIGITS: Final = 32
FOLLOWED: Final = "made elsewhere, followed here"


class ManualActions:
    """The ledger's side of the buttons."""

    def __init__(self, rows: Transitions, jobs: JobWrites) -> None:
        self._rows = rows
        self._jobs = jobs

    def cancel(self, generation_id: str) -> bool:
        """Cancel a waiting row; False when it is no longer waiting."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            if row.open_attempts > 0:
                return False
            release = Release("cancelled while waiting")
            return self._rows.move_row(
                connection, row, {State.WAITING}, State.CANCELLED, credits=release, next_action_at=None
            )

    def reopen(self, generation_id: str) -> None:
        """Let an unconfirmed row be sent again, with its original idempotency key and body, in a new re-send window.

        Raises:
            LabError: the row is not unconfirmed.
        """
        with self._rows.writing() as connection:
            row = self._unconfirmed(connection, generation_id)
            note = {"why": "asked again with the same key"}
            states = {State.UNCONFIRMED}
            self._rows.move_row(
                connection,
                row,
                states,
                State.SUBMITTING,
                note=note,
                first_attempt_at=self._rows.clock(),
                key_fingerprint=self._rows.key_fingerprint,
            )

    def adopt(self, generation_id: str, task_id: str) -> None:
        """Tie an unconfirmed row to a task that a person found at Rivya.

        Raises:
            LabError: the row is not unconfirmed, or the task belongs to another generation.
        """
        with self._rows.writing() as connection:
            row = self._unconfirmed(connection, generation_id)
            if not task_id:
                raise LabError("A task id is needed", "The field is empty.", "Copy it from Rivya.", field="task_id")
            owner = owner_of(connection, row.connection, task_id, but=row.id)
            if owner is not None:
                raise LabError(
                    "This task has a generation already",
                    f"{task_id[:ID_SHOWN]} belongs to {owner}.",
                    "If this one was never charged for itself, close it as not charged.",
                    field="task_id",
                )
            self._jobs.accept_row(connection, row, task_id, None, None, {"why": ADOPTED})

    def add_task(
        self,
        connection: sa.Connection,
        task: Generation,
        name: str,
        mode: Mode,
        *,
        prompt: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> tuple[GenerationRecord, bool]:
        """Store a task created elsewhere on the connection ``name``, to be polled and never sent; return its row and whether it is new.

        A task that already has a row returns that row. It counts with the credits that the task itself reports as reserved,
        on the day on which it was created; without that figure it counts nothing until it has ended. It can be repeated only
        if the API reports its prompt, and sweeps never reuse it.
        """
        owner = owner_of(connection, name, task.id)
        if owner is not None:
            return self._rows.must_find(connection, owner), False
        trouble_of(self._rows.database).refuse_if_damaged()
        now = self._rows.clock()
        columns = _followed(task, name, prompt, params or {}, now)
        columns |= {"mode": mode, "key_fingerprint": self._rows.key_fingerprint}
        connection.execute(sa.insert(generations).values(**columns))
        row = self._rows.must_find(connection, columns["id"])
        told = {"from": None, "to": row.state.value, "task_id": task.id, "reserved_credits": row.reserved_credits}
        self._rows.write_event(connection, row.id, "state", told | {"why": FOLLOWED}, now)
        reserve(connection, row, now)
        return row, True

    def disown(self, generation_id: str, card: ErrorCard) -> bool:
        """Make an adopted row unconfirmed again because Rivya does not know its task; False when no person adopted it."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            why = events.c.detail["why"].as_string()
            named = events.c.detail["task_id"].as_string() == row.task_id
            by_hand = sa.select(events.c.id).where(events.c.generation_id == generation_id, named, why == ADOPTED)
            if connection.execute(by_hand.limit(1)).first() is None:
                return False
            return self._rows.move_row(
                connection,
                row,
                {State.RUNNING},
                State.UNCONFIRMED,
                error=card,
                task_id=None,
                submitted_at=None,
                open_attempts=1,  # the outcome of the original attempt is as unknown as before
            )

    def stop_watching(self, generation_id: str, overdue_after_s: float) -> None:
        """Mark an overdue row as unwatched: it is polled every six hours, and nothing waits for it.

        Raises:
            LabError: it is not overdue, or there is nothing to watch.
        """
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            check_overdue(row, self._rows.clock(), overdue_after_s)
            if row.unwatched_at is None:
                event = ("note", {"watched": "no", "why": "a person stopped watching"})
                self._rows.update_row(connection, row.id, event=event, unwatched_at=self._rows.clock())

    def watch_again(self, generation_id: str) -> None:
        """Undo ``stop_watching``. A released reservation stays released until the task succeeds."""
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            if row.unwatched_at is not None:
                self._rows.update_row(connection, row.id, event=("note", {"watched": "yes"}), unwatched_at=None)

    def release_untaken(self, connection_name: str) -> list[str]:
        """Release the reservations of unwatched rows that the balance shows were not charged; return their ids."""
        with self._rows.reading() as connection:
            if not to_release(connection, connection_name):
                return []
        released: list[str] = []
        with self._rows.writing() as connection:
            for row in to_release(connection, connection_name):
                shown = untaken(connection, row)
                if shown is not None and book(connection, row, Release(f"not charged: {shown}"), self._rows.clock()):
                    self._rows.write_event(connection, row.id, "note", {"released": str(shown)}, self._rows.clock())
                    released.append(row.id)
        return released

    def close_unconfirmed(self, generation_id: str) -> None:
        """End an unconfirmed row as not charged, on a person's judgement. Raises LabError when it is not unconfirmed."""
        with self._rows.writing() as connection:
            row = self._unconfirmed(connection, generation_id)
            card = ErrorCard(
                title="Closed as not charged",
                detail="Nobody could tell whether Rivya accepted it; a person closed it here.",
                hint="Repeat it to try again; a new key is used then.",
                charged="no",
                phase="create",
                request_id=row.request_id,
            )
            self._rows.move_row(
                connection,
                row,
                {State.UNCONFIRMED},
                State.FAILED,
                note={"why": "closed by a person"},
                credits=Release("closed as not charged by a person"),
                error=card,
                dismissed_at=self._rows.clock(),
            )

    def _unconfirmed(self, connection: sa.Connection, generation_id: str) -> GenerationRecord:
        row = self._rows.must_find(connection, generation_id)
        if row.state is not State.UNCONFIRMED:
            raise LabError(
                "This generation is not unconfirmed",
                f"{row.id} is {row.state}, so there is nothing to decide.",
                "Look at it again; it may have gone on in the meantime.",
                field="state",
            )
        return row

    def lost_clip(self, generation_id: str) -> bool:
        """Move a succeeded row whose file is missing back to ``unsaved``, to be downloaded again; its credits stay settled.

        The one way out of an end state. It is not a transition of a job, so it is not in ``states.LEGAL``.
        """
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            return self._back_to_fetch(connection, row, LOST, clip_key=None, poster_key=None, clip_check=None)

    def _back_to_fetch(
        self, connection: sa.Connection, row: GenerationRecord, card: ErrorCard, **columns: str | None
    ) -> bool:
        if row.state is not State.SUCCEEDED:
            return False
        values = to_columns({"state": State.UNSAVED, "finished_at": None, "result_url": None, "error": card, **columns})
        connection.execute(sa.update(generations).where(generations.c.seq == row.seq).values(**values))
        detail = {"from": row.state.value, "to": State.UNSAVED.value, "why": card.title}
        self._rows.write_event(connection, row.id, "state", detail, self._rows.clock())
        return True

    def damaged_clip(self, generation_id: str, fault: str) -> bool:
        """Move a succeeded row with a damaged clip back to be downloaded again; the file stays until a better one has arrived."""
        card = ErrorCard(
            title="The clip is damaged",
            detail=fault,
            hint="It is fetched again while Rivya keeps it; nothing is charged.",
            charged="yes",
            phase="fetch",
            retryable=True,
        )
        with self._rows.writing() as connection:
            row = self._rows.must_find(connection, generation_id)
            forget_figures(connection, row.id)
            return self._back_to_fetch(connection, row, card, clip_check=DAMAGED, clip_fault=fault)

    def mark_clips(self, clips: Sequence[tuple[str, str]], *, check: str, fault: str | None) -> None:
        """Store check results of archived clips, by id and key; a clip whose file was replaced meanwhile is skipped."""
        done = generations.c.state == State.SUCCEEDED.value
        with self._rows.writing() as connection:
            for generation_id, clip_key in clips:
                mine = (generations.c.id == generation_id, generations.c.clip_key == clip_key)
                connection.execute(sa.update(generations).where(*mine, done).values(clip_check=check, clip_fault=fault))

    # -- marks -----------------------------------------------------------------------------------------------------

    def set_starred(self, generation_ids: Sequence[str], starred: bool) -> int:
        """Set or clear the star of some rows; return how many changed."""
        where = [generations.c.id.in_(generation_ids), generations.c.starred.is_not(starred)]
        return self._mark(where, {"starred": "yes" if starred else "no"}, starred=starred)

    def set_deleted(self, generation_ids: Sequence[str], moment: datetime | None) -> int:
        """Hide ended rows from History, or (None) restore them; return how many. Their credits still count."""
        where = [generations.c.id.in_(generation_ids), generations.c.state.in_(sorted(TERMINAL))]
        where.append(generations.c.deleted_at.is_(None) if moment else generations.c.deleted_at.is_not(None))
        return self._mark(where, {"deleted": "yes" if moment else "no"}, deleted_at=moment)

    def _mark(self, where: Sequence[sa.ColumnElement[bool]], detail: Mapping[str, Any], **columns: Any) -> int:
        """Set columns of rows; where people sign in, their timelines tell who did it."""
        event = acted(detail)
        with self._rows.writing() as connection:
            if event is not None:
                now = self._rows.clock()
                for generation_id in connection.scalars(sa.select(generations.c.id).where(*where)).all():
                    self._rows.write_event(connection, generation_id, *event, now)
            return connection.execute(sa.update(generations).where(*where).values(**columns)).rowcount


def _followed(task: Generation, name: str, prompt: str, params: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the columns of a row for a task created elsewhere; its id is derived from the task id, so that a task has one row."""
    made_at = min(task.created_at.astimezone(UTC), now) if task.created_at else now
    digest = hashlib.sha256(f"{name}\n{task.id}".encode()).hexdigest()
    intent_id = ADOPTED_INTENT + digest[:ADOPTED_DIGITS]
    model = (task.model or "unknown")[:128]
    plain = {key: value for key, value in params.items() if isinstance(value, (str, int, float))}
    request = {"model": model, "prompt": prompt, "params": plain, "reference_image": None, "client_request_id": None}
    negative_prompt = str(plain.get("negative_prompt", ""))
    reserved = task.reserved_credits or None
    return {
        "id": generation_id(intent_id, 1),
        "intent_id": intent_id,
        "take": 1,
        "source": "adopted",
        "state": State.RUNNING.value,
        "connection": name,
        "model": model,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "search_words": stored_words(prompt, negative_prompt),
        "request": request,
        "request_sha256": digest,
        "idempotency_key": generation_id(intent_id, 1),
        "task_id": task.id,
        "task_status": (task.status or "unknown")[:64],
        "expected_credits": reserved or 0,
        "reserved_credits": reserved,
        "held_credits": reserved or 0,
        "settlement": "reserved",
        "cap_day": local_day(made_at),
        "created_at": made_at,
        "submitted_at": made_at,
        "runs": 0,
        **param_columns(plain),
    }
