"""Before money moves: what is there already, what it costs, what fits, what may do nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from rivya_core import GenerationRequest, Lab, State
from rivya_core.api.errors import BudgetError
from rivya_core.lab.experiments.parameter_notes import note_name
from rivya_core.lab.experiments.quote import Quote, check, how_many_fit, minutes
from rivya_core.lab.ledger.history.history import Typical
from rivya_core.lab.ledger.ledger import NewGeneration
from rivya_core.lab.ledger.records import Budget
from tests.api.images import png
from tests.lab.experiments.sweeps import BASE, PRICE, end, grid, ids_of
from tests.lab.given import CLIP
from tests.until import until


def request(cfg_scale: float) -> GenerationRequest:
    """A request of the grid."""
    return GenerationRequest(prompt=BASE.prompt, params={"cfg_scale": cfg_scale})


def test_an_empty_lab_pays_for_everything(still: Lab) -> None:
    """Twelve takes, none there: the figures, and the balance afterwards."""
    quote = still.quote(grid(takes=4))
    assert (quote.cells, quote.takes, quote.reused, quote.new, quote.credits) == (3, 4, 0, 12, 1920)
    assert (quote.balance_after, quote.fits, quote.shortage) == (8080, 12, "")
    assert quote.sentence == "3 combinations × 4 takes: 0 reused, 12 new = 1,920 credits, balance after: 8,080"  # noqa: RUF001


def test_what_is_there_or_on_its_way_is_not_paid_again(still: Lab) -> None:
    """Succeeded, waiting and running generations of the same inputs fill takes, the oldest first, each only one."""
    first, waiting, running = (still.submit(request(0)).id for _ in range(3))
    end(still, first)
    still.ledger.jobs.leave_waiting(running)
    quote = still.quote(grid(takes=2))
    assert (quote.reused, quote.new) == (2, 4)
    id_ = still.start(grid(takes=2))
    takes = still.sweep(id_).cells[0].takes
    assert [(take.generation_id, take.reused) for take in takes] == [(first, True), (waiting, True)]


def test_what_cannot_be_shown_is_bought(still: Lab) -> None:
    """Failed, taken back, deleted, without clip, of other inputs or of an example: none of them fills a take."""
    failed, cancelled, deleted = (still.submit(request(0)).id for _ in range(3))
    end(still, failed, State.FAILED)
    end(still, cancelled, State.CANCELLED)
    end(still, deleted)
    assert still.delete([deleted]) == 1
    still.submit(GenerationRequest(prompt="Another fox"))
    example = NewGeneration("example", 1, request(0), 0, "simulated", still.connection)
    clip = {"clip_key": CLIP.clip_key, "poster_key": None}
    still.ledger.add_example(example, at=datetime.now(UTC), took_s=5, **clip)
    quote = still.quote(grid())
    assert (quote.reused, quote.new) == (0, 3)


def test_another_connection_or_mode_is_not_reused(still: Lab) -> None:
    """A clip of another connection, or a live one of this name, is not this lab's."""
    for mode, connection in (("simulated", "http://127.0.0.1:9"), ("live", still.connection)):
        with still.ledger.writing() as opened:
            row = still.ledger.add(
                opened,
                NewGeneration(f"other-{mode}", 1, request(0), PRICE, mode, connection),  # type: ignore[arg-type]
            )
        end(still, row.id)
    assert still.quote(grid()).reused == 0


def test_an_image_is_part_of_the_address(still: Lab) -> None:
    """The same words with another picture are another cell."""
    with_image = GenerationRequest(prompt=BASE.prompt, reference_image=png(320, 320, "red"))
    other = GenerationRequest(prompt=BASE.prompt, reference_image=png(320, 320, "blue"))
    still.start(grid(base=with_image))
    assert still.quote(grid(base=with_image)).new == 0
    assert still.quote(grid(base=other)).new == 3
    assert still.quote(grid()).new == 3


def test_an_extended_axis_pays_only_for_what_is_missing(still: Lab) -> None:
    """Three by three done, one axis extended to four: three new, 480 credits."""
    axes = {"cfg_scale": [0, 0.5, 1], "aspect_ratio": ["16:9", "9:16", "1:1"]}
    id_ = still.start(grid(axes=axes))
    for generation_id in ids_of(still, id_):
        end(still, generation_id)
    quote = still.quote(grid(axes={**axes, "cfg_scale": [0, 0.5, 0.7, 1]}))
    assert (quote.cells, quote.reused, quote.new, quote.credits) == (12, 9, 3, 480)


@pytest.mark.database
def test_learned_prices_are_quoted(still: Lab) -> None:
    """What Rivya reserved for a length last time is its price from then on."""
    ten = GenerationRequest(prompt="?", params={"duration": "10"})
    name = still.start(grid(base=ten, values=[0.5]))
    (generation_id,) = ids_of(still, name)
    body = b"{}"
    still.ledger.jobs.begin_attempt(generation_id, body, "0" * 64)
    still.ledger.jobs.accept(generation_id, task_id="t", reserved_credits=320, task_status="queued", simulated=True)
    quote = still.quote(grid(axes={"duration": ["5", "10"]}))
    assert quote.credits == 160 + 320


def test_nothing_is_invented_about_the_time(still: Lab) -> None:
    """Without history no minutes; with it the range from all at once to four at a time."""
    assert still.quote(grid()).minutes is None
    assert "min" not in still.quote(grid()).sentence
    took = Typical(60.0, 120.0, 20)
    assert minutes([request(n / 20) for n in range(20)], 4, lambda *_: took) == (1, 10)
    assert minutes([request(0)], 4, lambda *_: took) == (1, 1)
    assert minutes([request(0)], 4, lambda *_: took._replace(count=2)) is None
    assert minutes([], 4, lambda *_: took) is None


@pytest.mark.parametrize(
    ("quote", "sentence"),
    [
        (
            Quote(12, 2, 5, 19, 3040, (25, 40), 5000, 19, 3040),
            "12 combinations × 2 takes: 5 reused, 19 new = 3,040 credits, about 25-40 min, balance after: 1,960",  # noqa: RUF001
        ),
        (
            Quote(1, 1, 0, 1, 160, (2, 2), None, 1, 160),
            "1 combination × 1 take: 0 reused, 1 new = 160 credits, about 2 min, balance after: unknown",  # noqa: RUF001
        ),
    ],
)
def test_a_quote_is_one_sentence(quote: Quote, sentence: str) -> None:
    """The figures in the order in which one asks for them; what is not known is said."""
    assert quote.sentence == sentence


def test_a_shortage_names_its_limit(make_still: Callable[..., Lab]) -> None:
    """The experiment's cap, the day's cap and the balance are told apart, and what fits is counted."""
    lab = make_still(simulator_credits=800)
    until(lambda: lab.balance().credits == 800)
    assert lab.quote(grid(takes=2)).fits == 5
    assert lab.quote(grid(takes=2)).shortage.startswith("960 credits needed, 800 credits available.")
    lab.set_cap(480)
    quote = lab.quote(grid(takes=2))
    assert quote.fits == 3
    assert "480 credits left of the cap of 480" in quote.shortage
    quote = lab.quote(grid(takes=2, cap_credits=320))
    assert quote.fits == 2
    assert "the sweep's cap of 320" in quote.shortage
    assert quote.shortage.endswith("2 of 6 new clips fit.")


LIMIT = st.none() | st.integers(-500, 5000)


@given(st.lists(st.integers(1, 500), max_size=30), LIMIT, LIMIT, st.none() | st.integers(0, 5000), st.integers(0, 3000))
def test_what_fits_is_the_longest_start_that_passes(
    prices: list[int], available: int | None, cap_left: int | None, cap: int | None, spent: int
) -> None:
    """The takes that fit pass every limit together, and one more would not."""
    left = [limit for limit in (available, cap_left) if limit is not None]
    budget = Budget(
        mode="simulated",
        balance_credits=available,
        balance_asked_at=None,
        promised_credits=0,
        available_credits=available,
        cap_credits=None if cap_left is None else 5000,
        spent_today_credits=0 if cap_left is None else 5000 - cap_left,
        remaining_credits=min(left, default=None),
    )
    fits = how_many_fit(budget, prices, cap, spent)
    check(budget, prices[:fits], cap, spent)
    if fits < len(prices):
        with pytest.raises(BudgetError) as refused:
            check(budget, prices[: fits + 1], cap, spent)
        assert refused.value.fits == fits


def test_a_knob_that_may_do_nothing_is_said(still: Lab) -> None:
    """The conflict of the sources is cited; once it was measured, the measured verdict stands there instead."""
    assert any("v2.x models do not support it" in words for words in still.quote(grid()).warnings)
    assert still.quote(grid([0.5])).warnings == ()
    assert still.quote(grid(axes={"duration": ["5", "10"]})).warnings == ()
    found = {"verdict": "same", "words": "same as re-rolling", "experiment_id": "x", "at": "2026-11-23T10:00:00+00:00"}
    still.ledger.key_value.set(note_name("simulated", BASE.model, "cfg_scale"), found)
    (words,) = still.quote(grid()).warnings
    assert words == ("cfg_scale was measured on kling-v2-1-master in the simulator on 2026-11-23: same as re-rolling")


def test_a_shape_beside_an_image_is_said(still: Lab) -> None:
    """``aspect_ratio`` is only in doubt when there is an image and it is varied."""
    shapes = {"aspect_ratio": ["16:9", "1:1"]}
    with_image = GenerationRequest(prompt=BASE.prompt, reference_image=png(320, 320))
    assert still.quote(grid(axes=shapes)).warnings == ()
    (words,) = still.quote(grid(axes=shapes, base=with_image)).warnings
    assert "aspect_ratio may do nothing with a reference image" in words
    assert len(still.quote(grid(base=with_image)).warnings) == 1


def test_parameters_that_a_model_lacks_are_said(still: Lab) -> None:
    """Over several models it is said what is left out where."""
    quote = still.quote(grid(axes={"model": ["kling-v2-1-master", "kling-2-6"]}))
    assert "kling-2-6 takes no cfg_scale, so it is left out of its combinations." in quote.warnings


def test_minutes_come_from_this_connections_clips(still: Lab) -> None:
    """Three clips that took a minute make a range; examples do not count."""
    for number in range(3):
        row = still.submit(request(number / 10))
        end(still, row.id)
        kept_at = still.get(row.id).finished_at
        assert kept_at is not None
        still.ledger.rows.update(row.id, submitted_at=kept_at - timedelta(seconds=60))
    assert still.quote(grid([0.6, 0.7, 0.8, 0.9])).minutes == (1, 1)
    assert still.quote(grid([0.51, 0.6, 0.7, 0.8, 0.9])).minutes == (1, 2)
