"""The durable engine behind one small interface: enqueue, recover, health. Everything DBOS stands here and nowhere else.

The ledger row is the truth about money; the engine only sees to it that a row's four steps are run, again after a crash.
A workflow's input is the generation id and nothing else, its steps return plain words and never raise, so no pickle can
hold a key. One engine runs per data folder, under an OS file lock (``services``).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final, cast

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions, Queue

from rivya_core.api.errors import LabError
from rivya_core.lab import jobs
from rivya_core.lab.jobs.batched_inserts import BatchedInserts
from rivya_core.lab.jobs.context import JobContext, StepResult
from rivya_core.lab.ledger.database import OneLineFilter, log_error

log = logging.getLogger("rivya.engine")

APP: Final = "rivya-lab"
APP_VERSION: Final = "generation-1"  # pinned: grows only when the four steps change their order or meaning
QUEUE: Final = "rivya_generations"
WORKFLOW: Final = "rivya_generation"
QUEUE_POLL_S: Final = 0.2
REST_POLL_S: Final = 1.0  # while nothing is open and nobody looks
LISTENER_POLL_S: Final = 0.1  # nobody sends messages to workflows; ``stop`` waits so long for the listener
MAX_AT_ONCE: Final = 2000
THREADS: Final = 8
QUEUE_MANAGER: Final = "(queue_thread)"  # how Python names the library's thread that starts those that dequeue
QUEUE_THREADS: Final = "queue-worker-"  # how the library names them

_context: JobContext | None = None

Step = Callable[[JobContext, str], Awaitable[StepResult]]


async def _run(step: Step, generation_id: str) -> str:
    """Run one step; an error nobody foresaw is logged, told on the row, and ends the workflow; the keeper starts it again."""
    context = _context
    if context is None:
        return StepResult.SKIPPED.value
    try:
        went = (await step(context, generation_id)).value
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the outer edge of the job runner
        passes = log_error(log, "step failed", error, generation_id=generation_id, step=step.__name__)
        context.back_off(generation_id, passes=passes)
        if not passes:
            await context.tell_unexpected(generation_id, step.__name__, error)
        return StepResult.SKIPPED.value
    context.recovered(generation_id)
    return went


@DBOS.workflow(name=WORKFLOW)
async def _generation(generation_id: str) -> str:
    """Run the four steps; a repeat after a crash passes over what the ledger says is done.

    They are no steps of the engine: were it to remember each as well, a generation would cost four more synced commits.
    """
    context = _context
    if context is None or not context.start_work(generation_id):
        return StepResult.SKIPPED.value
    went = StepResult.ENDED.value
    try:
        for step in (jobs.create, jobs.wait, jobs.save, jobs.settle):
            went = await _run(step, generation_id)
            if went != StepResult.NEXT.value:
                break
    finally:
        context.end_work(generation_id)
    return went


def prepare(path: Path) -> None:
    """Create or migrate the engine's own tables in the SQLite file at an absolute path."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.ERROR)
    if not any(isinstance(known, OneLineFilter) for known in logger.filters):
        logger.addFilter(OneLineFilter())
    DBOS.migrate(sa.URL.create("sqlite", database=str(path)).render_as_string())  # quoted: a "?" would end the path


def _options(generation_id: str, run: int) -> EnqueueOptions:
    return {
        "workflow_name": WORKFLOW,
        "queue_name": QUEUE,
        "workflow_id": f"{generation_id}:{run}",
        "app_version": APP_VERSION,
    }


class JobQueue:
    """Put generations into the engine's queue, from any process that has the database open."""

    def __init__(self, database: sa.Engine) -> None:
        self._client = DBOSClient(system_database_engine=database, application_name=APP)
        self._closed = False

    def enqueue(self, connection: sa.Connection, generation_id: str, run: int) -> None:
        """Enqueue a generation inside the caller's transaction; ``run`` counts its workflows, from 1.

        Raises:
            LabError: the lab was closed, so that nobody here would run it.
        """
        self.refuse_if_closed()
        self._client.enqueue_in_transaction(connection, _options(generation_id, run), generation_id)

    def enqueue_many(self, connection: sa.Connection, runs: Iterable[tuple[str, int]]) -> None:
        """Enqueue generations, given as id and run, inside the caller's transaction, to be run in this order; see ``enqueue``."""
        self.refuse_if_closed()
        inserts = BatchedInserts(connection)
        for place, (generation_id, run) in enumerate(runs, start=1):
            # the engine's clock is too coarse to keep the order of those enqueued together
            options: EnqueueOptions = {**_options(generation_id, run), "priority": place}
            self._client.enqueue_in_transaction(cast("sa.Connection", inserts), options, generation_id)
        inserts.send()

    def unfinished(self, workflow_ids: Iterable[str]) -> dict[str, bool]:
        """Those of ``workflow_ids`` that have not ended; True beside those that a process has taken out of the queue."""
        wanted = list(workflow_ids)
        if not wanted:
            return {}
        found = self._client.list_workflows(
            workflow_ids=wanted, status=["ENQUEUED", "PENDING"], load_input=False, load_output=False
        )
        return {status.workflow_id: status.status == "PENDING" for status in found}

    def forget_ended(self, before: datetime, limit: int = 500) -> int:
        """Delete the engine's notes of at most ``limit`` workflows that ended before a moment; how many.

        The ledger keeps all that matters, and a workflow id is never used again.
        """
        ended = self._client.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED"],
            completed_before=before.isoformat(),
            limit=limit,
            load_input=False,
            load_output=False,
        )
        self._client.delete_workflows([status.workflow_id for status in ended])
        return len(ended)

    def refuse_if_closed(self) -> None:
        """Raise LabError when the lab was closed: nothing can be ordered and nothing is worth waiting for."""
        if self._closed:
            raise LabError(
                "The lab is closed", "Nothing was stored or sent.", "Open it again with open_lab.", field="lab"
            )

    def close(self) -> None:
        """Let go of the client; the database stays open."""
        self._closed = True
        self._client.destroy()


class Engine:
    """Run queued generations in this process. At most one instance is alive in a process."""

    def __init__(self, database: sa.Engine, context: JobContext) -> None:
        self._database = database
        self._context = context
        self._running = False
        self._dbos: DBOS | None = None
        self._queue: Queue | None = None
        self.is_at_rest = False
        """Whether the queue is looked at seldom."""

    def start(self) -> None:
        """Start the engine; what it had opened is closed again when that fails.

        The library refuses to start in a thread with a running event loop (a notebook's), so a thread of its own does it.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="rivya-engine-start") as thread:
            thread.submit(self._start).result()

    def _start(self) -> None:
        global _context  # noqa: PLW0603 - workflows are plain module functions; the engine is one a process
        _context = self._context
        config: DBOSConfig = {
            "name": APP,
            "application_version": APP_VERSION,
            "executor_id": "local",
            "system_database_engine": self._database,
            "log_level": "ERROR",
            "max_executor_threads": THREADS,
            "run_migrations": False,
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": LISTENER_POLL_S,
        }
        self._dbos = DBOS(config=config)
        try:
            DBOS.launch()
            self._queue = DBOS.register_queue(
                QUEUE, worker_concurrency=MAX_AT_ONCE, polling_interval_sec=QUEUE_POLL_S, on_conflict="always_update"
            )
        except BaseException:
            DBOS.destroy(workflow_completion_timeout_sec=0)
            _context = None
            raise
        self._running = True
        self.is_at_rest = False

    def rest(self, *, is_idle: bool) -> None:
        """Look at the queue seldom while the lab is idle: each look costs milliseconds, five times a second."""
        if self._queue is None or is_idle == self.is_at_rest:
            return
        self._queue.set_polling_interval_sec(REST_POLL_S if is_idle else QUEUE_POLL_S)
        self.is_at_rest = is_idle

    @property
    def is_running(self) -> bool:
        """True between ``start`` and ``stop``."""
        return self._running

    def stop(self) -> None:
        """Stop at once; open rows go on with the next start."""
        global _context  # noqa: PLW0603 - see start
        if not self._running:
            return
        self._running = False
        self._stop_dequeuing()
        self._context.close()
        DBOS.destroy(workflow_completion_timeout_sec=0)
        _context = None

    def _stop_dequeuing(self) -> None:
        """Let the queue's threads end before the event loop does, so that nothing is handed to a loop that is closed."""
        if self._dbos is None:
            return
        for event in self._dbos.background_thread_stop_events:
            event.set()
        for (
            thread
        ) in threading.enumerate():  # first who starts the others: one that is being started cannot be waited for
            if thread.name.endswith(QUEUE_MANAGER):
                thread.join(timeout=5)
        for thread in threading.enumerate():
            if thread.name.startswith(QUEUE_THREADS) and thread.ident is not None:
                thread.join(timeout=5)
