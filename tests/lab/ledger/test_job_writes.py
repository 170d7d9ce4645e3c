"""What jobs write on the way: each fact once, repeatable after a crash, and nothing forgotten."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from rivya_core.api import GenerationRequest
from rivya_core.api.errors import LabError, RateLimitedError, RivyaError, TransportError
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from tests.lab.given import CARD, CLIP, HERE, Clock, accept, added, answer, attempted, in_state

pytestmark = pytest.mark.database


def test_an_attempt_is_written_down_before_it_leaves(ledger: Ledger, clock: Clock) -> None:
    """Body, hash, number and time of the first attempt are in the row; a second attempt keeps bytes and time."""
    row = added(ledger)
    first = attempted(ledger, row.id)
    assert (first.body, first.attempts, first.open_attempts, first.first_attempt_at) == (b'{"a":1}', 1, 1, clock.now)
    at = clock.now
    clock.turn(5)
    second = ledger.jobs.begin_attempt(row.id, b'{"a":1}', first.body_sha256 or "")
    assert second is not None
    assert (second.attempts, second.open_attempts, second.first_attempt_at) == (2, 2, at)


def test_other_bytes_are_never_sent_with_the_same_key(ledger: Ledger) -> None:
    """P1: a row's first bytes are its bytes."""
    row = added(ledger)
    attempted(ledger, row.id)
    with pytest.raises(LabError, match="other bytes"):
        ledger.jobs.begin_attempt(row.id, b'{"a":2}', "0" * 64)
    assert ledger.get(row.id).attempts == 1


def test_bytes_that_the_disk_has_changed_are_not_sent(ledger: Ledger) -> None:
    """P1: what is stored must still have the hash of what was sent first."""
    row = added(ledger)
    attempted(ledger, row.id)
    ledger.rows.update(row.id, body=b'{"a":9}')
    with pytest.raises(LabError, match="other bytes"):
        ledger.jobs.begin_attempt(row.id, b'{"a":9}', hashlib.sha256(b'{"a":9}').hexdigest())
    assert ledger.get(row.id).attempts == 1


@pytest.mark.parametrize("state", [state for state in State if state not in {State.WAITING, State.SUBMITTING}])
def test_only_a_row_without_a_task_can_be_sent(ledger: Ledger, state: State) -> None:
    """An attempt in any later state is not begun, and the row stays as it is."""
    row = in_state(ledger, state)
    assert ledger.jobs.begin_attempt(row.id, b"{}", "0" * 64) is None
    assert ledger.get(row.id) == row


def test_an_attempt_takes_a_waiting_row_along(ledger: Ledger) -> None:
    """The first attempt and the step out of ``waiting`` are one commit."""
    begun = ledger.jobs.begin_attempt(added(ledger).id, b"{}", "0" * 64)
    assert begun is not None
    assert (begun.state, begun.attempts, begun.open_attempts) == (State.SUBMITTING, 1, 1)


@pytest.mark.parametrize("state", [State.RUNNING, State.SAVING, State.UNSAVED, State.SUCCEEDED])
@pytest.mark.parametrize("doubt", [False, True], ids=["being sent", "unconfirmed"])
def test_a_task_that_another_row_has_is_not_counted_twice(ledger: Ledger, state: State, doubt: bool) -> None:
    """Whatever became of the first row: the second ends, says so, names the first, and gives its hold back."""
    first = in_state(ledger, state)
    row = in_state(ledger, State.UNCONFIRMED if doubt else State.SUBMITTING)
    before = ledger.get(first.id)
    assert accept(ledger, row.id, task_id=first.task_id)
    second = ledger.get(row.id)
    assert (second.state, second.duplicate_of, second.task_id) == (State.FAILED, first.id, None)
    assert (second.held_credits, second.settlement, second.open_attempts) == (0, "released", 0)
    assert second.error is not None
    assert (second.error.charged, first.id in second.error.detail) == ("no", True)
    assert ledger.rows.events(row.id)[-1].detail["duplicate_of"] == first.id
    assert ledger.get(first.id) == before


def test_a_task_that_failed_before_is_not_a_second_row_s(ledger: Ledger) -> None:
    """A server that merges equal requests may answer with a task that failed long ago."""
    first = in_state(ledger, State.RUNNING)
    ledger.jobs.failed_at_rivya(first.id, answer("failed", final_credits=0))
    row = in_state(ledger, State.SUBMITTING)
    accept(ledger, row.id, task_id=first.task_id)
    assert (ledger.get(row.id).state, ledger.get(row.id).duplicate_of) == (State.FAILED, first.id)


def test_the_same_id_of_another_connection_is_another_task(ledger: Ledger) -> None:
    """Two servers may name their tasks alike; both are paid for and both are followed."""
    first = in_state(ledger, State.RUNNING, connection="http://127.0.0.1:8")
    row = in_state(ledger, State.SUBMITTING)
    accept(ledger, row.id, task_id=first.task_id)
    second = ledger.get(row.id)
    assert (second.state, second.task_id, second.duplicate_of) == (State.RUNNING, first.task_id, None)


def test_a_row_is_not_its_own_duplicate(ledger: Ledger) -> None:
    """The same answer read again after a crash changes nothing."""
    row = in_state(ledger, State.RUNNING)
    assert not accept(ledger, row.id, task_id=row.task_id)
    assert ledger.get(row.id) == row


def test_of_a_crowd_with_one_task_exactly_one_row_has_it(ledger: Ledger) -> None:
    """Answers that arrive at once are committed one after the other: one row, one hold, one task."""
    rows = [in_state(ledger, State.SUBMITTING) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda row: accept(ledger, row.id, task_id="task_one"), rows))
    after = [ledger.get(row.id) for row in rows]
    [owner] = [row for row in after if row.task_id == "task_one"]
    assert {row.duplicate_of for row in after if row.id != owner.id} == {owner.id}
    assert sum(row.held_credits for row in after) == 160


def test_an_attempt_is_closed_only_by_the_servers_own_word(ledger: Ledger) -> None:
    """A refusal closes its attempt; a lost answer stays open, and with it the question whether it was charged."""
    row = added(ledger)
    attempted(ledger, row.id)
    lost = ledger.jobs.end_attempt(row.id, TransportError("No answer"), outcome_known=False)
    assert (lost.open_attempts, lost.error and lost.error.charged) == (1, "unknown")
    ledger.jobs.begin_attempt(row.id, b'{"a":1}', hashlib.sha256(b'{"a":1}').hexdigest())
    refused = RateLimitedError("Too many", code="rate_limited", http_status=429, request_id="req_7", retry_after_s=3)
    closed = ledger.jobs.end_attempt(row.id, refused, outcome_known=True)
    assert (closed.open_attempts, closed.request_id) == (1, "req_7")
    last = ledger.rows.events(row.id)[-1]
    assert last.kind == "exchange"
    assert last.detail == {
        "phase": "create",
        "title": "Too many",
        "code": "rate_limited",
        "http_status": 429,
        "request_id": "req_7",
        "retry_after_s": 3,
        "attempt": 2,
        "outcome_known": True,
    }


def test_a_known_refusal_of_the_only_attempt_is_not_charged(ledger: Ledger) -> None:
    """With no attempt open, the card says: not charged."""
    row = added(ledger)
    attempted(ledger, row.id)
    ended = ledger.jobs.end_attempt(row.id, RivyaError("No", code="insufficient_credits"), outcome_known=True)
    assert (ended.open_attempts, ended.error and ended.error.charged) == (0, "no")


def test_a_task_id_is_committed_once(ledger: Ledger, clock: Clock) -> None:
    """The first answer wins; a second one with another id changes nothing."""
    row = in_state(ledger, State.SUBMITTING)
    assert accept(ledger, row.id, task_id="task_a")
    assert not accept(ledger, row.id, task_id="task_b")
    row = ledger.get(row.id)
    assert (row.state, row.task_id, row.submitted_at, row.open_attempts) == (State.RUNNING, "task_a", clock.now, 0)
    assert row.error is None


def test_a_late_answer_rescues_an_unconfirmed_row(ledger: Ledger) -> None:
    """P2: a task id that arrives after all is taken, its card goes."""
    row = in_state(ledger, State.UNCONFIRMED)
    assert accept(ledger, row.id)
    assert ledger.get(row.id).state is State.RUNNING


@pytest.mark.parametrize(("reserved", "held"), [(None, 160), (160, 160), (320, 320), (0, 160)])
def test_the_reservation_becomes_what_rivya_reserved(ledger: Ledger, reserved: int | None, held: int) -> None:
    """The expected price counts until Rivya names one; 0 is none, as credits may be taken only when the task starts."""
    row = in_state(ledger, State.SUBMITTING)
    accept(ledger, row.id, reserved=reserved)
    row = ledger.get(row.id)
    assert (row.expected_credits, row.reserved_credits, row.held_credits) == (160, reserved or None, held)


def test_the_price_is_learned_per_connection_model_and_length(ledger: Ledger) -> None:
    """What 10 s cost last time is expected next time; taste settings share a price, connections do not."""
    ten = GenerationRequest(prompt="a", params={"duration": "10"})
    other = GenerationRequest(prompt="b", params={"duration": "10", "cfg_scale": 0.9, "aspect_ratio": "1:1"})
    five = GenerationRequest(prompt="a", params={"duration": "5"})
    row = in_state(ledger, State.SUBMITTING, params={"duration": "10"})
    accept(ledger, row.id, reserved=320)
    assert [ledger.key_value.learned_price(HERE, request) for request in (ten, other, five)] == [320, 320, None]
    assert ledger.key_value.learned_price("https://rivya.ai", ten) is None


def test_a_change_of_the_task_is_noted_once(ledger: Ledger, clock: Clock) -> None:
    """First seen processing has its time; the same word again writes no line."""
    row = in_state(ledger, State.RUNNING)
    clock.turn(3)
    seen = ledger.jobs.seen(row.id, answer("processing"))
    assert (seen.task_status, seen.processing_at) == ("processing", clock.now)
    lines = len(ledger.rows.events(row.id))
    clock.turn(3)
    assert ledger.jobs.seen(row.id, answer("processing")).processing_at == seen.processing_at
    assert len(ledger.rows.events(row.id)) == lines


def test_an_unknown_word_is_kept(ledger: Ledger) -> None:
    """P6: a state that nobody documented is stored as it is, however long, and the row runs on."""
    row = in_state(ledger, State.RUNNING)
    seen = ledger.jobs.seen(row.id, answer("waiting_for_moon " * 10))
    assert (seen.state, (seen.task_status or "")[:16]) == (State.RUNNING, "waiting_for_moon")


def test_a_ready_task_names_its_clip(ledger: Ledger, clock: Clock) -> None:
    """Address and time are kept; a price that is named at once is settled at once."""
    row = in_state(ledger, State.RUNNING)
    clock.turn(9)
    ready = ledger.jobs.ready(row.id, answer("succeeded", final_credits=150, result={"primary_url": "https://m/c.mp4"}))
    assert (ready.state, ready.result_url, ready.ready_at) == (State.SAVING, "https://m/c.mp4", clock.now)
    assert (ready.final_credits, ready.settlement, ready.held_credits) == (150, "settled", 150)
    assert ledger.jobs.ready(row.id, answer("succeeded")) == ready


@pytest.mark.parametrize(
    ("final", "figures", "charged"),
    [(None, (0, "released"), "unknown"), (0, (0, "released"), "no"), (160, (160, "settled"), "yes")],
)
def test_a_failed_task_is_released_unless_rivya_charges_it(
    ledger: Ledger, final: int | None, figures: tuple[int, str], charged: str
) -> None:
    """The card carries Rivya's own words and the truth about the credits."""
    row = in_state(ledger, State.RUNNING)
    error = {"code": "generation_failed", "message": "The picture shows too little."}
    failed = ledger.jobs.failed_at_rivya(row.id, answer("failed", final_credits=final, error=error))
    assert failed.state is State.FAILED
    assert (failed.held_credits, failed.settlement) == figures
    assert failed.error is not None
    assert (failed.error.detail, failed.error.charged) == ("The picture shows too little.", charged)


def test_a_failed_task_without_a_reason_says_so(ledger: Ledger) -> None:
    """P6: no invented reason."""
    row = in_state(ledger, State.RUNNING)
    failed = ledger.jobs.failed_at_rivya(row.id, answer("failed"))
    assert failed.error is not None
    assert failed.error.detail == "Rivya gave no reason."


def test_a_clip_that_cannot_be_fetched_keeps_its_charge(ledger: Ledger, clock: Clock) -> None:
    """Unsaved rows have a card and a next time, and go on counting; a later clip clears both."""
    row = in_state(ledger, State.SAVING)
    unsaved = ledger.jobs.unsaved(row.id, CARD, in_s=60)
    assert unsaved.next_action_at is not None
    assert (unsaved.state, (unsaved.next_action_at - clock.now).total_seconds()) == (State.UNSAVED, 60)
    assert unsaved.held_credits == 160
    again = ledger.jobs.unsaved(row.id, CARD, in_s=300)
    assert again.state is State.UNSAVED
    saved = ledger.jobs.saved(row.id, CLIP)
    assert (saved.state, saved.error, saved.next_action_at) == (State.SAVING, None, None)
    assert (saved.clip_key, saved.clip_width_px, saved.clip_fps) == (CLIP.clip_key, 640, 24.0)


def test_success_without_a_price_is_provisional(ledger: Ledger, clock: Clock) -> None:
    """Settled at the reservation until Rivya names the price; then at that, once."""
    row = in_state(ledger, State.SAVING)
    ledger.jobs.saved(row.id, CLIP)
    clock.turn(1)
    done = ledger.jobs.succeed(row.id)
    assert (done.state, done.finished_at) == (State.SUCCEEDED, clock.now)
    assert (done.settlement, done.held_credits, done.final_credits) == ("provisional", 160, None)
    clock.turn(1)
    assert ledger.jobs.succeed(row.id) == done
    settled = ledger.jobs.settle(row.id, 155)
    assert (settled.settlement, settled.held_credits, settled.final_credits) == ("settled", 155, 155)
    assert ledger.jobs.settle(row.id, 155) == settled
    assert [move.kind for move in ledger.rows.movements(row.id)] == ["reserve", "settle", "settle"]


def test_wrong_answers_are_counted_by_phase(ledger: Ledger) -> None:
    """The number of failed uploads decides how long the next one waits."""
    row = added(ledger)
    for _ in range(3):
        ledger.jobs.exchange(row.id, "upload", TransportError("Down"))
    ledger.jobs.exchange(row.id, "poll", RivyaError("No", request_id="req_9"))
    assert ledger.jobs.count_exchanges(row.id, "upload") == 3
    assert ledger.jobs.count_exchanges(row.id, "fetch") == 0
    assert ledger.get(row.id).request_id == "req_9"


def test_like_answers_are_counted_apart(ledger: Ledger) -> None:
    """An answer of another code, of another status or without a code is not one more of the same refusal."""
    row = added(ledger)
    poor = RivyaError("No", code="insufficient_credits", http_status=402)
    for error in (
        poor,
        RivyaError("No", code="rate_limited", http_status=429),
        RivyaError("No", http_status=402),
        poor,
        TransportError("Down"),
    ):
        ledger.jobs.exchange(row.id, "create", error)
    assert ledger.jobs.count_exchanges(row.id, "create", like=poor) == 2
    assert ledger.jobs.count_exchanges(row.id, "create", like=RivyaError("No", http_status=402)) == 1
    assert ledger.jobs.count_exchanges(row.id, "create", like=TransportError("Down")) == 1
