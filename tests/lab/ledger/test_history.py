"""What people see of the ledger: pages, the latest clip, what runs, what failed, how long things take."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.history import history_choices
from rivya_core.lab.ledger.history.history import History, SweepTrouble, Typical
from rivya_core.lab.ledger.history.history_choices import VALUES_MAX
from rivya_core.lab.ledger.history.history_query import Sort
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.schema import experiments, generations, ratings
from rivya_core.lab.ledger.states import State
from tests.lab.given import CARD, CLIP, NOON, Clock, accept, added, answer, attempted, in_state, new

pytestmark = pytest.mark.database


def fill(ledger: Ledger, count: int) -> None:
    """Many rows, without their timelines."""
    one = ledger._new_columns(new(), NOON)
    rows = [one | {"id": f"g{n:06}-1", "intent_id": f"g{n:06}", "idempotency_key": f"g{n:06}-1"} for n in range(count)]
    with begin_immediate(ledger.database) as connection:
        connection.execute(sa.insert(generations), rows)


def test_an_empty_history_is_one_empty_page(history: History) -> None:
    """Page 1 of 1, nothing in it, however far one asks."""
    for page in (1, 0, -3, 99):
        found = history.page(page=page)
        assert (found.rows, found.page, found.pages, found.total, found.total_is_exact) == ((), 1, 1, 0, True)


@pytest.mark.parametrize("wanted", [HistoryFilter(), HistoryFilter(mode="simulated")], ids=["all", "filtered"])
def test_pages_are_newest_first_and_without_gaps(ledger: Ledger, history: History, wanted: HistoryFilter) -> None:
    """60 rows are three pages; together they are all rows, each once; a page beyond the end is the last."""
    fill(ledger, 60)
    pages = [history.page(wanted, page) for page in (1, 2, 3)]
    assert [len(page.rows) for page in pages] == [25, 25, 10]
    assert [row.seq for page in pages for row in page.rows] == list(range(60, 0, -1))
    assert {(page.total, page.pages, page.total_is_exact) for page in pages} == {(60, 3, True)}
    assert history.page(wanted, 99) == pages[2]


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("wanted", [HistoryFilter(), HistoryFilter(mode="simulated")], ids=["all", "filtered"])
def test_a_large_total_is_told_as_at_least(ledger: Ledger, history: History, wanted: HistoryFilter) -> None:
    """Exact up to 10,000; beyond that it says so, and the pages go on to the end."""
    fill(ledger, 10_000)
    assert (history.page(wanted).total, history.page(wanted).total_is_exact) == (10_000, True)
    added(ledger)
    first = history.page(wanted)
    assert (first.total, first.total_is_exact, first.pages) == (10_000, False, 400)
    beyond = history.page(wanted, 400)
    assert (len(beyond.rows), beyond.pages) == (25, 401)
    last = history.page(wanted, 401)
    assert [row.seq for row in last.rows] == [1]
    assert last.pages == 401


def test_filters_combine(ledger: Ledger, history: History, clock: Clock) -> None:
    """State, mode, dates, star and text each narrow the list, and together."""
    old = in_state(ledger, State.FAILED, "an old fox")
    clock.turn(86_400)
    live = in_state(ledger, State.RUNNING, "a live fox", mode="live")
    done = in_state(ledger, State.SUCCEEDED, "a done cat")
    ledger.rows.update(done.id, starred=True)
    day = clock.now

    def found(**wanted: object) -> set[str]:
        page = history.page(dataclasses.replace(HistoryFilter(), **wanted))  # type: ignore[arg-type]  # a test's shorthand
        assert page.total == len(page.rows)
        return {row.id for row in page.rows}

    assert found() == {old.id, live.id, done.id}
    assert found(states=frozenset({State.FAILED, State.RUNNING})) == {old.id, live.id}
    assert found(mode="live") == {live.id}
    assert found(since=day) == {live.id, done.id}
    assert found(until=day) == {old.id}
    assert found(since=day, until=day + timedelta(seconds=1), mode="simulated") == {done.id}
    assert found(starred=True) == {done.id}
    assert found(text="fox") == {old.id, live.id}
    assert found(text="fox", states=frozenset({State.FAILED})) == {old.id}
    assert found(text="fox", starred=True) == set()


def asking(ledger: Ledger, name: str, **params: object) -> str:
    """A waiting generation with these parameters."""
    return added(ledger, name, params=params).id


def test_parameters_and_models_narrow_the_list(ledger: Ledger, history: History) -> None:
    """Values of one parameter are alternatives, parameters narrow each other; a number is found however it was written."""
    half, one = asking(ledger, "half", cfg_scale=0.5), asking(ledger, "one", cfg_scale=1, duration="10")
    tall = asking(ledger, "tall", cfg_scale=1, aspect_ratio="9:16")

    def found(*params: tuple[str, str], **wanted: Any) -> list[str]:
        return [row.id for row in history.page(HistoryFilter(params=frozenset(params), **wanted)).rows]

    assert found(("cfg_scale", "0.5")) == [half]
    assert found(("cfg_scale", "1")) == found(("cfg_scale", "1.0")) == [tall, one]
    assert found(("cfg_scale", "0.5"), ("cfg_scale", "1")) == [tall, one, half]
    assert found(("cfg_scale", "1"), ("duration", "10")) == [one]
    assert found(("aspect_ratio", "9:16")) == [tall]
    assert found(("prompt", "half")) == []
    assert found(models=frozenset({"kling-v2-1-master"})) == [tall, one, half]
    assert found(models=frozenset({"another"})) == []


def test_a_filter_may_be_written_with_sets_and_lists(ledger: Ledger, history: History) -> None:
    """As scripts write it; what they change of theirs afterwards changes no filter."""
    row = added(ledger)
    states, values = {State.WAITING}, [("duration", "5")]
    wanted = HistoryFilter(states=states, models=[row.model], params=values)  # type: ignore[arg-type]
    assert [one.id for one in history.page(wanted).rows] == [row.id]
    states.clear()
    assert wanted == HistoryFilter(
        states=frozenset({State.WAITING}), models=frozenset({row.model}), params=frozenset(values)
    )
    assert history.page(HistoryFilter(labels={"x"})).total == 0  # type: ignore[arg-type]


def test_choices_are_what_was_asked_for(ledger: Ledger, history: History) -> None:
    """Numbers in their order, and what comes later joins them."""
    assert history.choices().models == ()
    asking(ledger, "ten", cfg_scale=1.0, duration="10")
    asking(ledger, "five", cfg_scale=0.25, duration="5")
    assert history.choices().params["duration"] == ("5", "10")
    asking(ledger, "wide", cfg_scale=0.5, aspect_ratio="1:1")
    choices = history.choices()
    assert choices.models == ("kling-v2-1-master",)
    assert choices.params["cfg_scale"] == ("0.25", "0.5", "1")
    assert "1:1" in choices.params["aspect_ratio"]


def test_no_more_values_are_offered_than_a_person_can_read(
    ledger: Ledger, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a number that is another one in every clip, the ones that were asked for last; also where all rows are new."""
    for number in range(VALUES_MAX + 5):
        asking(ledger, f"Fox {number}", cfg_scale=number / 1000)
        if number % 20 == 0:
            history.choices()
    asking(ledger, "The first again", cfg_scale=0.0)
    values = history.choices().params["cfg_scale"]
    assert values == ("0", *(f"{number / 1000:g}" for number in range(6, VALUES_MAX + 5)))
    for steps in (VALUES_MAX, history_choices.STEPS_MAX):
        monkeypatch.setattr(history_choices, "STEPS_MAX", steps)
        assert History(ledger.database).choices() == history.choices()


def test_a_list_can_be_put_in_order(ledger: Ledger, history: History) -> None:
    """Rows without the figure come last, equals newest first; pages cut the ordered list."""
    rows = [in_state(ledger, State.SUCCEEDED) for _ in range(4)]
    a, b, c, d = (row.id for row in rows)
    figures = {a: (320, 40, 5.0, 3), b: (160, 90, 10.0, 5), c: (480, 5, None, None), d: (160, 10, 5.0, None)}
    with ledger.writing() as connection:
        for id_, (held, took_s, length_s, stars) in figures.items():
            ended = NOON + timedelta(seconds=took_s)
            values = {"held_credits": held, "created_at": NOON, "finished_at": ended, "clip_duration_s": length_s}
            connection.execute(sa.update(generations).where(generations.c.id == id_).values(**values))
            if stars:
                rated = {"generation_id": id_, "criterion": "overall", "author": "", "stars": stars, "rated_at": NOON}
                connection.execute(sa.insert(ratings).values(**rated))

    def ordered(sort: Sort, size: int = 25, page: int = 1) -> list[str]:
        return [row.id for row in history.page(HistoryFilter(), page, size, sort).rows]

    assert ordered("newest") == [d, c, b, a]
    assert ordered("oldest") == [a, b, c, d]
    assert ordered("credits") == [c, a, d, b]
    assert ordered("took") == [b, a, d, c]
    assert ordered("length") == [b, d, a, c]
    assert ordered("rating") == [b, a, d, c]
    assert [ordered("took", 3, page) for page in (1, 2)] == [[b, a, d], [c]]


def test_some_rows_come_in_the_order_they_were_asked_for(ledger: Ledger, history: History) -> None:
    """Without what is deleted or not there."""
    first, second, third = (in_state(ledger, State.SUCCEEDED).id for _ in range(3))
    ledger.actions.set_deleted([second], NOON)
    assert [row.id for row in history.some([third, "gone", second, first, third])] == [third, first]


def test_deleted_rows_are_not_listed(ledger: Ledger, history: History) -> None:
    """Neither on a page, nor as the latest clip, nor as a card, nor in an export."""
    rows = [in_state(ledger, State.SUCCEEDED), in_state(ledger, State.FAILED)]
    ledger.actions.set_deleted([row.id for row in rows], NOON)
    assert history.page().total == 0
    assert history.latest() is None
    assert history.failures() == []
    assert list(history.export_rows()) == []


def test_an_export_holds_every_row_once(ledger: Ledger, history: History) -> None:
    """All rows of a filter in order, also when rows are added meanwhile."""
    fill(ledger, 450)
    rows = history.export_rows()
    first = next(rows)
    added(ledger)
    rest = list(rows)
    assert [first.seq, *(row.seq for row in rest)] == list(range(450, 0, -1))


def test_the_latest_clip_is_the_one_archived_last(ledger: Ledger, history: History, clock: Clock) -> None:
    """Not the one submitted last; of one mode or of both; only with a clip."""
    early, late = in_state(ledger, State.SAVING), in_state(ledger, State.SAVING, mode="live")
    for row in (late, early):
        clock.turn(10)
        ledger.jobs.saved(row.id, CLIP)
        ledger.jobs.succeed(row.id)
    in_state(ledger, State.FAILED)
    assert (found := history.latest()) is not None
    assert found.id == early.id
    assert (found := history.latest("live")) is not None
    assert found.id == late.id
    ledger.actions.lost_clip(early.id)
    assert (found := history.latest()) is not None
    assert found.id == late.id


def test_what_runs_is_listed_newest_first(ledger: Ledger, history: History) -> None:
    """Waiting to saving, at most as many as asked for, and their number."""
    rows = [in_state(ledger, state) for state in State]
    running = [row.id for row in rows if row.state in {"waiting", "submitting", "running", "saving"}]
    assert [row.id for row in history.running()] == running[::-1]
    assert [row.id for row in history.running(2)] == running[::-1][:2]
    assert history.running_count() == 4
    assert history.running_count("live") == 0
    assert set(history.running_ids()) == {record.id for record in history.running()}


def test_cards_stay_until_they_are_put_away(ledger: Ledger, history: History) -> None:
    """Failed, unconfirmed and unsaved rows, newest first; a dismissed one is gone from the cards, not from History."""
    rows = [in_state(ledger, state) for state in (State.FAILED, State.UNCONFIRMED, State.UNSAVED, State.SUCCEEDED)]
    assert [row.id for row in history.failures()] == [row.id for row in rows[2::-1]]
    assert history.failures_count() == 3
    ledger.rows.update(rows[1].id, dismissed_at=NOON)
    assert [row.state for row in history.failures()] == [State.UNSAVED, State.FAILED]
    assert [row.state for row in history.failures(1)] == [State.UNSAVED]
    assert history.page().total == 4


def finish(ledger: Ledger, clock: Clock, seconds: float, **changes: Any) -> None:
    """A clip that took some seconds at Rivya."""
    row = added(ledger, **changes)
    attempted(ledger, row.id)
    accept(ledger, row.id)
    start = clock.now
    clock.turn(seconds)
    ledger.jobs.ready(row.id, answer("succeeded"))
    clock.turn(1)
    ledger.jobs.saved(row.id, CLIP)
    ledger.jobs.succeed(row.id)
    clock.now = start + timedelta(seconds=1)


@pytest.mark.database("sqlite")
def test_typical_times_are_told_per_kind(ledger: Ledger, history: History, clock: Clock) -> None:
    """Model, mode and duration apart; tenth, half and ninetieth of a hundred; None before the first."""
    model = "kling-v2-1-master"
    assert history.typical_s(model, "simulated", "5") is None
    for seconds in range(101):
        finish(ledger, clock, 100 + seconds)
    finish(ledger, clock, 900, params={"duration": "10"})
    finish(ledger, clock, 500, mode="live")
    finish(ledger, clock, 1, source="example")
    in_state(ledger, State.FAILED)
    assert history.typical_s(model, "simulated", "5") == Typical(111, 191, 101)
    assert history.typical_s(model, "simulated", "10") == Typical(901, 901, 1)
    assert history.typical_s(model, "live", "5") == Typical(501, 501, 1)
    every = history.typical_s(model, "simulated")
    assert every is not None
    assert every.count == 102
    assert history.typical_s("sora-2", "simulated") is None


@pytest.mark.database("sqlite")
def test_the_typical_time_ends_with_the_clip_kept_and_the_rendering_time_before(
    ledger: Ledger, history: History, clock: Clock
) -> None:
    """What a person reads beside the running clock measures what the clock measures; the reads are timed by the other."""
    for _ in range(5):
        finish(ledger, clock, 100)
    kept, ready = (ask("kling-v2-1-master", "simulated", "5") for ask in (history.typical_s, history.rendering_s))
    assert (kept, ready) == (Typical(101, 101, 5), Typical(100, 100, 5))
    row = in_state(ledger, State.SUCCEEDED)
    assert row.finished_at is not None
    assert row.submitted_at is not None
    assert row.elapsed_s(row.finished_at) == (row.finished_at - row.submitted_at).total_seconds()


def test_trouble_of_a_sweep_is_told_of_the_sweep(ledger: Ledger, history: History) -> None:
    """Not clip by clip; of a deleted sweep each stands for itself again."""
    sweep = {"kind": "sweep", "name": "Fox", "mode": "simulated", "connection": "embedded simulator", "spec": {}}
    figures = {"cells": 3, "takes": 1, "quoted_credits": 480, "model": "kling-v2-1-master", "created_at": NOON}
    with ledger.writing() as connection:
        connection.execute(sa.insert(experiments).values(id="x1", **sweep, **figures))
    alone = in_state(ledger, State.FAILED)
    failed = [in_state(ledger, State.FAILED, experiment_id="x1").id for _ in range(2)]
    in_state(ledger, State.UNCONFIRMED, experiment_id="x1")
    assert history.sweep_troubles() == [SweepTrouble("x1", "Fox", (failed[1], failed[0]), 1)]
    assert [row.id for row in history.failures()] == [alone.id]
    assert history.failures_count() == 1
    for one in failed:
        ledger.rows.update(one, dismissed_at=NOON)
    assert history.sweep_troubles() == [SweepTrouble("x1", "Fox", (), 1)]
    with ledger.writing() as connection:
        connection.execute(sa.update(experiments).values(deleted_at=NOON))
    assert history.sweep_troubles() == []
    assert history.failures_count() == 2


def test_children_are_what_was_made_from_a_generation(ledger: Ledger, history: History) -> None:
    """Newest first, without what was deleted, and none of another parent."""
    parent = in_state(ledger, State.SUCCEEDED)
    children = [in_state(ledger, State.SUCCEEDED, parent_id=parent.id).id for _ in range(3)]
    in_state(ledger, State.SUCCEEDED, parent_id=children[0])
    ledger.rows.update(children[1], deleted_at=NOON)
    assert [row.id for row in history.children(parent.id)] == [children[2], children[0]]
    assert [row.id for row in history.children(parent.id, 1)] == [children[2]]


def test_the_newest_clips_are_read_without_counting(ledger: Ledger, history: History) -> None:
    """Newest first, at most so many, and none that failed, runs or was deleted."""
    made = [in_state(ledger, State.SUCCEEDED).id for _ in range(4)]
    in_state(ledger, State.FAILED)
    in_state(ledger, State.RUNNING)
    ledger.rows.update(made[3], deleted_at=NOON)
    assert [row.id for row in history.newest_clips(2)] == [made[2], made[1]]


def test_error_cards_come_back_whole(ledger: Ledger, history: History) -> None:
    """A page shows the card as it was stored."""
    in_state(ledger, State.FAILED)
    assert history.page().rows[0].error == CARD
