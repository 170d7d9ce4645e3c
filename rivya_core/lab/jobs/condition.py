"""Health of a lab's parts, in words: what every page must show, and whether jobs are being run."""

from __future__ import annotations

import time
from typing import Final

from rivya_core.api.errors import RivyaError
from rivya_core.lab.jobs.copier import Copier
from rivya_core.lab.jobs.engine import Engine
from rivya_core.lab.jobs.role import Role
from rivya_core.lab.jobs.simulator_proof import why_unproven
from rivya_core.lab.jobs.supervisor import Supervisor
from rivya_core.lab.ledger.database import trouble_of
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.mapping import damaged_rows
from rivya_core.lab.ledger.processes import NO_WORKER, NOT_KNOWN, Processes
from rivya_core.lab.ledger.records import Health
from rivya_core.lab.ledger.unexpected_errors import UnexpectedErrors
from rivya_core.lab.media.archive import Archive
from rivya_core.settings import Settings
from rivya_core.version import VERSION

LOOK_EVERY_S: Final = 2.0
"""Every page of a shared installation asks whether somebody runs the jobs; one question in this time is sent."""


class Condition:
    """Health of a lab's database, engine and supervisor; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        engine: Engine,
        supervisor: Supervisor,
        archive: Archive,
        unexpected: UnexpectedErrors,
        copier: Copier | None,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._archive = archive
        self._copier = copier
        self._engine = engine
        self._supervisor = supervisor
        self._unexpected = unexpected
        self._seen: tuple[float, Processes | None] = (float("-inf"), None)

    def troubles(self) -> list[str]:
        """Return what every page must show: database problems, a store that fails, and a process that holds the folder without a heartbeat."""
        trouble = trouble_of(self._ledger.database).current()
        found = [None if trouble is None else str(trouble), self._supervisor.silence(), self._archive.condition()]
        said = [str(one) for one in found if one is not None]
        said += filter(None, [why_unproven(self._ledger, self._settings), self._no_worker()])
        damaged = damaged_rows(self._ledger.database)
        if damaged:
            what = "A generation" if len(damaged) == 1 else f"{len(damaged)} generations"
            named = ", ".join(damaged[:3]) + (" and others" if len(damaged) > 3 else "")  # noqa: PLR2004 - enough to look for
            said.append(
                f"{what} cannot be read: {named}. What the database holds of it is damaged. The others go on; look for the "
                "task in Rivya's own history before you start it again."
            )
        return said

    def _no_worker(self) -> str:
        """Say that nobody runs the jobs of a shared database; empty when somebody does, or nobody knows."""
        if self._supervisor.role is not Role.DASHBOARD:
            return ""
        found = self._processes()
        return "" if found is None or found.workers else f"{NO_WORKER[0].upper()}{NO_WORKER[1:]}."

    def _processes(self) -> Processes | None:
        """Who shares the database, asked at most once in ``LOOK_EVERY_S``; None on one machine, or while it does not answer."""
        membership = self._supervisor.membership
        if membership is None:
            return None
        seen_s, found = self._seen
        now_s = time.monotonic()
        if now_s - seen_s >= LOOK_EVERY_S:
            try:
                workers = membership.workers
                found = Processes(workers.all(), self._settings.worker_silent_s, workers.given_up())
            except RivyaError:
                found = None
            self._seen = (now_s, found)
        return found

    def engine_state(self) -> tuple[bool, str]:
        """Return whether jobs are being run, here or elsewhere, and the words for it."""
        supervisor = self._supervisor
        if not supervisor.is_alive:
            return False, "stopped"
        if supervisor.trouble and not self._engine.is_running:
            return False, supervisor.trouble
        if unexpected := self._unexpected.all():
            return False, f"unexpected error: {unexpected[0]}"
        if self._engine.is_running:
            return True, "running"
        return self._run_elsewhere()

    def _run_elsewhere(self) -> tuple[bool, str]:
        """Return whether another process runs the jobs that this one does not, and the words for it."""
        if self._supervisor.role is Role.DASHBOARD:
            found = self._processes()
            return found is not None and bool(found.workers), NOT_KNOWN if found is None else found.words
        if self._settings.read_only:
            return True, "viewer: read-only, runs no jobs"
        silence = self._supervisor.silence()
        return (True, "viewer: another process runs the jobs") if silence is None else (False, f"silent: {silence}")

    def health(self) -> Health:
        """Return the health of database and engine; ``ok`` is False when one is down or has not recovered from an error."""
        try:
            self._ledger.rows.ping()
            database = "ok"
        except RivyaError as error:
            database = str(error)
        trouble = trouble_of(self._ledger.database).current()
        if database == "ok" and trouble is not None:
            database = str(trouble)
        works, engine = self.engine_state()
        archive = self._archive.condition() or "ok"
        return Health(
            ok=database == "ok" and archive == "ok" and works,
            version=VERSION,
            mode=self._settings.mode,
            database=database,
            engine=engine,
            copy=(self._copier and self._copier.trouble) or "ok",
            processes=self._processes(),
            archive=archive,
            detail={
                "data_dir": str(self._settings.data_dir),
                "connection": self._settings.connection,
                "unexpected_errors": [str(one) for one in self._unexpected.all()],
            },
        )
