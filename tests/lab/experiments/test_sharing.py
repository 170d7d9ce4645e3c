"""Experiments that share takes, and prices that changed since an experiment was stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rivya_core import GenerationRequest, Lab, State
from rivya_core.api.errors import LabError, RivyaError
from tests.lab.experiments.sweeps import BASE, PRICE, end, grid, ids_of, movements_balance


def learn(lab: Lab, request: GenerationRequest, price: int) -> None:
    """Have the server reserve another price than the catalogue's for such a request."""
    row = lab.submit(request)
    assert lab.ledger.jobs.begin_attempt(row.id, b"{}", "0" * 64) is not None
    assert lab.ledger.jobs.accept(
        row.id, task_id=f"t-{row.id}", reserved_credits=price, task_status="queued", simulated=True
    )


@pytest.mark.database
def test_what_another_experiment_reuses_is_not_taken_back(still: Lab) -> None:
    """Cancelling the payer leaves the takes that somebody else waits for, and they stay paid for."""
    first = still.start(grid())
    second = still.start(grid([0.5, 1]))
    assert still.sweep(second).reused == 2
    assert still.sweeps.cancel_waiting(first) == 1
    assert still.sweep(first).states == {State.CANCELLED: 1, State.WAITING: 2}
    assert still.sweep(second).states == {State.WAITING: 2}
    assert movements_balance(still)


@pytest.mark.database
def test_takes_that_stand_still_are_not_reused(still: Lab) -> None:
    """A new experiment never hangs on a paused one; what the paused one has sent already is reused."""
    first = still.start(grid())
    sent, *_ = ids_of(still, first)
    assert still.ledger.jobs.begin_attempt(sent, b"{}", "0" * 64) is not None
    still.sweeps.pause(first)
    quote = still.quote(grid())
    assert (quote.reused, quote.new) == (1, 2)
    still.sweeps.resume(first)
    assert still.quote(grid()).reused == 3


def test_what_fits_is_priced_cell_by_cell(make_still: Callable[..., Lab]) -> None:
    """Of cells of two prices, those that fit cost what will be held, not their share of the whole."""
    lab = make_still(daily_cap_credits=1200)
    learn(lab, GenerationRequest(prompt="?", params={"duration": "10"}), 320)
    sweep = grid(axes={"duration": ["5", "10"], "cfg_scale": [0, 0.5, 1]}, base=BASE)
    quote = lab.quote(sweep)
    assert (quote.new, quote.credits, quote.fits) == (6, 1440, 4)
    id_ = lab.start(sweep, only_what_fits=True)
    assert quote.fits_credits == 3 * PRICE + 320 == lab.sweep(id_).spent_credits


def test_the_rest_and_a_retry_are_told_at_todays_price(make_still: Callable[..., Lab]) -> None:
    """A price learned after the start is what the buttons say, and what is bought."""
    lab = make_still(daily_cap_credits=320)
    id_ = lab.start(grid([0, 0.5, 1]), only_what_fits=True)
    failed, _ = ids_of(lab, id_)
    end(lab, failed, State.FAILED)
    status = lab.sweep(id_)
    assert (status.planned, status.planned_credits, status.failed, status.failed_credits) == (1, PRICE, 1, PRICE)
    lab.set_cap(None)
    lab.close()
    lab = make_still()
    learn(lab, GenerationRequest(prompt="?"), 200)
    status = lab.sweep(id_)
    assert (status.planned_credits, status.failed_credits) == (200, 200)
    before = status.spent_credits
    assert lab.sweeps.start_rest(id_) == 1
    assert lab.sweeps.retry_failed(id_) == 1
    assert lab.sweep(id_).spent_credits == before + 400


@pytest.mark.parametrize("wrong", [None, "A red fox", {"prompt": "A red fox"}])
def test_what_is_no_request_is_refused_by_name(still: Lab, wrong: object) -> None:
    """Nothing but a request can be submitted or priced."""
    for act in (still.submit, still.expected, lambda one: still.submit_takes(one, 1, intent_id="i")):
        with pytest.raises(RivyaError) as caught:
            act(wrong)  # type: ignore[arg-type]  # what callers without types may pass
        assert caught.value.field == "request"
    with pytest.raises(RivyaError) as caught:
        still.submit_many([BASE, wrong])  # type: ignore[list-item]  # as above
    assert caught.value.field == "request"
    assert still.ledger.counts().get(State.WAITING) is None


@pytest.mark.parametrize("take", ["1", 0, 1.5, True, None])
def test_a_take_that_is_no_number_is_refused_by_name(still: Lab, take: object) -> None:
    """Takes are counted from 1."""
    with pytest.raises(LabError) as caught:
        still.submit(BASE, take=take)  # type: ignore[arg-type]  # what callers without types may pass
    assert caught.value.field == "take"
