"""Moves between states: only the legal ones, only from where the row is, each with its line in the timeline."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from rivya_core.api.errors import LabError
from rivya_core.lab.ledger.credits import Settle
from rivya_core.lab.ledger.database import open_database
from rivya_core.lab.ledger.database.sqlite import SqliteWatch
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import LEGAL, TERMINAL, State
from tests.lab.given import CARD, Clock, added, in_state

pytestmark = pytest.mark.database

PAIRS = [(a, b) for a in State for b in State]


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{a}-{b}" for a, b in PAIRS])
def test_only_legal_moves_are_made(ledger: Ledger, old: State, new: State) -> None:
    """Every legal transition works and is written down; every other one is refused as a bug and changes nothing."""
    row = in_state(ledger, old)
    lines = len(ledger.rows.events(row.id))
    if new not in LEGAL[old]:
        with pytest.raises(ValueError, match="no generation may go"):
            ledger.rows.move(row.id, {old}, new)
        assert ledger.get(row.id) == row
        return
    assert ledger.rows.move(row.id, {old}, new, note={"why": "a test"})
    moved = ledger.get(row.id)
    assert moved.state is new
    assert (moved.finished_at is not None) == (new in TERMINAL)
    last = ledger.rows.events(row.id)[lines:]
    assert [(line.kind, line.detail) for line in last] == [("state", {"from": old, "to": new, "why": "a test"})]


def test_a_row_that_went_on_is_not_moved(ledger: Ledger) -> None:
    """Compare-and-set: whoever comes second is told so, and nothing is written."""
    row = added(ledger)
    assert ledger.rows.move(row.id, {State.WAITING}, State.SUBMITTING)
    assert not ledger.rows.move(row.id, {State.WAITING}, State.CANCELLED)
    assert ledger.get(row.id).state is State.SUBMITTING
    assert len(ledger.rows.events(row.id)) == 2


def test_one_of_twenty_threads_wins_a_row(ledger: Ledger) -> None:
    """Twenty threads that want the same move make exactly one."""
    row = added(ledger)
    won: list[bool] = []
    start = threading.Barrier(20)

    def run() -> None:
        start.wait()
        won.append(ledger.rows.move(row.id, {State.WAITING}, State.SUBMITTING))

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 19 + [True]


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_an_ended_row_never_keeps_its_reservation(ledger: Ledger, state: State) -> None:
    """Who forgets to say what becomes of the credits gives them back."""
    old = State.WAITING if state is State.CANCELLED else State.SUBMITTING
    row = in_state(ledger, old)
    ledger.rows.move(row.id, {old}, state)
    ended = ledger.get(row.id)
    assert (ended.held_credits, ended.settlement) == (0, "released")


def test_a_move_can_carry_credits_and_columns(ledger: Ledger) -> None:
    """A failed row that was charged all the same is settled in the same transaction, with its card."""
    row = in_state(ledger, State.RUNNING)
    assert ledger.rows.move(row.id, {State.RUNNING}, State.FAILED, credits=Settle(160), error=CARD)
    ended = ledger.get(row.id)
    assert (ended.held_credits, ended.final_credits, ended.settlement) == (160, 160, "settled")
    assert ended.error == CARD


@pytest.mark.parametrize(
    "column", ["state", "mode", "held_credits", "settlement", "final_credits", "finished_at", "id"]
)
def test_guarded_columns_cannot_be_set_by_the_way(ledger: Ledger, column: str) -> None:
    """States and credits change through moves and movements only."""
    row = added(ledger)
    columns: dict[str, Any] = {column: "x"}
    with pytest.raises(ValueError, match=column):
        ledger.rows.update(row.id, **columns)


def test_an_unknown_id_is_told(ledger: Ledger) -> None:
    """Reading, moving and updating an id that is not there say so."""
    for call in (
        lambda: ledger.get("nope"),
        lambda: ledger.rows.move("nope", {State.WAITING}, State.SUBMITTING),
        lambda: ledger.rows.update("nope", starred=True),
    ):
        with pytest.raises(LabError, match="nope") as caught:
            call()
        assert caught.value.field == "id"


def test_times_are_aware_and_exact(ledger: Ledger, clock: Clock) -> None:
    """A moment comes back as it went in, to the microsecond, in UTC."""
    clock.turn(0.123456)
    row = added(ledger)
    assert row.created_at == clock.now
    assert row.created_at.utcoffset() is not None


def test_an_error_card_can_be_cleared(ledger: Ledger) -> None:
    """None takes a card away."""
    row = added(ledger)
    ledger.rows.update(row.id, error=CARD)
    assert ledger.get(row.id).error == CARD
    ledger.rows.update(row.id, error=None)
    assert ledger.get(row.id).error is None


@pytest.mark.database("sqlite")
def test_changes_of_all_processes_are_seen(ledger: Ledger) -> None:
    """The counter grows with writes through this engine and through another one, and rests in between."""
    start = ledger.changes()
    assert ledger.changes() == start
    row = added(ledger)
    own = ledger.changes()
    assert own > start
    other = open_database_of(ledger)
    other.rows.update(row.id, starred=True)
    other.database.dispose()
    assert ledger.changes() > own
    rest = ledger.changes()
    ledger.get(row.id)
    assert ledger.changes() == rest


def open_database_of(ledger: Ledger) -> Ledger:
    """A second ledger on the same file, with connections of its own."""
    return Ledger(open_database(Path(str(ledger.database.url.database))))


@pytest.mark.database("sqlite")
def test_looking_for_changes_costs_next_to_nothing(ledger: Ledger) -> None:
    """A live view may ask at every tick: one question that reads no table, on a connection that is kept open."""
    ledger.changes()
    asked: list[str] = []
    watch = ledger.rows.remembered._watch
    assert isinstance(watch, SqliteWatch)
    connection = watch._connection
    assert connection is not None
    connection.set_trace_callback(asked.append)
    for _ in range(3):
        ledger.changes()
    assert asked == ["PRAGMA data_version"] * 3


@pytest.mark.parametrize("id_", ["unknown", "\ud800", "ä", "", None, 7], ids=ascii)
def test_an_id_that_nobody_has_is_told_whatever_it_is(ledger: Ledger, id_: Any) -> None:
    """No text, and nothing else, lets an error of the database out."""
    with pytest.raises(LabError, match="There is no such generation") as refused:
        ledger.get(id_)
    assert refused.value.field == "id"
    assert ledger.rows.events(id_) == []
    assert ledger.rows.movements(id_) == []
