"""What a worker does for rows without a job, its own and those of the dead; asked step by step, with nothing in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core.lab.jobs.context import JobContext
from rivya_core.lab.jobs.create import accept
from rivya_core.lab.jobs.engine import JobQueue
from rivya_core.lab.jobs.fleet import IDLE_AFTER_S, Fleet
from rivya_core.lab.jobs.role import Role
from rivya_core.lab.ledger import budget
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.lease import LostRowError, holding
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.workers import Workers
from rivya_core.lab.media.archive import Archive
from rivya_core.settings import Settings
from tests.lab.given import HERE, Clock, added, answer, attempted, in_state

pytestmark = pytest.mark.database
SILENT_S = 30.0
STARTED_S = 1000.0


class Machine:
    """A worker that does only what the test asks for, its clock and the database's turned by the test."""

    def __init__(self, ledger: Ledger, queue: JobQueue, archive: Archive, clock: Clock) -> None:
        settings = Settings(base_url=HERE, api_key="rvya_sk_test")
        self.context = JobContext(
            settings=settings,
            ledger=ledger,
            history=History(ledger.database),
            archive=archive,
            make_api=refuse,
            make_media=refuse,
            quick_s=1.0,
            now=clock,
        )
        self.fleet = Fleet(self.context, queue, Role.WORKER)
        self.me = self.fleet.membership
        self.me.workers = Workers(ledger.database, beat_s=5, silent_s=SILENT_S, clock=lambda _: clock())
        self.me._enter()


def refuse() -> Any:
    """Nothing is asked of a server here."""
    raise AssertionError


@pytest.fixture
def queue(database: sa.Engine) -> JobQueue:
    """The engine's queue, which nobody works off."""
    return JobQueue(database)


@pytest.fixture
def start(ledger: Ledger, queue: JobQueue, archive: Archive, clock: Clock) -> Callable[[], Machine]:
    """Let a worker begin."""
    return lambda: Machine(ledger, queue, archive, clock)


def beat(clock: Clock, *machines: Machine, for_s: float = 5) -> None:
    """Let workers beat for a while."""
    for _ in range(round(for_s / 5)):
        clock.turn(5)
        for one in machines:
            one.me.beat()


def enqueued(ledger: Ledger, queue: JobQueue, prompt: str = "A red fox in the snow") -> GenerationRecord:
    """A row with its workflow in the queue."""
    row = added(ledger, prompt)
    with ledger.writing() as connection:
        queue.enqueue(connection, row.id, row.runs)
    return row


def taken(database: sa.Engine, row: GenerationRecord, executor_id: str, run: int = 1) -> None:
    """Let the engine of a worker take a row's workflow out of the queue."""
    where = "dbos." if database.dialect.name == "postgresql" else ""
    with database.connect() as connection:
        told = {"executor": executor_id, "id": f"{row.id}:{run}"}
        connection.execute(
            sa.text(
                f"UPDATE {where}workflow_status SET status='PENDING', executor_id=:executor WHERE workflow_uuid=:id"
            ),
            told,
        )
        connection.commit()


def rows_of(ledger: Ledger) -> dict[str, tuple[str | None, int]]:
    """Of each row its worker and its runs."""
    column = generations.c
    with ledger.reading() as connection:
        return {
            row.id: (row.worker_id, row.runs)
            for row in connection.execute(sa.select(column.id, column.worker_id, column.runs))
        }


def is_queued(queue: JobQueue, row: GenerationRecord, run: int) -> bool | None:
    """Whether a run of a row waits in the queue; None once it has ended or was cancelled."""
    found = queue.unfinished([f"{row.id}:{run}"]).get(f"{row.id}:{run}")
    return None if found is None else not found


def test_what_a_dead_worker_drove_and_what_it_had_only_taken_go_on(
    ledger: Ledger, queue: JobQueue, start: Callable[[], Machine], clock: Clock
) -> None:
    """Both get a new workflow, and the old ones begin no more; a row that waits in the queue stays there."""
    dead, living = start(), start()
    driven, only_taken, waiting = (enqueued(ledger, queue, f"Number {number}") for number in range(3))
    for row in (driven, only_taken):
        taken(ledger.database, row, dead.me.id)
    assert dead.me.claim(driven.id) is not None
    beat(clock, dead, living)
    beat(clock, living, for_s=SILENT_S)
    living.fleet.reap()
    assert rows_of(ledger) == {driven.id: (None, 2), only_taken.id: (None, 2), waiting.id: (None, 1)}
    assert [is_queued(queue, row, 1) for row in (driven, only_taken, waiting)] == [None, None, True]
    assert [is_queued(queue, row, 2) for row in (driven, only_taken)] == [True, True]
    living.fleet.reap()
    assert rows_of(ledger)[driven.id] == (None, 2)


async def test_the_task_id_that_reaches_a_worker_too_late_is_kept(
    ledger: Ledger, queue: JobQueue, start: Callable[[], Machine], clock: Clock
) -> None:
    """The other worker asks again with the same key, and a server may refuse that for ever: the id is known here alone."""
    frozen, living = start(), start()
    row = enqueued(ledger, queue)
    lease = frozen.me.claim(row.id)
    assert lease is not None
    with holding(lease):
        attempted(ledger, row.id)
    beat(clock, living, for_s=35)
    living.fleet.reap()
    assert living.me.claim(row.id) is not None
    with holding(lease), pytest.raises(LostRowError):
        await accept(frozen.context, row, answer("queued"))
    kept = ledger.get(row.id)
    assert (kept.state, kept.task_id) == (State.RUNNING, answer("queued").id)


def test_a_worker_takes_up_its_own_rows_without_a_job(
    ledger: Ledger, queue: JobQueue, start: Callable[[], Machine], clock: Clock
) -> None:
    """Those that it could not give up when their jobs ended; not those of others, nor what it drives or backs off from."""
    one, two = start(), start()
    lost, driven, backing_off, of_two = (enqueued(ledger, queue, f"Number {number}") for number in range(4))
    for row in (lost, driven, backing_off):
        assert one.me.claim(row.id) is not None
    assert two.me.claim(of_two.id) is not None
    one.context._at_work[driven.id] = None
    one.context.back_off(backing_off.id)
    beat(clock, one, two)
    one.fleet.recover_lost(STARTED_S)
    assert rows_of(ledger) == {
        lost.id: (None, 2),
        driven.id: (one.me.id, 1),
        backing_off.id: (one.me.id, 1),
        of_two.id: (two.me.id, 1),
    }
    assert is_queued(queue, lost, 2)


def test_rows_that_nobody_holds_are_looked_after_by_the_one_on_duty(
    ledger: Ledger, queue: JobQueue, start: Callable[[], Machine], clock: Clock
) -> None:
    """A row without a workflow at once; one whose workflow was taken and never came to claim it, after a while."""
    one, two = start(), start()
    without, stuck, waiting = added(ledger, "Number 0"), *(enqueued(ledger, queue, f"Number {n}") for n in (1, 2))
    taken(ledger.database, stuck, two.me.id)
    beat(clock, one, two)
    first, other = (one, two) if one.me.is_on_duty else (two, one)
    assert not other.me.is_on_duty
    other.fleet.recover_lost(STARTED_S)
    assert {runs for _, runs in rows_of(ledger).values()} == {1}
    first.fleet.recover_lost(STARTED_S)
    assert rows_of(ledger) == {without.id: (None, 2), stuck.id: (None, 1), waiting.id: (None, 1)}
    first.fleet.recover_lost(STARTED_S + IDLE_AFTER_S)
    assert rows_of(ledger) == {without.id: (None, 2), stuck.id: (None, 2), waiting.id: (None, 1)}


def test_a_clip_whose_price_is_not_final_is_asked_for_again_after_a_start(
    ledger: Ledger, queue: JobQueue, start: Callable[[], Machine], clock: Clock
) -> None:
    """Once, by the one on duty."""
    one = start()
    row = in_state(ledger, State.SUCCEEDED)
    beat(clock, one)
    one.fleet.recover_lost(STARTED_S)
    one.fleet.recover_lost(STARTED_S)
    assert rows_of(ledger)[row.id] == (None, 2)
    assert is_queued(queue, row, 2)


def test_a_price_that_an_outage_kept_from_being_stored_is_asked_for_again(
    ledger: Ledger, queue: JobQueue, start: Callable[[], Machine], clock: Clock
) -> None:
    """The job ended, and the row is still held: whoever holds it enqueues it anew, not only at a start."""
    alone = start()
    beat(clock, alone)
    alone.fleet.recover_lost(STARTED_S)
    row = in_state(ledger, State.SUCCEEDED)
    assert row.settlement == "provisional"
    assert alone.me.claim(row.id) is not None
    alone.fleet.recover_lost(STARTED_S)
    assert rows_of(ledger)[row.id] == (None, row.runs + 1)
    assert is_queued(queue, row, row.runs + 1)


def test_tidying_cancels_what_later_runs_have_replaced(
    ledger: Ledger, queue: JobQueue, start: Callable[[], Machine]
) -> None:
    """Left by a worker that died between putting a row back and cancelling its old workflow."""
    one = start()
    row = enqueued(ledger, queue)
    with ledger.writing() as connection:
        queue.enqueue(connection, row.id, ledger.next_run(connection, row.id))
    one.fleet.tidy()
    assert (is_queued(queue, row, 1), is_queued(queue, row, 2)) == (None, True)


def test_a_worker_wakes_only_its_own_rows(ledger: Ledger, start: Callable[[], Machine]) -> None:
    """A person asked to check in some dashboard: whoever drives the row hears of it, and nobody takes it from them."""
    one, two = start(), start()
    row = in_state(ledger, State.RUNNING, connection=HERE)
    assert two.me.claim(row.id) is not None
    ledger.make_due(row.id)
    one.fleet.wake_due()
    assert ledger.get(row.id).next_action_at is not None
    two.fleet.wake_due()
    assert ledger.get(row.id).next_action_at is None


def test_a_worker_that_leaves_gives_back_what_it_holds_and_has_taken(
    ledger: Ledger, queue: JobQueue, start: Callable[[], Machine]
) -> None:
    """At once; what others hold stays theirs."""
    one, two = start(), start()
    driven, only_taken, of_two = (enqueued(ledger, queue, f"Number {number}") for number in range(3))
    assert one.me.claim(driven.id) is not None
    assert two.me.claim(of_two.id) is not None
    taken(ledger.database, only_taken, one.me.id)
    one.fleet.stop()
    assert rows_of(ledger) == {driven.id: (None, 2), only_taken.id: (None, 2), of_two.id: (two.me.id, 1)}
    assert [worker.id for worker in two.me.workers.all()] == [two.me.id]


def test_a_cap_of_any_process_holds_for_all(ledger: Ledger, start: Callable[[], Machine], tmp_path: Path) -> None:
    """Whoever submits reads what the others have in their environment; a lab of one machine asks nobody."""
    start().me.workers.begin("board", role="dashboard", host="b", version="1", limits={"daily_cap_credits": 320})
    here = Settings(data_dir=tmp_path, api_key="rvya_sk_test", daily_cap_credits=800)
    shared = Settings(
        data_dir=tmp_path,
        api_key="rvya_sk_test",
        daily_cap_credits=800,
        database_url="postgresql://nobody@127.0.0.1/none",
    )
    with ledger.reading() as connection:
        caps = [budget.read(connection, "live", HERE, settings).cap_credits for settings in (here, shared)]
    assert caps == [800, 320]
