"""The tasks of a world: made in one transaction with their reservation and idempotency record, then driven by the clock alone.

Nothing runs in the background. When a task is made, its whole future is drawn at random (seeded by world and number): when it
starts, when it ends, whether it fails. Its state then follows from the clock; the wallet is settled whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rivya_core.simulator.state.behaviour import Behaviour
from rivya_core.simulator.state.refusal import RefusedError
from rivya_core.simulator.state.store import Store
from rivya_core.simulator.state.tape import Tape
from rivya_core.simulator.state.task import NewTask, Task
from rivya_core.simulator.state.wallet import Wallet

FAILURES = (
    "The model could not finish this clip.",
    "The prompt led to a picture that was filtered out before it was finished.",
    "The render worker stopped before the clip was complete.",
)

_REFUSED_STATUS = 400  # the recorded one may have been 402, 429 or 503, which would pause every request that waits


class Tasks:
    """Make and read tasks.

    now: the world's clock. behaviour: its current settings. tape: recorded results, which replace the random ones.
    """

    def __init__(
        self,
        store: Store,
        wallet: Wallet,
        seed: int,
        salt: str,
        now: Callable[[], float],
        behaviour: Callable[[], Behaviour],
        tape: Tape | None = None,
    ) -> None:
        self._store, self._wallet, self._seed, self._salt, self._tape = store, wallet, seed, salt, tape
        self._now, self._behaviour = now, behaviour
        self._known: dict[str, Task] = {}

    def clear_cache(self) -> None:
        """Clear the cache; another process may have changed the file."""
        self._known = {}

    def create(self, new: NewTask, made: Callable[[Task], Task]) -> Task:
        """Make a task, or return the one that this idempotency key already made, in one transaction.

        made: called with the new task inside the transaction; returns it, changed or not.

        Raises:
            RefusedError: ``idempotency_conflict`` or ``insufficient_credits``; with a tape what was recorded, or that nothing was.
        """
        # Raised after the transaction: raising inside would roll back the failed task that some variants leave behind.
        refused: RefusedError | None = None
        with self._store.transaction():
            now = self._now()
            self.settle_due(now)
            known = self._replayed(new, now)
            if known is not None:
                return known
            task = self._draw(new, now)
            try:
                if self._tape is not None:
                    task = self._as_recorded(self._tape, task, new)
                self._wallet.covers(new.account, task.reserved, self._behaviour().insufficient_status)
            except RefusedError as refusal:
                refused = refusal
                if refusal.code == "insufficient_credits" and self._behaviour().insufficient_leaves_task:
                    self._insert(_never_started(task, now))
            else:
                self._insert(task)
                self._wallet.reserve(new.account, task.id, task.reserved, now)
                if new.idempotency_key is not None:
                    self._store.execute(
                        "INSERT INTO idempotency (account, key, body_sha256, task_id, created_at) VALUES (?, ?, ?, ?, ?)",
                        (new.account, new.idempotency_key, new.body_sha256, task.id, now),
                    )
                task = made(task)
        if refused is not None:
            raise refused
        self._known[task.id] = task
        return task

    def get(self, task_id: str) -> Task | None:
        """Return a task, settled if that is due, or None when the id is unknown."""
        task = self._known.get(task_id)
        if task is None:
            row = self._store.row("SELECT * FROM tasks WHERE id = ?", (task_id,))
            if row is None:
                return None
            task = self._known[task_id] = _task(dict(row))
        if not task.settled and task.settle_at is not None and task.settle_at <= self._now():
            self.settle_due(self._now())
            return self.get(task_id)
        return task

    def all(self) -> list[Task]:
        """Return every task, oldest first."""
        self.settle_due(self._now())
        return [_task(dict(row)) for row in self._store.rows("SELECT * FROM tasks ORDER BY number")]

    def settle_due(self, now: float) -> None:
        """Settle or release every reservation that is due."""
        due = "SELECT id, account, reserved, final, settle_at FROM tasks WHERE settled = 0 AND settle_at <= ? ORDER BY settle_at"
        if self._store.row(due, (now,)) is None:
            return
        with self._store.transaction():
            for row in self._store.rows(due, (now,)):
                self._store.execute("UPDATE tasks SET settled = 1 WHERE id = ?", (row["id"],))
                self._wallet.settle(row["account"], row["id"], row["reserved"], row["final"], row["settle_at"])
                # Cached rows are immutable, so a changed one is read again.
                self._known.pop(row["id"], None)

    def fail(self, task: Task, code: str, message: str) -> Task:
        """Make an open task fail at the time it would have ended; now, if it would never have ended."""
        done_at = task.done_at if task.done_at is not None else self._now()
        return self._change(task, done_at=done_at, settle_at=done_at, final=0, error_code=code, error_message=message)

    def never_finish(self, task: Task) -> Task:
        """Make an open task run for ever."""
        return self._change(task, done_at=None, settle_at=None)

    def _change(self, task: Task, **columns: object) -> Task:
        assignments = ", ".join(f"{name} = ?" for name in columns)
        with self._store.transaction():
            self._store.execute(
                f"UPDATE tasks SET {assignments} WHERE id = ? AND settled = 0",  # noqa: S608 - our own column names
                (*columns.values(), task.id),
            )
            self._known.pop(task.id, None)
        return self.get(task.id) or task

    def _replayed(self, new: NewTask, now: float) -> Task | None:
        if self._behaviour().merges_equal_bodies:
            same = "SELECT id FROM tasks WHERE account = ? AND request_sha256 = ? ORDER BY number"
            first = self._store.row(same, (new.account, new.request_sha256))
            return None if first is None else self.get(first["id"])
        if new.idempotency_key is None:
            return None
        row = self._store.row(
            "SELECT * FROM idempotency WHERE account = ? AND key = ?", (new.account, new.idempotency_key)
        )
        if row is None:
            return None
        variant = self._behaviour().idempotency
        # docs/api-errors-and-limits: retries with one key are meant to be idempotent, and clashes give 409. What exactly
        # is replayed, and for how long, is not documented, hence the variants.
        if row["body_sha256"] != new.body_sha256:
            raise RefusedError("idempotency_conflict", "This Idempotency-Key was used with another body.")
        if variant == "conflict":
            raise RefusedError("idempotency_conflict", "This Idempotency-Key was used already.")
        if variant == "conflict_in_flight" and now < row["created_at"] + self._behaviour().in_flight_s:
            raise RefusedError("idempotency_conflict", "A request with this Idempotency-Key is in flight.")
        return self.get(row["task_id"])

    def _draw(self, new: NewTask, now: float) -> Task:
        row = self._store.row("SELECT COALESCE(MAX(number), 0) + 1 AS next FROM tasks")
        number = int(row["next"]) if row else 1
        task_id = "task_" + hashlib.sha256(f"{self._salt}:task:{number}".encode()).hexdigest()[:20]
        takes = self._store.row("SELECT COUNT(*) AS n FROM tasks WHERE request_sha256 = ?", (new.request_sha256,))
        settings = self._behaviour()
        # Seeded by text, which gives the same numbers in every process; hash() of text does not.
        rng = random.Random(f"{self._seed}:task:{number}")
        started_at = now + rng.uniform(settings.queue_min_s, settings.queue_max_s) / settings.speed
        work_s = rng.uniform(settings.work_min_s, settings.work_max_s) / settings.speed
        fails = rng.random() < settings.failure_rate
        # A failure is usually noticed before the whole time has passed.
        done_at = started_at + work_s * (rng.uniform(0.3, 1.0) if fails else 1.0)
        return Task(
            number=number,
            id=task_id,
            account=new.account,
            model=new.model,
            prompt=new.prompt,
            params=new.params,
            client_request_id=new.client_request_id,
            idempotency_key=new.idempotency_key,
            body_sha256=new.body_sha256,
            request_sha256=new.request_sha256,
            take=int(takes["n"]) if takes else 0,
            file_id=new.file_id,
            reserved=new.price,
            final=0 if fails else new.price,
            created_at=now,
            started_at=started_at,
            done_at=done_at,
            settle_at=done_at if fails else done_at + settings.settle_delay_s,
            settled=False,
            error_code="generation_failed" if fails else None,
            error_message=rng.choice(FAILURES) if fails else None,
        )

    def _as_recorded(self, tape: Tape, task: Task, new: NewTask) -> Task:
        """Give a task the times, credits and error of its recording. Raises RefusedError where that was refused, or is missing."""
        recorded = tape.play(self._store, new, task.id)
        if recorded.is_refused:
            raise RefusedError(
                recorded.error_code or "validation_failed", recorded.error_message, status=_REFUSED_STATUS
            )
        speed = self._behaviour().speed
        done_at = task.created_at + recorded.work_s / speed
        return replace(
            task,
            reserved=recorded.reserved,
            final=recorded.final,
            started_at=task.created_at + min(recorded.queued_s, recorded.work_s) / speed,
            done_at=done_at,
            settle_at=done_at,
            error_code=(recorded.error_code or "generation_failed") if recorded.clip is None else None,
            error_message=recorded.error_message if recorded.clip is None else None,
        )

    def _insert(self, task: Task) -> None:
        values = {**vars(task), "params": json.dumps(task.params)}
        names = ", ".join(values)
        self._store.execute(
            f"INSERT INTO tasks ({names}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608 - our own column names
            tuple(values.values()),
        )


def _never_started(task: Task, now: float) -> Task:
    failed = {
        "reserved": 0,
        "final": 0,
        "started_at": math.inf,
        "done_at": now,
        "settle_at": now,
        "settled": True,
        "error_code": "insufficient_credits",
        "error_message": "The wallet was too low; the model was not called.",
    }
    return Task(**{**vars(task), **failed})


def _task(values: dict[str, Any]) -> Task:
    return Task(**{**values, "params": json.loads(values["params"]), "settled": bool(values["settled"])})
