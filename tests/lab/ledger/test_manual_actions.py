"""What people may decide, and what they may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rivya_core.api.errors import LabError
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import TERMINAL, State
from tests.lab.given import CARD, CLIP, NOON, Clock, added, attempted, in_state

pytestmark = pytest.mark.database


@pytest.mark.parametrize("state", list(State))
def test_only_what_waits_can_be_taken_back(ledger: Ledger, state: State) -> None:
    """Cancel works before the first POST and never after; nothing was charged then."""
    row = in_state(ledger, state)
    assert ledger.actions.cancel(row.id) == (state is State.WAITING)
    after = ledger.get(row.id)
    if state is State.WAITING:
        assert (after.state, after.held_credits, after.settlement) == (State.CANCELLED, 0, "released")
    else:
        assert after == row


def test_a_row_that_may_have_been_accepted_cannot_be_taken_back(ledger: Ledger) -> None:
    """A row that waits again while an attempt of unknown outcome is open keeps its reservation."""
    row = in_state(ledger, State.SUBMITTING)
    ledger.rows.move(row.id, {State.SUBMITTING}, State.WAITING)
    assert not ledger.actions.cancel(row.id)
    assert ledger.get(row.id).held_credits == 160


def test_asking_again_keeps_key_and_bytes(ledger: Ledger, clock: Clock) -> None:
    """P1: the same request leaves again, in a new re-send window."""
    row = in_state(ledger, State.UNCONFIRMED)
    clock.turn(3600)
    ledger.actions.reopen(row.id)
    again = ledger.get(row.id)
    assert (again.state, again.first_attempt_at) == (State.SUBMITTING, clock.now)
    assert (again.idempotency_key, again.body, again.open_attempts) == (row.idempotency_key, row.body, 1)
    assert again.held_credits == 160


def test_only_an_adopted_task_is_given_back(ledger: Ledger) -> None:
    """A task that Rivya named itself is read for ever; one that a person named can turn out to be none."""
    own = attempted(ledger, added(ledger).id)
    ledger.jobs.accept(own.id, task_id="task_own", reserved_credits=None, task_status=None, simulated=False)
    assert ledger.actions.disown(own.id, CARD) is False
    assert ledger.get(own.id).task_id == "task_own"
    row = in_state(ledger, State.UNCONFIRMED, "A blue fox")
    ledger.actions.adopt(row.id, "task_typo")
    assert ledger.actions.disown(row.id, CARD) is True
    back = ledger.get(row.id)
    assert (back.state, back.task_id, back.held_credits, back.open_attempts) == (State.UNCONFIRMED, None, 160, 1)
    ledger.actions.reopen(row.id)
    ledger.jobs.accept(row.id, task_id="task_true", reserved_credits=None, task_status=None, simulated=False)
    assert ledger.actions.disown(row.id, CARD) is False, (
        "what Rivya named after a person's mistake is Rivya's word again"
    )
    assert ledger.get(row.id).task_id == "task_true"


def test_a_found_task_is_adopted(ledger: Ledger) -> None:
    """P2: an unconfirmed row is tied to the task that a person found."""
    row = in_state(ledger, State.UNCONFIRMED)
    ledger.actions.adopt(row.id, "task_found")
    adopted = ledger.get(row.id)
    assert (adopted.state, adopted.task_id, adopted.error, adopted.open_attempts) == (
        State.RUNNING,
        "task_found",
        None,
        0,
    )
    assert adopted.held_credits == 160


def test_one_task_belongs_to_one_generation(ledger: Ledger) -> None:
    """A task id that another row has, or none at all, is refused."""
    owner, row = in_state(ledger, State.RUNNING), in_state(ledger, State.UNCONFIRMED)
    for task_id in (owner.task_id or "", ""):
        with pytest.raises(LabError) as caught:
            ledger.actions.adopt(row.id, task_id)
        assert caught.value.field == "task_id"
    assert ledger.get(row.id) == row


def test_a_task_id_is_one_connection_s_own(ledger: Ledger) -> None:
    """Two servers may name their tasks alike; what another connection has does not stop an adoption."""
    elsewhere = in_state(ledger, State.RUNNING, connection="http://127.0.0.1:8")
    row = in_state(ledger, State.UNCONFIRMED)
    ledger.actions.adopt(row.id, elsewhere.task_id or "")
    assert ledger.get(row.id).task_id == elsewhere.task_id


def test_a_person_may_close_as_not_charged(ledger: Ledger, clock: Clock) -> None:
    """The reservation is given back, the card is put away, the timeline says who decided."""
    row = in_state(ledger, State.UNCONFIRMED)
    ledger.actions.close_unconfirmed(row.id)
    closed = ledger.get(row.id)
    assert (closed.state, closed.held_credits, closed.settlement) == (State.FAILED, 0, "released")
    assert closed.dismissed_at == clock.now
    assert ledger.rows.events(row.id)[-1].detail["why"] == "closed by a person"


@pytest.mark.parametrize("state", [state for state in State if state is not State.UNCONFIRMED])
@pytest.mark.parametrize(
    "decide",
    [
        pytest.param(lambda ledger, row: ledger.actions.reopen(row), id="ask again"),
        pytest.param(lambda ledger, row: ledger.actions.adopt(row, "task_x"), id="adopt"),
        pytest.param(lambda ledger, row: ledger.actions.close_unconfirmed(row), id="close"),
    ],
)
def test_only_an_unconfirmed_row_is_decided(
    ledger: Ledger, state: State, decide: Callable[[Ledger, str], None]
) -> None:
    """In every other state there is nothing to decide, and it is said."""
    row = in_state(ledger, state)
    with pytest.raises(LabError, match="nothing to decide"):
        decide(ledger, row.id)
    assert ledger.get(row.id) == row


def test_a_lost_file_is_fetched_again(ledger: Ledger) -> None:
    """P2: the row goes back to unsaved, its credits stay settled, and it can succeed a second time."""
    row = in_state(ledger, State.SUCCEEDED)
    ledger.jobs.settle(row.id, 160)
    assert ledger.actions.lost_clip(row.id)
    lost = ledger.get(row.id)
    assert (lost.state, lost.has_clip, lost.result_url, lost.finished_at) == (State.UNSAVED, False, None, None)
    assert (lost.held_credits, lost.settlement) == (160, "settled")
    ledger.jobs.saved(row.id, CLIP)
    done = ledger.jobs.succeed(row.id)
    assert (done.state, done.held_credits, done.settlement) == (State.SUCCEEDED, 160, "settled")
    assert not ledger.actions.lost_clip(added(ledger).id)


def test_only_ended_rows_are_deleted_and_all_come_back(ledger: Ledger, history: History) -> None:
    """P2: a row that is still paid for cannot be hidden; undo brings every hidden one back; credits go on counting."""
    rows = [in_state(ledger, state) for state in State]
    ids = [row.id for row in rows]
    before = {row.id: row.held_credits for row in rows}
    assert ledger.actions.set_deleted(ids, NOON) == len(TERMINAL)
    assert {row.state for row in history.page().rows} == set(State) - TERMINAL
    assert ledger.actions.set_deleted(ids, NOON) == 0
    assert {one: ledger.get(one).held_credits for one in ids} == before
    assert ledger.actions.set_deleted(ids, None) == len(TERMINAL)
    assert history.page().total == len(State)


def test_examples_go_in_one_click(ledger: Ledger, history: History) -> None:
    """Examples are hidden together, everything else stays."""
    mine = in_state(ledger, State.SUCCEEDED)
    for _ in range(3):
        in_state(ledger, State.SUCCEEDED, source="example")
    examples = history.examples()
    assert ledger.actions.set_deleted(examples, NOON) == len(examples) == 3
    assert [row.id for row in history.page().rows] == [mine.id]
    assert history.examples() == []
    ledger.actions.set_deleted(examples, None)
    assert sorted(history.examples()) == sorted(examples)
