"""Credit movements: whatever happens in whatever order, a row counts exactly the sum of its movements."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from rivya_core.lab.ledger.credits import Adjust, Release, Settle, book
from rivya_core.lab.ledger.database import begin_immediate, open_database
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from tests.lab.given import Clock, accept, added, answer, attempted, held, in_state
from tests.template import copy_template

pytestmark = pytest.mark.database

CREDITS = st.integers(min_value=0, max_value=1000)


class Movements(RuleBasedStateMachine):
    """Rows that are adjusted, settled, released, moved and deleted at random."""

    rows: Bundle[str] = Bundle("rows")

    @initialize()
    def open(self) -> None:
        """A fresh ledger."""
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "lab.sqlite3"
        copy_template(path)
        self.database = open_database(path)
        self.ledger = Ledger(self.database, Clock())
        self.ids: set[str] = set()
        self.released: set[str] = set()

    def teardown(self) -> None:
        """Close the file."""
        if hasattr(self, "database"):
            self.database.dispose()
            self.folder.cleanup()

    @rule(target=rows, expected=CREDITS)
    def add(self, expected: int) -> str:
        """Submit."""
        row = added(self.ledger, expected_credits=expected)
        self.ids.add(row.id)
        return row.id

    @rule(target=rows, state=st.sampled_from(list(State)))
    def arrive(self, state: State) -> str:
        """A row that came a longer way."""
        row = in_state(self.ledger, state)
        self.ids.add(row.id)
        if row.settlement == "released":
            self.released.add(row.id)
        return row.id

    @rule(row=rows, move=st.one_of(CREDITS.map(Adjust), st.builds(Settle, CREDITS, st.booleans())))
    def book(self, row: str, move: Adjust | Settle) -> None:
        """Any movement at any time."""
        with begin_immediate(self.database) as connection:
            found = self.ledger.rows.find(connection, row)
            assert found is not None
            book(connection, found, move, self.ledger.clock())

    @rule(row=rows)
    def release(self, row: str) -> None:
        """Give back."""
        if self.ledger.jobs.release(row, "a test").settlement == "released":
            self.released.add(row)

    @rule(row=rows, reserved=st.none() | CREDITS, simulated=st.booleans())
    def accept(self, row: str, reserved: int | None, simulated: bool) -> None:
        """Send and be accepted, if the row still waits."""
        if self.ledger.get(row).state is State.WAITING and row not in self.released:
            attempted(self.ledger, row)
            accept(self.ledger, row, reserved=reserved, simulated=simulated)

    @rule(row=rows, final=st.none() | CREDITS, reserved=st.none() | CREDITS)
    def end(self, row: str, final: int | None, reserved: int | None) -> None:
        """Succeed at Rivya, with any figures; what was given back is held again."""
        told = {"final_credits": final, "reserved_credits": reserved}
        if self.ledger.get(row).state is State.RUNNING:
            self.released.discard(row)
        self.ledger.jobs.ready(row, answer("succeeded", **told))
        self.ledger.jobs.succeed(row)

    @rule(row=rows)
    def fail(self, row: str) -> None:
        """Fail at Rivya."""
        if self.ledger.jobs.failed_at_rivya(row, answer("failed")).settlement == "released":
            self.released.add(row)

    @invariant()
    def every_row_counts_its_movements(self) -> None:
        """Held credits are the sum of the movements, never negative, and nothing once released."""
        for one in getattr(self, "ids", ()):
            row = self.ledger.get(one)
            assert row.held_credits == sum(move.credits for move in self.ledger.rows.movements(one)) >= 0
            assert {move.mode for move in self.ledger.rows.movements(one)} == {row.mode}
            if one in self.released:
                assert (row.held_credits, row.settlement) == (0, "released")
            if row.settlement == "settled":
                assert row.final_credits == row.held_credits


TestMovements = Movements.TestCase
TestMovements.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize(
    ("moves", "figures"),
    [
        pytest.param([], (160, None, None, "reserved"), id="reserved"),
        pytest.param([Adjust(320)], (320, 320, None, "reserved"), id="another price"),
        pytest.param([Adjust(160)], (160, 160, None, "reserved"), id="the expected price"),
        pytest.param([Settle(160, provisional=True)], (160, None, None, "provisional"), id="provisional"),
        pytest.param([Settle(160, provisional=True), Settle(150)], (150, None, 150, "settled"), id="then final"),
        pytest.param([Settle(150), Settle(160, provisional=True)], (150, None, 150, "settled"), id="final stays"),
        pytest.param([Settle(150), Settle(140)], (140, None, 140, "settled"), id="final corrected"),
        pytest.param([Settle(150), Release("x")], (150, None, 150, "settled"), id="settled is not released"),
        pytest.param(
            [Settle(160, provisional=True), Release("x")], (0, None, 0, "released"), id="provisional released"
        ),
        pytest.param([Release("x"), Settle(160)], (0, None, 0, "released"), id="released stays"),
        pytest.param([Release("x"), Adjust(160)], (0, None, 0, "released"), id="released is not adjusted"),
        pytest.param([Settle(150), Adjust(99)], (150, None, 150, "settled"), id="settled is not adjusted"),
    ],
)
def test_movements_lead_to_the_right_figures(
    ledger: Ledger, moves: list[Adjust | Settle | Release], figures: tuple[int, int | None, int | None, str]
) -> None:
    """Held, reserved, final and settlement after each order of movements."""
    row = added(ledger)
    for move in moves:
        with begin_immediate(ledger.database) as connection:
            found = ledger.rows.find(connection, row.id)
            assert found is not None
            book(connection, found, move, ledger.clock())
    row = ledger.get(row.id)
    assert (row.held_credits, row.reserved_credits, row.final_credits, row.settlement) == figures


def test_a_simulated_answer_moves_all_figures_to_the_other_side(ledger: Ledger) -> None:
    """P8: what a simulator answered never counts as live, not even what was booked before."""
    row = added(ledger, mode="live")
    assert (held(ledger, "live"), held(ledger, "simulated")) == (160, 0)
    attempted(ledger, row.id)
    accept(ledger, row.id, simulated=True)
    assert ledger.get(row.id).mode == "simulated"
    assert (held(ledger, "live"), held(ledger, "simulated")) == (0, 160)
    ledger.jobs.seen(row.id, answer("processing"))
    assert ledger.get(row.id).mode == "simulated"
