"""P3: caps and balance hold, over threads and processes, and the refusal gives every figure."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st

from rivya_core.api.errors import BudgetError
from rivya_core.lab.experiments.quote import how_many_fit
from rivya_core.lab.ledger import budget as budgets
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import BalanceRecord, Budget
from rivya_core.lab.ledger.states import State
from rivya_core.settings import EMBEDDED_CONNECTION, Mode, Settings
from tests.lab.given import HERE, NOON, Clock, accept, added, attempted, in_state, new
from tests.until import HANGS_S

pytestmark = pytest.mark.database


def budget(ledger: Ledger, mode: Mode = "simulated", cap: int | None = None) -> Budget:
    """The budget now."""
    with begin_immediate(ledger.database) as connection:
        return budgets.read(connection, mode, HERE, Settings(daily_cap_credits=cap), now=ledger.clock())


def told(ledger: Ledger, credits: int) -> None:  # noqa: A002 - Rivya's word
    """The wallet answered just now."""
    ledger.key_value.set_balance(HERE, BalanceRecord(credits=credits, asked_at=ledger.clock()))


def submit(ledger: Ledger, settings: Settings) -> bool:
    """One submit as the lab makes it: read, check and add in one transaction."""
    try:
        with begin_immediate(ledger.database) as connection:
            budgets.check(budgets.read(connection, "simulated", HERE, settings), 160)
            ledger.add(connection, new())
    except BudgetError:
        return False
    return True


def test_five_of_twenty_threads_pass_a_cap_of_800(database: sa.Engine) -> None:
    """Twenty threads at once, 160 credits each: exactly five rows, exactly 800 credits."""
    ledger = Ledger(database)
    passed: list[bool] = []
    start = threading.Barrier(20)

    def run() -> None:
        start.wait()
        passed.append(submit(ledger, Settings(daily_cap_credits=800)))

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed.count(True) == 5
    assert ledger.counts() == {State.WAITING: 5}


RUSH = """
import sys, threading
from pathlib import Path
from pydantic import SecretStr
from rivya_core.lab.ledger.database import open_database, open_shared
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.settings import Settings
from tests.lab.ledger.test_budget import submit
where = sys.argv[1]
engine = open_shared(SecretStr(where)) if "://" in where else open_database(Path(where))
ledger, passed = Ledger(engine), []
threads = [
    threading.Thread(target=lambda: passed.append(submit(ledger, Settings(daily_cap_credits=800)))) for _ in range(20)
]
print("here", flush=True)
sys.stdin.readline()
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(passed), sum(passed))
engine.dispose()
"""


@pytest.mark.process
def test_threads_of_several_processes_share_a_cap(database: sa.Engine) -> None:
    """P3: 3 processes of 20 threads each rush for a cap of 800 at 160: exactly five get through, and nobody stumbles."""
    url = database.url
    where = str(url.database) if url.host is None and "host" not in url.query else url.render_as_string(False)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RUSH, where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [[int(one) for one in process.communicate(timeout=HANGS_S)[0].split()] for process in processes]
    assert [tried for tried, _ in ended] == [20, 20, 20]
    assert sum(passed for _, passed in ended) == 5
    assert Ledger(database).counts() == {State.WAITING: 5}


@pytest.mark.parametrize(
    ("setting", "note", "effective"),
    [(None, None, None), (800, None, 800), (None, 500, 500), (800, 500, 500), (300, 500, 300), (None, 0, 0)],
)
def test_the_smaller_cap_holds(ledger: Ledger, setting: int | None, note: int | None, effective: int | None) -> None:
    """The environment's cap and the lab's: whichever allows less."""
    ledger.key_value.set_cap("simulated", note)
    assert budget(ledger, cap=setting).cap_credits == effective
    assert ledger.key_value.get_cap("simulated") == note


def test_caps_of_live_and_simulated_are_apart(ledger: Ledger) -> None:
    """P8: simulated rows use up nothing of the live cap."""
    ledger.key_value.set_cap("live", 200)
    added(ledger, connection=EMBEDDED_CONNECTION)
    live = budget(ledger, "live")
    assert (live.cap_credits, live.spent_today_credits, live.remaining_credits) == (200, 0, 200)
    assert budget(ledger).cap_credits is None


def test_what_is_given_back_makes_room(ledger: Ledger) -> None:
    """Released rows stop counting today, settled ones count their price, deleted ones go on counting."""
    in_state(ledger, State.FAILED)
    in_state(ledger, State.CANCELLED)
    done = in_state(ledger, State.SUCCEEDED)
    ledger.jobs.settle(done.id, 150)
    ledger.actions.set_deleted([done.id], ledger.clock())
    in_state(ledger, State.UNCONFIRMED)
    now = budget(ledger, cap=400)
    assert (now.spent_today_credits, now.remaining_credits) == (310, 90)


def test_the_cap_is_new_at_local_midnight(ledger: Ledger, clock: Clock) -> None:
    """Rows of yesterday, in this machine's zone, count for yesterday."""
    midnight = clock.now.astimezone().replace(hour=23, minute=59, second=59)
    clock.now = midnight
    added(ledger)
    assert budget(ledger, cap=200).spent_today_credits == 160
    clock.turn(2)
    assert budget(ledger, cap=200).spent_today_credits == 0


def waiting(ledger: Ledger) -> None:
    """A row that waits."""
    added(ledger)


def uploading(ledger: Ledger) -> None:
    """A row whose picture is on its way; its POST has not begun."""
    ledger.rows.move(added(ledger).id, {State.WAITING}, State.SUBMITTING)


def sent_before(ledger: Ledger) -> None:
    """A row whose POST began before the wallet was asked."""
    clock_back(ledger, -10)
    in_state(ledger, State.RUNNING)
    clock_back(ledger, 10)


def sent_after(ledger: Ledger) -> None:
    """A row whose POST began after the wallet was asked."""
    clock_back(ledger, 10)
    in_state(ledger, State.RUNNING)


def finished_after(ledger: Ledger) -> None:
    """A row that was sent, done and settled after the wallet was asked."""
    clock_back(ledger, 10)
    ledger.jobs.settle(in_state(ledger, State.SUCCEEDED).id, 150)


def failed_after(ledger: Ledger) -> None:
    """A row that was sent and failed after the wallet was asked."""
    clock_back(ledger, 10)
    in_state(ledger, State.FAILED)


def sent_again(ledger: Ledger) -> None:
    """A row whose first attempt began before, and which is being sent again."""
    clock_back(ledger, -10)
    in_state(ledger, State.SUBMITTING)
    clock_back(ledger, 20)


def elsewhere(ledger: Ledger) -> None:
    """A row of another connection."""
    added(ledger, connection="https://rivya.ai")


def deleted_after(ledger: Ledger) -> None:
    """A finished row that was hidden."""
    clock_back(ledger, 10)
    ledger.actions.set_deleted([in_state(ledger, State.SUCCEEDED).id], ledger.clock())


def clock_back(ledger: Ledger, seconds: float) -> None:
    """Turn the ledger's clock."""
    assert isinstance(ledger.clock, Clock)
    ledger.clock.turn(seconds)


@pytest.mark.parametrize(
    ("happened", "promised"),
    [
        (waiting, 160),
        (uploading, 160),
        (sent_before, 0),
        (sent_after, 160),
        (finished_after, 150),
        (failed_after, 0),
        (sent_again, 160),
        (elsewhere, 0),
        (deleted_after, 160),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_available_is_the_wallet_less_what_it_cannot_show_yet(
    ledger: Ledger, happened: Callable[[Ledger], None], promised: int
) -> None:
    """Balance less what waits, less what was sent since it was asked for."""
    told(ledger, 1000)
    happened(ledger)
    now = budget(ledger)
    assert (now.promised_credits, now.available_credits, now.remaining_credits) == (
        promised,
        1000 - promised,
        1000 - promised,
    )


def test_a_fresh_balance_ends_the_promise(ledger: Ledger, clock: Clock) -> None:
    """Once the wallet was asked again, what was sent before is in its figure."""
    told(ledger, 1000)
    clock.turn(1)
    row = added(ledger)
    attempted(ledger, row.id)
    accept(ledger, row.id)
    assert budget(ledger).available_credits == 840
    clock.turn(1)
    told(ledger, 840)
    assert budget(ledger).available_credits == 840


def test_an_older_answer_never_replaces_a_newer_one(ledger: Ledger, clock: Clock) -> None:
    """Two balance reads that overtake each other leave the figure of the later question."""
    late = BalanceRecord(credits=500, asked_at=clock.now + timedelta(seconds=1))
    ledger.key_value.set_balance(HERE, late)
    ledger.key_value.set_balance(HERE, BalanceRecord(credits=900, asked_at=clock.now))
    assert ledger.key_value.balance(HERE) == late


def test_an_unknown_balance_does_not_block(ledger: Ledger) -> None:
    """Without a figure the cap alone decides; what is open is shown as promised all the same."""
    added(ledger)
    now = budget(ledger)
    assert (now.balance_credits, now.available_credits, now.remaining_credits) == (None, None, None)
    assert now.promised_credits == 160
    budgets.check(now, 10_000)


def test_the_cap_refuses_with_all_figures(ledger: Ledger, clock: Clock) -> None:
    """The sentence names what is needed, what is left, the cap, what was spent, and when the balance was asked."""
    told(ledger, 1000)
    added(ledger)
    with pytest.raises(BudgetError) as caught:
        budgets.check(budget(ledger, cap=300), 160)
    assert caught.value.field == "daily_cap"
    asked: datetime = clock.now.astimezone()
    for figure in ("160 credits needed", "140 credits left", "cap of 300", "160 credits are spent", "1,000 credits"):
        assert figure in caught.value.detail
    assert f"{asked:%H:%M}" in caught.value.detail


def test_the_balance_refuses_with_all_figures(ledger: Ledger) -> None:
    """Needed, available, balance, promised, spent and cap."""
    told(ledger, 300)
    added(ledger)
    with pytest.raises(BudgetError) as caught:
        budgets.check(budget(ledger, cap=5000), 160)
    assert caught.value.field == "balance"
    for figure in ("160 credits needed", "140 credits available", "300 credits when asked", "cap of 5,000"):
        assert figure in caught.value.detail


@given(
    balance=st.integers(-(2**53), 0),
    promised=st.integers(0, 10**6),
    cap=st.none() | st.integers(0, 10**6),
    spent=st.integers(0, 10**6),
    price=st.integers(1, 10**6),
)
def test_a_balance_of_nothing_or_less_allows_nothing(
    balance: int, promised: int, cap: int | None, spent: int, price: int
) -> None:
    """Whatever is promised, capped or spent beside it: no take passes, none fits, and nothing is said to be available."""
    left = [balance - promised, *([] if cap is None else [cap - spent])]
    poor = Budget("live", balance, NOON, promised, balance - promised, cap, spent, min(left))
    with pytest.raises(BudgetError):
        budgets.check(poor, price)
    assert how_many_fit(poor, [price] * 3, None, 0) == 0


@pytest.mark.parametrize("balance", [-1, -160, -(2**53) + 1])
def test_what_is_owed_is_not_available(ledger: Ledger, clock: Clock, balance: int) -> None:
    """A wallet below zero stays where it is, and what is promised comes on top of it."""
    told(ledger, balance)
    clock.turn(1)
    added(ledger)
    now = budget(ledger)
    assert (now.balance_credits, now.available_credits) == (balance, balance - 160)
    with pytest.raises(BudgetError, match="0 credits available") as caught:
        budgets.check(now, 160)
    assert caught.value.field == "balance"


def test_what_fits_exactly_passes(ledger: Ledger) -> None:
    """The last credit may be used."""
    told(ledger, 320)
    budgets.check(budget(ledger, cap=320), 320)
    with pytest.raises(BudgetError):
        budgets.check(budget(ledger, cap=320), 321)
