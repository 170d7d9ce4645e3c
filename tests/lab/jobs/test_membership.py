"""A process that was away does not trust itself: its old jobs send nothing, whatever the table of workers says of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core.lab.jobs.membership import Membership, new_id
from rivya_core.lab.jobs.role import Role
from rivya_core.lab.ledger.lease import Lease, LostRowError
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.workers import Beat, Workers
from rivya_core.settings import Settings
from tests.lab.given import Clock, added

SILENT_S = 30.0
FRESH_S = 20.0


class Machine:
    """A machine that shares the database: its clock since the start, which goes on while the process stands still."""

    def __init__(self, database: sa.Engine, clock: Clock) -> None:
        self.clock = clock
        self.since_start_s = 1000.0
        workers = Workers(database, beat_s=5, silent_s=SILENT_S, clock=lambda _: clock())
        self.process = Membership(workers, Role.WORKER, Settings(), clock_s=lambda: self.since_start_s)
        self.process._enter()

    def turn(self, seconds: float) -> None:
        """Let time go by, here and at the database."""
        self.since_start_s += seconds
        self.clock.turn(seconds)


@pytest.fixture
def machine(database: sa.Engine, clock: Clock) -> Machine:
    """A machine with a worker that has just begun."""
    return Machine(database, clock)


def lease_of(machine: Machine, ledger: Ledger) -> Lease:
    """A row claimed by the machine's worker."""
    lease = machine.process.claim(added(ledger).id)
    assert lease is not None
    return lease


def is_lapsed(machine: Machine, lease: Lease, *, to_send: bool = True) -> bool:
    """Whether the job may not go on."""
    try:
        machine.process.refuse_if_lapsed(lease, to_send=to_send)
    except LostRowError:
        return True
    return False


def nothing(_connection: sa.Connection, _runs: Iterable[tuple[str, int]]) -> None:
    """Enqueue nothing."""


def test_a_worker_that_beats_sends(machine: Machine, ledger: Ledger) -> None:
    """For as long as it wants."""
    lease = lease_of(machine, ledger)
    for _ in range(20):
        machine.turn(5)
        machine.process.beat()
        assert not is_lapsed(machine, lease)


def test_nothing_is_sent_once_the_last_beat_is_old(machine: Machine, ledger: Ledger) -> None:
    """Well before others may take the row; what only reads goes on."""
    lease = lease_of(machine, ledger)
    machine.turn(FRESH_S - 0.1)
    assert not is_lapsed(machine, lease)
    machine.turn(0.1)
    assert is_lapsed(machine, lease)
    assert not is_lapsed(machine, lease, to_send=False)
    assert not machine.process.is_on_duty


@pytest.mark.parametrize("away_s", [FRESH_S, SILENT_S, 10 * SILENT_S])
def test_the_jobs_of_before_send_nothing_after_a_late_beat(machine: Machine, ledger: Ledger, away_s: float) -> None:
    """The beat makes the process look alive; a job that stood still since before cannot tell that from never having been away."""
    lease = lease_of(machine, ledger)
    machine.turn(away_s)
    machine.process.beat()
    assert machine.process.is_fresh
    assert is_lapsed(machine, lease)
    assert is_lapsed(machine, lease, to_send=False)
    again = machine.process.claim(lease.generation_id)
    assert again is not None
    assert not is_lapsed(machine, again)


def test_the_term_grows_before_a_late_beat_is_written(
    machine: Machine, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a job could look between the two."""
    lease = lease_of(machine, ledger)
    seen: list[bool] = []
    beat = machine.process.workers.beat

    def watched(*names: Any, **more: Any) -> Beat | None:
        seen.append(is_lapsed(machine, lease, to_send=False))
        return beat(*names, **more)

    monkeypatch.setattr(machine.process.workers, "beat", watched)
    machine.turn(FRESH_S)
    machine.process.beat()
    assert seen == [True]


def test_a_worker_that_was_taken_for_dead_begins_anew(machine: Machine, ledger: Ledger, database: sa.Engine) -> None:
    """Under its own name: its old jobs are over, and it may claim again."""
    lease = lease_of(machine, ledger)
    Workers(database, beat_s=5, silent_s=SILENT_S).end(machine.process.id, nothing, {})
    machine.turn(5)
    machine.process.beat()
    assert is_lapsed(machine, lease)
    on_duty = [machine.process.is_on_duty]
    machine.turn(5)
    machine.process.beat()
    assert [*on_duty, machine.process.is_on_duty] == [False, True]
    assert lease_of(machine, ledger).term == machine.process.term


def test_a_beat_that_took_long_is_as_old_as_its_beginning(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process may have been stopped while the database answered."""
    beat = machine.process.workers.beat

    def slow(*names: Any, **more: Any) -> Beat | None:
        told = beat(*names, **more)
        machine.turn(FRESH_S)
        return told

    monkeypatch.setattr(machine.process.workers, "beat", slow)
    machine.turn(5)
    machine.process.beat()
    assert not machine.process.is_fresh


def test_the_smallest_limit_of_all_processes_holds(machine: Machine, database: sa.Engine) -> None:
    """From the next beat on."""
    assert machine.process.limits["max_creates_in_flight"] == Settings().max_creates_in_flight
    Workers(database, beat_s=5, silent_s=SILENT_S, clock=lambda _: machine.clock()).begin(
        "board", role="dashboard", host="b", version="1", limits={"max_creates_in_flight": 2, "daily_cap_credits": 800}
    )
    machine.turn(5)
    machine.process.beat()
    assert machine.process.limits["max_creates_in_flight"] == 2
    assert machine.process.limits["daily_cap_credits"] == 800


def test_no_two_processes_have_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even those with the same number on two machines of the same name; any name fits into the column."""
    assert len({new_id() for _ in range(100)}) == 100
    monkeypatch.setattr("socket.gethostname", lambda: "ümlaut host." * 40)
    assert len(new_id()) <= 100


def test_who_leaves_gives_back_what_it_holds(machine: Machine, ledger: Ledger) -> None:
    """At once, and its jobs send nothing any more."""
    lease = lease_of(machine, ledger)
    enqueued: list[tuple[str, int]] = []
    assert machine.process.stop(lambda _, runs: enqueued.extend(runs), {}) == {lease.generation_id: 1}
    assert enqueued == [(lease.generation_id, 2)]
    assert is_lapsed(machine, lease)
    assert machine.process.workers.all() == []
