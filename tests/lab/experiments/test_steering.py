"""What people do to a sweep that runs: pause, take back, try again, cap, decide, hide."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, State
from rivya_core.api.errors import BudgetError, InvalidRequestError, LabError
from rivya_core.lab.ledger.schema import cap_changes
from tests.api.images import png
from tests.lab.experiments.sweeps import PRICE, end, grid, ids_of, movements_balance
from tests.pace import quicken
from tests.until import until


def unfinished(lab: Lab, ids: list[str]) -> dict[str, bool]:
    """Workflows that the engine still has for these rows, and whether it has begun them."""
    names = [f"{row.id}:{run}" for row in (lab.get(id_) for id_ in ids) for run in range(1, row_runs(lab, row.id) + 1)]
    return lab._queue.unfinished(names)


def row_runs(lab: Lab, id_: str) -> int:
    """How many workflows a row has had."""
    with lab.ledger.reading() as connection:
        found = connection.exec_driver_sql("SELECT runs FROM lab_generations WHERE id = ?", (id_,)).scalar_one()
    return int(found)


def test_a_paused_sweep_sends_nothing_and_holds_no_job(paused: Lab) -> None:
    """Its rows leave the engine even while the whole queue stands, and the housekeeping does not bring them back."""
    id_ = paused.start(grid())
    ids = ids_of(paused, id_)
    paused.sweeps.pause(id_)
    until(lambda: not unfinished(paused, ids), what="the engine has let go")
    runs = [row_runs(paused, one) for one in ids]
    paused.resume()
    other = paused.submit(GenerationRequest(prompt="Somebody else's"))
    assert paused.wait(other.id, 20).state is State.SUCCEEDED
    assert [row_runs(paused, one) for one in ids] == runs
    assert paused.sweep(id_).states == {State.WAITING: 3}
    assert paused.simulator is not None
    assert {task.idempotency_key for task in paused.simulator.world.tasks()} == {other.id}


def test_a_resumed_sweep_goes_on_in_order(paused: Lab) -> None:
    """All rows are sent after ``resume``, first takes first."""
    id_ = paused.start(grid(takes=2))
    paused.sweeps.pause(id_)
    until(lambda: not unfinished(paused, ids_of(paused, id_)))
    paused.resume()
    assert paused.sweeps.resume(id_) == 6
    assert paused.sweeps.resume(id_) == 0
    assert paused.wait_sweep(id_).states == {State.SUCCEEDED: 6}
    assert paused.simulator is not None
    posts = [post.idempotency_key or "" for post in paused.simulator.world.requests("create")]
    assert posts == [f"{id_}-{cell}-1-{take}" for take in (1, 2) for cell in range(3)]


def test_a_pause_survives_a_restart(make_lab: Callable[..., Lab], paused: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process, or the next one, finds the sweep paused and leaves it so until it is resumed."""
    id_ = paused.start(grid([0.5]))
    paused.sweeps.pause(id_)
    paused.resume()
    paused.close()
    quicken(monkeypatch)
    lab = make_lab(simulator_credits=10_000, max_creates_in_flight=1)
    assert lab.sweep(id_).experiment.paused_at is not None
    other = lab.submit(GenerationRequest(prompt="Somebody else's"))
    assert lab.wait(other.id, 20).state is State.SUCCEEDED
    assert lab.sweep(id_).states == {State.WAITING: 1}
    lab.sweeps.resume(id_)
    assert lab.wait_sweep(id_).states == {State.SUCCEEDED: 1}


def test_a_row_that_may_have_been_sent_is_not_held_back(still: Lab) -> None:
    """Pausing never strands an attempt whose outcome is unknown: only rows that wait stand still."""
    id_ = still.start(grid())
    sent, *_ = ids_of(still, id_)
    assert still.ledger.jobs.begin_attempt(sent, b"{}", "0" * 64) is not None
    still.sweeps.pause(id_)
    assert still.ledger.jobs.begin_attempt(sent, b"{}", "0" * 64) is not None
    waiting = ids_of(still, id_)[1]
    assert still.ledger.jobs.begin_attempt(waiting, b"{}", "0" * 64) is None
    assert still.ledger.jobs.leave_waiting(waiting) is False
    assert [row.id for row in still.ledger.open_rows(still.connection)] == [sent]


def test_an_image_is_not_uploaded_for_a_paused_sweep(paused: Lab) -> None:
    """The pause is looked at before the upload too."""
    id_ = paused.start(grid(base=GenerationRequest(prompt="A fox", reference_image=png(320, 320))))
    paused.sweeps.pause(id_)
    paused.resume()
    other = paused.submit(GenerationRequest(prompt="Somebody else's"))
    paused.wait(other.id, 20)
    assert paused.simulator is not None
    assert paused.simulator.world.uploads() == []
    assert paused.sweep(id_).states == {State.WAITING: 3}


@pytest.mark.database
def test_waiting_takes_are_taken_back_together(still: Lab) -> None:
    """One call ends all that was never sent, releases it, and leaves what was."""
    id_ = still.start(grid(takes=2))
    sent, *rest = ids_of(still, id_)
    assert still.ledger.jobs.begin_attempt(sent, b"{}", "0" * 64) is not None
    assert still.sweeps.cancel_waiting(id_) == 5
    assert still.sweeps.cancel_waiting(id_) == 0
    status = still.sweep(id_)
    assert status.states == {State.SUBMITTING: 1, State.CANCELLED: 5}
    assert (status.failed, status.spent_credits) == (5, PRICE)
    row = still.get(rest[0])
    assert (row.settlement, row.held_credits, row.final_credits) == ("released", 0, 0)
    assert [event.detail.get("to") for event in still.events(row.id)] == ["waiting", "cancelled"]
    assert movements_balance(still)


def test_reused_takes_of_others_are_not_taken_back(still: Lab) -> None:
    """A sweep cancels what it paid for, not what it borrowed."""
    first = still.start(grid())
    second = still.start(grid([0, 0.25, 0.5, 1]))
    assert still.sweeps.cancel_waiting(second) == 1
    assert still.sweep(first).states == {State.WAITING: 3}


@pytest.mark.database
def test_failed_takes_are_made_once_more(still: Lab) -> None:
    """A new generation with a new key, its failed one as parent; succeeded takes are left alone."""
    id_ = still.start(grid(), experiment_id="x1")
    first, second, third = ids_of(still, id_)
    end(still, first)
    end(still, second, State.FAILED)
    end(still, third, State.CANCELLED)
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(still.sweeps.retry_failed, [id_] * 4))
    assert sorted(counts) == [0, 0, 0, 2]
    assert ids_of(still, id_) == [first, "x1-1-2-1", "x1-2-2-1"]
    again = still.get("x1-1-2-1")
    assert (again.parent_id, again.state, again.experiment_id) == (second, State.WAITING, "x1")
    assert again.request_sha256 == still.get(second).request_sha256
    end(still, again.id, State.FAILED)
    assert still.sweeps.retry_failed(id_) == 1
    assert ids_of(still, id_)[1] == "x1-1-3-1"
    assert movements_balance(still)


def test_a_borrowed_take_that_failed_is_paid_by_whoever_retries(still: Lab) -> None:
    """The sweep that tries again pays for it; the other one still shows the failure."""
    first = still.start(grid([0.5]))
    second = still.start(grid([0.5]))
    end(still, ids_of(still, first)[0], State.FAILED)
    assert still.sweeps.retry_failed(second) == 1
    take = still.sweep(second).cells[0].takes[0]
    assert (take.state, take.reused) == (State.WAITING, False)
    assert still.sweep(second).spent_credits == PRICE
    assert still.sweep(first).failed == 1


def test_a_retry_is_checked_like_a_start(still: Lab) -> None:
    """The experiment's cap holds for it; nothing is started in part."""
    id_ = still.start(grid(cap_credits=3 * PRICE))
    first, second, third = ids_of(still, id_)
    end(still, first)
    end(still, second)
    end(still, third, State.FAILED)
    still.sweeps.set_cap(id_, 2 * PRICE)
    with pytest.raises(BudgetError) as refused:
        still.sweeps.retry_failed(id_)
    assert (refused.value.field, refused.value.fits) == ("experiment_cap", 0)
    assert still.sweep(id_).failed == 1


@pytest.mark.database
def test_raising_a_cap_needs_a_reason_and_is_logged(still: Lab) -> None:
    """Every change is written down; lowering needs no reason."""
    id_ = still.start(grid(cap_credits=480))
    with pytest.raises(LabError) as refused:
        still.sweeps.set_cap(id_, 640, "  ")
    assert refused.value.field == "why"
    with pytest.raises(LabError):
        still.sweeps.set_cap(id_, None)
    with pytest.raises(LabError):
        still.sweeps.set_cap(id_, -1, "why")
    still.sweeps.set_cap(id_, 320)
    still.sweeps.set_cap(id_, 320)
    still.sweeps.set_cap(id_, 640, "two more takes")
    with still.ledger.reading() as connection:
        logged = connection.execute(sa.select(cap_changes).order_by(cap_changes.c.id)).all()
    assert [(row.cap, row.before_credits, row.after_credits, row.why) for row in logged] == [
        (f"experiment:{id_}", 480, 320, ""),
        (f"experiment:{id_}", 320, 640, "two more takes"),
    ]


@pytest.mark.database
def test_a_decision_is_kept_and_can_be_reopened(still: Lab) -> None:
    """The decision and its time are on the experiment."""
    id_ = still.start(grid())
    still.sweeps.decide(id_, {"cell": 2, "why": "calmer"})
    record = still.sweeps.get(id_)
    assert record.decision == {"cell": 2, "why": "calmer"}
    assert record.decided_at is not None
    still.sweeps.decide(id_, None)
    assert (still.sweeps.get(id_).decision, still.sweeps.get(id_).decided_at) == (None, None)


def test_an_ended_sweep_can_be_hidden_and_brought_back(still: Lab) -> None:
    """Not while its takes are open; its clips stay in History."""
    id_ = still.start(grid())
    with pytest.raises(LabError, match="has not ended"):
        still.sweeps.delete(id_)
    still.sweeps.cancel_waiting(id_)
    still.sweeps.delete(id_)
    assert still.sweeps.list() == []
    still.sweeps.undelete(id_)
    assert [record.id for record in still.sweeps.list()] == [id_]


def test_another_connections_sweep_is_not_bought_for(make_lab: Callable[..., Lab], still: Lab) -> None:
    """A lab with another connection shows a sweep and neither retries nor completes it."""
    id_ = still.start(grid(cap_credits=PRICE), only_what_fits=True)
    still.close()
    lab = make_lab(base_url="http://127.0.0.1:9", api_key="rvya_sk_test_0123456789abcdef")
    assert lab.sweep(id_).planned == 2
    for act in (lab.sweeps.start_rest, lab.sweeps.retry_failed):
        with pytest.raises(LabError, match="another connection"):
            act(id_)


def test_a_retry_never_costs_more_than_was_shown(still: Lab) -> None:
    """Another take fails after the price was drawn: nothing is bought, both figures are named; the new price is taken."""
    id_ = still.start(grid())
    first, second, _ = ids_of(still, id_)
    end(still, first, State.FAILED)
    shown = still.sweeps.brief(id_).failed_credits
    end(still, second, State.FAILED)
    with pytest.raises(BudgetError) as refused:
        still.sweeps.retry_failed(id_, expected_credits=shown)
    assert refused.value.field == "expected_credits"
    assert "160 credits were shown; 2 clips would cost 320 credits now. Nothing was bought." in refused.value.detail
    assert still.sweeps.brief(id_).failed == 2
    assert still.sweeps.retry_failed(id_, expected_credits=2 * PRICE) == 2


def test_the_rest_never_costs_more_than_was_shown(make_still: Callable[..., Lab]) -> None:
    """A figure that is too small refuses all; the right one, or a larger one, starts it."""
    lab = make_still(simulator_credits=5 * PRICE)
    id_ = lab.start(grid(cap_credits=PRICE), only_what_fits=True)
    lab.sweeps.set_cap(id_, None, "the rest matters too")
    with pytest.raises(BudgetError) as refused:
        lab.sweeps.start_rest(id_, expected_credits=PRICE)
    assert refused.value.field == "expected_credits"
    assert lab.sweeps.brief(id_).planned == 2
    assert lab.sweeps.start_rest(id_, expected_credits=2 * PRICE) == 2


@pytest.mark.database
def test_failures_are_counted_by_the_value_they_fell_on(still: Lab) -> None:
    """By axis and label, values without a failure left out; what was taken back did not fail."""
    id_ = still.start(grid([0, 1], axes={"cfg_scale": [0, 1], "duration": ["5", "10"]}))
    ids = ids_of(still, id_)
    end(still, ids[1], State.FAILED)
    end(still, ids[3], State.FAILED)
    end(still, ids[0], State.CANCELLED)
    assert still.sweeps.failures(id_) == {"cfg_scale": {"0": 1, "1": 1}, "duration": {"10": 2}}


def test_a_sweep_is_renamed_and_back(still: Lab) -> None:
    """By the rule of a new one's name."""
    id_ = still.start(grid())
    assert still.sweeps.rename(id_, "  Heron ") == "Fox"
    assert still.sweeps.get(id_).name == "Heron"
    for name in ("", " ", "a" * 121):
        with pytest.raises(InvalidRequestError, match="name"):
            still.sweeps.rename(id_, name)
    with pytest.raises(LabError, match="no such"):
        still.sweeps.rename("xnobody", "Heron")
    assert still.sweeps.get(id_).name == "Heron"


@pytest.mark.database
def test_a_hidden_sweep_goes_on_and_comes_back(still: Lab) -> None:
    """Out of the list, and of nothing else."""
    first, second = still.start(grid()), still.start(grid([0.2]))
    assert still.sweeps.hide(first)
    assert not still.sweeps.hide(first)
    assert [record.id for record in still.sweeps.list()] == [second]
    assert [record.id for record in still.sweeps.list(hidden=True)] == [first]
    assert still.sweeps.get(first).hidden_at is not None
    assert still.sweep(first).states == {State.WAITING: 3}
    assert still.sweeps.show(first)
    assert not still.sweeps.show(first)
    assert {record.id for record in still.sweeps.list()} == {first, second}


@pytest.mark.database
def test_sweeps_are_listed_by_label(still: Lab) -> None:
    """Those that carry it, newest first."""
    first, _, third = (still.start(grid([value])) for value in (0.1, 0.2, 0.3))
    still.labels.add("sweep", [first, third], "client")
    assert [record.id for record in still.sweeps.list(label="client")] == [third, first]
    assert still.sweeps.list(label="nobody") == []
