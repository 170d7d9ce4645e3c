"""What is stored of persons, on each kind of database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa

from rivya_core.api.errors import BudgetError
from rivya_core.lab.evaluation.reviews import Reviews
from rivya_core.lab.jobs.engine import JobQueue
from rivya_core.lab.jobs.submission import submit
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from rivya_core.lab.people.acting import acting_for
from rivya_core.lab.people.person import ADDRESS_MAX, Person
from rivya_core.lab.spending.spending import Spending
from rivya_core.settings import Settings
from tests.lab.given import Clock, in_state, new

pytestmark = pytest.mark.database
ANN, BEN, ADA = Person("ann_%@team.example"), Person("ben@team.example"), Person("ada@lab.example")


class Queue:
    """Takes every job in; what the engine does with it is none of these tests."""

    def enqueue(self, connection: sa.Connection, generation_id: str, run: int) -> None:
        """Take one in."""
        assert connection.in_transaction()
        assert (generation_id, run) != ("", 0)


@pytest.fixture
def spending(ledger: Ledger, history: History, clock: Clock) -> Spending:
    """The sums of Spend."""
    return Spending(ledger=ledger, history=history, now=clock)


def test_threads_of_one_person_get_five_through_a_cap_of_800(
    database: sa.Engine, spending: Spending, tmp_path: Path
) -> None:
    """Exactly, and none of another person's is refused: the cap is read under the write lock, from the person's own rows."""
    settings, ledger = Settings(data_dir=tmp_path), Ledger(database)  # of today: a cap is of a day
    with acting_for(ADA):
        spending.set_person_cap("simulated", ANN.address, 800)

    def buy(number: int) -> bool:
        with acting_for(ANN if number % 2 else BEN):
            try:
                submit(database, settings, ledger, cast("JobQueue", Queue()), [new(f"Fox {number}")])
            except BudgetError:
                return False
        return True

    with ThreadPoolExecutor(20) as pool:
        done = list(pool.map(buy, range(40)))
    assert (sum(done[1::2]), sum(done[0::2])) == (5, 20)
    by_person = spending.spent("simulated", of_persons=True).by_person()
    assert {address: sums.held for address, sums in by_person.items()} == {ANN.address: 800, BEN.address: 3200}


def test_caps_of_persons_are_listed_and_logged_apart(spending: Spending, clock: Clock) -> None:
    """By mode; a percent sign and a line below in an address stand for themselves."""
    longest = Person("x" * (ADDRESS_MAX - len("@lab.example")) + "@lab.example")
    with acting_for(ADA):
        for person, cap in ((ANN, 320), (longest, 160)):
            spending.set_person_cap("simulated", person.address, cap)
            clock.turn(1)
        spending.set_person_cap("live", BEN.address, 480)
    assert spending.person_caps("simulated") == {ANN.address: 320, longest.address: 160}
    assert spending.person_caps("live") == {BEN.address: 480}
    logged = [(one.cap, one.after_credits, one.person) for one in spending.cap_changes("simulated")]
    assert logged == [
        (f"person:simulated:{longest.address}", 160, ADA.address),
        (f"person:simulated:{ANN.address}", 320, ADA.address),
    ]


def test_notes_and_ratings_have_room_for_the_longest_address(ledger: Ledger) -> None:
    """Whoever may sign in may review."""
    longest = Person("x" * (ADDRESS_MAX - len("@lab.example")) + "@lab.example")
    row, reviews = in_state(ledger, State.SUCCEEDED), Reviews(ledger=ledger)
    with acting_for(longest):
        assert reviews.add_note(row.id, 0.1, "A jump").author == longest.address
        reviews.rate(row.id, "overall", 4)
    assert [one.author for one in reviews.ratings([row.id])] == [longest.address]
