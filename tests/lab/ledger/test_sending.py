"""How many creates are in flight over all workers, decided in the transaction that begins one; and how often tasks are read."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from rivya_core.api.errors import TransportError
from rivya_core.lab.ledger import rates
from rivya_core.lab.ledger.lease import Lease, holding
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.sending import NoSlotError, creates_in_flight
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.workers import Workers
from tests.lab.given import HERE, accept, added

pytestmark = pytest.mark.database
SLOTS = 2


def begun(ledger: Ledger, generation_id: str) -> bool:
    """Whether the POST of a row may begin."""
    try:
        return ledger.jobs.begin_attempt(generation_id, b"{}", "a" * 64, slots=SLOTS) is not None
    except NoSlotError:
        return False


def in_flight(ledger: Ledger) -> int:
    """How many are."""
    with ledger.reading() as connection:
        return creates_in_flight(connection, HERE)


@pytest.fixture
def leases(database: sa.Engine, ledger: Ledger) -> list[Lease]:
    """Four rows, each with a worker of its own."""
    workers = Workers(database, beat_s=5, silent_s=30)
    found = [workers.claim(added(ledger, f"Number {number}").id, f"worker {number}") for number in range(4)]
    return [lease for lease in found if lease is not None]


def test_a_create_begins_only_when_a_slot_is_free(ledger: Ledger, leases: list[Lease]) -> None:
    """A row that must wait is as it was; an answer frees its slot, whichever it is."""
    one, two, three, four = (lease.generation_id for lease in leases)
    assert begun(ledger, one)
    assert begun(ledger, two)
    assert begun(ledger, two)  # its own slot does not count against it
    assert not begun(ledger, three)
    assert ledger.get(three).state is State.WAITING
    assert ledger.get(three).attempts == 0
    with holding(leases[0]):
        accept(ledger, one)
    assert begun(ledger, three)
    assert not begun(ledger, four)
    with holding(leases[1]):
        ledger.jobs.end_attempt(two, TransportError("No answer"), outcome_known=False)
    assert begun(ledger, four)
    assert in_flight(ledger) == SLOTS


def test_what_a_dead_worker_was_sending_frees_its_slot(
    ledger: Ledger, leases: list[Lease], database: sa.Engine
) -> None:
    """When its rows go to others, and when a new claim begins."""
    assert begun(ledger, leases[0].generation_id)
    assert begun(ledger, leases[1].generation_id)
    workers = Workers(database, beat_s=5, silent_s=30)
    workers.end("worker 0", lambda *_: None, {})
    assert in_flight(ledger) == 1
    assert workers.claim(leases[1].generation_id, "worker 3") is not None  # worker 1 is not listed
    assert in_flight(ledger) == 0


def test_on_one_machine_nothing_is_counted(ledger: Ledger) -> None:
    """The admission queue alone decides, and no column is written."""
    rows = [added(ledger, f"Number {number}") for number in range(3)]
    assert all(ledger.jobs.begin_attempt(row.id, b"{}", "a" * 64) for row in rows)
    assert in_flight(ledger) == 0


def test_creates_that_begin_at_once_keep_to_the_limit(ledger: Ledger, leases: list[Lease]) -> None:
    """All four at the same moment, each in a thread of its own."""
    barrier = threading.Barrier(len(leases))
    found: list[bool] = []

    def begin(lease: Lease) -> None:
        barrier.wait()
        with holding(lease):
            found.append(begun(ledger, lease.generation_id))

    threads = [threading.Thread(target=begin, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False, False, True, True]


def test_moments_are_handed_out_once(database: sa.Engine) -> None:
    """Whoever asks, and for however many, gets the next ones; nothing is kept for those who did not ask."""
    hour_s = 3600
    assert rates.take(database, rates.READS, 10, hour_s) == 0
    assert 9 * hour_s < rates.take(database, rates.READS, 5, hour_s) <= 10 * hour_s
    assert 14 * hour_s < rates.take(database, rates.READS, 1, hour_s) <= 15 * hour_s
    assert rates.take(database, "another", 1, hour_s) == 0


def test_moments_that_are_taken_at_once_are_different(database: sa.Engine) -> None:
    """By many threads, as by many workers: none is handed out twice."""
    hour_s = 3600
    found: list[int] = []

    def take() -> None:
        for _ in range(10):
            found.append(round(rates.take(database, rates.READS, 1, hour_s) / hour_s))  # noqa: PERF401 - shared by threads

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(40))
