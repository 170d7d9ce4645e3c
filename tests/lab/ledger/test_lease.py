"""A job whose row has gone to another worker changes nothing any more, whichever write it makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core.api.errors import TransportError
from rivya_core.lab.jobs import uploads
from rivya_core.lab.ledger.job_writes import JobWrites
from rivya_core.lab.ledger.lease import Lease, LostRowError, held, holding
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import GenerationRecord, Pause
from rivya_core.lab.ledger.schema import metadata
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.workers import Workers
from tests.lab.given import CARD, CLIP, HERE, NOON, added, answer, in_state

BROKEN = TransportError("No answer")
Write = Callable[[Ledger, str], Any]

JOB_WRITES: dict[str, Write] = {
    "leave_waiting": lambda ledger, row: ledger.jobs.leave_waiting(row),
    "begin_attempt": lambda ledger, row: ledger.jobs.begin_attempt(row, b"{}", "a" * 64),
    "end_attempt": lambda ledger, row: ledger.jobs.end_attempt(row, BROKEN, outcome_known=True),
    "accept": lambda ledger, row: ledger.jobs.accept(
        row, task_id="t", reserved_credits=160, task_status="queued", simulated=True
    ),
    "fail": lambda ledger, row: ledger.jobs.fail(row, CARD),
    "seen": lambda ledger, row: ledger.jobs.seen(row, answer("processing")),
    "ready": lambda ledger, row: ledger.jobs.ready(row, answer("succeeded")),
    "failed_at_rivya": lambda ledger, row: ledger.jobs.failed_at_rivya(row, answer("failed")),
    "saved": lambda ledger, row: ledger.jobs.saved(row, CLIP),
    "unsaved": lambda ledger, row: ledger.jobs.unsaved(row, CARD, in_s=1),
    "succeed": lambda ledger, row: ledger.jobs.succeed(row),
    "settle": lambda ledger, row: ledger.jobs.settle(row, 160),
    "release": lambda ledger, row: ledger.jobs.release(row, "for no reason"),
    "stumbled": lambda ledger, row: ledger.jobs.stumbled(row, "wait", BROKEN),
    "exchange": lambda ledger, row: ledger.jobs.exchange(row, "poll", BROKEN),
}
IN_A_TRANSACTION_OF_ANOTHER = {"accept_row"}
READS = {"stops", "is_paused", "count_exchanges"}
BESIDE: dict[str, Write] = {
    "a move": lambda ledger, row: ledger.rows.move(row, {State.RUNNING}, State.SAVING),
    "an update": lambda ledger, row: ledger.rows.update(row, file_id="f"),
    "a pause": lambda ledger, _: ledger.key_value.set_pause(HERE, Pause("rate", NOON, CARD)),
    "an upload that is forgotten": lambda ledger, row: uploads.forget(
        ledger.rows, replace(ledger.get(row), file_url="https://x")
    ),
    "an adopted task that nobody knows": lambda ledger, row: ledger.actions.disown(row, CARD),
    "any transaction": lambda ledger, _: ledger.writing().__enter__(),
}


@pytest.fixture
def workers(database: sa.Engine) -> Workers:
    """Two workers, alive as long as the test lasts."""
    workers = Workers(database, beat_s=5, silent_s=30)
    for name in ("one", "two"):
        workers.begin(name, role="worker", host="here", version="1")
    return workers


def test_every_write_of_a_job_is_in_the_table() -> None:
    """Whoever adds one says here what it is."""
    known = JOB_WRITES.keys() | READS | IN_A_TRANSACTION_OF_ANOTHER
    assert {name for name in dir(JobWrites) if not name.startswith("_")} == known


@pytest.mark.parametrize("write", {**JOB_WRITES, **BESIDE}.values(), ids=[*JOB_WRITES, *BESIDE])
@pytest.mark.database
def test_a_job_that_lost_its_row_writes_nothing(ledger: Ledger, workers: Workers, write: Write) -> None:
    """Its worker was taken for dead; the row may be with another one by now, or with nobody."""
    row = in_state(ledger, State.RUNNING)
    lease = claimed(workers, row, "one")
    workers.hand_back("one", [row.id], lambda *_: None)
    before = everything(ledger)
    with holding(lease), pytest.raises(LostRowError):
        write(ledger, row.id)
    claimed(workers, row, "two")
    assert everything(ledger) != before
    before = everything(ledger)
    with holding(lease), pytest.raises(LostRowError):
        write(ledger, row.id)
    assert everything(ledger) == before


@pytest.mark.database
def test_a_second_claim_of_one_worker_ends_the_first(ledger: Ledger, workers: Workers) -> None:
    """A job that was given up and one that was started for it are not the same."""
    row = in_state(ledger, State.RUNNING)
    first, second = claimed(workers, row, "one"), claimed(workers, row, "one")
    with holding(first), pytest.raises(LostRowError):
        ledger.rows.update(row.id, file_id="first")
    with holding(second):
        ledger.rows.update(row.id, file_id="second")
    assert ledger.get(row.id).file_id == "second"


@pytest.mark.database
def test_a_job_that_has_its_row_writes_and_people_always_do(ledger: Ledger, workers: Workers) -> None:
    """Who presses a button holds no lease; the job finds the row changed, as on one machine."""
    row = added(ledger)
    lease = claimed(workers, row, "one")
    assert ledger.actions.cancel(row.id)
    with holding(lease):
        assert ledger.jobs.begin_attempt(row.id, b"{}", "a" * 64) is None
    assert held() is None


@pytest.mark.database
async def test_a_lease_goes_along_to_the_thread_that_writes(ledger: Ledger, workers: Workers) -> None:
    """Jobs write on threads of their own, several at once; each has the lease of its own row."""
    rows = [in_state(ledger, State.RUNNING, prompt=f"Number {number}") for number in range(4)]
    leases = [claimed(workers, row, "one") for row in rows]
    workers.hand_back("one", [rows[0].id], lambda *_: None)

    async def job(row: GenerationRecord, lease: Lease) -> bool:
        with holding(lease):
            await asyncio.sleep(0)
            try:
                await asyncio.to_thread(ledger.rows.update, row.id, file_id=row.id)
            except LostRowError:
                return False
            return True

    done = await asyncio.gather(*(job(row, lease) for row, lease in zip(rows, leases, strict=True)))
    assert done == [False, True, True, True]
    assert held() is None


def claimed(workers: Workers, row: GenerationRecord, by: str) -> Lease:
    """The lease of a row that could be claimed."""
    lease = workers.claim(row.id, by)
    assert lease is not None
    return lease


def everything(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with ledger.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table))] for table in metadata.sorted_tables
        }
