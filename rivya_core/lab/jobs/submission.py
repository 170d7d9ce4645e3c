"""Submit generations in one transaction: check caps and balance, insert ledger rows, enqueue their workflows.

Rows and queue entries commit together or not at all, so that no row is without a workflow and no cap is passed by two
submits at once. Nothing is sent here, and nothing else may insert a row that will be charged, except
``experiments.purchase``, which does the same inside its own transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import sqlalchemy as sa

from rivya_core.api import GenerationRequest
from rivya_core.api.errors import LabError, StorageError
from rivya_core.api.params import invalid
from rivya_core.lab.jobs.engine import JobQueue
from rivya_core.lab.ledger import budget as budgets
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.ledger import Ledger, NewGeneration, new_intent_id
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.media.archive import Archive
from rivya_core.settings import Settings

MAX_TAKES: Final = 4

EnqueueMany = Callable[[sa.Connection, Iterable[tuple[str, int]]], None]
"""Enqueue generations, given as (id, run), inside the caller's transaction."""


class Submissions:
    """Submit generations; safe to use from any thread."""

    def __init__(self, *, settings: Settings, ledger: Ledger, archive: Archive, queue: JobQueue) -> None:
        self._settings = settings
        self._ledger = ledger
        self._archive = archive
        self._queue = queue

    def submit(
        self,
        request: GenerationRequest,
        *,
        intent_id: str | None = None,
        take: int = 1,
        parent_id: str | None = None,
        source: str = "script",
    ) -> GenerationRecord:
        """Store one generation and enqueue it in one transaction; return at once.

        Submits are deduplicated by ``intent_id`` and ``take`` (a whole number from 1): a repeat returns the first row. Without
        ``intent_id`` every call is a new intent.

        Raises:
            BudgetError: a cap or the balance does not allow it; nothing was stored or sent.
            StorageError: the data folder has no room for the clip.
            LabError: ``take`` is not usable, or the lab was opened read-only or is closed.
        """
        # bool is an int in Python: True would pass as take 1
        if isinstance(take, bool) or not isinstance(take, int) or take < 1:
            raise LabError("The take is not usable", f"take must be a whole number from 1, not {take!r}.", field="take")
        intent = intent_id or new_intent_id()
        return self._submit(request, [take], intent, parent_id, source)[0]

    def submit_takes(
        self,
        request: GenerationRequest,
        takes: int,
        *,
        intent_id: str,
        parent_id: str | None = None,
        source: str = "page",
    ) -> list[GenerationRecord]:
        """Store takes 1 to ``takes`` (at most 4) of one request, all or none; see ``submit``."""
        if isinstance(takes, bool) or not isinstance(takes, int) or not 1 <= takes <= MAX_TAKES:
            raise LabError("Takes is out of range", f"Takes must be 1 to {MAX_TAKES}, not {takes!r}.", field="takes")
        return self._submit(request, range(1, takes + 1), intent_id, parent_id, source)

    def submit_many(self, requests: Sequence[GenerationRequest], *, source: str = "script") -> list[GenerationRecord]:
        """Store one generation of each request, all or none, in one transaction; see ``submit``."""
        requested = [
            item
            for request in requests
            for item in self._new_generation(request, [1], new_intent_id(), parent_id=None, source=source)
        ]
        return self._store(requests, requested)

    def _submit(
        self, request: GenerationRequest, takes: Iterable[int], intent_id: str, parent_id: str | None, source: str
    ) -> list[GenerationRecord]:
        return self._store([request], self._new_generation(request, takes, intent_id, parent_id, source))

    def _new_generation(
        self, request: GenerationRequest, takes: Iterable[int], intent_id: str, parent_id: str | None, source: str
    ) -> list[NewGeneration]:
        expected = self.expected(request)
        return [
            NewGeneration(
                intent_id=intent_id,
                take=take,
                parent_id=parent_id,
                source=source,
                mode=self._settings.mode,
                connection=self._settings.connection,
                request=request,
                expected_credits=expected,
            )
            for take in takes
        ]

    def _store(
        self, requests: Sequence[GenerationRequest], requested: Sequence[NewGeneration]
    ) -> list[GenerationRecord]:
        refuse_if_read_only(self._settings)
        check_disk(self._settings, self._archive)
        # Before the transaction: writing files must not hold the write lock, and an unused image is harmless.
        images = {request.image.sha256: request.image for request in requests if request.image is not None}
        for image in images.values():
            self._ledger.assets.store(image, self._archive)
        return submit(self._ledger.database, self._settings, self._ledger, self._queue, requested)

    def expected(self, request: GenerationRequest) -> int:
        """Estimate the credits that one take will reserve: the last reservation of the same model and settings, else the list price.

        Raises:
            InvalidRequestError: ``request`` is no GenerationRequest.
        """
        if not isinstance(request, GenerationRequest):
            raise invalid("request", f"must be a GenerationRequest, not {type(request).__name__}")
        return self._ledger.key_value.learned_price(self._settings.connection, request) or request.expected_credits


def submit(
    database: sa.Engine, settings: Settings, ledger: Ledger, queue: JobQueue, requested: Sequence[NewGeneration]
) -> list[GenerationRecord]:
    """Store and enqueue the generations that are not stored yet; return the rows of all, in order.

    Raises:
        BudgetError: a cap or the balance does not allow it; nothing was stored.
        StorageError: see ``begin_immediate``.
    """
    try:
        return _submit(database, settings, ledger, queue, requested)
    except StorageError as error:
        if error.charged != "unknown":
            raise
        try:  # the same ids: what was stored all the same is found
            return _submit(database, settings, ledger, queue, requested)
        except StorageError:
            raise error from None


def _submit(
    database: sa.Engine, settings: Settings, ledger: Ledger, queue: JobQueue, requested: Sequence[NewGeneration]
) -> list[GenerationRecord]:
    # The write lock is taken before the first read: otherwise two submits would both see the last credits under a cap.
    with begin_immediate(database) as connection:
        # Deduplicate double clicks, retries and reruns: a row with this id was checked against the budget when it was stored.
        existing = [ledger.rows.find(connection, item.id) for item in requested]
        new = [item for item, row in zip(requested, existing, strict=True) if row is None]
        if new:
            budget = budgets.read(connection, new[0].mode, new[0].connection, settings)
            budgets.check(budget, sum(item.expected_credits for item in new))
        return [row or _take_in(connection, ledger, queue, item) for item, row in zip(requested, existing, strict=True)]


def _take_in(connection: sa.Connection, ledger: Ledger, queue: JobQueue, item: NewGeneration) -> GenerationRecord:
    row = ledger.add(connection, item)
    queue.enqueue(connection, row.id, row.runs)
    return row


def enqueue_again(database: sa.Engine, ledger: Ledger, queue: JobQueue, generation_id: str) -> int:
    """Enqueue one more workflow for a row; return its run number.

    Workflow ids are never reused (the engine would return the old result), so each run has a number of its own.
    """
    with begin_immediate(database) as connection:
        run = ledger.next_run(connection, generation_id)
        queue.enqueue(connection, generation_id, run)
    return run


def check_disk(settings: Settings, archive: Archive) -> None:
    """Raise StorageError when there may not be enough disk space for a paid clip (``min_free_disk_bytes``).

    On a shared database with a bucket the clip never comes here: another process fetches it, and the bucket keeps it.
    """
    if settings.is_shared and settings.archive_url:
        return
    free = archive.free_bytes()
    if free < settings.min_free_disk_bytes:
        raise StorageError(
            "The disk is nearly full",
            f"{free / 1e6:,.0f} MB are free in {settings.data_dir}, "
            f"{settings.min_free_disk_bytes / 1e6:,.0f} MB are needed so that a paid clip can be kept.",
            "Free some space, or set RIVYA_MIN_FREE_DISK_BYTES lower. Nothing was sent.",
            field="disk",
        )
