"""The world a simulator serves: tasks, clock, wallet, keys, files and faults, in one SQLite file.

What was answered is in the file first, so a world survives a restart, on any port. Tests and pages drive it through the methods
here; the HTTP server adds nothing to its state.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rivya_core.api.contract import SCOPES
from rivya_core.simulator.http.signed_urls import Tickets
from rivya_core.simulator.http.validation import Checker, price_of
from rivya_core.simulator.state.behaviour import Behaviour, RefusedError
from rivya_core.simulator.state.faults import Fault, Faults
from rivya_core.simulator.state.files import Files, StoredFile
from rivya_core.simulator.state.keys import MAIN_ACCOUNT, Key, Keys
from rivya_core.simulator.state.request_log import RecordedRequest, RequestLog
from rivya_core.simulator.state.store import Store
from rivya_core.simulator.state.tape import Tape
from rivya_core.simulator.state.tasks import NewTask, Task, Tasks
from rivya_core.simulator.state.wallet import Wallet

_FOR_EVER_S = 1e10


@dataclass(frozen=True)
class SeenTask:
    """One task as tests see it: what was asked, what it is now, what it costs. Times are the world's Unix seconds."""

    id: str
    status: str
    model: str
    prompt: str
    params: Mapping[str, Any]
    idempotency_key: str | None
    client_request_id: str | None
    body_sha256: str
    file_id: str | None
    take: int
    reserved_credits: int
    final_credits: int
    created_at: float
    done_at: float | None
    error_code: str | None


class World:
    """Hold one simulated Rivya; usable from any thread, and by several processes on the same file.

    path: the SQLite file; uploads are kept in a folder beside it. seed: of times and failures. Ids are each world's own, so
    that a new world never gives a task the id that another one gave. credits: the wallet of a new world. speed: divides the
    times of tasks; given anew it replaces the stored speed, else the stored one holds. tape: recorded work that is played,
    always the same one for a world. clock: Unix seconds.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        seed: int = 0,
        credits: int = 4800,  # noqa: A002 - the word of the whole product
        speed: float = 1.0,
        tape: Tape | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self.media_dir = self.path.with_name(self.path.name + ".files")
        self._clock = clock
        self._store = Store(self.path)
        with self._store.transaction():
            self._first_day(seed, credits, speed)
        self._salt: str = self._store.note("salt")
        self.seed: int = self._store.note("seed")
        self._offset_s = 0.0
        self._behaviour = Behaviour()
        self._wallet = Wallet(self._store)
        self._keys = Keys(self._store, self._salt, self.now)
        self._tape = tape
        self._tasks = Tasks(self._store, self._wallet, self.seed, self._salt, self.now, lambda: self._behaviour, tape)
        self.files = Files(self._store, self.media_dir, self._salt, self.now)
        self._faults = Faults(self._store)
        self.log = RequestLog(self._store)
        self.tickets = Tickets(self._salt, self.now, lambda: self._behaviour)
        self._foreign = -1
        self.refresh()

    def _first_day(self, seed: int, balance: int, speed: float) -> None:
        if self._store.note("salt") is None:
            self._store.set_note("salt", secrets.token_hex(32))
            self._store.set_note("seed", seed)
            self._store.set_note("offset_s", 0.0)
            self._store.set_note("behaviour", {})
            Wallet(self._store).set_balance(MAIN_ACCOUNT, balance, self._clock())
        if self._store.note("speed_given") != speed:
            changed = {**self._store.note("behaviour"), "speed": Behaviour().changed({"speed": speed}).speed}
            self._store.set_note("behaviour", changed)
            self._store.set_note("speed_given", speed)

    # -- state -------------------------------------------------------------------------------------------------------

    @property
    def api_key(self) -> str:
        """A key of this world with every scope."""
        return self._keys.default

    def refresh(self) -> None:
        """Read again what another process changed in the file; costs next to nothing when nothing did."""
        with self._store.lock:
            version = self._store.foreign_version()
            if version == self._foreign:
                return
            self._foreign = version
            self._offset_s = float(self._store.note("offset_s"))
            self._behaviour = Behaviour().changed(self._store.note("behaviour"))
            for part in (self._keys, self._tasks, self._faults):
                part.forget()

    def now(self) -> float:
        """Return the world's time in Unix seconds."""
        return self._clock() + self._offset_s

    def advance(self, seconds: float) -> float:
        """Move the world's clock forward and return its new time."""
        if not 0 <= seconds < _FOR_EVER_S:
            raise ValueError("the clock moves forward only")
        with self._store.transaction():
            self.refresh()
            self._offset_s += seconds
            self._store.set_note("offset_s", self._offset_s)
        return self.now()

    @property
    def behaviour(self) -> Behaviour:
        """The settings of this moment."""
        return self._behaviour

    def settings(self) -> dict[str, Any]:
        """Return every setting, and the balance as ``credits``."""
        self.refresh()
        return {**self._behaviour.as_dict(), "credits": self.balance()}

    def configure(self, **changes: Any) -> dict[str, Any]:
        """Change settings (see ``Behaviour``), or the balance by ``credits``; return all of them.

        Raises:
            ValueError: a name or a value is not usable.
        """
        with self._store.transaction():
            self.refresh()
            balance = changes.pop("credits", None)
            after = self._behaviour.changed(changes)
            if balance is not None:
                self._tasks.settle_due(self.now())
                self._wallet.set_balance(MAIN_ACCOUNT, balance, self.now())
            self._store.set_note("behaviour", after.as_dict())
            self._behaviour = after
        return self.settings()

    def close(self) -> None:
        """Write what is still in memory and close the file."""
        with self._store.lock:
            self.log.flush()
            self._store.close()

    # -- what tests count --------------------------------------------------------------------------------------------

    def balance(self, account: str = MAIN_ACCOUNT) -> int:
        """Return the current credits of an account."""
        self.refresh()
        self._tasks.settle_due(self.now())
        return self._wallet.balance(account)

    def charges(self) -> dict[str, int]:
        """Return the credits each task holds reserved or has cost, by task id, oldest first; a failed task shows 0."""
        self.refresh()
        self._tasks.settle_due(self.now())
        return self._wallet.by_task()

    def requests(self, route: str | None = None) -> list[RecordedRequest]:
        """Return the recorded requests, oldest first; of one route (create, retrieve, upload, media ...) when given."""
        return self.log.all(route)

    def tasks(self) -> list[SeenTask]:
        """Return every task, oldest first."""
        self.refresh()
        return [self._seen(task) for task in self._tasks.all()]

    def uploads(self) -> list[StoredFile]:
        """Return every uploaded file, oldest first."""
        return self.files.all()

    def _seen(self, task: Task) -> SeenTask:
        now = self.now()
        return SeenTask(
            id=task.id,
            status=task.status(now).value,
            model=task.model,
            prompt=task.prompt,
            params=task.params,
            idempotency_key=task.idempotency_key,
            client_request_id=task.client_request_id,
            body_sha256=task.body_sha256,
            file_id=task.file_id,
            take=task.take,
            reserved_credits=task.reserved,
            final_credits=task.final_credits(now),
            created_at=task.created_at,
            done_at=task.done_at,
            error_code=task.error_code,
        )

    # -- faults ------------------------------------------------------------------------------------------------------

    def add_fault(
        self, kind: str, *, route: str | None = None, times: int | None = 1, after: int = 0, **detail: Any
    ) -> Fault:
        """Declare a fault: it lets ``after`` matching requests pass and strikes the next ``times`` (None = all).

        kind, route and detail: see ``faults.KINDS``; without a route the kind's first one is meant.

        Raises:
            ValueError: kind, route or detail is unknown.
        """
        return self._faults.add(kind, route, times, after, detail)

    def faults(self) -> list[Fault]:
        """Return every declared fault with how often it fired."""
        return self._faults.all()

    def unfired_faults(self) -> list[Fault]:
        """Return the faults that were declared and never fired."""
        return [fault for fault in self.faults() if not fault.fired]

    def is_declared(self, fault: Fault) -> bool:
        """Tell whether a fault has not been cleared since, spent or not."""
        return self._faults.is_declared(fault.id)

    def clear_faults(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    def strike(self, moment: str, route: str, **narrow: frozenset[str]) -> Fault | None:
        """Return the fault that fires at this moment of a request, counted, or None."""
        return self._faults.strike(moment, route, **narrow)

    # -- keys --------------------------------------------------------------------------------------------------------

    def add_key(
        self,
        secret: str | None = None,
        *,
        scopes: Collection[str] = SCOPES,
        state: str = "valid",
        account: str = MAIN_ACCOUNT,
        expires_at: float | None = None,
    ) -> str:
        """Make a key, or take over a given one, and return it in full; another account has its own wallet, empty at first."""
        return self._keys.add(secret, scopes=scopes, state=state, account=account, expires_at=expires_at)

    def set_key_state(self, secret: str, state: str) -> None:
        """Make a key ``valid``, ``revoked`` or ``expired``."""
        self._keys.set_state(secret, state)

    def check_key(self, authorization: str | None, scope: str) -> Key:
        """Return the key of a header; refuse it with the documented code when it may not do this."""
        return self._keys.check(authorization, scope)

    # -- what the server does ----------------------------------------------------------------------------------------

    def create_task(
        self, key: Key, body: bytes, content_type: str | None, idempotency_key: str | None, sha256: str
    ) -> Task:
        """Check a create request and make its task, or return the one its idempotency key already made.

        Raises:
            RefusedError: with the documented code.
        """
        checker = Checker(
            lambda url: self._file_of(key.account, url),
            self._behaviour.require_known_files,
            self._behaviour.prompt_unit,
        )
        asked = checker.read(body, content_type, idempotency_key)
        new = NewTask(
            account=key.account,
            model=asked.model.id,
            prompt=asked.prompt,
            params=asked.params,
            price=price_of(asked.model, asked.params, self._behaviour.price_10s),
            body_sha256=sha256,
            idempotency_key=idempotency_key,
            client_request_id=asked.client_request_id,
            file_id=asked.file.id if asked.file else None,
            file_sha256=asked.file.sha256 if asked.file else None,
        )
        return self._tasks.create(new, lambda task: self._strike_task("create", task))

    def read_task(self, key: Key, task_id: str) -> Task:
        """Return a task of the key's account.

        Raises:
            RefusedError: ``not_found``.
        """
        task = self._tasks.get(task_id)
        if task is None or task.account != key.account:
            raise RefusedError("not_found", "There is no such task for this account.")
        return self._strike_task("retrieve", task) if not task.settled else task

    def task(self, task_id: str) -> Task | None:
        """Return a task of any account, or None."""
        return self._tasks.get(task_id)

    def recorded_clip(self, task: Task) -> Path | None:
        """Return the recorded file of a task; None in a world without a tape. Raises RefusedError where it is not there."""
        return None if self._tape is None else self._tape.clip(self._store, task.id)

    def _strike_task(self, route: str, task: Task) -> Task:
        fault = self._faults.strike("task", route)
        if fault is None:
            return task
        if fault.kind == "never_ready":
            return self._tasks.never_finish(task)
        return self._tasks.fail(task, fault.detail["code"], fault.detail["message"])

    def _file_of(self, account: str, url: str) -> StoredFile | None:
        stored = self.files.by_url(url)
        return stored if stored is not None and stored.account == account else None
