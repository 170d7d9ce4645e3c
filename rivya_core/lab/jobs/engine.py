"""The durable job engine (DBOS) behind a small interface: enqueue, run, recover. Nothing else may import ``dbos``.

The ledger is the source of truth about money; the engine only makes sure that the steps of every row are run, and run again
after a crash. DBOS pickles workflow inputs, results and exceptions into the database, so a workflow's input is the
generation id and nothing else, and it returns plain words and never raises: no pickle can hold an API key. One engine runs
per data folder, under an OS file lock (``services``). On a shared database each worker has one, for queue and order only:
who drives a row is settled by a lease in the ledger, and what a dead worker leaves is enqueued anew (``fleet``).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final, cast

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions, Queue, error as dbos_errors

from rivya_core.api.errors import LabError
from rivya_core.lab import jobs
from rivya_core.lab.jobs.batched_inserts import BatchedInserts
from rivya_core.lab.jobs.context import JobContext, StepResult
from rivya_core.lab.ledger.database import OneLineFilter, log_error
from rivya_core.lab.ledger.lease import LostRowError, holding

log = logging.getLogger("rivya.engine")

APP: Final = "rivya-lab"
APP_VERSION: Final = "generation-1"  # pinned: grows only when the four steps change their order or meaning
QUEUE: Final = "rivya_generations"
WORKFLOW: Final = "rivya_generation"
QUEUE_POLL_S: Final = 0.2
REST_POLL_S: Final = 1.0  # while nothing is open and nobody looks
LISTENER_POLL_S: Final = (
    0.1  # workflows receive no messages, but ``stop`` waits up to this long for the listener thread
)
ALONE: Final = "local"  # executor id on one machine: fixed, so that DBOS recovers what a crash interrupted
MAX_AT_ONCE: Final = 2000  # a running workflow mostly sleeps; creates in flight are limited by the admission queue
THREADS: Final = 8
QUEUE_MANAGER: Final = "(queue_thread)"  # name suffix of DBOS's thread that starts the dequeuing threads
QUEUE_THREADS: Final = "queue-worker-"  # name prefix of DBOS's dequeuing threads

_context: JobContext | None = None

Step = Callable[[JobContext, str], Awaitable[StepResult]]


async def _run(step: Step, generation_id: str) -> str:
    """Run one step and return its result as plain text.

    An unexpected error is logged, shown on the row and ends the workflow; the supervisor enqueues a new one after a backoff.
    """
    context = _context
    if context is None:
        return StepResult.SKIPPED.value
    try:
        result = (await step(context, generation_id)).value
    except asyncio.CancelledError:  # shutdown: the row stays open and is recovered at the next start
        raise
    except LostRowError:  # another worker has the row, or may have
        return StepResult.SKIPPED.value
    except Exception as error:  # noqa: BLE001 - the outer edge of the job runner
        passes = log_error(log, "step failed", error, generation_id=generation_id, step=step.__name__)
        context.back_off(generation_id, passes=passes)
        if not passes:
            await context.report_unexpected(generation_id, step.__name__, error)
        return StepResult.SKIPPED.value
    context.recovered(generation_id)
    return result


@DBOS.workflow(name=WORKFLOW)
async def _generation(generation_id: str) -> str:
    """Run the four steps in order; when repeated after a crash, each step skips what the ledger says is done.

    They are deliberately not DBOS steps: checkpointing each would cost four more synced commits per generation, and the
    ledger row already records how far it got.
    """
    context = _context
    if context is None or not context.start_work(generation_id):
        return StepResult.SKIPPED.value
    try:
        if context.membership is None:
            return await _steps(context, generation_id)
        return await _claimed_steps(context, generation_id)
    finally:
        context.end_work(generation_id)


async def _steps(context: JobContext, generation_id: str) -> str:
    result = StepResult.ENDED.value
    for step in (jobs.create, jobs.wait, jobs.save, jobs.settle):
        result = await _run(step, generation_id)
        if result != StepResult.NEXT.value:
            break
        if step is not jobs.save:  # a clip that is here is booked at once
            context.pause_point(generation_id)
    return result


async def _claimed_steps(context: JobContext, generation_id: str) -> str:
    """Acquire a lease on the row, run the steps under it, and release it; skip a row that another worker holds.

    A row that backs off stays claimed: another worker would meet the same error at once.
    """
    membership = context.membership
    assert membership is not None, "only workers claim rows"
    try:
        lease = await context.db(membership.claim, generation_id)
        if lease is None:
            return StepResult.SKIPPED.value
        with holding(lease):
            result = await _steps(context, generation_id)
        if not context.is_closed and not context.is_backing_off(generation_id):
            await context.db(membership.workers.release, lease)
    except Exception as error:  # noqa: BLE001 - the outer edge of the job runner: the supervisor finds the row later
        log_error(log, "a row could not be claimed or given up", error, generation_id=generation_id)
        return StepResult.SKIPPED.value
    return result


def _is_no_cancelled_run(record: logging.LogRecord) -> bool:
    """Logging filter: drop DBOS's traceback of a workflow that was cancelled because another worker has its row."""
    return not (record.exc_info and isinstance(record.exc_info[1], dbos_errors.DBOSAwaitedWorkflowCancelledError))


def prepare(url: sa.URL | None) -> None:
    """Create or migrate the engine's own tables at a database URL; idempotent. None: they exist, only configure its log."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.ERROR)
    if not any(isinstance(installed, OneLineFilter) for installed in logger.filters):
        logger.addFilter(OneLineFilter())
        logger.addFilter(_is_no_cancelled_run)
    if url is not None:
        DBOS.migrate(url.render_as_string(hide_password=False))  # escapes a "?", which would end a path


def _options(generation_id: str, run: int) -> EnqueueOptions:
    return {
        "workflow_name": WORKFLOW,
        "queue_name": QUEUE,
        "workflow_id": f"{generation_id}:{run}",
        "app_version": APP_VERSION,
    }


class JobQueue:
    """Enqueue generations, from any process that has the database open, whether or not it runs the jobs."""

    def __init__(self, database: sa.Engine) -> None:
        self._client = DBOSClient(system_database_engine=database, application_name=APP)
        self._closed = False

    def enqueue(self, connection: sa.Connection, generation_id: str, run: int) -> None:
        """Enqueue a generation inside the caller's transaction; ``run`` numbers its workflows, from 1.

        Raises:
            LabError: the lab was closed, so that nothing here would run it.
        """
        self.refuse_if_closed()
        self._client.enqueue_in_transaction(connection, _options(generation_id, run), generation_id)

    def enqueue_many(self, connection: sa.Connection, runs: Iterable[tuple[str, int]]) -> None:
        """Enqueue generations, given as (id, run), inside the caller's transaction, to be run in this order; see ``enqueue``."""
        self.refuse_if_closed()
        inserts = BatchedInserts(connection)
        for place, (generation_id, run) in enumerate(runs, start=1):
            # DBOS orders by a millisecond timestamp, which many rows of one batch share; the priority keeps their order
            options: EnqueueOptions = {**_options(generation_id, run), "priority": place}
            self._client.enqueue_in_transaction(cast("sa.Connection", inserts), options, generation_id)
        inserts.send()

    def unfinished(self, workflow_ids: Iterable[str]) -> dict[str, bool]:
        """Map each of ``workflow_ids`` that has not ended to whether a process has already dequeued it."""
        ids = list(workflow_ids)
        if not ids:
            return {}
        workflows = self._client.list_workflows(
            workflow_ids=ids, status=["ENQUEUED", "PENDING"], load_input=False, load_output=False
        )
        return {status.workflow_id: status.status == "PENDING" for status in workflows}

    def dequeued_by(self, executor_ids: Collection[str]) -> dict[str, int]:
        """Return the generations that these executors dequeued and have not ended, id -> run."""
        if not executor_ids:
            return {}
        workflows = self._client.list_workflows(
            name=WORKFLOW, status="PENDING", executor_id=list(executor_ids), load_input=False, load_output=False
        )
        return dict(map(_run_of, (status.workflow_id for status in workflows)))

    def cancel(self, runs: Mapping[str, int]) -> None:
        """Cancel the workflows of these runs, generation id -> run, that have not begun. Running ones are not affected."""
        if runs:
            self._client.cancel_workflows([f"{generation_id}:{run}" for generation_id, run in runs.items()])

    def unended(self, limit: int = 5000) -> list[tuple[str, int]]:
        """Return the oldest workflows that have not ended, at most ``limit``, as (generation id, run)."""
        workflows = self._client.list_workflows(
            name=WORKFLOW, status=["ENQUEUED", "PENDING"], limit=limit, load_input=False, load_output=False
        )
        return [_run_of(status.workflow_id) for status in workflows]

    def forget_ended(self, before: datetime, limit: int = 500) -> int:
        """Delete the engine's records of at most ``limit`` workflows that ended before a moment; return how many.

        Safe because the ledger keeps all that matters and workflow ids are never reused. Limited so that the write lock is
        not held for long.
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
        """Raise LabError when the lab was closed."""
        if self._closed:
            raise LabError(
                "The lab is closed", "Nothing was stored or sent.", "Open it again with open_lab.", field="lab"
            )

    def close(self) -> None:
        """Close the DBOS client; the database, which it shares, stays open."""
        self._closed = True
        self._client.destroy()


def _run_of(workflow_id: str) -> tuple[str, int]:
    generation_id, _, run = workflow_id.rpartition(":")
    return generation_id, int(run)


class Engine:
    """Run queued generations in this process. At most one engine per process: DBOS is a singleton."""

    def __init__(self, database: sa.Engine, context: JobContext) -> None:
        self._database = database
        self._context = context
        self._running = False
        self._dbos: DBOS | None = None
        self._queue: Queue | None = None
        self.is_at_rest = False
        """Whether the queue is polled slowly because the lab is idle."""

    def start(self) -> None:
        """Start the engine; if that fails, what it had opened is closed again.

        DBOS refuses to launch in a thread with a running event loop (as in a notebook), so a thread of its own launches it.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="rivya-engine-start") as thread:
            thread.submit(self._start).result()

    def _start(self) -> None:
        global _context  # noqa: PLW0603 - workflows are plain module functions; the engine is one a process
        _context = self._context
        membership = self._context.membership
        # The application version is pinned because DBOS recovers only workflows of its own version: the default, a hash of
        # the source, would orphan every open job at the next deployment. The executor id is fixed for the same reason; that
        # of a worker is new at each start, so that DBOS recovers nothing: its rows have gone to others by then.
        config: DBOSConfig = {
            "name": APP,
            "application_version": APP_VERSION,
            "executor_id": ALONE if membership is None else membership.id,
            "system_database_engine": self._database,
            "log_level": "ERROR",
            "max_executor_threads": THREADS,
            "run_migrations": False,
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": LISTENER_POLL_S,
        }
        self._dbos = DBOS(config=config)
        try:
            DBOS.launch()  # recovers the workflows that a crash interrupted
            self._queue = DBOS.register_queue(
                QUEUE,
                worker_concurrency=MAX_AT_ONCE if membership is None else self._context.settings.jobs_per_worker,
                polling_interval_sec=QUEUE_POLL_S,
                on_conflict="always_update",
            )
        except BaseException:
            DBOS.destroy(workflow_completion_timeout_sec=0)
            _context = None
            raise
        self._running = True
        self.is_at_rest = False

    def rest(self, *, is_idle: bool) -> None:
        """Poll the queue slowly while the lab is idle: each poll costs milliseconds, five times a second.

        A worker never does: the interval is stored in the database, and holds for all of them.
        """
        if self._queue is None or is_idle == self.is_at_rest or self._context.membership is not None:
            return
        self._queue.set_polling_interval_sec(REST_POLL_S if is_idle else QUEUE_POLL_S)
        self.is_at_rest = is_idle

    @property
    def is_running(self) -> bool:
        """True between ``start`` and ``stop``."""
        return self._running

    def stop(self) -> None:
        """Stop: at once, or in a worker as soon as nothing is being sent or saved. Open rows resume at the next start or elsewhere."""
        global _context  # noqa: PLW0603 - see start
        if not self._running:
            return
        self._running = False
        # Order matters: stop dequeuing, then end the jobs (waiting briefly for creates in flight), then destroy the engine.
        self._stop_dequeuing()
        self._context.close()
        DBOS.destroy(workflow_completion_timeout_sec=0)
        _context = None

    def _stop_dequeuing(self) -> None:
        """Join the queue threads before the event loop closes, so that no workflow is started on a closed loop."""
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
