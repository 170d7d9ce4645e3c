"""The world a simulator serves: tasks, clock, wallet, keys, files and faults, in one SQLite file.

Whatever is answered was committed before, so a world survives a restart, on any port. Tests and pages change it through the
methods here; the HTTP server keeps no state of its own, except for the rate limit.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from rivya_core.api.contract import SCOPES
from rivya_core.simulator.state.behaviour import Behaviour
from rivya_core.simulator.state.clock import Clock
from rivya_core.simulator.state.faults import Fault, Faults
from rivya_core.simulator.state.files import Files, StoredFile
from rivya_core.simulator.state.keys import MAIN_ACCOUNT, Key, Keys
from rivya_core.simulator.state.refusal import RefusedError
from rivya_core.simulator.state.request_log import RecordedRequest, RequestLog
from rivya_core.simulator.state.store import Store
from rivya_core.simulator.state.tape import Tape
from rivya_core.simulator.state.task import NewTask, SeenTask, Task
from rivya_core.simulator.state.tasks import Tasks
from rivya_core.simulator.state.wallet import Wallet


class World:
    """One simulated Rivya. Thread-safe; several processes may use the same file.

    path: the SQLite file; uploads are kept in a folder beside it. seed: of times and failures; ids do not depend on it, so
    that no two worlds give a task the same id. credits: the wallet of a new world. speed: divides the times of tasks; a value
    other than at the last start replaces the stored speed. tape: recorded results to play; always the same one for a world.
    clock: returns Unix seconds.
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
        self._store = Store(self.path)
        self._clock = Clock(self._store, clock)
        with self._store.transaction():
            self._set_up(seed, credits, speed)
        self._salt: str = self._store.meta("salt")
        self.seed: int = self._store.meta("seed")
        self._behaviour = Behaviour()
        self._wallet = Wallet(self._store)
        self._keys = Keys(self._store, self._salt, self.now)
        self._tape = tape
        self._tasks = Tasks(self._store, self._wallet, self.seed, self._salt, self.now, lambda: self._behaviour, tape)
        self.files = Files(self._store, self.media_dir, self._salt, self.now)
        self._faults = Faults(self._store)
        self.log = RequestLog(self._store)
        self._foreign = -1
        self.refresh()

    def _set_up(self, seed: int, balance: int, speed: float) -> None:
        if self._store.meta("salt") is None:
            self._store.set_meta("salt", secrets.token_hex(32))
            self._store.set_meta("seed", seed)
            self._store.set_meta("offset_s", 0.0)
            self._store.set_meta("behaviour", {})
            Wallet(self._store).set_balance(MAIN_ACCOUNT, balance, self._clock.now())
        # Compared with the last start, not with the current speed: a setting that a page changed survives a restart.
        if self._store.meta("speed_given") != speed:
            changed = {**self._store.meta("behaviour"), "speed": Behaviour().changed({"speed": speed}).speed}
            self._store.set_meta("behaviour", changed)
            self._store.set_meta("speed_given", speed)

    # -- state -------------------------------------------------------------------------------------------------------

    @property
    def api_key(self) -> str:
        """A key of this world with every scope."""
        return self._keys.default

    def refresh(self) -> None:
        """Reload what another process changed in the file; costs one pragma when nothing changed."""
        with self._store.lock:
            version = self._store.foreign_version()
            if version == self._foreign:
                return
            self._foreign = version
            self._clock.reload()
            self._behaviour = Behaviour().changed(self._store.meta("behaviour"))
            # These cache rows; the others read the file each time.
            for part in (self._keys, self._tasks, self._faults):
                part.clear_cache()

    def now(self) -> float:
        """Return the world's time in Unix seconds."""
        return self._clock.now()

    def advance(self, seconds: float) -> float:
        """Move the world's clock forward and return its new time, Unix seconds.

        Raises:
            ValueError: ``seconds`` is negative or beyond any calendar.
        """
        with self._store.transaction():
            self.refresh()
            self._clock.advance(seconds)
        return self.now()

    def sign(self, text: str) -> str:
        """Return the signature of a text under this world's secret: HMAC-SHA-256, in hex."""
        return hmac.digest(self._salt.encode(), text.encode(), "sha256").hex()

    @property
    def behaviour(self) -> Behaviour:
        """The current settings."""
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
            self._store.set_meta("behaviour", after.as_dict())
            self._behaviour = after
        return self.settings()

    def close(self) -> None:
        """Write what is still in memory and close the file."""
        with self._store.lock:
            self.log.flush()
            self._store.close()

    # -- what tests assert on --------------------------------------------------------------------------------------------

    def balance(self, account: str = MAIN_ACCOUNT) -> int:
        """Return the current credits of an account."""
        self.refresh()
        self._tasks.settle_due(self.now())
        return self._wallet.balance(account)

    def charges(self) -> dict[str, int]:
        """Return the credits that each task has reserved or cost, by task id, oldest first; 0 for a failed task."""
        self.refresh()
        self._tasks.settle_due(self.now())
        return self._wallet.by_task()

    def requests(self, route: str | None = None) -> list[RecordedRequest]:
        """Return the recorded requests, oldest first; of one route (create, retrieve, upload, media ...) when given."""
        return self.log.all(route)

    def tasks(self) -> list[SeenTask]:
        """Return every task, oldest first."""
        self.refresh()
        now = self.now()
        return [SeenTask.of(task, now) for task in self._tasks.all()]

    def uploads(self) -> list[StoredFile]:
        """Return every uploaded file, oldest first."""
        return self.files.all()

    # -- faults ------------------------------------------------------------------------------------------------------

    def add_fault(
        self, kind: str, *, route: str | None = None, times: int | None = 1, after: int = 0, **detail: Any
    ) -> Fault:
        """Declare a fault: it lets ``after`` matching requests pass and fires on the next ``times`` (None = all).

        kind, route and detail: see ``faults.KINDS``; without a route, the first one of the kind.

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
        """Return whether a fault is still declared, used up or not."""
        return self._faults.is_declared(fault.id)

    def clear_faults(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    def fire_fault(self, moment: str, route: str, **narrow: frozenset[str]) -> Fault | None:
        """Return the fault that fires at this moment of a request, counted, or None."""
        return self._faults.fire(moment, route, **narrow)

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
        """Make a key, or register a given one, and return it in full. Another account has its own wallet, empty at first."""
        return self._keys.add(secret, scopes=scopes, state=state, account=account, expires_at=expires_at)

    def set_key_state(self, secret: str, state: str) -> None:
        """Make a key ``valid``, ``revoked`` or ``expired``."""
        self._keys.set_state(secret, state)

    def check_key(self, authorization: str | None, scope: str) -> Key:
        """Return the key of an ``Authorization`` header. Raises RefusedError with the documented code when it lacks the scope."""
        return self._keys.check(authorization, scope)

    # -- what the server does ----------------------------------------------------------------------------------------

    def create_task(self, new: NewTask) -> Task:
        """Make the task of a checked request, or return the one that its idempotency key already made.

        Raises:
            RefusedError: with the documented code.
        """
        return self._tasks.create(new, lambda task: self._fire_on_task("create", task))

    def read_task(self, key: Key, task_id: str) -> Task:
        """Return a task of the key's account.

        Raises:
            RefusedError: ``not_found``.
        """
        task = self._tasks.get(task_id)
        if task is None or task.account != key.account:
            raise RefusedError("not_found", "There is no such task for this account.")
        return self._fire_on_task("retrieve", task) if not task.settled else task

    def task(self, task_id: str) -> Task | None:
        """Return a task of any account, or None."""
        return self._tasks.get(task_id)

    def recorded_clip(self, task: Task) -> Path | None:
        """Return the recorded file of a task; None in a world without a tape. Raises RefusedError where it is not there."""
        return None if self._tape is None else self._tape.clip(self._store, task.id)

    def _fire_on_task(self, route: str, task: Task) -> Task:
        fault = self._faults.fire("task", route)
        if fault is None:
            return task
        if fault.kind == "never_ready":
            return self._tasks.never_finish(task)
        return self._tasks.fail(task, fault.detail["code"], fault.detail["message"])

    def file_of(self, account: str, url: str) -> StoredFile | None:
        """Return the uploaded file that a URL names; None when it is not one of this account's."""
        stored = self.files.by_url(url)
        return stored if stored is not None and stored.account == account else None
