"""The housekeeping: the wallet is known and says why when it is not, stops end by themselves when their reason has gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rivya_core import GenerationRequest
from rivya_core.api.contract import Effect
from rivya_core.lab.jobs import supervisor
from rivya_core.lab.jobs.context import PAUSE_S
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.simulator.state.world import World
from tests.pace import quicken
from tests.until import until

REQUEST = GenerationRequest(prompt="A red fox in the snow")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short delays, pauses looked at again after a fifth of a second."""
    quicken(monkeypatch, pause_s=0.2)
    monkeypatch.setattr(supervisor, "MOVED_S", 0.2)


@pytest.fixture
def world(lab: Lab) -> World:
    """The lab's world."""
    assert lab.simulator is not None
    found: World = lab.simulator.world
    return found


def test_the_balance_follows_what_is_spent(lab: Lab) -> None:
    """The wallet is read at the start, and again soon after the ledger moved; it is marked as simulated."""
    until(lambda: lab.balance().credits == 4800)
    assert lab.balance().simulated
    lab.wait(lab.submit(REQUEST).id)
    until(lambda: lab.balance().credits == 4640)
    assert lab.budget().available_credits == 4640


def test_a_balance_that_cannot_be_read_keeps_its_last_figure(lab: Lab, world: World) -> None:
    """On an error the last known figure stays, with its time and the reason beside it; the next answer clears the reason."""
    until(lambda: lab.balance().credits == 4800)
    asked_at = lab.balance().asked_at
    world.add_fault("error", route="credits", times=None, code="api_key_expired", status=401)
    lab.refresh_balance()
    card = until(lambda: lab.balance().error)
    assert card is not None
    assert (card.code, card.charged) == ("api_key_expired", "no")
    record = lab.balance()
    assert record.credits == 4800
    assert record.asked_at is not None
    assert asked_at is not None
    assert record.asked_at <= asked_at or record.credits == 4800
    world.clear_faults()
    lab.refresh_balance()
    until(lambda: lab.balance().error is None)


def test_an_api_that_is_switched_off_is_waited_for(lab: Lab, world: World) -> None:
    """While the API is off the queue stands with its card; when it is back the queue goes on by itself, and pays once."""
    world.configure(api_disabled=True)
    first = lab.submit(REQUEST).id
    pause = until(lab.pause)
    assert pause is not None
    assert (pause.effect, pause.card.code, pause.card.charged) == ("off", "public_api_disabled", "no")
    looks = len(world.requests("credits"))
    until(lambda: len(world.requests("credits")) >= looks + 2)
    assert lab.pause() is not None
    posts = len(world.requests("create"))
    world.configure(api_disabled=False)
    assert lab.wait(first).state is State.SUCCEEDED
    assert lab.pause() is None
    assert (len(world.tasks()), len(world.requests("create"))) == (1, posts + 1)


def test_a_key_that_is_valid_again_ends_its_stop(lab: Lab, world: World) -> None:
    """A revoked key stops the queue; made valid again, the queue goes on without anybody's help."""
    world.set_key_state(world.api_key, "revoked")
    first = lab.submit(REQUEST).id
    pause = until(lab.pause)
    assert pause is not None
    assert pause.effect == "key"
    world.set_key_state(world.api_key, "valid")
    assert lab.wait(first).state is State.SUCCEEDED
    assert len(world.tasks()) == 1


def test_a_pause_of_a_person_ends_only_by_a_person(lab: Lab, world: World) -> None:
    """No look of the housekeeping ends it, and nothing is sent meanwhile."""
    lab.pause_queue()
    first = lab.submit(REQUEST).id
    looks = len(world.requests("credits"))
    for _ in range(2):
        lab.refresh_balance()
        looks += 1
        until(lambda wanted=looks: len(world.requests("credits")) >= wanted)  # type: ignore[misc]  # bound at once
    assert lab.pause() is not None
    assert (lab.get(first).state, world.requests("create")) == (State.WAITING, [])
    lab.resume()
    assert lab.wait(first).state is State.SUCCEEDED


def test_every_stop_has_its_time(lab: Lab) -> None:
    """Each wallet-wide effect of the retry table has a time after which it is looked at again."""
    assert set(PAUSE_S) == {Effect.RATE, Effect.OFF, Effect.WALLET, Effect.KEY}


def test_what_a_crash_left_half_is_removed(make_lab: Callable[..., Lab]) -> None:
    """Part files of a dead process are gone once this one runs the jobs."""
    lab = make_lab()
    part = lab.archive.part_path("clips/2026/11/x.mp4")
    part.write_bytes(b"half")
    lab.close()
    make_lab()
    assert not part.exists()


def test_an_idle_lab_looks_at_its_queue_seldom_until_somebody_looks_or_asks(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At rest it still runs what comes in; a look wakes it, before anything is asked for."""
    monkeypatch.setattr(supervisor, "REST_AFTER_S", -1.0)
    lab = make_lab()
    engine = lab._engine
    until(lambda: engine.is_at_rest)
    assert lab.wait(lab.submit(GenerationRequest(prompt="A red fox in the snow")).id).state is State.SUCCEEDED
    monkeypatch.setattr(supervisor, "REST_AFTER_S", 3600.0)
    lab.balance()
    until(lambda: not engine.is_at_rest)
