"""Facade over what the lab knows of its server: contract check, tasks by id, observations, support bundle."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.differences import Difference
from rivya_core.api.endpoints import retrieve_generation
from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.ledger.job_writes import owner_of
from rivya_core.lab.ledger.key_value import named
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.observations.observer import Observer
from rivya_core.lab.ledger.observations.questions import Observation, observed
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.unexpected_errors import UnexpectedErrors
from rivya_core.lab.server import contract_check, support, tasks
from rivya_core.lab.server.background_reads import BackgroundReads
from rivya_core.lab.server.contract_check import ContractReport
from rivya_core.lab.server.tasks import TaskLook
from rivya_core.settings import Mode, Settings

CONTRACT: Final = "contract"
TASK: Final = "task"
KNOWN_FOR_S: Final = 2.0
TASK_WITHIN_S: Final = 30.0
LOOKS_MAX: Final = 20


class Server:
    """The server of this lab's connection; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        enqueue: Callable[[sa.Connection, str, int], None],
        refuse_if_closed: Callable[[], None],
        background: BackgroundReads,
        observer: Observer,
        now: Callable[[], datetime],
        simulator: Any,
        unexpected: UnexpectedErrors,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._enqueue = enqueue
        self._refuse_if_closed = refuse_if_closed
        self._background = background
        self._observer = observer
        self._now = now
        self._support = support.SupportSource(settings, ledger, simulator, unexpected, now)
        self._connection = self._settings.connection
        self._report: tuple[float, ContractReport | None] | None = None
        self._looks: dict[str, TaskLook] = {}

    # -- the contract ----------------------------------------------------------------------------------------------

    def check_contract(self) -> ContractReport:
        """Send the four free requests now, over the network, and store the differences; no answer makes this raise.

        Raises:
            LabError: the lab is read-only, or closed.
        """
        refuse_if_read_only(self._settings)
        self._refuse_if_closed()
        exchange = self._background.exchange
        report, learned = contract_check.check(exchange, self._connection, self._now())
        for question, answer in learned:
            self._observer.note(self._connection, question, answer, simulated=report.simulated)
        self._observer.flush()
        self._ledger.key_value.set(named(CONTRACT, self._connection), contract_check.to_json(report))
        self._report = (time.monotonic(), report)
        return report

    def ask_contract(self) -> None:
        """Start a contract check in the background; returns at once."""
        refuse_if_read_only(self._settings)
        self._background.run(CONTRACT, self.check_contract)

    @property
    def is_checking(self) -> bool:
        """True while a contract check is running."""
        return self._background.is_running(CONTRACT)

    def contract(self) -> ContractReport | None:
        """Return the report of the last check of this connection; None before the first one."""
        if self._report is None or time.monotonic() - self._report[0] > KNOWN_FOR_S:
            report = contract_check.of_json(self._ledger.key_value.get(named(CONTRACT, self._connection)))
            self._report = (time.monotonic(), report)
        return self._report[1]

    def drift(self, model: str, param: str) -> Sequence[Difference]:
        """Return the differences that the last check found in one parameter (``Difference.param``)."""
        report = self.contract()
        return () if report is None else report.of(model, param)

    # -- tasks -----------------------------------------------------------------------------------------------------

    def look_up(self, task_id: str) -> TaskLook:
        """Read a task now, over the network; return it, or why it cannot be read. Stores nothing; no answer makes this raise."""
        trimmed_id = task_id.strip()
        self._refuse_if_closed()
        look = TaskLook(trimmed_id, self._now(), None, "Enter a task id.")
        if trimmed_id:
            try:
                task = self._background.exchange(retrieve_generation(trimmed_id), TASK_WITHIN_S)
                look = replace(look, task=task, trouble="")
            except RivyaError as error:
                look = replace(look, trouble=tasks.trouble_of(trimmed_id, error))
        if look.task is not None:
            with self._ledger.reading() as connection:
                look = replace(look, generation_id=owner_of(connection, self._connection, trimmed_id))
        while len(self._looks) >= LOOKS_MAX:
            self._looks.pop(next(iter(self._looks)))
        self._looks[trimmed_id] = look
        return look

    def ask_task(self, task_id: str) -> None:
        """Start reading a task in the background; returns at once."""
        self._looks.pop(task_id.strip(), None)
        self._background.run(f"{TASK} {task_id.strip()[:80]}", lambda: self.look_up(task_id))

    def task(self, task_id: str) -> TaskLook | None:
        """Return the result of the last read of a task; None before it has arrived."""
        return self._looks.get(task_id.strip())

    def keep_task(self, task_id: str) -> GenerationRecord:
        """Adopt a task: follow it to its end and archive its clip; no POST is ever sent for it. A repeat returns the same row.

        Reads the task first, over the network, unless ``look_up`` or ``ask_task`` has.

        Raises:
            LabError: there is no such task, or the lab is read-only.
        """
        refuse_if_read_only(self._settings)
        look = self.task(task_id)
        if look is None or look.task is None:
            look = self.look_up(task_id)
        if look.task is None:
            raise LabError("The task cannot be kept", look.trouble, "Nothing was stored or sent.", field="task_id")
        simulated = look.task.simulated or self._settings.mode == "simulated"
        mode: Mode = "simulated" if simulated else "live"
        with self._ledger.writing() as connection:
            row, is_new = self._ledger.actions.add_task(
                connection, look.task, self._connection, mode, prompt=look.prompt, params=look.params
            )
            if is_new:
                self._enqueue(connection, row.id, self._ledger.next_run(connection, row.id))
        self._looks.pop(look.task_id, None)
        return row

    # -- what was seen ---------------------------------------------------------------------------------------------

    def observations(self) -> list[Observation]:
        """Return every open question of the documentation with what was observed on this connection."""
        if not self._settings.read_only:
            self._observer.flush()
        with self._ledger.reading() as connection:
            return observed(connection, self._connection)

    def support_bundle(self, generation_id: str | None = None, *, hours: float = 1.0, prompts: bool = False) -> bytes:
        """One ZIP for Rivya's support, or ours: see ``support``. ``generation_id`` None: everything of the last ``hours``.

        Raises:
            LabError: there is no such generation.
        """
        return support.bundle(self._support, self, generation_id, hours=hours, prompts=prompts)
