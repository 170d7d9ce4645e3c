"""Spend: every figure is the sum of its movements, live and simulated never meet, a day is the one that its cap counts."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings, strategies as st

from rivya_core import Lab
from rivya_core.lab.ledger import cap_log
from rivya_core.lab.ledger.database import begin_immediate, open_database
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import cell_takes, cells, experiments, generations
from rivya_core.lab.ledger.states import State
from rivya_core.lab.spending.spending import Spending
from rivya_core.lab.spending.spending_records import Days, MovementLine, Sums
from rivya_core.local_time import local_day
from rivya_core.settings import Mode
from rivya_core.web.exports import movement_lines
from tests.lab.given import CLIP, NOON, Clock, accept, added, answer, attempted, in_state, new
from tests.template import copy_template

pytestmark = pytest.mark.database

MODES: tuple[Mode, ...] = ("live", "simulated")


def spending_of(ledger: Ledger) -> Spending:
    """The sums of a ledger, without a running lab around them."""
    return Spending(ledger=ledger, history=History(ledger.database), now=ledger.clock)


@pytest.fixture
def spending(ledger: Ledger) -> Spending:
    """The sums of the test's ledger."""
    return spending_of(ledger)


def experiment(ledger: Ledger, key: str, **columns: Any) -> str:
    """Store an experiment."""
    row: dict[str, Any] = {
        "id": key,
        "kind": "sweep",
        "name": f"Experiment {key}",
        "question": "",
        "mode": "simulated",
        "connection": "http://127.0.0.1:9",
        "model": "kling-v2-1-master",
        "spec": {},
        "cells": 2,
        "takes": 1,
        "quoted_credits": 320,
        "created_at": ledger.clock(),
    }
    with begin_immediate(ledger.database) as connection:
        connection.execute(sa.insert(experiments).values(row | columns))
    return key


def planned(ledger: Ledger, name: str, takes: int) -> None:
    """Give an experiment takes that nobody has started."""
    cell = {
        "labels": {},
        "request": {"model": "kling-v2-1-master", "params": {}},
        "request_sha256": "a" * 64,
        "expected_credits": 160,
    }
    with begin_immediate(ledger.database) as connection:
        connection.execute(sa.insert(cells).values(experiment_id=name, cell=0, **cell))
        for take in range(1, takes + 1):
            connection.execute(sa.insert(cell_takes).values(experiment_id=name, cell=0, take=take))


# -- sums --------------------------------------------------------------------------------------------------------------


def test_each_kind_of_credit_has_its_figure(ledger: Ledger, spending: Spending) -> None:
    """Settled, provisional and reserved add up to what is held; released was given back."""
    in_state(ledger, State.WAITING)
    in_state(ledger, State.SUCCEEDED)
    ledger.jobs.settle(in_state(ledger, State.SUCCEEDED).id, 150)
    in_state(ledger, State.FAILED)
    in_state(ledger, State.UNCONFIRMED)
    total = spending.spent("simulated").total
    assert total == Sums(generations=5, settled=150, provisional=160, reserved=320, released=160)
    assert total.held == 630


def test_a_release_is_what_was_given_back(ledger: Ledger, spending: Spending) -> None:
    """Not the list price: Rivya had reserved 320."""
    row = added(ledger)
    attempted(ledger, row.id)
    accept(ledger, row.id, reserved=320)
    ledger.jobs.failed_at_rivya(row.id, answer("failed"))
    assert spending.spent("simulated").total == Sums(generations=1, released=320)


def test_live_and_simulated_are_never_in_one_figure(ledger: Ledger, spending: Spending) -> None:
    """P8."""
    in_state(ledger, State.WAITING, mode="live")
    in_state(ledger, State.WAITING)
    in_state(ledger, State.WAITING)
    assert (spending.spent("live").total.held, spending.spent("simulated").total.held) == (160, 320)


def test_a_day_is_the_local_one_of_the_submission(ledger: Ledger, clock: Clock, spending: Spending) -> None:
    """What happens to a generation later counts on the day that its cap counted."""
    row = in_state(ledger, State.RUNNING)
    first = date.fromisoformat(local_day(NOON))
    clock.turn(3 * 86_400)
    ledger.jobs.failed_at_rivya(row.id, answer("failed"))
    in_state(ledger, State.WAITING)
    later = first + timedelta(days=3)
    found = spending.spent("simulated").by_day()
    assert found == {
        first.isoformat(): Sums(generations=1, released=160),
        later.isoformat(): Sums(generations=1, reserved=160),
    }
    assert spending.spent("simulated", Days(later)).total.generations == 1
    assert spending.spent("simulated", Days(first, first)).total.released == 160
    assert spending.spent("simulated", Days(first + timedelta(days=1), first + timedelta(days=2))).groups == ()


def test_sums_by_experiment_model_and_outcome(ledger: Ledger, spending: Spending) -> None:
    """Each divides the whole without a rest."""
    experiment(ledger, "a")
    in_state(ledger, State.SUCCEEDED, experiment_id="a")
    in_state(ledger, State.FAILED, experiment_id="a")
    in_state(ledger, State.WAITING)
    spent = spending.spent("simulated")
    assert spent.by_experiment() == {
        "a": Sums(generations=2, provisional=160, released=160),
        None: Sums(generations=1, reserved=160),
    }
    assert list(spent.by_state()) == [State.WAITING, State.SUCCEEDED, State.FAILED]
    for parts in (spent.by_day(), spent.by_experiment(), spent.by_model(), spent.by_state()):
        assert sum(parts.values(), Sums()) == spent.total


def test_examples_are_outside_every_figure(ledger: Ledger, spending: Spending) -> None:
    """The clips of a first start were never sent."""
    ledger.add_example(new(mode="simulated", source="example"), at=NOON, took_s=5)
    assert spending.spent("simulated").groups == ()
    assert list(spending.movements()) == []


def test_figures_follow_the_ledger(ledger: Ledger, spending: Spending) -> None:
    """What is kept for the next look is thrown away when anything changes."""
    assert spending.spent("simulated").total.held == 0
    row = in_state(ledger, State.WAITING)
    assert spending.spent("simulated").total.held == 160
    ledger.actions.cancel(row.id)
    assert spending.spent("simulated").total == Sums(generations=1, released=160)


STEP = st.tuples(
    st.sampled_from(["new", "new", "adjust", "settle", "provisional", "release", "fail", "cancel", "simulated"]),
    st.integers(0, 50),
    st.sampled_from([0, 150, 160, 320]),
)


@given(steps=st.lists(STEP, max_size=25))
@example(steps=[("new", 38, 0), ("release", 0, 0), ("fail", 0, 150)])  # a hold given back too early, and taken again
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_all_sums_are_those_of_the_movements(steps: list[tuple[str, int, int]]) -> None:
    """Whatever happens to rows in whatever order, page, export and movements tell the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lab.sqlite3"
        copy_template(path)
        database = open_database(path)
        try:
            ledger = Ledger(database, Clock())
            experiment(ledger, "a")
            rows: list[str] = []
            for kind, which, figure in steps:
                _step(ledger, rows, kind, which, figure)
            for mode in MODES:
                _same(ledger, mode)
        finally:
            database.dispose()


def _step(ledger: Ledger, rows: list[str], kind: str, which: int, figure: int) -> None:
    cast("Clock", ledger.clock).turn(20_000)
    if kind == "new":
        state = list(State)[which % len(State)]
        mode = "live" if figure else "simulated"
        row = in_state(ledger, state, mode=mode, experiment_id="a" if which % 2 else None, expected_credits=figure)
        rows.append(row.id)
        return
    if not rows:
        return
    row = ledger.get(rows[which % len(rows)])
    match kind:
        case "settle" | "provisional":
            ledger.jobs.settle(row.id, figure, provisional=kind == "provisional")
        case "release":
            ledger.jobs.release(row.id, "a test")
        case "adjust":
            ledger.jobs.seen(row.id, answer("processing", reserved_credits=figure))
        case "fail":
            ledger.jobs.failed_at_rivya(row.id, answer("failed", final_credits=figure))
        case "cancel":
            ledger.actions.cancel(row.id)
        case "simulated":
            ledger.jobs.seen(row.id, answer("processing", simulated=True))


def _same(ledger: Ledger, mode: Mode) -> None:
    spending = spending_of(ledger)
    spent, lines = spending.spent(mode), list(spending.movements(mode))
    assert spent.total.held == sum(line.credits for line in lines)
    assert spent.total.released == sum(_given_back(lines).values())
    assert spent.total.generations == len({line.generation_id for line in lines})
    for day, sums in spent.by_day().items():
        assert sums.held == sum(line.credits for line in lines if line.day == day)
    for one, sums in spent.by_experiment().items():
        assert sums.held == sum(line.credits for line in lines if line.experiment_id == one)
    for state, sums in spent.by_state().items():
        assert sums.held == sum(line.credits for line in lines if line.outcome == state)
    [cost] = spending.experiments("simulated")
    assert cost.sums == spending.spent("simulated").by_experiment().get("a", Sums())


def _given_back(lines: Sequence[MovementLine]) -> dict[str, int]:
    """What each generation gave back and did not take again, as a row does whose task goes on after its hold was released."""
    back: dict[str, int] = {}
    for line in lines:
        if line.kind in {"release", "reserve"}:
            back[line.generation_id] = -line.credits if line.kind == "release" else 0
    return back


# -- experiments, forecasts, decisions ---------------------------------------------------------------------------------


def test_an_experiment_tells_quote_cap_plan_and_whether_it_works(ledger: Ledger, spending: Spending) -> None:
    """The newest first; one that only has planned takes does not work."""
    experiment(ledger, "old", cap_credits=480)
    ledger.clock.turn(60)  # type: ignore[attr-defined]  # the test's clock
    experiment(ledger, "young")
    in_state(ledger, State.RUNNING, experiment_id="young")
    planned(ledger, "old", 3)
    young, old = spending.experiments("simulated")
    assert (young.id, young.is_working, young.sums.reserved, young.cap_credits) == ("young", True, 160, None)
    assert (old.id, old.is_working, old.planned_takes, old.planned_credits, old.cap_credits) == (
        "old",
        False,
        3,
        480,
        480,
    )
    assert spending.experiments("live") == []


def test_a_forecast_adds_what_is_spent_on_its_way_and_planned(ledger: Ledger, spending: Spending) -> None:
    """Against quote and cap; no word of an end while nothing is known of such clips."""
    experiment(ledger, "a", cap_credits=400, quoted_credits=640)
    in_state(ledger, State.SUCCEEDED, experiment_id="a")
    in_state(ledger, State.RUNNING, experiment_id="a")
    planned(ledger, "a", 2)
    [forecast] = spending.forecasts("simulated")
    assert (forecast.spent_credits, forecast.going_credits, forecast.going_takes) == (160, 160, 1)
    assert (forecast.total_credits, forecast.over_cap_credits) == (640, 240)
    assert (forecast.ends_from_s, forecast.ends_within_s) == (None, None)


def test_a_forecast_says_when_once_five_clips_are_known(ledger: Ledger, clock: Clock, spending: Spending) -> None:
    """Counted from the moment the last one was sent; not at all while the experiment is paused."""
    experiment(ledger, "a")
    for _ in range(5):
        row = in_state(ledger, State.RUNNING)
        clock.turn(100)
        ledger.jobs.ready(row.id, answer("succeeded", result={"primary_url": "http://127.0.0.1/c"}))
        ledger.jobs.saved(row.id, CLIP)
        ledger.jobs.succeed(row.id)
    in_state(ledger, State.RUNNING, experiment_id="a")
    clock.turn(30)
    [forecast] = spending.forecasts("simulated")
    assert (forecast.ends_from_s, forecast.ends_within_s) == (70, 70)
    in_state(ledger, State.WAITING, experiment_id="a")
    [forecast] = spending.forecasts("simulated")
    assert (forecast.ends_from_s, forecast.ends_within_s) == (100, 100)
    with begin_immediate(ledger.database) as connection:
        connection.execute(sa.update(experiments).values(paused_at=clock()))
    [forecast] = spending.forecasts("simulated")
    assert forecast.ends_within_s is None


def test_a_decision_costs_what_its_experiment_cost(ledger: Ledger, clock: Clock, spending: Spending) -> None:
    """None before the first; reused clips cost nothing; the day of the decision counts."""
    experiment(ledger, "a")
    in_state(ledger, State.SUCCEEDED, experiment_id="a")
    in_state(ledger, State.SUCCEEDED)
    assert spending.decisions("simulated").credits_each is None
    experiment(ledger, "b", decided_at=clock())
    with begin_immediate(ledger.database) as connection:
        connection.execute(sa.update(experiments).where(experiments.c.id == "a").values(decided_at=clock()))
    cost = spending.decisions("simulated")
    assert (cost.decisions, cost.credits, cost.credits_each) == (2, 160, 80)
    tomorrow = date.fromisoformat(local_day(NOON)) + timedelta(days=1)
    assert spending.decisions("simulated", Days(tomorrow)).decisions == 0
    assert spending.decisions("live").credits_each is None


def test_the_log_of_a_mode_holds_its_day_and_its_experiments(ledger: Ledger, spending: Spending) -> None:
    """Changes of the other mode's caps are left to it."""
    experiment(ledger, "a")
    ledger.key_value.set_cap("live", 100)
    ledger.key_value.set_cap("simulated", 200)
    with begin_immediate(ledger.database) as connection:
        cap_log.log_change(connection, cap_log.of_experiment("a"), 160, 320, "more takes", ledger.clock())
    assert [change.cap for change in spending.cap_changes("simulated")] == ["experiment:a", "daily:simulated"]
    assert [change.after_credits for change in spending.cap_changes("live")] == [100]


# -- movements ---------------------------------------------------------------------------------------------------------


def test_movements_are_exported_with_what_they_belong_to(ledger: Ledger, spending: Spending) -> None:
    """Formula-safe, marked as simulated, oldest first, over several pieces."""
    experiment(ledger, "a", name="=1+1")
    for _ in range(3):
        in_state(ledger, State.SUCCEEDED, experiment_id="a")
    in_state(ledger, State.WAITING, mode="live")
    text = "".join(movement_lines(spending.movements("simulated")))
    lines = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [line["kind"] for line in lines] == ["reserve", "settle"] * 3
    assert {line["mode"] for line in lines} == {"simulated"}
    first = lines[0]
    assert (first["experiment"], first["outcome"], first["credits"]) == ("'=1+1", "succeeded", "160")
    assert (first["day"], first["reason"]) == (local_day(NOON), "submitted")
    assert len(list(spending.movements())) == 7


def test_movements_of_some_days_are_those_of_their_generations(
    ledger: Ledger, clock: Clock, spending: Spending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release of today belongs to the day of the submission; read in pieces, none is lost or doubled."""
    monkeypatch.setattr("rivya_core.lab.spending.spending.EXPORT_CHUNK", 2)
    rows = [in_state(ledger, State.RUNNING) for _ in range(3)]
    clock.turn(3 * 86_400)
    for row in rows:
        ledger.jobs.failed_at_rivya(row.id, answer("failed"))
    in_state(ledger, State.WAITING)
    first = date.fromisoformat(local_day(NOON))
    assert [line.credits for line in spending.movements("simulated", Days(first, first))] == [160] * 3 + [-160] * 3
    assert [line.credits for line in spending.movements("simulated", Days(first + timedelta(days=1)))] == [160]


@pytest.mark.database("sqlite")
def test_sums_are_read_from_an_index_alone(ledger: Ledger) -> None:
    """Rows are wide; the page sums ten thousand of them in a few milliseconds."""
    column = generations.c
    by = (column.cap_day, column.experiment_id, column.model, column.state, column.settlement)
    query = sa.select(*by, sa.func.sum(column.held_credits)).where(column.mode == "live", column.source != "example")
    text = str(query.group_by(*by).compile(ledger.database, compile_kwargs={"literal_binds": True}))
    with ledger.reading() as connection:
        plan = [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert len(plan) == 1
    assert "COVERING INDEX ix_lab_generations_spent" in plan[0]


@pytest.mark.parametrize("days", [Days(date.min, date.max), Days(date.max, date.max), Days(None, date.min)])
def test_the_ends_of_the_calendar_are_days_like_others(lab: Lab, days: Days) -> None:
    """An address may name them; nothing is found there, or everything."""
    assert lab.spending.decisions("simulated", days).decisions == 0
    assert list(lab.spending.wallets("simulated", days)) is not None
    assert lab.spending.spent("simulated", days).total.generations == 0
