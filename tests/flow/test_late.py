"""P1, P2: what comes late or goes missing on the way costs nothing twice and loses nothing: answers, prices, addresses, files, keys, credits."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from rivya_core import GenerationRequest
from rivya_core.api.contract import KEY_PREFIX
from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.video_probe import inspect
from rivya_core.simulator.state.world import World
from tests.flow.outside import Outside
from tests.pace import HELD_S, left_to_a_person, quicken
from tests.until import until

REQUEST = GenerationRequest(prompt="A red fox in the snow")
PRICE = 160
LATE_S = 1800.0
LONG_S = 1_000_000.0

Make = Callable[..., Lab]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Short delays; pauses stand until somebody ends them."""
    quicken(monkeypatch)
    return monkeypatch


def world_of(lab: Lab) -> World:
    """The embedded world."""
    assert lab.simulator is not None
    world: World = lab.simulator.world
    return world


def is_in(lab: Lab, id_: str, state: State) -> None:
    """Wait until a row is in a state."""
    until(lambda: lab.get(id_).state is state, what=f"{id_} {state}")


def is_settled(lab: Lab, id_: str) -> bool:
    """True once the price of a row is known; its job is woken to ask for it."""
    lab._jobs.wake(id_)
    return lab.get(id_).settlement == "settled"


# -- clicks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart_s", [0.2, 0.0])
def test_two_clicks_make_one_task(make_lab: Make, quick: pytest.MonkeyPatch, apart_s: float) -> None:
    """Two submits of one intent, 200 ms apart or at once, are one row, one POST, one task."""
    lab = make_lab()
    ids: list[str] = []

    def click() -> None:
        ids.append(lab.submit(REQUEST, intent_id="twoclicks").id)

    clicks = [Thread(target=click) for _ in range(2)]
    for thread in clicks:
        thread.start()
        time.sleep(apart_s)
    for thread in clicks:
        thread.join()
    assert lab.wait(ids[0]).state is State.SUCCEEDED
    assert len(set(ids)) == 1
    assert (len(world_of(lab).requests("create")), len(world_of(lab).tasks())) == (1, 1)


def test_a_repeat_after_the_end_makes_no_second_task(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """The same intent after its row ended gives that row back; another take of it is another task."""
    lab = make_lab()
    first = lab.wait(lab.submit(REQUEST, intent_id="again").id)
    assert lab.submit(REQUEST, intent_id="again") == lab.get(first.id)
    second = lab.wait(lab.submit(REQUEST, intent_id="again", take=2).id)
    assert [task.idempotency_key for task in world_of(lab).tasks()] == [first.id, second.id]


def test_a_server_that_merges_equal_requests_is_paid_once(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """Four equal requests, one task at the server: one clip, one price, and three rows that say which one has it."""
    lab = make_lab()
    world_of(lab).configure(merges_equal_bodies=True)
    rows = [lab.wait(row.id) for row in lab.submit_takes(REQUEST, 3, intent_id="merged")]
    rows.append(lab.wait(lab.submit(REQUEST).id))
    [first] = [row for row in rows if row.state is State.SUCCEEDED]
    others = [row for row in rows if row.id != first.id]
    assert {(row.state, row.duplicate_of, row.held_credits) for row in others} == {(State.FAILED, first.id, 0)}
    assert (len(world_of(lab).tasks()), lab.budget().spent_today_credits, first.held_credits) == (1, PRICE, PRICE)


# -- prices --------------------------------------------------------------------------------------------------------


def test_a_price_that_comes_late_is_booked_provisionally_first(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """Succeeded without a price: the reservation is booked as provisional; the real price replaces it when Rivya says it."""
    lab = make_lab(settle_delays_s=(3600.0,))
    world_of(lab).configure(settle_delay_s=LATE_S)
    row = lab.wait(lab.submit(REQUEST).id)
    assert (row.settlement, row.held_credits, row.final_credits) == ("provisional", PRICE, None)
    world_of(lab).advance(LATE_S)
    until(lambda: is_settled(lab, row.id))
    assert (lab.get(row.id).final_credits, lab.get(row.id).state) == (PRICE, State.SUCCEEDED)
    kinds = [(move.kind, move.credits, move.provisional) for move in lab.movements(row.id)]
    assert kinds == [("reserve", PRICE, False), ("settle", 0, True), ("settle", 0, False)]


def test_a_price_is_still_asked_for_after_a_restart(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """A lab that is closed before the price was known asks for it when it is opened again."""
    lab = make_lab(settle_delays_s=(3600.0,))
    world_of(lab).configure(settle_delay_s=LATE_S)
    row = lab.wait(lab.submit(REQUEST).id)
    assert row.settlement == "provisional"
    world_of(lab).advance(LATE_S)
    lab.close()
    lab = make_lab(settle_delays_s=(0.3,))
    until(lambda: lab.get(row.id).settlement == "settled")
    assert len(world_of(lab).tasks()) == 1


def test_an_undocumented_price_is_learned(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """Ten seconds cost what the first answer reserved: the row is adjusted, and the next one expects it."""
    lab = make_lab()
    world_of(lab).configure(price_10s=320)
    long = GenerationRequest(prompt="A red fox in the snow", params={"duration": "10"})
    assert lab.expected(long) == PRICE
    row = lab.wait(lab.submit(long).id)
    assert (row.expected_credits, row.reserved_credits, row.held_credits) == (PRICE, 320, 320)
    assert (lab.expected(long), lab.expected(REQUEST)) == (320, PRICE)
    assert lab.budget().spent_today_credits == 320


# -- addresses and files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_expired_address_is_replaced_by_reading_the_task(
    make_lab: Make, quick: pytest.MonkeyPatch, status: int
) -> None:
    """An address that has expired, whatever status says so, costs a read of the task and no new task."""
    lab = make_lab()
    world = world_of(lab)
    world.configure(result_ttl_s=0.0, expired_status=status)
    row_id = lab.submit(REQUEST).id
    is_in(lab, row_id, State.UNSAVED)
    row = lab.get(row_id)
    assert row.error is not None
    assert (row.error.charged, row.error.http_status, row.settlement) == ("yes", status, "settled")
    world.configure(result_ttl_s=3600.0)
    lab.check_now(row_id)
    row = lab.wait(row_id)
    assert (row.state, row.error, len(world.tasks())) == (State.SUCCEEDED, None, 1)


def test_a_lost_file_is_fetched_again(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """A clip deleted from the folder is told as lost; "check now" brings the same bytes back without a new task or charge."""
    lab = make_lab()
    row = lab.wait(lab.submit(REQUEST).id)
    lab.clip(row.id).unlink()
    with pytest.raises(StorageError):
        lab.clip(row.id)
    lab.check_now(row.id)
    back = lab.wait(row.id)
    assert (back.state, back.settlement, back.held_credits) == (State.SUCCEEDED, "settled", PRICE)
    assert inspect(lab.clip(row.id)).sha256 == row.clip_sha256
    assert world_of(lab).charges() == {str(row.task_id): PRICE}
    assert sum(move.credits for move in lab.movements(row.id)) == PRICE


# -- keys and credits ----------------------------------------------------------------------------------------------


def test_a_key_rotated_in_mid_run_loses_nothing(outside: Outside, make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """A revoked key stops new creates and ends no row; the next start with a new key follows the old task and sends the rest."""
    old = outside.add_key(KEY_PREFIX + "old_0123456789abcdef")
    outside.configure(work_min_s=LONG_S, work_max_s=LONG_S)
    lab = make_lab(base_url=outside.base_url, api_key=old)
    running = lab.submit(REQUEST).id
    is_in(lab, running, State.RUNNING)
    outside.set_key_state(old, "revoked")
    pause = until(lab.pause)
    assert pause is not None
    assert (pause.effect, pause.card.code) == ("key", "api_key_revoked")
    card = until(lambda: lab.get(running).error)
    assert card is not None
    assert (card.code, card.charged) == ("api_key_revoked", "unknown")
    waiting = lab.submit(REQUEST).id
    assert lab.get(running).state is State.RUNNING
    lab.close()
    outside.configure(work_min_s=4.0, work_max_s=10.0)
    outside.advance(LONG_S)
    lab = make_lab(**outside.live)
    rows = [lab.wait(running), lab.wait(waiting)]
    assert [(row.state, row.error) for row in rows] == [(State.SUCCEEDED, None)] * 2
    assert lab.pause() is None
    tasks = [task for task in outside.tasks() if task.idempotency_key in {running, waiting}]
    posts = [post for post in outside.requests("create") if post.idempotency_key in {running, waiting}]
    assert (len(tasks), len(posts)) == (2, 2)


@pytest.mark.parametrize("leaves_task", [False, True], ids=["refused", "left-as-failed-task"])
def test_an_empty_wallet_stops_the_queue_until_it_is_topped_up(
    make_lab: Make, quick: pytest.MonkeyPatch, *, leaves_task: bool
) -> None:
    """Not enough credits: one POST, one card, nobody fails; after a top-up the queue goes on by itself and pays once each."""
    quicken(quick, pause_s=0.3)
    lab = make_lab(balance_refresh_s=3600.0, max_creates_in_flight=1)
    world = world_of(lab)
    until(lambda: lab.balance().credits == 4800)
    world.configure(credits=100, insufficient_leaves_task=leaves_task, insufficient_status=400)
    ids = [row.id for row in lab.submit_takes(REQUEST, 2, intent_id="poor")]
    pause = until(lab.pause)
    assert pause is not None
    assert (pause.effect, pause.card.code, pause.card.charged) == ("wallet", "insufficient_credits", "no")
    until(lambda: lab.balance().credits == 100)
    until(lambda: {lab.get(id_).state for id_ in ids} == {State.WAITING})
    posts = len(world.requests("create"))
    looks = len(world.requests("credits"))
    until(lambda: len(world.requests("credits")) >= looks + 3, what="the wallet looked at again")
    assert lab.pause() is not None
    assert {lab.get(id_).state for id_ in ids} == {State.WAITING}
    assert len(world.requests("create")) == posts == 1
    world.configure(credits=1000)
    assert [lab.wait(id_).state for id_ in ids] == [State.SUCCEEDED] * 2
    assert sorted(world.charges().values())[-2:] == [PRICE, PRICE]
    assert sum(world.charges().values()) == 2 * PRICE
    assert world.balance() == 1000 - 2 * PRICE


def test_a_server_that_refuses_a_funded_wallet_for_ever_is_not_asked_for_ever(
    make_lab: Make, quick: pytest.MonkeyPatch
) -> None:
    """A key whose first answer "not enough" is replayed although the wallet is full ends as failed, uncharged, after six.

    Only refusals of that kind count: a rate window in between is no step towards giving up.
    """
    quicken(quick, pause_s=0.1)
    lab = make_lab()
    world_of(lab).add_fault("rate_limited", times=1, retry_after=0)
    world_of(lab).add_fault("insufficient_credits", times=None)
    row = lab.wait(lab.submit(REQUEST).id)
    assert (row.state, row.settlement) == (State.FAILED, "released")
    assert row.error is not None
    assert (row.error.code, row.error.charged) == ("insufficient_credits", "no")
    assert (len(world_of(lab).requests("create")), world_of(lab).tasks()) == (7, [])


def test_a_rate_window_is_waited_out(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """A 429 stops the queue for as long as Retry-After says, then it goes on by itself."""
    quicken(quick, pause_s=0.1)
    lab = make_lab()
    world = world_of(lab)
    world.add_fault("rate_limited", retry_after=1)
    ids = [lab.submit(REQUEST).id for _ in range(2)]
    assert [lab.wait(id_).state for id_ in ids] == [State.SUCCEEDED] * 2
    posts = world.requests("create")
    refused = next(post for post in posts if post.status == 429)
    again = [post.at for post in posts if post.idempotency_key == refused.idempotency_key][1]
    assert again - refused.at >= 1.0
    assert (len(posts), len(world.tasks())) == (3, 2)


def test_a_pause_of_a_person_outlives_every_other_stop(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """A 429 that arrives after a person paused the queue does not turn it into a pause that ends by itself."""
    quicken(quick, pause_s=0.05)
    lab = make_lab()
    world = world_of(lab)
    world.add_fault("slow", route="create", delay_s=HELD_S)
    row_id = lab.submit(REQUEST).id
    until(lambda: world.requests("create"))
    lab.pause_queue()
    world.clear_faults()
    world.add_fault("rate_limited", route="create")
    is_in(lab, row_id, State.WAITING)
    pause = lab.pause()
    assert pause is not None
    assert pause.effect == "person"
    assert world.unfired_faults() == []
    lab.resume()
    assert lab.wait(row_id).state is State.SUCCEEDED
    assert len(world.tasks()) == 1


# -- nobody knows --------------------------------------------------------------------------------------------------


def unconfirmed(lab: Lab, *, accepted: bool) -> str:
    """A row whose create was never answered; with ``accepted`` the server has its task."""
    world = world_of(lab)
    world.configure(idempotency="conflict")
    world.add_fault("drop_after_accept" if accepted else "drop_before", route="create", times=None)
    row_id = lab.submit(REQUEST).id
    row = left_to_a_person(lab, row_id)
    assert (row.state, row.held_credits, row.settlement) == (State.UNCONFIRMED, PRICE, "reserved")
    assert row.error is not None
    assert (row.error.charged, row.error.phase, bool(row.error.hint)) == ("unknown", "create", True)
    assert row.attempts > 1
    assert len(world.tasks()) == int(accepted)
    world.clear_faults()
    return row_id


def test_asking_again_finds_the_first_task(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """Asking again sends the same key and bytes: the server answers with its first task and charges nothing more."""
    lab = make_lab()
    row_id = unconfirmed(lab, accepted=True)
    world_of(lab).configure(idempotency="replay")
    lab.ask_again(row_id)
    row = until(lambda: (row := lab.wait(row_id)).is_terminal and row)
    assert row
    assert row.state is State.SUCCEEDED
    assert world_of(lab).charges() == {str(row.task_id): PRICE}
    assert {post.body_sha256 for post in world_of(lab).requests("create")} <= {row.body_sha256, None}
    with pytest.raises(LabError):
        lab.ask_again(row_id)


def test_an_adopted_task_is_followed_to_its_clip(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """A task id that a person found at Rivya brings its clip home; a task that has a row already is refused."""
    lab = make_lab()
    row_id = unconfirmed(lab, accepted=True)
    world_of(lab).configure(idempotency="replay")
    other = lab.wait(lab.submit(REQUEST).id)
    with pytest.raises(LabError):
        lab.adopt(row_id, str(other.task_id))
    task = next(task for task in world_of(lab).tasks() if task.idempotency_key == row_id)
    lab.adopt(row_id, f" {task.id} ")
    row = lab.wait(row_id)
    assert (row.state, row.task_id, row.held_credits) == (State.SUCCEEDED, task.id, PRICE)
    assert len(world_of(lab).tasks()) == 2


def test_closing_gives_the_reservation_back(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """A row that a person closes as not charged is failed and released, and nothing more is sent for it."""
    lab = make_lab()
    row_id = unconfirmed(lab, accepted=False)
    posts = len(world_of(lab).requests("create"))
    lab.close_unconfirmed(row_id)
    row = lab.get(row_id)
    assert (row.state, row.held_credits, row.settlement) == (State.FAILED, 0, "released")
    assert row.error is not None
    assert row.error.charged == "no"
    assert lab.wait(lab.submit(REQUEST).id).state is State.SUCCEEDED
    assert len([post for post in world_of(lab).requests("create") if post.idempotency_key == row_id]) == posts


def test_a_mistyped_task_id_is_no_dead_end(make_lab: Make, quick: pytest.MonkeyPatch) -> None:
    """An adopted id that Rivya does not know gives the row back to the person, its reservation kept; the right id works."""
    lab = make_lab()
    row_id = unconfirmed(lab, accepted=True)
    lab.adopt(row_id, "task_of_nobody")
    row = until(lambda: (row := lab.wait(row_id)).state is State.UNCONFIRMED and row)
    assert row
    assert row.error is not None
    assert ("task_of_nobody" in row.error.detail, row.error.charged) == (True, "unknown")
    assert (row.task_id, row.held_credits, row.open_attempts) == (None, PRICE, 1)
    (task,) = world_of(lab).tasks()
    lab.adopt(row_id, task.id)
    until(lambda: lab.get(row_id).state is State.SUCCEEDED)
    assert world_of(lab).charges() == {task.id: PRICE}


@pytest.mark.parametrize(("status", "code"), [(403, "content_policy"), (401, "odd"), (403, "")])
def test_a_refusal_in_unknown_words_does_not_stop_the_others(
    make_lab: Make, quick: pytest.MonkeyPatch, status: int, code: str
) -> None:
    """One request refused like a key, while the key works: it fails uncharged after three, and those behind it go on."""
    quicken(quick, pause_s=0.1)
    lab = make_lab(max_creates_in_flight=1)
    world_of(lab).add_fault("error", route="create", times=3, status=status, code=code)
    refused, behind = lab.submit(REQUEST).id, lab.submit(REQUEST).id
    row = lab.wait(refused)
    assert row.error is not None
    assert (row.state, row.error.charged, row.settlement) == (State.FAILED, "no", "released")
    assert lab.wait(behind).state is State.SUCCEEDED
    assert lab.pause() is None
    assert len(world_of(lab).requests("create")) == 4


@pytest.mark.parametrize(
    ("kind", "told", "goes_on"),
    [
        ({"kind": "error", "code": "public_api_disabled", "status": 503}, {"status": 403, "code": "no_scope"}, True),
        ({"kind": "error", "code": "public_api_disabled", "status": 503}, {"status": 503, "code": ""}, False),
        ({"kind": "insufficient_credits"}, {"status": 404, "code": ""}, True),
        ({"kind": "error", "code": "api_key_invalid", "status": 401}, {"status": 401, "code": ""}, False),
    ],
    ids=["switched on again", "still down", "no such route", "key still refused"],
)
def test_a_pause_ends_when_only_a_create_can_tell(
    make_lab: Make, quick: pytest.MonkeyPatch, kind: dict[str, Any], told: dict[str, Any], goes_on: bool
) -> None:
    """A wallet that cannot be read for another reason must not hold the queue for ever; one refused for this reason does."""
    quicken(quick, pause_s=0.2)
    lab = make_lab()
    world = world_of(lab)
    until(lambda: lab.balance().credits is not None)
    world.add_fault("error", route="credits", times=None, **told)
    world.add_fault(**kind, route="create")
    row_id = lab.submit(REQUEST).id
    until(lambda: lab.pause() or lab.get(row_id).task_id)
    if goes_on:
        assert lab.wait(row_id).state is State.SUCCEEDED
        return
    looks = len(world.requests("credits"))
    until(lambda: len(world.requests("credits")) >= looks + 3)
    assert (lab.pause() is not None, len(world.requests("create"))) == (True, 1)
