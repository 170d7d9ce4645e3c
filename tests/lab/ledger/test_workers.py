"""Who is alive, who drives which row, and what becomes of the rows of one that died; by a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from rivya_core.lab.ledger.given_up import KEPT_FOR, NOTE
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import experiments, generations
from rivya_core.lab.ledger.shared_limits import mismatches, read_limits
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.workers import Beat, Workers
from tests.lab.given import HERE, NOON, Clock, added, in_state

pytestmark = pytest.mark.database
BEAT_S = 5.0
SILENT_S = 30.0


class Queue:
    """What was enqueued, in the order in which it was."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, int]] = []

    def __call__(self, connection: sa.Connection, runs: Iterable[tuple[str, int]]) -> None:
        """Take in some."""
        assert connection.in_transaction()
        self.runs += runs


@pytest.fixture
def queue() -> Queue:
    """An empty queue."""
    return Queue()


@pytest.fixture
def workers(database: sa.Engine, clock: Clock) -> Workers:
    """The table, by the test's clock."""
    return Workers(database, beat_s=BEAT_S, silent_s=SILENT_S, clock=lambda _: clock())


def begin(workers: Workers, *names: str, role: str = "worker") -> None:
    """Let processes begin."""
    for name in names:
        workers.begin(name, role=role, host="here", version="1")


def beat(workers: Workers, clock: Clock, *names: str, for_s: float = BEAT_S) -> dict[str, Beat | None]:
    """Let some beat for a while, the others not; their last answers."""
    found: dict[str, Beat | None] = {}
    for _ in range(max(1, round(for_s / BEAT_S))):
        clock.turn(BEAT_S)
        found = {name: workers.beat(name) for name in names}
    return found


def held(ledger: Ledger) -> dict[str, tuple[str | None, int]]:
    """Of each row its worker and its runs."""
    column = generations.c
    with ledger.reading() as connection:
        rows = connection.execute(sa.select(column.id, column.worker_id, column.runs))
        return {row.id: (row.worker_id, row.runs) for row in rows}


def test_a_row_is_claimed_by_one_worker_and_by_another_only_when_it_is_free(ledger: Ledger, workers: Workers) -> None:
    """Each claim has a number of its own."""
    begin(workers, "one", "two")
    row = added(ledger)
    first = workers.claim(row.id, "one")
    assert first is not None
    assert workers.claim(row.id, "two") is None
    workers.release(first)
    second = workers.claim(row.id, "two")
    assert second is not None
    assert second.fence == first.fence + 1
    workers.release(first)  # late: it changes nothing
    assert held(ledger)[row.id][0] == "two"


def test_a_row_of_a_worker_that_is_not_listed_is_free(ledger: Ledger, workers: Workers, queue: Queue) -> None:
    """It was taken off while it held the row, by whatever way."""
    begin(workers, "one", "two")
    row = added(ledger)
    assert workers.claim(row.id, "one") is not None
    assert workers.end("one", queue, {}) == {row.id: 1}
    assert workers.claim(row.id, "two") is not None


@pytest.mark.parametrize("state", [State.UNCONFIRMED, State.FAILED, State.CANCELLED])
def test_a_row_that_needs_no_job_is_not_claimed(ledger: Ledger, workers: Workers, state: State) -> None:
    """A workflow that was enqueued for it ends at once."""
    begin(workers, "one")
    assert workers.claim(in_state(ledger, state).id, "one") is None


def test_a_clip_without_a_final_price_is_claimed_until_it_is_settled(ledger: Ledger, workers: Workers) -> None:
    """It is archived, and its price is read later."""
    begin(workers, "one")
    row = in_state(ledger, State.SUCCEEDED)
    assert row.settlement == "provisional"
    lease = workers.claim(row.id, "one")
    assert lease is not None
    workers.release(lease)
    ledger.jobs.settle(row.id, 160)
    assert workers.claim(row.id, "one") is None


def test_a_silent_worker_loses_its_rows_to_the_queue(
    ledger: Ledger, workers: Workers, clock: Clock, queue: Queue
) -> None:
    """Not before it was silent for long enough; what needs no job is freed and not enqueued."""
    begin(workers, "one", "two")
    rows = [added(ledger, f"Number {number}") for number in range(3)]
    for row in rows:
        assert workers.claim(row.id, "one") is not None
    assert ledger.actions.cancel(rows[2].id)
    beat(workers, clock, "one", "two")
    told = beat(workers, clock, "two", for_s=SILENT_S - BEAT_S)["two"]
    assert told is not None
    assert told.silent == ()
    assert workers.reap("two", queue, {}) == {}
    told = beat(workers, clock, "two")["two"]
    assert told is not None
    assert told.silent == ("one",)
    assert workers.reap("two", queue, {}) == {rows[0].id: 1, rows[1].id: 1}
    assert queue.runs == [(rows[0].id, 2), (rows[1].id, 2)]
    assert {worker for worker, _ in held(ledger).values()} == {None}
    assert [one.id for one in workers.all()] == ["two"]
    [gone] = workers.given_up()
    assert (gone.id, gone.host, gone.at, gone.seen_at) == (
        "one",
        "here",
        clock(),
        clock() - timedelta(seconds=SILENT_S),
    )
    assert (gone.rows_held, gone.held_by, gone.waiting, gone.ended) == (2, {}, 2, 0)
    assert workers.claim(rows[0].id, "two") is not None
    assert ledger.actions.cancel(rows[1].id)
    [gone] = workers.given_up()
    assert (gone.rows_held, gone.held_by, gone.waiting, gone.ended) == (2, {"two": 1}, 0, 1)
    assert workers.beat("one") is None
    assert workers.reap("two", queue, {}) == {}
    clock.turn(KEPT_FOR.total_seconds())
    assert workers.given_up() == []


def test_a_note_that_cannot_be_read_keeps_no_row_from_the_queue(
    ledger: Ledger, workers: Workers, clock: Clock, queue: Queue
) -> None:
    """It is only shown: what is damaged of it is left out, and dropped with the next worker that is given up."""
    begin(workers, "one", "two")
    row = added(ledger)
    assert workers.claim(row.id, "one") is not None
    good = {"id": "zero", "host": "there", "at": clock().isoformat(), "seen_at": clock().isoformat(), "rows_held": 0}
    good["rows"] = []
    damaged = [{}, None, "x", {**good, "at": 5}, {**good, "at": "noon"}, {**good, "rows": [{}]}, {**good, "rows": None}]
    ledger.key_value.set(NOTE, [*damaged, good])
    assert [one.id for one in workers.given_up()] == ["zero"]
    beat(workers, clock, "two", for_s=SILENT_S)
    assert workers.reap("two", queue, {}) == {row.id: 1}
    assert [one.id for one in workers.given_up()] == ["one", "zero"]
    assert len(ledger.key_value.get(NOTE)) == 2
    ledger.key_value.set(NOTE, 5)
    assert workers.given_up() == []


def test_what_a_dead_worker_took_and_never_claimed_is_enqueued_again(
    ledger: Ledger, workers: Workers, clock: Clock, queue: Queue
) -> None:
    """Unless somebody has enqueued it since, or drives it."""
    begin(workers, "one", "two", "three")
    never, since, driven = (added(ledger, f"Number {number}") for number in range(3))
    workers.enqueue_unheld({since.id: 1}, queue)
    assert workers.claim(driven.id, "three") is not None
    beat(workers, clock, "two", "three", for_s=2 * SILENT_S)
    queue.runs.clear()
    assert workers.reap("two", queue, {row.id: 1 for row in (never, since, driven)}) == {never.id: 1}
    assert queue.runs == [(never.id, 2)]


def test_after_an_outage_nobody_is_judged(ledger: Ledger, workers: Workers, clock: Clock, queue: Queue) -> None:
    """All were silent, as the database was; who was dead before is found as soon as somebody may judge again."""
    begin(workers, "one", "two", "dead")
    row = added(ledger)
    assert workers.claim(row.id, "dead") is not None
    beat(workers, clock, "one", "two", for_s=SILENT_S - BEAT_S)
    clock.turn(2 * SILENT_S)
    for told in beat(workers, clock, "one", "two").values():
        assert told is not None
        assert told.silent == ()
    assert workers.reap("one", queue, {}) == {}
    told = beat(workers, clock, "one", "two", for_s=SILENT_S)["two"]
    assert told is not None
    assert told.silent == ("dead",)
    assert workers.reap("two", queue, {}) == {row.id: 1}


def test_who_has_just_begun_does_not_judge(workers: Workers, clock: Clock, queue: Queue) -> None:
    """It may have come up with the database."""
    begin(workers, "old")
    clock.turn(2 * SILENT_S)
    begin(workers, "new")
    told = beat(workers, clock, "new")["new"]
    assert told is not None
    assert told.silent == ()
    assert workers.reap("new", queue, {}) == {}
    assert len(workers.all()) == 2


def test_of_the_workers_alive_one_is_the_first(workers: Workers, clock: Clock) -> None:
    """The one that beats the longest; a dashboard never is. When it falls silent, the next one follows."""
    begin(workers, "board", role="dashboard")
    clock.turn(1)
    begin(workers, "one")
    clock.turn(1)
    begin(workers, "two")
    assert firsts(beat(workers, clock, "board", "one", "two")) == ["one"]
    assert firsts(beat(workers, clock, "board", "two", for_s=SILENT_S - BEAT_S)) == []
    assert firsts(beat(workers, clock, "board", "two")) == ["two"]
    assert firsts(beat(workers, clock, "board", "one", "two")) == ["two"]  # it had a gap: its life began anew


@pytest.mark.database
def test_each_server_that_is_worked_for_has_a_first_worker(workers: Workers) -> None:
    """Balance, pauses and lost rows are looked after for each connection, and none looks after those of another."""
    for name, server in (("one", "https://a"), ("two", "https://b"), ("three", "https://a")):
        workers.begin(name, role="worker", host="here", version="1", connection_name=server)
    told = {name: workers.beat(name) for name in ("one", "two", "three")}
    assert firsts(told) == ["one", "two"]


def firsts(told: dict[str, Beat | None]) -> list[str]:
    """Who believes to be the first."""
    return [name for name, one in told.items() if one is not None and one.is_first]


def test_of_a_setting_with_several_values_the_smallest_holds(workers: Workers, ledger: Ledger) -> None:
    """None is no limit. What differs is told."""
    workers.begin("one", role="worker", host="a", version="1", limits={"cap": None, "reads": 20.0, "creates": 4})
    workers.begin("two", role="dashboard", host="b", version="1", limits={"cap": 800, "reads": 20.0, "creates": 2})
    told = workers.beat("one")
    assert told is not None
    assert told.limits == {"cap": 800, "reads": 20.0, "creates": 2}
    with ledger.reading() as connection:
        assert read_limits(connection) == told.limits
    assert mismatches({one.id: one.limits for one in workers.all()}) == {
        "cap": {"one": None, "two": 800},
        "creates": {"one": 4, "two": 2},
    }


def test_a_worker_is_listed_with_what_it_holds_and_its_clock(ledger: Ledger, workers: Workers, clock: Clock) -> None:
    """As the health report shows it."""
    begin(workers, "one")
    row = added(ledger)
    assert workers.claim(row.id, "one") is not None
    own = Clock(NOON)
    own.turn(7)
    workers.beat("one", at_work=1, clock=own)
    clock.turn(3)
    [listed] = workers.all()
    assert (listed.rows_held, listed.at_work, listed.clock_off_s, listed.silent_s) == (1, 1, 7.0, 3.0)


def test_rows_that_wait_in_a_paused_sweep_are_freed_and_not_enqueued(
    ledger: Ledger, workers: Workers, queue: Queue
) -> None:
    """They get a job when it goes on."""
    begin(workers, "one")
    with ledger.writing() as connection:
        fields = {"id": "x1", "kind": "sweep", "name": "", "mode": "simulated", "connection": HERE, "model": "m"}
        sums = {"spec": {}, "cells": 1, "takes": 1, "quoted_credits": 0, "created_at": NOON, "paused_at": NOON}
        connection.execute(sa.insert(experiments).values(**fields, **sums))
    row = added(ledger, experiment_id="x1")
    assert workers.claim(row.id, "one") is not None
    assert workers.end("one", queue, {}) == {}
    assert (held(ledger)[row.id], queue.runs) == ((None, 1), [])


def test_the_databases_clock_is_the_present(database: sa.Engine) -> None:
    """Without a clock of the test's."""
    workers = Workers(database, beat_s=BEAT_S, silent_s=SILENT_S)
    begin(workers, "one")
    told = workers.beat("one")
    assert told is not None
    assert told.now.utcoffset() is not None
    assert workers.all()[0].silent_s < SILENT_S
