"""What exists is never bought again: start, extend, rest and retry assign first, and their prices say so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, State
from rivya_core.api.errors import BudgetError, InvalidRequestError, RivyaError
from rivya_core.lab.drafts import drafts
from rivya_core.lab.evaluation import observations
from rivya_core.lab.evaluation.votes import repository
from rivya_core.lab.experiments.reuse import Existing
from rivya_core.lab.ledger.schema import generations
from tests.lab.experiments.sweeps import BASE, PRICE, end, grid, ids_of, movements_balance
from tests.lab.given import accept, attempted

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def repeat(lab: Lab, generation_id: str, state: State | None = State.SUCCEEDED) -> str:
    """Buy the request of a generation once more on purpose, and bring it to a state; the new id."""
    request = GenerationRequest.from_canonical(lab.get(generation_id).request)
    new = lab.submit(request, parent_id=generation_id).id
    if state is not None:
        end(lab, new, state)
    return new


def bought(lab: Lab) -> int:
    """How many generations were ever stored."""
    return sum(lab.ledger.counts().values())


def fill_of(lab: Lab, experiment_id: str, cell: int = 0, take: int = 0) -> tuple[str | None, bool]:
    """What fills a take, and whether it was there before."""
    found = lab.sweep(experiment_id).cells[cell].takes[take]
    return found.generation_id, found.reused


def test_a_retry_assigns_what_was_repeated_meanwhile(still: Lab) -> None:
    """Two takes failed and both were repeated: the retry costs nothing, says so, and buys nothing."""
    id_ = still.start(grid(cap_credits=3 * PRICE))
    failed, also, kept = ids_of(still, id_)
    for one in (failed, also):
        end(still, one, State.FAILED)
    assert (still.sweep(id_).failed_credits, still.sweep(id_).failed_reused) == (2 * PRICE, 0)
    again = [repeat(still, one) for one in (failed, also)]
    status = still.sweep(id_)
    assert (status.failed, status.failed_credits, status.failed_reused) == (2, 0, 2)
    before = bought(still)
    assert still.sweeps.retry_failed(id_, expected_credits=0) == 0
    assert bought(still) == before
    assert ids_of(still, id_) == [*again, kept]
    status = still.sweep(id_)
    assert (status.failed, status.reused, status.spent_credits) == (0, 2, PRICE)
    assert movements_balance(still)


@pytest.mark.database
def test_a_retry_buys_only_what_is_missing(still: Lab) -> None:
    """One of two failed takes of a cell is there: one is assigned and one bought, at the price that was shown."""
    id_ = still.start(grid([0.5], takes=2))
    for one in ids_of(still, id_):
        end(still, one, State.FAILED)
    made = repeat(still, ids_of(still, id_)[0])
    assert still.sweep(id_).failed_credits == PRICE
    assert still.sweeps.retry_failed(id_, expected_credits=PRICE) == 1
    assert fill_of(still, id_) == (made, True)
    new = still.get(str(fill_of(still, id_, take=1)[0]))
    assert (new.id, new.parent_id) == (f"{id_}-0-2-2", f"{id_}-0-1-2")


def test_a_clip_that_went_elsewhere_meanwhile_is_not_bought_unseen(still: Lab) -> None:
    """The retry was shown at 0 credits, and what it would have reused is gone: it is refused, not bought."""
    id_ = still.start(grid([0.5]))
    end(still, ids_of(still, id_)[0], State.FAILED)
    made = repeat(still, ids_of(still, id_)[0])
    shown = still.sweep(id_).failed_credits
    assert (shown, still.delete([made])) == (0, 1)
    with pytest.raises(BudgetError) as caught:
        still.sweeps.retry_failed(id_, expected_credits=shown)
    assert (caught.value.field, bought(still)) == ("expected_credits", 2)


def test_a_reused_take_that_fails_is_retried_under_a_new_id(still: Lab) -> None:
    """Bought, failed, reused, failed again, bought again: no id is used twice, however often it goes round."""
    id_ = still.start(grid([0.5]))
    for number in (1, 2, 3):
        assert ids_of(still, id_) == [f"{id_}-0-{number}-1"]
        end(still, ids_of(still, id_)[0], State.FAILED)
        coming = repeat(still, ids_of(still, id_)[0], None)
        assert still.sweeps.retry_failed(id_) == 0
        assert fill_of(still, id_) == (coming, True)
        end(still, coming, State.FAILED)
        assert still.sweeps.retry_failed(id_) == 1
    assert bought(still) == 7


def test_a_take_that_somebody_cancelled_takes_what_another_sweep_bought(still: Lab) -> None:
    """A cancelled take leaves its place free; the next sweep buys it, and the retry of the first shares it."""
    first = still.start(grid([0.5]))
    still.sweeps.cancel_waiting(first)
    second = still.start(grid([0.5]))
    assert still.sweeps.retry_failed(first) == 0
    assert fill_of(still, first) == (ids_of(still, second)[0], True)
    assert still.ledger.counts() == {State.CANCELLED: 1, State.WAITING: 1}


@pytest.mark.database
def test_what_may_have_been_charged_fills_a_take_until_it_turns_out_failed(still: Lab) -> None:
    """A row of unknown outcome is shared like one on its way; closed as not charged, the take wants a retry."""
    id_ = still.start(grid([0.5]))
    (one,) = ids_of(still, id_)
    assert still.ledger.jobs.begin_attempt(one, b"{}", "0" * 64) is not None
    still.ledger.jobs.end_attempt(one, RivyaError("No answer"), outcome_known=False)
    still.ledger.rows.move(one, {State.SUBMITTING}, State.UNCONFIRMED)
    other = still.start(grid([0.5]))
    assert (ids_of(still, other), still.sweep(other).failed) == ([one], 0)
    still.close_unconfirmed(one)
    assert (still.sweep(id_).failed_credits, still.sweep(other).failed_credits) == (PRICE, PRICE)
    assert (still.sweeps.retry_failed(other), still.sweeps.retry_failed(id_)) == (1, 0)
    assert ids_of(still, other) == ids_of(still, id_) != [one]


MARKS: dict[str, dict[str, Any]] = {
    "same task": {"duplicate_of": "another"},
    "damaged": {"clip_check": "damaged"},
    "hidden": {"deleted_at": NOW},
    "example": {"source": "example"},
    "another connection": {"connection": "http://127.0.0.1:9"},
    "live": {"mode": "live"},
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_what_is_no_clip_of_its_own_fills_no_take(still: Lab, mark: dict[str, Any]) -> None:
    """Rows of another task, connection or mode, damaged, hidden and example ones are neither reused nor told as existing."""
    row = still.submit(GenerationRequest(prompt=BASE.prompt, params={"cfg_scale": 0.5}))
    end(still, row.id)
    assert (still.existing(row).clips, still.quote(grid([0.5])).reused) == ((row.id,), 1)
    with still.ledger.writing() as connection:
        connection.execute(sa.update(generations).where(generations.c.id == row.id).values(**mark))
    assert (still.existing(row), still.quote(grid([0.5])).reused) == (Existing(), 0)


@pytest.mark.database
def test_a_take_that_nobody_watches_is_made_again_once_its_hold_is_given_back(still: Lab) -> None:
    """While a task that nobody watches may have been paid it is neither bought again nor retried; afterwards it is shared with nobody."""
    id_ = still.start(grid([0.5]))
    (one,) = ids_of(still, id_)
    assert still.ledger.jobs.begin_attempt(one, b"{}", "0" * 64) is not None
    still.ledger.rows.update(one, unwatched_at=NOW)
    assert (still.quote(grid([0.5])).reused, still.sweep(id_).failed, still.sweeps.retry_failed(id_)) == (1, 0, 0)
    assert still.existing(still.get(one)).sentence == (
        "1 clip of exactly this is no longer watched and may still come."
    )
    still.ledger.jobs.release(one, "the wallet shows that nothing was taken")
    assert (still.quote(grid([0.5])).reused, still.sweep(id_).failed, still.sweep(id_).failed_credits) == (0, 1, PRICE)
    assert still.sweeps.retry_failed(id_) == 1


@pytest.mark.parametrize("mark", [{"clip_check": "damaged"}, {"duplicate_of": "x-0-1-1"}], ids=["damaged", "same task"])
def test_a_take_without_a_clip_to_judge_is_retried_for_its_price(still: Lab, mark: dict[str, Any]) -> None:
    """The clip that was paid for is kept, the take counts as one to be made again, and the price is said."""
    id_ = still.start(grid([0.5]))
    (one,) = ids_of(still, id_)
    end(still, one)
    still.ledger.rows.update(one, **mark)
    status = still.sweep(id_)
    assert (status.failed, status.damaged, status.failed_credits) == (1, int("clip_check" in mark), PRICE)
    assert still.sweeps.retry_failed(id_, expected_credits=PRICE) == 1
    assert (still.get(one).has_clip, ids_of(still, id_), still.sweep(id_).failed) == (True, [f"{id_}-0-2-1"], 0)


def test_what_may_have_been_charged_is_made_again_only_once_it_is_known_to_have_taken_nothing(still: Lab) -> None:
    """A take that nobody watches keeps its place in the sweep until then, which can end and be deleted all the same."""
    id_ = still.start(grid([0.5], takes=2))
    lost, other = ids_of(still, id_)
    assert still.cancel(other)
    attempted(still.ledger, lost)
    accept(still.ledger, lost)
    still.ledger.actions.stop_watching(lost, 0.0)
    status = still.sweep(id_)
    assert (status.is_done, status.open_takes, status.unwatched) == (True, 0, 1)
    assert (status.failed, status.given_up, status.failed_credits) == (1, 0, PRICE)
    still.ledger.jobs.release(lost, "not charged")
    status = still.sweep(id_)
    assert (status.unwatched, status.failed, status.given_up, status.failed_credits) == (1, 2, 1, 2 * PRICE)
    still.sweeps.delete(id_)


def test_a_damaged_clip_that_is_fetched_again_is_on_its_way(still: Lab) -> None:
    """Nobody is offered to buy again what a fetch may still mend; it is shared like any other that is on its way."""
    id_ = still.start(grid([0.5]))
    (one,) = ids_of(still, id_)
    end(still, one)
    assert still.ledger.actions.damaged_clip(one, "The second half is noise.")
    assert (still.get(one).state, still.get(one).clip_check) == (State.UNSAVED, "damaged")
    assert (still.sweep(id_).failed, still.sweep(id_).damaged, still.quote(grid([0.5])).reused) == (0, 0, 1)
    assert still.existing(still.get(one)).coming == (one,)


def test_a_whole_and_an_unopened_clip_exist(still: Lab) -> None:
    """Checked to its end, or kept without being opened: it was paid for and can be seen."""
    row = still.submit(GenerationRequest(prompt=BASE.prompt, params={"cfg_scale": 0.5}))
    end(still, row.id)
    for check in ("whole", "unopened"):
        still.ledger.rows.update(row.id, clip_check=check)
        assert (still.quote(grid([0.5])).reused, still.existing(row).clips) == (1, (row.id,))


def test_the_price_of_the_rest_counts_what_is_there_meanwhile(still: Lab) -> None:
    """A planned take that was made elsewhere is free, on the button as in the purchase and on Spend."""
    id_ = still.start(grid(cap_credits=2 * PRICE), only_what_fits=True)
    made = still.submit(GenerationRequest(prompt=BASE.prompt, params={"cfg_scale": 1}))
    status = still.sweep(id_)
    assert (status.planned, status.planned_credits, status.planned_reused) == (1, 0, 1)
    [cost] = still.spending.experiments("simulated")
    assert (cost.planned_takes, cost.planned_credits) == (1, 0)
    assert still.spending.forecasts("simulated")[0].total_credits == 2 * PRICE
    assert still.sweeps.start_rest(id_, expected_credits=0) == 0
    assert fill_of(still, id_, cell=2) == (made.id, True)


def test_two_sweeps_started_at_once_share_what_neither_has(still: Lab) -> None:
    """Of two starts at the same moment one buys all takes and the other reuses all of them."""
    together = Barrier(2)

    def start(_: int) -> str:
        together.wait()
        return still.start(grid(takes=2))

    with ThreadPoolExecutor(2) as pool:
        ids = list(pool.map(start, range(2)))
    assert ids_of(still, ids[0]) == ids_of(still, ids[1])
    assert sorted(still.sweep(id_).reused for id_ in ids) == [0, 6]
    assert still.ledger.counts() == {State.WAITING: 6}


def test_two_retries_at_once_buy_once(still: Lab) -> None:
    """A retry pressed in two tabs is one."""
    id_ = still.start(grid())
    for one in ids_of(still, id_):
        end(still, one, State.FAILED)
    together = Barrier(2)

    def retry(_: int) -> int:
        together.wait()
        return still.sweeps.retry_failed(id_, expected_credits=3 * PRICE)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(retry, range(2))) == [0, 3]


def test_an_extended_sweep_buys_the_new_values_alone(still: Lab) -> None:
    """What its parent made, by itself or by a repeat, is reused."""
    parent = still.start(grid([0, 0.5]))
    end(still, ids_of(still, parent)[0], State.FAILED)
    made = repeat(still, ids_of(still, parent)[0])
    extended = still.start(grid([0, 0.5, 1], parent_id=parent))
    assert (still.sweep(extended).reused, still.sweep(extended).spent_credits) == (2, PRICE)
    assert fill_of(still, extended) == (made, True)


FORMS = {"newline": "Café, slow\n", "CRLF": "\r\nCafé, slow\r\n", "NFD": "Cafe\u0301, slow"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_other_bytes_of_the_same_words_are_reused_and_sent_as_typed(still: Lab, form: str) -> None:
    """By quote, start, rest, retry and by what is said to exist; the row and the cell keep what was typed."""
    plain, typed = GenerationRequest(prompt="Café, slow"), GenerationRequest(prompt=form)
    id_ = still.start(grid([0.5], base=plain))
    assert still.quote(grid([0.5], base=typed)).reused == 1
    other = still.start(grid([0.5, 1], base=typed))
    assert fill_of(still, other) == (ids_of(still, id_)[0], True)
    cell = still.sweep(other).cells[1]
    assert cell.request["prompt"] == still.get(ids_of(still, other)[1]).prompt == form
    assert still.existing(typed) == still.existing(plain)
    end(still, ids_of(still, id_)[0], State.FAILED)
    assert still.sweeps.retry_failed(id_) == 1
    assert (still.sweeps.retry_failed(other), fill_of(still, other)[1]) == (0, True)


def test_a_draft_with_a_newline_more_is_the_same_double_click(still: Lab) -> None:
    """Enter adds a line at the end of the box; a press within two seconds is the same wish all the same."""
    draft = drafts.Draft(prompt="A fox")
    (first,), _ = drafts.submit(still, draft, NOW)
    (second,), repeated = drafts.submit(still, replace(draft, prompt="A fox\n"), NOW)
    assert (second.id, repeated) == (first.id, True)


@pytest.mark.parametrize(
    "axes",
    [{"thing": ["a caf\u00e9", "a cafe\u0301"]}, {"prompt": ["a cat", "a cat\n"]}, {"negative_prompt": ["x", " x"]}],
    ids=["variable", "prompt", "negative prompt"],
)
def test_values_that_differ_only_in_form_are_refused(axes: dict[str, list[str]]) -> None:
    """They would be one combination twice; the sentence says which and why."""
    with pytest.raises(InvalidRequestError, match="differ only in line breaks, blanks at the ends or Unicode form"):
        grid(axes=axes, base=GenerationRequest(prompt="{{thing}}" if "thing" in axes else "A fox"))


def test_a_value_that_shows_nothing_is_refused(still: Lab) -> None:
    """A prompt that is invisible once it is filled in is empty, whatever made it so."""
    for base, axes in (
        ("{{thing}}", {"thing": ["cat", "\u2800"]}),
        ("{\u200b|cat}", {}),
        ("x", {"prompt": ["\u3164"]}),
    ):
        with pytest.raises(InvalidRequestError, match="must not be empty"):
            grid(axes=axes, base=GenerationRequest(prompt=base))
    with pytest.raises(InvalidRequestError, match="same request"):
        grid(axes={"negative_prompt": ["", "\u200b"]})


def test_what_exists_is_told_in_one_sentence(make_still: Callable[..., Lab]) -> None:
    """Clips, those on their way, both or nothing."""
    lab = make_still()
    assert lab.existing(BASE) == Existing()
    assert Existing().sentence == ""
    first = lab.submit(BASE)
    assert lab.existing(first).sentence == "1 clip of exactly this is on the way."
    end(lab, first.id)
    assert lab.existing(BASE).sentence == "You have 1 clip of exactly this."
    again = [lab.submit(BASE, parent_id=first.id).id for _ in range(3)]
    end(lab, again[0])
    found = lab.existing(BASE.reuse_sha256)
    assert found.ids == (first.id, *again)
    assert found.sentence == "You have 2 clips of exactly this, and 2 more are on the way."
    with pytest.raises(RivyaError) as caught:
        lab.existing(5)  # type: ignore[arg-type]  # what callers without types may pass
    assert caught.value.field == "request"


@pytest.mark.parametrize("mark", [{"clip_check": "damaged"}, {"duplicate_of": "x-0-1-1"}], ids=["damaged", "same task"])
@pytest.mark.database
def test_what_is_no_clip_of_its_own_is_no_evidence(still: Lab, mark: dict[str, Any]) -> None:
    """Neither a verdict nor a vote counts it; the others of its sweep do."""
    id_ = still.start(grid([0.5, 1], takes=2))
    for one in ids_of(still, id_):
        end(still, one)
    first, *others = ids_of(still, id_)
    still.ledger.rows.update(first, **mark)
    with still.ledger.reading() as connection:
        observed = observations.read(connection, id_)
        field = repository.field(connection, id_, "simulated")
    assert observed is not None
    assert [take.generation_id for take in observed.takes] == others
    assert field.clips == {0: (others[0],), 1: tuple(others[1:])}
