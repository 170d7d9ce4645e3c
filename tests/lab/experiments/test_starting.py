"""Starting: whole or not at all, once, in order, under caps, over threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, HistoryFilter, Lab, State
from rivya_core.api.errors import BudgetError, InvalidRequestError, LabError, WaitTimeoutError
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import experiments
from tests.api.images import png
from tests.lab.experiments.sweeps import BASE, PRICE, end, grid, ids_of, movements_balance
from tests.lab.meanwhile import meanwhile


@pytest.mark.database
def test_a_sweep_is_stored_whole_with_its_takes(still: Lab) -> None:
    """Cells with labels and prices, takes waiting, reserved, in History under the experiment; the ids say what they are."""
    id_ = still.start(grid(takes=2, cap_credits=2000), experiment_id="x1")
    status = still.sweep(id_)
    assert (status.experiment.name, status.experiment.cap_credits, status.experiment.quoted_credits) == (
        "Fox",
        2000,
        960,
    )
    assert (dict(status.states), status.planned, status.spent_credits, status.reused) == ({State.WAITING: 6}, 0, 960, 0)
    assert [cell.labels for cell in status.cells] == [{"cfg_scale": "0"}, {"cfg_scale": "0.5"}, {"cfg_scale": "1"}]
    assert [cell.expected_credits for cell in status.cells] == [PRICE] * 3
    assert ids_of(still, id_) == ["x1-0-1-1", "x1-0-1-2", "x1-1-1-1", "x1-1-1-2", "x1-2-1-1", "x1-2-1-2"]
    row = still.get("x1-1-1-2")
    assert (row.experiment_id, row.source, row.take, row.settlement) == ("x1", "sweep", 2, "reserved")
    assert row.request == status.cells[1].request
    assert movements_balance(still)
    assert [event.kind for event in still.events(row.id)] == ["state"]


def test_first_takes_come_before_second_takes(still: Lab) -> None:
    """The ledger's order is one take of every cell, then the second of every cell."""
    still.start(grid(takes=3))
    rows = sorted(still.history.export_rows(HistoryFilter()), key=lambda row: row.seq)
    assert [row.take for row in rows] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [row.params["cfg_scale"] for row in rows] == [0, 0.5, 1] * 3


def test_the_same_id_twice_is_one_experiment(still: Lab) -> None:
    """A double click starts once, even with another sweep under the id."""
    assert still.start(grid(), experiment_id="x1") == still.start(grid(takes=2), experiment_id="x1") == "x1"
    assert sum(still.sweep("x1").states.values()) == 3
    assert len(still.sweeps.list()) == 1


def test_ten_threads_with_one_id_start_once(still: Lab) -> None:
    """Clicks that arrive together are one."""
    together = Barrier(10)

    def start(_: int) -> str:
        together.wait()
        return still.start(grid(), experiment_id="x1")

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(start, range(10))) == {"x1"}
    assert still.ledger.counts() == {State.WAITING: 3}


def test_two_threads_share_a_cap_whole_or_not(make_still: Callable[..., Lab]) -> None:
    """Two sweeps at once under a cap for one and a half: one starts whole, the other not at all, told what fits."""
    lab = make_still(daily_cap_credits=1440)
    together = Barrier(2)

    def start(name: str) -> str | BudgetError:
        together.wait()
        try:
            return lab.start(grid(takes=2, base=GenerationRequest(prompt=name)))
        except BudgetError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(start, ["one", "two"]))
    (started,) = [outcome for outcome in outcomes if isinstance(outcome, str)]
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, BudgetError)]
    assert (refused.field, refused.fits, refused.charged) == ("daily_cap", 3, "no")
    assert "960 credits needed, 480 credits left of the cap of 1,440" in refused.detail
    assert lab.ledger.counts() == {State.WAITING: 6}
    assert [record.id for record in lab.sweeps.list()] == [started]


@pytest.mark.database
def test_what_fits_starts_in_order_and_the_rest_stays_planned(still: Lab) -> None:
    """All cells are stored; the first takes that fit wait to be sent; the rest is started later, once."""
    sweep = grid(takes=2, cap_credits=4 * PRICE)
    with pytest.raises(BudgetError) as refused:
        still.start(sweep)
    assert (refused.value.field, refused.value.fits) == ("experiment_cap", 4)
    assert still.sweeps.list() == []
    id_ = still.start(sweep, only_what_fits=True)
    status = still.sweep(id_)
    assert (status.states[State.WAITING], status.planned, status.planned_credits) == (4, 2, 320)
    assert [[take.state for take in cell.takes] for cell in status.cells] == [
        [State.WAITING, State.WAITING],
        [State.WAITING, None],
        [State.WAITING, None],
    ]
    with pytest.raises(BudgetError) as refused:
        still.sweeps.start_rest(id_)
    assert refused.value.fits == 0
    still.sweeps.set_cap(id_, 5 * PRICE, "one more")
    assert still.sweeps.start_rest(id_, only_what_fits=True) == 1
    still.sweeps.set_cap(id_, None, "all of it")
    assert still.sweeps.start_rest(id_) == 1
    assert still.sweeps.start_rest(id_) == 0
    assert still.sweep(id_).planned == 0
    assert movements_balance(still)


def test_the_rest_takes_what_was_made_elsewhere_meanwhile(still: Lab) -> None:
    """A planned take that somebody made in the meantime is reused, not bought."""
    id_ = still.start(grid(cap_credits=2 * PRICE), only_what_fits=True)
    made = still.submit(GenerationRequest(prompt=BASE.prompt, params={"cfg_scale": 1}))
    assert still.sweeps.start_rest(id_) == 0
    take = still.sweep(id_).cells[2].takes[0]
    assert (take.generation_id, take.reused) == (made.id, True)
    assert still.sweep(id_).spent_credits == 2 * PRICE


@pytest.mark.database
def test_planned_takes_can_be_dropped(still: Lab) -> None:
    """What is no longer needed is forgotten; what was started stays."""
    id_ = still.start(grid(takes=2, cap_credits=4 * PRICE), only_what_fits=True)
    assert still.sweeps.drop_planned(id_) == 2
    assert still.sweeps.drop_planned(id_) == 0
    assert (still.sweep(id_).planned, sum(still.sweep(id_).states.values())) == (0, 4)
    assert still.sweeps.start_rest(id_) == 0


def test_all_reused_costs_nothing(still: Lab) -> None:
    """A sweep whose takes are all there is an experiment too, even without a credit left."""
    still.start(grid())
    id_ = still.start(grid(cap_credits=0))
    status = still.sweep(id_)
    assert (status.reused, status.spent_credits, status.experiment.quoted_credits) == (3, 0, 0)
    assert still.ledger.counts() == {State.WAITING: 3}


@pytest.mark.database
def test_images_are_kept_before_anything_is_sent(still: Lab) -> None:
    """Each image of an axis is in the archive, and a retry finds it there."""
    images = [png(320, 320, "red"), png(320, 320, "blue")]
    id_ = still.start(grid(axes={"reference_image": images}))
    rows = [still.get(generation_id) for generation_id in ids_of(still, id_)]
    assert all(row.asset_sha256 and still.image(row.asset_sha256).is_file() for row in rows)
    end(still, rows[0].id, State.FAILED)
    assert still.sweeps.retry_failed(id_) == 1
    assert still.get(ids_of(still, id_)[0]).asset_sha256 == rows[0].asset_sha256


def test_a_sweep_can_be_taken_up_again_and_extended(still: Lab) -> None:
    """The stored sweep builds the same cells again, labels and images included."""
    base = GenerationRequest(prompt="A {{animal}} in {snow|rain}", reference_image=png(320, 320))
    axes = {"animal": ["fox", "owl"], "reference_image": [None, png(320, 320, "red")]}
    sweep = grid(base=base, axes=axes, takes=2, cap_credits=9999)
    again = still.sweeps.sweep_of(still.start(sweep))
    assert [(cell.labels, cell.request_sha256) for cell in again.cells] == [
        (cell.labels, cell.request_sha256) for cell in sweep.cells
    ]
    assert (again.name, again.question, again.takes, again.cap_credits) == ("Fox", sweep.question, 2, 9999)
    assert still.quote(again).new == 0


def test_a_sweep_whose_name_was_kept_before_the_rule_for_names_can_be_taken_up_and_extended(still: Lab) -> None:
    """It comes back as one line that nothing turns; what is stored stays as it was typed."""
    id_ = still.start(grid())
    kept = {"name": "old\tname\u202e", "question": "Line one\nand\x07 two?"}
    with begin_immediate(still.ledger.database) as connection:
        connection.execute(sa.update(experiments).values(**kept))
    status = still.sweep(id_)
    draft = sweep_drafts.of_experiment(status.experiment, status.cells)
    for again in (still.sweeps.sweep_of(id_), sweep_drafts.to_sweep(still, draft)):
        assert (again.name, again.question) == ("old name", "Line one and two?")
        assert still.quote(again).new == 0
    assert (status.experiment.name, status.experiment.question) == (kept["name"], kept["question"])


def test_a_sweep_of_values_that_are_no_names_can_be_taken_up_again(still: Lab) -> None:
    """What nobody sees in a value stays in its request and out of its name."""
    base = GenerationRequest(prompt="A {{animal}} in {sn\u202eow|rain}")
    sweep = grid(base=base, axes={"animal": ["fo\u202ex", "o\u200bwl\n"]})
    assert [dict(cell.labels) for cell in sweep.cells][::3] == [
        {"animal": "fox", "snow / rain": "snow"},
        {"animal": "owl", "snow / rain": "rain"},
    ]
    id_ = still.start(sweep)
    again = still.sweeps.sweep_of(id_)
    assert [cell.request_sha256 for cell in again.cells] == [cell.request_sha256 for cell in sweep.cells]


def test_a_read_only_lab_starts_nothing(make_still: Callable[..., Lab]) -> None:
    """It may quote, and that is all."""
    lab = make_still(read_only=True)
    assert lab.quote(grid()).new == 3
    sweeps = lab.sweeps
    acts: list[Callable[[], object]] = [
        lambda: lab.start(grid()),
        lambda: sweeps.start_rest("x"),
        lambda: sweeps.retry_failed("x"),
        lambda: sweeps.resume("x"),
        lambda: sweeps.set_cap("x", 1, "why"),
    ]
    for act in acts:
        with pytest.raises(LabError, match="read-only"):
            act()


@pytest.mark.parametrize("id_", ["", "x" * 33, "a b", "-x", "x/1"])
def test_an_id_that_cannot_be_sent_is_refused(still: Lab, id_: str) -> None:
    """An experiment's id becomes part of a header and of file names."""
    if not id_:
        assert still.start(grid(), experiment_id=id_)
        return
    with pytest.raises(LabError) as refused:
        still.start(grid(), experiment_id=id_)
    assert refused.value.field == "experiment_id"


@pytest.mark.database
def test_only_what_is_visible_is_read(still: Lab) -> None:
    """A tab gives the cells whose other axes have its labels, in grid order, in pages."""
    axes = {"cfg_scale": [0, 0.5], "duration": ["5", "10"], "aspect_ratio": ["16:9", "1:1"]}
    id_ = still.start(grid(axes=axes))
    cells = still.sweeps.page(id_, {"aspect_ratio": "1:1"})
    assert [cell.cell for cell in cells] == [1, 3, 5, 7]
    assert {cell.labels["aspect_ratio"] for cell in cells} == {"1:1"}
    assert [cell.cell for cell in still.sweeps.page(id_, {"aspect_ratio": "1:1"}, offset=1, limit=2)] == [3, 5]
    assert len(still.sweeps.page(id_)) == 8
    for where in ({"aspect_ratio": "4:3"}, {"nothing": "1"}):
        with pytest.raises(LabError):
            still.sweeps.page(id_, where)
    paired = still.start(grid(axes={"cfg_scale": [0, 1], "duration": ["5", "10"]}, paired=True))
    assert [cell.cell for cell in still.sweeps.page(paired, {"duration": "10"})] == [1]


@pytest.mark.database
def test_a_status_is_of_one_moment(still: Lab) -> None:
    """Planned takes that somebody drops while it is read are in its cells and in its sums, or in neither."""
    id_ = still.start(grid(cap_credits=PRICE), only_what_fits=True)
    with meanwhile(still.ledger.database, "GROUP BY lab_generations.state", lambda: still.sweeps.drop_planned(id_)):
        status = still.sweep(id_)
    assert status.planned == sum(take.generation_id is None for cell in status.cells for take in cell.takes)


@pytest.mark.database
def test_lists_are_newest_first_and_by_mode(still: Lab) -> None:
    """Paged, without what was hidden."""
    ids = [still.start(grid(), experiment_id=f"x{number}") for number in range(3)]
    assert [record.id for record in still.sweeps.list()] == ids[::-1]
    assert [record.id for record in still.sweeps.list(limit=1, offset=1)] == ["x1"]
    assert still.sweeps.list("live") == []
    assert len(still.sweeps.list("simulated")) == 3


def test_waiting_for_a_sweep_has_a_deadline(still: Lab) -> None:
    """The error says where it stands; once all has ended or needs a person, the status comes back."""
    id_ = still.start(grid())
    with pytest.raises(WaitTimeoutError, match="3 waiting"):
        still.wait_sweep(id_, 0.05)
    first, second, third = ids_of(still, id_)
    end(still, first)
    end(still, second, State.FAILED)
    end(still, third, State.CANCELLED)
    status = still.wait_sweep(id_, 5)
    assert (status.failed, status.is_done, status.spent_credits) == (2, True, PRICE)


def test_unknown_ids_are_said(still: Lab) -> None:
    """Every call with an id names it."""
    sweeps = still.sweeps
    for act in (still.sweep, sweeps.brief, sweeps.pause, sweeps.resume, sweeps.cancel_waiting, sweeps.retry_failed):
        with pytest.raises(LabError, match="'nobody' is not in this data folder"):
            act("nobody")


@pytest.mark.parametrize("act", ["quote", "start"])
@pytest.mark.parametrize("given", [None, BASE, "Fox"], ids=["nothing", "request", "text"])
def test_what_is_no_sweep_is_refused(still: Lab, act: str, given: object) -> None:
    """A quote or a start of something else names the input."""
    with pytest.raises(InvalidRequestError) as refused:
        getattr(still, act)(given)
    assert refused.value.field == "sweep"


@pytest.mark.parametrize("act", ["quote", "start"])
def test_only_a_known_experiment_can_be_extended(still: Lab, act: str) -> None:
    """An unknown parent is refused before anything is stored; one that was deleted is still known."""
    with pytest.raises(InvalidRequestError) as refused:
        getattr(still, act)(grid(parent_id="xunknown"))
    assert refused.value.field == "parent_id"
    assert still.sweeps.list() == []
    first = still.start(grid())
    still.sweeps.cancel_waiting(first)
    still.sweeps.delete(first)
    assert getattr(still, act)(grid(parent_id=first))


@pytest.mark.parametrize("id_", [7, "\ud800", "a b", "x" * 33], ids=ascii)
def test_an_id_that_cannot_stand_in_a_header_is_refused(still: Lab, id_: Any) -> None:
    """Ids of generations are made from it."""
    with pytest.raises(LabError) as refused:
        still.start(grid(), experiment_id=id_)
    assert refused.value.field == "experiment_id"
