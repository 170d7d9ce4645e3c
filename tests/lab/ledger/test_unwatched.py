"""Tasks that nobody watches any more: who may stop, what goes on all the same, and when a hold is given back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Sweep
from rivya_core.api.errors import LabError
from rivya_core.lab.jobs import supervisor
from rivya_core.lab.jobs.poll_schedule import STALE_GAP_S
from rivya_core.lab.jobs.wait import next_gap_s
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.mapping import damaged_rows
from rivya_core.lab.ledger.records import BalanceRecord, GenerationRecord
from rivya_core.lab.ledger.states import State
from tests.lab.given import CARD, CLIP, HERE, Clock, accept, added, answer, attempted, in_state
from tests.pace import quicken
from tests.until import until

pytestmark = pytest.mark.database

OVERDUE_S = 1800.0
PRICE = 160


def told(ledger: Ledger, clock: Clock, balance: int, connection: str = HERE) -> list[str]:
    """A reading of the wallet, a minute after what was before; the rows whose hold it gives back."""
    clock.turn(60)
    ledger.key_value.set_balance(connection, BalanceRecord(credits=balance, asked_at=clock()))
    clock.turn(1)
    return list(ledger.actions.release_untaken(connection))


def unwatched(ledger: Ledger, clock: Clock, state: State = State.RUNNING) -> GenerationRecord:
    """A row that somebody stopped watching when it was overdue."""
    row = in_state(ledger, state)
    clock.turn(OVERDUE_S + 1)
    ledger.actions.stop_watching(row.id, OVERDUE_S)
    return ledger.get(row.id)


# -- who may stop --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.RUNNING, State.UNSAVED])
def test_only_what_is_overdue_can_be_left_unwatched(ledger: Ledger, clock: Clock, state: State) -> None:
    """Before its time a sentence says when; afterwards the mark stands, and neither state nor hold moves."""
    row = in_state(ledger, state)
    clock.turn(OVERDUE_S - 1)
    with pytest.raises(LabError, match="too early") as caught:
        ledger.actions.stop_watching(row.id, OVERDUE_S)
    assert "30 min" in caught.value.detail
    clock.turn(2)
    ledger.actions.stop_watching(row.id, OVERDUE_S)
    after = ledger.get(row.id)
    assert (after.unwatched_at, after.state, after.held_credits) == (clock(), state, PRICE)
    ledger.actions.watch_again(row.id)
    assert ledger.get(row.id).unwatched_at is None


@pytest.mark.parametrize("state", [state for state in State if state not in {State.RUNNING, State.UNSAVED}])
def test_there_is_nothing_to_stop_in_other_states(ledger: Ledger, clock: Clock, state: State) -> None:
    """What has not been accepted, has ended or waits for a person is not watched."""
    row = in_state(ledger, state)
    clock.turn(OVERDUE_S * 100)
    with pytest.raises(LabError, match="nothing to stop watching"):
        ledger.actions.stop_watching(row.id, OVERDUE_S)
    assert ledger.get(row.id) == row


def test_an_unwatched_row_is_on_no_list_of_what_runs(ledger: Ledger, clock: Clock, history: History) -> None:
    """It stays in History and is still driven by a job."""
    row = unwatched(ledger, clock)
    lost = unwatched(ledger, clock, State.UNSAVED)
    assert (history.running(), history.running_count(), history.failures_count()) == ([], 0, 0)
    assert {one.id for one in history.page().rows} == {row.id, lost.id}
    assert {one.id for one in ledger.open_rows()} == {row.id, lost.id}


# -- what comes all the same ---------------------------------------------------------------------------------------


def test_a_clip_that_comes_late_is_kept_and_the_mark_goes(ledger: Ledger, clock: Clock) -> None:
    """The row goes its way as ever."""
    row = unwatched(ledger, clock)
    ready = ledger.jobs.ready(
        row.id, answer("succeeded", final_credits=PRICE, result={"primary_url": "http://127.0.0.1/c"})
    )
    assert (ready.state, ready.unwatched_at, ready.held_credits) == (State.SAVING, None, PRICE)
    ledger.jobs.saved(row.id, CLIP)
    assert ledger.jobs.succeed(row.id).state is State.SUCCEEDED


def test_a_clip_that_is_fetched_late_takes_the_mark_away(ledger: Ledger, clock: Clock) -> None:
    """Also where the task had succeeded long ago."""
    row = unwatched(ledger, clock, State.UNSAVED)
    assert ledger.jobs.saved(row.id, CLIP).unwatched_at is None


@pytest.mark.parametrize("price", [None, 0, PRICE, 320])
def test_what_was_given_back_counts_again_when_the_task_succeeds(
    ledger: Ledger, clock: Clock, price: int | None
) -> None:
    """A server may take the credits only at the end: the ledger follows it, by movements that add up."""
    told(ledger, clock, 1000)
    row = unwatched(ledger, clock)
    assert told(ledger, clock, 1000) == [row.id]
    ready = ledger.jobs.ready(
        row.id, answer("succeeded", final_credits=price, result={"primary_url": "http://127.0.0.1/c"})
    )
    assert ready.held_credits == (price or PRICE)
    assert sum(move.credits for move in ledger.rows.movements(row.id)) == ready.held_credits


@pytest.mark.parametrize(("price", "held"), [(None, 0), (0, 0), (PRICE, PRICE)])
def test_a_task_that_fails_after_all_costs_what_it_says(
    ledger: Ledger, clock: Clock, price: int | None, held: int
) -> None:
    """Released stays released, unless Rivya names a price."""
    told(ledger, clock, 1000)
    row = unwatched(ledger, clock)
    told(ledger, clock, 1000)
    failed = ledger.jobs.failed_at_rivya(row.id, answer("failed", final_credits=price))
    assert (failed.state, failed.held_credits, failed.unwatched_at) == (State.FAILED, held, None)


# -- when the hold goes --------------------------------------------------------------------------------------------


def test_a_hold_goes_when_the_wallet_shows_that_nothing_was_taken(ledger: Ledger, clock: Clock) -> None:
    """A reading before the request and one after the mark, alike: released, with both in words."""
    told(ledger, clock, 1000)
    row = unwatched(ledger, clock)
    assert told(ledger, clock, 1000) == [row.id]
    after = ledger.get(row.id)
    assert (after.state, after.held_credits, after.settlement) == (State.RUNNING, 0, "released")
    assert "1,000 credits before it was sent" in ledger.rows.movements(row.id)[-1].reason
    assert told(ledger, clock, 1000) == []


@pytest.mark.database("sqlite")
def test_a_damaged_row_keeps_no_other_from_its_hold(ledger: Ledger, clock: Clock) -> None:
    """It is named and stays as it is; what the wallet shows of the others counts."""
    told(ledger, clock, 1000)
    damaged, row = unwatched(ledger, clock), unwatched(ledger, clock)
    with begin_immediate(ledger.database) as connection:
        spoil = sa.text("UPDATE lab_generations SET request = '{broken' WHERE id = :id")
        connection.execute(spoil, {"id": damaged.id})
    assert told(ledger, clock, 1000) == [row.id]
    assert damaged_rows(ledger.database) == (damaged.id,)


def _charged(ledger: Ledger, clock: Clock) -> int:
    unwatched(ledger, clock)
    return 840


def _topped_up(ledger: Ledger, clock: Clock) -> int:
    unwatched(ledger, clock)
    return 1300


def _watched_again(ledger: Ledger, clock: Clock) -> int:
    ledger.actions.watch_again(unwatched(ledger, clock).id)
    return 1000


def _another_ran(ledger: Ledger, clock: Clock) -> int:
    other = in_state(ledger, State.RUNNING, "A grey wolf")
    unwatched(ledger, clock)
    ledger.jobs.failed_at_rivya(other.id, answer("failed", final_credits=0))
    return 1000


def _another_runs(ledger: Ledger, clock: Clock) -> int:
    unwatched(ledger, clock)
    in_state(ledger, State.RUNNING, "A grey wolf")
    return 1000


def _another_was_in_doubt(ledger: Ledger, clock: Clock) -> int:
    unwatched(ledger, clock)
    in_state(ledger, State.UNCONFIRMED, "A grey wolf")
    return 1000


def _another_key(ledger: Ledger, clock: Clock) -> int:
    unwatched(ledger, clock)
    ledger.rows.key_fingerprint = "e" * 16
    return 1000


@pytest.mark.parametrize(
    "course", [_charged, _topped_up, _watched_again, _another_ran, _another_runs, _another_was_in_doubt, _another_key]
)
def test_a_hold_stays_while_anything_else_may_explain_the_wallet(
    ledger: Ledger, clock: Clock, course: Callable[[Ledger, Clock], int]
) -> None:
    """Only the plain case is evidence."""
    told(ledger, clock, 1000)
    now = course(ledger, clock)
    assert told(ledger, clock, now) == []
    assert told(ledger, clock, now) == []


def test_a_reading_that_was_open_when_the_request_left_is_no_evidence(ledger: Ledger, clock: Clock) -> None:
    """Asked before the request, answered after it: the figure may hold the charge already."""
    row = added(ledger)
    asked = clock()
    clock.turn(1)
    attempted(ledger, row.id)
    ledger.key_value.set_balance(HERE, BalanceRecord(credits=840, asked_at=asked))
    accept(ledger, row.id)
    clock.turn(OVERDUE_S + 1)
    ledger.actions.stop_watching(row.id, OVERDUE_S)
    assert told(ledger, clock, 840) == []


def test_a_reading_from_before_the_mark_says_nothing_yet(ledger: Ledger, clock: Clock) -> None:
    """Credits may be taken when a task starts, so the wallet is asked once more when it is given up."""
    told(ledger, clock, 1000)
    row = in_state(ledger, State.RUNNING)
    told(ledger, clock, 1000)
    clock.turn(OVERDUE_S + 1)
    ledger.actions.stop_watching(row.id, OVERDUE_S)
    assert ledger.actions.release_untaken(HERE) == []
    assert told(ledger, clock, 1000) == [row.id]


def test_several_that_nobody_watches_are_shown_together(ledger: Ledger, clock: Clock) -> None:
    """None gives credits to another: when nothing is missing, none took any."""
    told(ledger, clock, 1000)
    rows = [in_state(ledger, State.RUNNING) for _ in range(3)]
    clock.turn(OVERDUE_S + 1)
    for row in rows[:2]:
        ledger.actions.stop_watching(row.id, OVERDUE_S)
    assert told(ledger, clock, 1000) == []
    ledger.actions.stop_watching(rows[2].id, OVERDUE_S)
    assert sorted(told(ledger, clock, 1000)) == sorted(row.id for row in rows)


def test_one_that_was_open_before_is_no_part_of_it(ledger: Ledger, clock: Clock) -> None:
    """It may have been charged before the first reading, and refunded between the two."""
    first = in_state(ledger, State.RUNNING)
    told(ledger, clock, 840)
    second = in_state(ledger, State.RUNNING)
    clock.turn(OVERDUE_S + 1)
    for row in (first, second):
        ledger.actions.stop_watching(row.id, OVERDUE_S)
    assert told(ledger, clock, 840) == []
    assert ledger.jobs.unsaved(second.id, CARD, in_s=1).held_credits == PRICE


# -- in a lab ------------------------------------------------------------------------------------------------------


@pytest.mark.database("sqlite")  # steers the simulator in its own process
def test_a_sweep_ends_when_its_canceled_take_is_not_watched(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word that nobody knows is watched for ever; once a person stops, the sweep ends, and a late clip is kept all the same."""
    quicken(monkeypatch)
    monkeypatch.setattr(supervisor, "TICK_S", 0.01)
    lab = make_lab(overdue_after_s=1.0)
    assert lab.simulator is not None
    world = lab.simulator.world
    lab.check_connection()
    world.add_fault("unknown_state", route="retrieve", word="canceled", times=None)
    id_ = lab.start(Sweep("canceled", "?", GenerationRequest(prompt="A fox"), takes=1))
    [take] = lab.sweep(id_).cells[0].takes
    assert take.generation_id is not None
    until(lambda: lab.get(str(take.generation_id)).task_status == "canceled")
    until(lambda: _stopped(lab, str(take.generation_id)), what="overdue")
    status = lab.wait_sweep(id_, timeout_s=5)
    assert (status.unwatched, status.is_done, status.open_takes) == (1, True, 0)
    assert lab.wait(take.generation_id, timeout_s=1).state is State.RUNNING
    assert lab.verdicts.look(id_).open_takes == 0
    assert not any(cost.is_working for cost in lab.spending.experiments(lab.mode))
    world.clear_faults()
    lab.check_now(take.generation_id)
    until(lambda: lab.get(str(take.generation_id)).state is State.SUCCEEDED)
    row = lab.get(take.generation_id)
    assert (row.unwatched_at, row.held_credits, row.has_clip) == (None, PRICE, True)


def _stopped(lab: Lab, id_: str) -> bool:
    try:
        lab.stop_watching(id_)
    except LabError:
        return False
    return True


def test_an_unwatched_row_is_read_every_six_hours(make_lab: Callable[..., Lab], ledger: Ledger, clock: Clock) -> None:
    """Whatever its age; the first read after a start comes at once."""
    context = make_lab()._jobs
    row = unwatched(ledger, clock)
    schedule = None
    assert next_gap_s(context, row, schedule, 1) == STALE_GAP_S  # type: ignore[arg-type]  # not asked for
