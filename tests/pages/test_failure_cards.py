"""What the cards of trouble promise: unconfirmed, unsaved and live spending stay on the page until a person decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui import generation_actions, generation_progress
from rivya_core import GenerationRecord, GenerationRequest, Lab, State
from rivya_core.lab.ledger.records import ErrorCard, Pause
from rivya_core.lab.people.acting import acting_for
from rivya_core.lab.people.person import Person
from rivya_core.simulator import SimulatorServer
from tests.pace import left_to_a_person
from tests.pages.test_generate import generate, texts, widget
from tests.until import HANGS_S, until

Open = Callable[..., AppTest]


@pytest.fixture
def rivya(tmp_path: Path) -> Iterator[SimulatorServer]:
    """A server elsewhere that honours the contract; to the lab it is live."""
    server = SimulatorServer(tmp_path / "elsewhere.sqlite3", speed=40.0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def live(make_lab: Callable[..., Lab], rivya: SimulatorServer) -> Lab:
    """A lab with a key."""
    return make_lab(api_key=rivya.api_key, base_url=rivya.base_url)


@pytest.fixture
def unconfirmed(make_lab: Callable[..., Lab]) -> tuple[Lab, GenerationRecord]:
    """A generation whose POST was accepted and whose answers were all lost."""
    lab = make_lab()
    assert lab.simulator is not None
    lab.simulator.world.add_fault("drop_after_accept", route="create", times=50)
    row = left_to_a_person(lab, lab.submit(GenerationRequest(prompt="A red fox")).id)
    lab.simulator.world.clear_faults()
    return lab, row


def test_an_unconfirmed_generation_offers_its_three_ways_out(
    unconfirmed: tuple[Lab, GenerationRecord], open_app: Open
) -> None:
    """The charge is said to be unknown, and nothing happens by itself."""
    _lab, row = unconfirmed
    app = open_app()
    assert "Charge unknown" in texts(app)
    assert "Balance before" in texts(app)
    for name in ("ask", "adopt", "close"):
        assert app.button(key=f"{name}_{row.id}")


def test_asking_again_finds_the_first_task(unconfirmed: tuple[Lab, GenerationRecord], open_app: Open) -> None:
    """The same key and bytes: one task at the server, and the card goes."""
    lab, row = unconfirmed
    app = open_app()
    app.button(key=f"ask_{row.id}").click().run()
    assert lab.wait(row.id).state is State.SUCCEEDED
    assert lab.simulator is not None
    assert len(lab.simulator.world.tasks()) == 1
    assert "Charge unknown" not in texts(app.run())


def test_a_task_found_at_rivya_can_be_followed(unconfirmed: tuple[Lab, GenerationRecord], open_app: Open) -> None:
    """Adopting sends nothing; the clip arrives."""
    lab, row = unconfirmed
    assert lab.simulator is not None
    [task] = lab.simulator.world.tasks()
    app = open_app()
    app.text_input(key=f"task_of_{row.id}").set_value(str(task.id)).run()
    app.button(key=f"adopt_{row.id}").click().run()
    assert lab.wait(row.id).task_id == task.id


def test_closing_as_not_charged_releases_the_reservation(
    unconfirmed: tuple[Lab, GenerationRecord], open_app: Open
) -> None:
    """On the person's word, with the balances beside the button."""
    lab, row = unconfirmed
    app = open_app()
    app.button(key=f"close_{row.id}").click().run()
    closed = lab.get(row.id)
    assert (closed.state, closed.held_credits) == (State.FAILED, 0)


def test_a_request_answered_with_an_earlier_task_leads_to_it(lab: Lab, open_app: Open) -> None:
    """The second row says what happened, that it cost nothing, and where the clip is."""
    assert lab.simulator is not None
    lab.simulator.world.configure(merges_equal_bodies=True)
    first = lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id, timeout_s=HANGS_S)
    second = lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id, timeout_s=HANGS_S)
    assert second.duplicate_of == first.id
    shown = texts(open_app())
    for words in ("the task of an earlier generation", "Nothing more was charged", "Not charged"):
        assert words in shown


def test_a_clip_that_cannot_be_fetched_stays_as_a_card(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """It was charged, it is tried again, and checking now brings it."""
    lab = make_lab()
    assert lab.simulator is not None
    lab.simulator.world.add_fault("broken_download", route="media", times=200, mode="404")
    row = lab.submit(GenerationRequest(prompt="A red fox"))
    until(lambda: lab.get(row.id).state is State.UNSAVED)
    app = open_app()
    assert "Clip not fetched" in texts(app)
    assert "Charged" in texts(app)
    lab.simulator.world.clear_faults()
    app.button(key=f"check_{row.id}").click().run()
    assert lab.wait(row.id).state is State.SUCCEEDED


def test_a_queue_paused_by_hand_speaks_of_no_request(lab: Lab, open_app: Open) -> None:
    """Nothing was asked, so no id is missed; where people sign in it is told who did it."""
    with acting_for(Person("ada@lab.example")):
        lab.pause_queue()
    shown = texts(open_app())
    assert "paused by ada@lab.example · " in shown
    assert "Somebody paused it here" in shown
    assert "request id" not in shown


def test_a_retry_to_come_is_told_as_one_to_come(lab: Lab, open_app: Open) -> None:
    """With its time; and where a request failed, a missing id is told."""
    now = datetime.now(UTC)
    card = ErrorCard("Rivya is busy", "", "", "no", "create", http_status=503)
    lab.ledger.key_value.set_pause(lab.connection, Pause("stop", now, card, now + timedelta(hours=1)))
    shown = texts(open_app())
    assert "Will be tried again by itself at" in shown
    assert "no request id was given" in shown


def test_a_live_page_says_live(live: Lab, open_app: Open) -> None:
    """The mode badge of every page."""
    assert "LIVE" in texts(open_app())


def test_a_large_live_amount_is_asked_about_first(live: Lab, rivya: SimulatorServer, open_app: Open) -> None:
    """Above the set amount the first press asks, and only the second one spends; above means above."""
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    widget(app, "Takes").set_value(3).run()
    generate(app).click().run()
    assert live.history.page().total == 0
    assert "spends 480 credits" in texts(app)
    app.button(key="confirm_no").click().run()
    assert "spends 480 credits" not in texts(app)
    generate(app).click().run()
    app.button(key="confirm_yes").click().run()
    assert live.history.page().total == 3
    widget(app, "Takes").set_value(2).run()
    generate(app).click().run()
    assert live.history.page().total == 5


def test_simulated_money_is_never_asked_about(lab: Lab, open_app: Open) -> None:
    """Four takes start at once."""
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    widget(app, "Takes").set_value(4).run()
    generate(app).click().run()
    assert lab.history.page().total == 4


def test_an_overdue_generation_can_be_left_unwatched_and_watched_again(make_lab: Callable[..., Lab]) -> None:
    """The button is there once it is overdue, and the words say what follows."""
    lab = make_lab(overdue_after_s=0.01, poll_max_s=0.05)
    assert lab.simulator is not None
    lab.simulator.world.add_fault("unknown_state", route="retrieve", word="expired", times=None)
    id_ = lab.submit(GenerationRequest(prompt="A red fox")).id
    until(lambda: lab.get(id_).task_status == "expired")
    until(lambda: "Stop watching" in _labels(lab, id_))
    generation_actions.watch(lab, id_, again=False)
    assert _labels(lab, id_) == ["Check now", "Watch again"]
    assert lab.history.running() == []
    generation_actions.watch(lab, id_, again=True)
    assert _labels(lab, id_) == ["Check now", "Stop watching"]


def _labels(lab: Lab, id_: str) -> list[str]:
    return [act["label"] for act in generation_progress._acts(lab, lab.get(id_))]
