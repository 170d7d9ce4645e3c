"""The drift between wallet and ledger: charges and top-ups made elsewhere are found, and nothing of ours is ever blamed on others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rivya_core import GenerationRequest, Lab, State
from rivya_core.api import Rivya
from rivya_core.lab.ledger import reconciliation
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.reconciliation import OwnChange, Read, Unexplained, unexplained, without_own
from rivya_core.lab.ledger.records import BalanceRecord
from tests.lab.given import CARD, CLIP, HERE, NOON, Clock, accept, added, answer, attempted, in_state
from tests.pace import left_to_a_person, quicken

pytestmark = pytest.mark.database

REQUEST = GenerationRequest(prompt="A red fox in the snow")


@pytest.fixture(autouse=True)
def _pace(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch)


def told(ledger: Ledger, clock: Clock, credits: int) -> Read:  # noqa: A002 - Rivya's word
    """The wallet answers; what the log keeps of it."""
    asked = clock.turn(1)
    clock.turn(1)
    ledger.key_value.set_balance(HERE, BalanceRecord(credits, asked, tried_at=asked, simulated=True))
    return log(ledger)[-1]


def log(ledger: Ledger) -> list[Read]:
    """Every logged read."""
    with ledger.reading() as connection:
        return reconciliation.reads(connection, HERE, "simulated")


def changes(ledger: Ledger) -> list[tuple[int, int]]:
    """Bounds of every change that nothing explains."""
    return [(change.low, change.high) for change in unexplained(log(ledger))]


# -- what a row may have taken -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "bounds"),
    [
        (State.WAITING, (0, 0)),
        (State.SUBMITTING, (0, 160)),
        (State.UNCONFIRMED, (0, 160)),
        (State.RUNNING, (0, 160)),
        (State.SAVING, (0, 160)),
        (State.UNSAVED, (0, 160)),
        (State.SUCCEEDED, (0, 160)),
        (State.CANCELLED, (0, 0)),
    ],
)
def test_what_is_open_is_bounded(ledger: Ledger, clock: Clock, state: State, bounds: tuple[int, int]) -> None:
    """A row took between nothing and its price until both its end and its price are known."""
    in_state(ledger, state)
    read = told(ledger, clock, 4800)
    assert (read.booked_credits, read.booked_credits + read.open_credits) == bounds


@pytest.mark.parametrize("hours", [0.1, 1, 30])
def test_a_settled_price_is_certain(ledger: Ledger, clock: Clock, hours: float) -> None:
    """What Rivya settled was taken, whatever the hour."""
    row = in_state(ledger, State.SUCCEEDED)
    ledger.jobs.settle(row.id, 160)
    clock.turn(hours * 3600)
    read = told(ledger, clock, 4640)
    assert (read.booked_credits, read.open_credits) == (160, 0)


def test_a_provisional_price_is_certain_after_a_day(ledger: Ledger, clock: Clock) -> None:
    """Rivya may settle lower for a day; then what was reserved is taken for the price."""
    in_state(ledger, State.SUCCEEDED)
    clock.turn(reconciliation.SETTLE_WITHIN.total_seconds() + 60)
    read = told(ledger, clock, 4640)
    assert (read.booked_credits, read.open_credits) == (160, 0)


def test_a_refund_has_time_to_arrive(ledger: Ledger, clock: Clock) -> None:
    """A failed task's credits may be missing for a while; after that they count as missing."""
    row = in_state(ledger, State.RUNNING)
    ledger.jobs.failed_at_rivya(row.id, answer("failed"))
    read = told(ledger, clock, 4640)
    assert (read.booked_credits, read.open_credits) == (0, 160)
    clock.turn(reconciliation.REFUND_WITHIN.total_seconds())
    read = told(ledger, clock, 4800)
    assert (read.booked_credits, read.open_credits) == (0, 0)
    assert changes(ledger) == []


def test_a_row_accepted_after_the_question_may_not_be_in_the_answer(ledger: Ledger, clock: Clock) -> None:
    """The wallet was asked, then a task was made, ran and was settled before the answer was written down."""
    asked = clock.turn(1)
    row = in_state(ledger, State.SUCCEEDED)
    ledger.jobs.settle(row.id, 160)
    clock.turn(1)
    ledger.key_value.set_balance(HERE, BalanceRecord(4800, asked, tried_at=asked, simulated=True))
    [read] = log(ledger)
    assert (read.booked_credits, read.open_credits) == (0, 160)


def test_a_request_that_was_refused_took_nothing(ledger: Ledger, clock: Clock) -> None:
    """Failed without a task."""
    in_state(ledger, State.FAILED)
    read = told(ledger, clock, 4800)
    assert (read.booked_credits, read.open_credits) == (0, 0)


# -- the log -----------------------------------------------------------------------------------------------------------


def test_a_stretch_without_a_change_is_two_lines(ledger: Ledger, clock: Clock) -> None:
    """The first and the last read of it, so that the log stays short and its moments exact."""
    reads = [told(ledger, clock, 4800) for _ in range(5)]
    assert log(ledger) == [reads[0], reads[-1]]
    told(ledger, clock, 4640)
    assert [read.credits for read in log(ledger)] == [4800, 4800, 4640]


def test_only_answers_are_logged(ledger: Ledger, clock: Clock) -> None:
    """A question that failed says nothing about the wallet; nor does an answer to an older question."""
    told(ledger, clock, 4800)
    known = ledger.key_value.balance(HERE)
    ledger.key_value.set_balance(HERE, replace(known, error=CARD, tried_at=clock.turn(1)))
    ledger.key_value.set_balance(HERE, BalanceRecord(1, NOON - timedelta(days=1)))
    assert [read.credits for read in log(ledger)] == [4800]


def test_old_weak_reads_are_dropped(ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads taken while much was open go after a month, the oldest of all when there are too many."""
    monkeypatch.setattr(reconciliation, "TIDY_EVERY", 1)
    monkeypatch.setattr(reconciliation, "READINGS_MAX", 3)
    row = in_state(ledger, State.RUNNING)
    told(ledger, clock, 4640)
    ledger.jobs.ready(row.id, answer("succeeded", reserved_credits=160, final_credits=160))
    clock.turn(reconciliation.WEAK_RETENTION.total_seconds() + 60)
    for credits in (4640, 4639, 4638, 4637):  # noqa: A001 - Rivya's word
        told(ledger, clock, credits)
    assert [read.credits for read in log(ledger)] == [4639, 4638, 4637]


# -- what it says ------------------------------------------------------------------------------------------------------


def test_a_charge_made_elsewhere_is_told_with_its_two_moments(ledger: Ledger, clock: Clock) -> None:
    """160 credits went between two reads, and no row of ours had anything to do with it."""
    before = told(ledger, clock, 4800)
    after = told(ledger, clock, 4640)
    [change] = unexplained(log(ledger))
    assert change == Unexplained(before.asked_at, after.asked_at, -160, -160)
    assert (change.is_exact, change.least_credits) == (True, -160)


def test_a_charge_is_seen_while_our_own_clips_run(ledger: Ledger, clock: Clock) -> None:
    """What runs took its price at most, so whatever is missing beyond that went elsewhere."""
    told(ledger, clock, 4800)
    row = in_state(ledger, State.RUNNING)
    told(ledger, clock, 4640)
    told(ledger, clock, 4480)
    [change] = unexplained(log(ledger))
    assert (change.high, change.is_exact) == (-160, False)
    ledger.jobs.ready(row.id, answer("succeeded", reserved_credits=160, final_credits=160))
    clock.turn(1000)
    told(ledger, clock, 4480)
    assert changes(ledger) == [(-160, -160)]


def test_a_top_up_is_told(ledger: Ledger, clock: Clock) -> None:
    """Credits that came are said to have been added."""
    told(ledger, clock, 4800)
    told(ledger, clock, 6400)
    assert changes(ledger) == [(1600, 1600)]


def test_an_unconfirmed_row_explains_its_price_either_way(ledger: Ledger, clock: Clock) -> None:
    """Taken or not: neither is blamed on others, and adopting its task settles it."""
    told(ledger, clock, 4800)
    row = in_state(ledger, State.UNCONFIRMED)
    told(ledger, clock, 4640)
    assert changes(ledger) == []
    ledger.actions.adopt(row.id, "task_found")
    told(ledger, clock, 4640)
    assert changes(ledger) == []


def test_a_row_closed_as_not_charged_that_was_charged_comes_out(ledger: Ledger, clock: Clock) -> None:
    """A person's word is taken for the ledger; if the wallet says otherwise, the difference is shown."""
    told(ledger, clock, 4800)
    row = in_state(ledger, State.UNCONFIRMED)
    told(ledger, clock, 4640)
    ledger.actions.close_unconfirmed(row.id)
    told(ledger, clock, 4640)
    assert changes(ledger) == [(-160, -160)]


def test_another_key_begins_anew(ledger: Ledger, clock: Clock) -> None:
    """Another key may belong to another wallet, so nothing is said about the step between the two."""
    told(ledger, clock, 4800)
    ledger.rows.key_fingerprint = "e" * 16
    told(ledger, clock, 300)
    told(ledger, clock, 140)
    assert changes(ledger) == [(-160, -160)]


def test_a_late_price_that_is_lower_is_no_top_up(ledger: Ledger, clock: Clock) -> None:
    """Rivya settles 150 of 160 reserved credits; the wallet has them back before the ledger hears of it."""
    told(ledger, clock, 4800)
    row = in_state(ledger, State.SUCCEEDED)
    told(ledger, clock, 4640)
    told(ledger, clock, 4650)
    ledger.jobs.settle(row.id, 150)
    told(ledger, clock, 4650)
    clock.turn(86_400)
    told(ledger, clock, 4650)
    assert changes(ledger) == []


class Play:
    """An honest server and our ledger, which hears of things later than they happen."""

    numbers = count()

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.ledger, self.clock = ledger, clock
        self.name = f"{HERE}/{next(self.numbers)}"
        self.wallet = 100_000
        self.rows: list[str] = []
        self.there: dict[str, str] = {}  # what the server knows of a row: taken, failed, done, priced
        self.price: dict[str, int] = {}

    def do(self, step: str, which: int, price: int) -> None:
        """Take one step, if it is possible now."""
        if step == "submit":
            self.rows.append(added(self.ledger, connection=self.name).id)
        elif step == "wait":
            self.clock.turn(which % 600)
        elif step == "ask":
            self.ask()
        elif self.rows:
            row = self.rows[which % len(self.rows)]
            getattr(self, f"_{step}")(row, self.ledger.get(row).state, price)
            self.clock.turn(0.5)

    def ask(self) -> None:
        """Ask for the balance."""
        asked = self.clock.turn(1)
        self.ledger.key_value.set_balance(self.name, BalanceRecord(self.wallet, asked, tried_at=asked, simulated=True))

    def rest(self) -> None:
        """Let everything end and be heard of, a day later."""
        for row in self.rows:
            for step in ("send", "take", "hear", "finish", "settle", "end", "priced"):
                getattr(self, f"_{step}")(row, self.ledger.get(row).state, 160)
        self.clock.turn(90_000)
        self.ask()

    def changes(self) -> list[tuple[int, int]]:
        """What is unexplained."""
        with self.ledger.reading() as connection:
            found = unexplained(reconciliation.reads(connection, self.name, "simulated"))
        return [(change.low, change.high) for change in found]

    def _send(self, row: str, state: State, _price: int) -> None:
        if state is State.WAITING:
            attempted(self.ledger, row)

    def _take(self, row: str, state: State, _price: int) -> None:
        if state in {State.SUBMITTING, State.UNCONFIRMED} and row not in self.there:
            self.there[row] = "taken"
            self.wallet -= 160

    def _lose(self, row: str, state: State, _price: int) -> None:
        if state is State.SUBMITTING:
            self.ledger.rows.move(row, {State.SUBMITTING}, State.UNCONFIRMED, error=CARD)

    def _hear(self, row: str, state: State, _price: int) -> None:
        if row in self.there and state in {State.SUBMITTING, State.UNCONFIRMED}:
            accept(self.ledger, row)

    def _fail(self, row: str, _state: State, _price: int) -> None:
        if self.there.get(row) == "taken":
            self.there[row] = "failed"
            self.wallet += 160

    def _finish(self, row: str, _state: State, _price: int) -> None:
        if self.there.get(row) == "taken":
            self.there[row] = "done"

    def _settle(self, row: str, _state: State, price: int) -> None:
        if self.there.get(row) == "done":
            self.there[row] = "priced"
            self.price[row] = price
            self.wallet += 160 - price

    def _end(self, row: str, state: State, _price: int) -> None:
        if state is State.RUNNING and self.there[row] == "failed":
            self.ledger.jobs.failed_at_rivya(row, answer("failed"))
        elif state is State.RUNNING and self.there[row] in {"done", "priced"}:
            final = self.price.get(row, 0)
            self.ledger.jobs.ready(row, answer("succeeded", reserved_credits=160, final_credits=final))
            self.ledger.jobs.saved(row, CLIP)
            self.ledger.jobs.succeed(row)

    def _priced(self, row: str, state: State, _price: int) -> None:
        if state is State.SUCCEEDED and row in self.price:
            self.ledger.jobs.settle(row, self.price[row])


KINDS = ["submit", "send", "take", "lose", "hear", "fail", "finish", "settle", "end", "priced", "ask", "wait"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5999), st.sampled_from([160, 150])), max_size=60)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.database("sqlite")
@given(steps=STEPS)
@QUICK
def test_no_history_of_ours_is_ever_unexplained(
    ledger: Ledger, clock: Clock, steps: list[tuple[str, int, int]]
) -> None:
    """Whatever our rows do, and whenever the wallet is asked, an honest server gives no reason to suspect anybody."""
    play = Play(ledger, clock)
    play.ask()
    for step in steps:
        play.do(*step)
    assert play.changes() == []
    play.rest()
    assert play.changes() == []


@pytest.mark.database("sqlite")
@given(before=STEPS, after=STEPS, outside=st.sampled_from([-160, 1600, -1]))
@QUICK
def test_a_change_made_elsewhere_is_found_once_all_is_at_rest(
    ledger: Ledger,
    clock: Clock,
    before: list[tuple[str, int, int]],
    after: list[tuple[str, int, int]],
    outside: int,
) -> None:
    """Its exact amount, and nothing else."""
    play = Play(ledger, clock)
    play.ask()
    for step in before:
        play.do(*step)
    play.wallet += outside
    for step in after:
        play.do(*step)
    play.rest()
    assert play.changes() == [(outside, outside)]


# -- with a real simulator ---------------------------------------------------------------------------------------------


def stories(lab: Lab) -> list[Unexplained]:
    """Every unexplained change of this lab's wallet."""
    return [change for story in lab.spending.wallets(lab.mode) for change in story.changes]


def read_wallet(lab: Lab) -> None:
    """Have the wallet read, and wait for the answer."""
    assert lab.check_connection().error is None


@pytest.mark.database("sqlite")  # steers the simulator in its own process
@pytest.mark.parametrize("settle_delay_s", [0.0, 0.5, 30.0])
def test_our_own_clips_never_look_like_somebody_elses(make_lab: Callable[..., Lab], settle_delay_s: float) -> None:
    """Failures, refunds, prices said late or not at all, and a restart in between: nothing is unexplained."""
    lab = make_lab()
    lab.simulator.world.configure(settle_delay_s=settle_delay_s, failure_rate=0.3)
    ids = [row.id for row in lab.submit_many([replace_prompt(number) for number in range(8)])]
    while not all(lab.get(one).is_terminal for one in ids):
        read_wallet(lab)
    read_wallet(lab)
    assert stories(lab) == []
    lab.close()
    lab = make_lab()
    read_wallet(lab)
    assert stories(lab) == []
    states = {lab.get(one).state for one in ids}
    assert states <= {State.SUCCEEDED, State.FAILED}


def replace_prompt(number: int) -> GenerationRequest:
    """One of several requests."""
    return GenerationRequest(prompt=f"A red fox in the snow, {number}")


@pytest.mark.database("sqlite")  # steers the simulator in its own process
def test_a_clip_made_with_another_tool_is_told(make_lab: Callable[..., Lab]) -> None:
    """A second client on the same account spends 160 credits: told with the amount and two moments, and again when another follows."""
    lab = make_lab()
    lab.wait(lab.submit(REQUEST).id)
    read_wallet(lab)
    assert stories(lab) == []
    with Rivya(lab.simulator.api_key, base_url=lab.simulator.base_url) as other:
        other.create(REQUEST, idempotency_key="made-elsewhere")
    read_wallet(lab)
    [change] = stories(lab)
    assert (change.low, change.high) == (-160, -160)
    assert change.after < change.until
    lab.simulator.world.configure(credits=9000)
    read_wallet(lab)
    assert [(one.low, one.high) for one in stories(lab)] == [(-160, -160), (4520, 4520)]


@pytest.mark.database("sqlite")  # steers the simulator in its own process
def test_an_answer_that_was_lost_is_not_somebody_elses_charge(make_lab: Callable[..., Lab]) -> None:
    """The server took the credits and the answer never came: the row says so, and the wallet is explained."""
    lab = make_lab()
    read_wallet(lab)
    lab.simulator.world.add_fault("drop_after_accept", route="create", times=None)
    left_to_a_person(lab, lab.submit(REQUEST).id)
    lab.simulator.world.clear_faults()
    read_wallet(lab)
    assert lab.balance().credits == 4640
    assert stories(lab) == []


@pytest.mark.database("sqlite")  # steers the simulator in its own process
def test_what_a_person_here_does_to_the_simulated_wallet_alarms_nobody(lab: Lab) -> None:
    """Neither filling nor emptying it; what moves beside that is still found."""
    read_wallet(lab)
    for wanted in (9_000, 480):
        lab.set_simulated_credits(wanted)
        read_wallet(lab)
    assert stories(lab) == []
    lab.simulator.world.configure(credits=320)
    read_wallet(lab)
    assert [change.least_credits for change in stories(lab)] == [-160]


def test_a_read_under_way_while_the_wallet_is_set_says_nothing() -> None:
    """Its answer may be from before or from after."""
    answers = ((0, 100), (58, 900), (70, 900))
    reads = [Read(NOON + timedelta(seconds=second), told, 0, 0) for second, told in answers]
    own = [OwnChange(NOON + timedelta(seconds=60), 800)]
    assert [(read.asked_at - NOON).total_seconds() for read in without_own(reads, own)] == [0, 70]
    assert unexplained(without_own(reads, own)) == []
