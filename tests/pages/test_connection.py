"""What Connection promises: what is connected and whether it works, in words; never the key; caps that hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from pages._ui.connection import system_cards
from rivya_core import GenerationRequest, Lab, State
from rivya_core.api.contract import DEFAULT_MODEL
from rivya_core.api.differences import MODEL, PRICE, PROMPT, REFERENCE_IMAGE, Difference
from rivya_core.api.errors import StorageError
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.drafts.sweep_drafts import AxisDraft, SweepDraft
from rivya_core.lab.ledger.key_value import named
from rivya_core.lab.server.contract_check import to_json
from rivya_core.lab.server.knowledge import CONTRACT
from rivya_core.services import shared_lab
from rivya_core.simulator import SimulatorServer
from tests.object_store import Bucket
from tests.pace import HELD_S
from tests.pages.conftest import ROOT, TIMEOUT_S
from tests.until import until

MakeLab = Callable[..., Lab]


def opened() -> AppTest:
    """Connection as a visitor sees it first."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).switch_page("pages/connection.py").run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def said(app: AppTest) -> str:
    """Everything the page says, components included."""
    kinds = (app.text, app.caption, app.markdown, app.title, app.header, app.code)
    words = [str(item.value) for kind in kinds for item in kind]
    words += [part.proto.json or part.proto.mixed.json for part in app.get("bidi_component")]
    words += [part.proto.text for part in app.get("progress")]
    return "\n".join(words)


def facts(app: AppTest) -> dict[str, str]:
    """Labels and values of every list of facts."""
    parts = [part for part in app.get("bidi_component") if part.proto.component_name == "rivya_fact_list"]
    lists = [json.loads(part.proto.json or part.proto.mixed.json) for part in parts]
    return {line["label"]: line["value"] for lines in lists for line in lines}


def press(app: AppTest, label: str) -> AppTest:
    """Press the one button whose label starts so."""
    [button] = [item for item in app.button if item.label.startswith(label)]
    app = button.click().run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def answered(app: AppTest, lab: Lab, happened: Callable[[], bool]) -> AppTest:
    """Draw the page again once the background question has been answered."""
    until(happened, what="an answer")
    app = app.run()
    assert not app.exception
    return app


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[SimulatorServer]:
    """A server that honours the contract, outside the lab."""
    server = SimulatorServer(tmp_path / "outside.sqlite3", speed=40.0, credits=4800, seed=3)
    server.start()
    yield server
    server.stop()


def key_of(server: SimulatorServer) -> str:
    """The plain key of a simulator."""
    key: Any = server.api_key
    return str(key.get_secret_value() if hasattr(key, "get_secret_value") else key)


@pytest.fixture
def live(make_lab: MakeLab, outside: SimulatorServer) -> Lab:
    """A lab with a key for that server."""
    return make_lab(api_key=key_of(outside), base_url=outside.base_url)


def test_the_simulator_is_named_as_such(lab: Lab) -> None:
    """Without a key the page says that nothing real is spent, and how to connect one."""
    app = opened()
    words = said(app)
    assert "Connected to the built-in simulator" in words
    assert "costs nothing" in words
    assert facts(app)["API key"] == "Not set"
    assert "export RIVYA_API_KEY" in words


def test_a_key_is_shown_by_its_first_letters_only(live: Lab, outside: SimulatorServer) -> None:
    """P4: of the key nothing stands on the page but its visible prefix."""
    app = answered(opened(), live, lambda: live.balance().asked_at is not None)
    key = key_of(outside)
    shown = facts(app)["API key"]
    assert shown.endswith("…")
    assert key.startswith(shown[:-1])
    assert len(shown) <= len("rvya_sk_ab…")
    assert key[12:] not in said(app)
    assert facts(app)["Address"] == outside.base_url
    assert "Connected to Rivya" in said(app)


def test_a_key_of_another_kind_is_not_shown_at_all(make_lab: MakeLab, outside: SimulatorServer) -> None:
    """A key without Rivya's prefix has no part that is known to be public."""
    make_lab(api_key="SENTINEL-not-a-rivya-key", base_url=outside.base_url)
    assert "SENTINEL" not in said(opened())


def test_check_now_asks_without_making_the_page_wait(live: Lab, outside: SimulatorServer) -> None:
    """P7: the press returns at once; the answer is there on a later look."""
    app = opened()
    app = answered(app, live, lambda: live.balance().asked_at is not None)
    before = live.balance().asked_at
    outside.world.configure(credits=1234)
    outside.world.add_fault("slow", route="credits", delay_s=HELD_S)
    app = press(app, "Check now")
    assert [button.label for button in app.button if button.label.startswith("Asking")]
    outside.world.clear_faults()
    app = answered(app, live, lambda: live.balance().asked_at != before)
    assert facts(app)["Balance"] == "1,234 credits"
    assert "Key and address work" in said(app)


@pytest.mark.parametrize(
    "code", ["api_key_missing", "api_key_invalid", "api_key_revoked", "api_key_expired", "api_scope_denied"]
)
def test_each_key_error_is_explained(live: Lab, outside: SimulatorServer, code: str) -> None:
    """What is wrong with the key, and what to do, stands on the page with Rivya's request id."""
    app = answered(opened(), live, lambda: live.balance().asked_at is not None)
    outside.world.add_fault("error", route="credits", times=20, code=code)
    app = answered(press(app, "Check now"), live, lambda: live.balance().error is not None)
    outside.world.clear_faults()
    error = live.balance().error
    assert error is not None
    words = said(app)
    assert "The last check failed" in words
    assert error.title in words
    assert error.hint in words
    assert code in words


def test_a_server_that_does_not_answer_is_said(live: Lab, outside: SimulatorServer) -> None:
    """The last known balance stays, with the remark that the newest question failed."""
    app = answered(opened(), live, lambda: live.balance().asked_at is not None)
    outside.stop()
    app = answered(press(app, "Check now"), live, lambda: live.balance().error is not None)
    assert "The last check failed" in said(app)
    assert facts(app)["Balance"] == "4,800 credits"
    assert "Connected to Rivya" not in said(app)


def test_nothing_is_called_connected_before_it_has_answered(make_lab: MakeLab, outside: SimulatorServer) -> None:
    """A server that cannot be reached: not connected, not all well, and what is stuck on its way is counted."""
    outside.stop()
    lab = make_lab(api_key="rvya_sk_nobody_answers_here", base_url="http://127.0.0.1:9")
    lab.submit(GenerationRequest(prompt="On its way"))
    until(lambda: lab.balance().error is not None and lab.ledger.counts(lab.connection).get(State.SUBMITTING))
    app = opened()
    words = said(app)
    assert "Set to use Rivya" in words
    assert "Connected to Rivya" not in words
    assert "All well" not in words
    assert facts(app)["Rivya"] == "The last check failed"
    assert "Empty" not in words
    assert lab.simulator is None


def test_todays_spending_stands_against_the_cap_which_is_changed_on_spend(lab: Lab) -> None:
    """P3: how full the cap is, and the way to the one place that changes it."""
    lab.set_cap(800)
    lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    app = opened()
    assert "160 simulated credits held or settled today, of 800" in said(app)
    assert [item for item in app.get("page_link") if item.proto.label == "Change the cap"]
    assert not [item for item in app.number_input if item.label.startswith("Cap")]


def test_the_smaller_cap_holds_and_is_named(make_lab: MakeLab) -> None:
    """A cap of the environment cannot be raised from the page."""
    lab = make_lab(daily_cap_credits=320)
    lab.set_cap(800)
    words = said(opened())
    assert "RIVYA_DAILY_CAP_CREDITS is 320; the smaller of the two holds, so 320." in words
    assert lab.budget().cap_credits == 320


def test_a_paused_queue_is_explained_and_resumed(lab: Lab) -> None:
    """The card names the reason, and one press lets the queue go on."""
    app = press(opened(), "Pause the queue")
    assert lab.pause() is not None
    assert "The queue is paused" in said(app)
    press(app, "Resume")
    assert lab.pause() is None


def test_the_parts_of_the_program_report_their_health(lab: Lab) -> None:
    """Database, jobs, version, and where the data is."""
    app = opened()
    shown = facts(app)
    assert shown["Database"] == "Answers"
    assert shown["Jobs"] == "Run in this process"
    assert shown["Version"] == lab.health().version
    assert str(lab.settings.data_dir) in said(app)


def test_a_bucket_is_named_with_what_it_holds_and_what_is_wrong_with_it(make_lab: MakeLab, bucket: Bucket) -> None:
    """Instead of the data folder."""
    lab = make_lab(archive_url=bucket.url)
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    app = opened()
    assert bucket.url in said(app)
    assert facts(app)["Clips"].endswith("B")
    assert facts(app)["Bucket"] == "No fault known"
    bucket.front.fault = "503"
    with pytest.raises(StorageError):
        lab.archive.exists("clips/2026/11/another.mp4")
    app.run()
    everything = "\n".join((said(app), *(str(one.value) for one in app.error)))
    assert everything.count("The object store is out of order") == 1, "once on the page"
    assert facts(app)["Bucket"] == "Has a problem"
    bucket.front.heal()
    until(lambda: lab.health().archive == "ok", what="it heals though no page asks")


@pytest.mark.parametrize(
    ("engine", "shown", "note"),
    [
        ("running", "Run in this process", "with no page open"),
        ("viewer: another process runs the jobs", "Run in another process", "submit and cancel"),
        ("viewer: read-only, runs no jobs", "Not run here", "nothing is submitted"),
        ("cannot start: OSError", "Cannot start", "OSError. What waits is stored"),
        ("stopped", "Stopped", "Start the program again"),
    ],
)
def test_the_jobs_are_told_in_words(engine: str, shown: str, note: str) -> None:
    """Each way the jobs can stand has its own words, and none promises what this process cannot do."""
    words, sentence = system_cards.jobs_words(engine)
    assert words == shown
    assert note in sentence


def test_a_read_only_server_does_not_say_that_it_submits(make_lab: MakeLab) -> None:
    """It runs no jobs, and says so."""
    make_lab(read_only=True)
    app = opened()
    assert facts(app)["Jobs"] == "Not run here"
    assert "submit and cancel" not in said(app)


def test_a_filled_wallet_is_asked_for_at_once(lab: Lab) -> None:
    """The page waits for the new figure as it does after "Check now", and the header then has it."""
    app = answered(opened(), lab, lambda: lab.balance().asked_at is not None).run()
    app = press(app, "Top up by 1,600")
    assert lab.balance().credits == 6400 or [item for item in app.button if item.label == "Asking…"]
    app = answered(app, lab, lambda: lab.balance().credits == 6400)
    assert "6,400 simulated credits" in said(app)
    assert facts(app)["Balance"] == "6,400 credits"


@pytest.mark.parametrize(("effect", "goes_on"), [("wallet", True), ("person", False)])
def test_a_top_up_ends_only_the_pause_of_an_empty_wallet(lab: Lab, effect: str, goes_on: bool) -> None:
    """What a person paused stays paused."""
    lab.pause_queue()
    pause = lab.pause()
    assert pause is not None
    lab.ledger.key_value.set_pause(
        lab.connection, replace(pause, effect=effect, retry_at=datetime.now(UTC) + timedelta(hours=1))
    )
    press(opened(), "Top up by 1,600")
    assert (lab.pause() is None) is goes_on


def test_removed_examples_come_back(make_lab: MakeLab) -> None:
    """The button is there while there are examples; after it there is a way back, and then it is there again."""
    lab = make_lab(first_start_examples=True)
    until(lab.sweeps.list, what="the sweep of a first start")
    before = [row.id for row in lab.history.page().rows]
    assert len(before) == 12
    lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    app = press(opened(), "Remove the examples")
    assert len(lab.history.page().rows) == 1
    assert "12 examples removed" in said(app)
    assert lab.sweeps.list() == []
    assert not [item for item in app.button if item.label == "Remove the examples"]
    app = press(app, "Undo")
    assert [row.id for row in lab.history.page().rows][1:] == before
    assert len(lab.sweeps.list()) == 1
    assert [item for item in app.button if item.label == "Remove the examples"]


def test_without_examples_nothing_offers_to_remove_them(lab: Lab) -> None:
    """A button that would do nothing is not there."""
    assert not [item for item in opened().button if item.label == "Remove the examples"]


def test_the_simulator_can_be_set(lab: Lab) -> None:
    """Speed, failures, the effect of cfg_scale and the wallet take effect in the simulator at once."""
    app = opened()
    [speed] = [item for item in app.slider if item.label == "Speed"]
    [failures] = [item for item in app.slider if item.label == "Failure rate"]
    app = failures.set_value(25).run()
    app = speed.set_value(4.0).run()
    effects: Any = app.get("button_group")
    app = effects[0].set_value("inert").run()
    [wallet] = [item for item in app.number_input if item.label.startswith("Simulated credits")]
    app = wallet.set_value(320).run()
    app = press(app, "Top up by 1,600")
    now = lab.simulator.world.settings()
    assert (now["speed"], now["failure_rate"], now["cfg_effect"], now["credits"]) == (4.0, 0.25, "inert", 1920)


def test_a_simulator_behind_a_key_is_said_to_be_one(live: Lab) -> None:
    """P8: an answer marked as simulated is not called real, whatever the settings say."""
    app = answered(opened(), live, lambda: live.balance().asked_at is not None)
    assert live.balance().simulated
    assert "a simulator answers at the address below" in said(app)


def test_a_server_that_is_said_to_be_a_simulator_is_called_one(make_lab: MakeLab, outside: SimulatorServer) -> None:
    """P8: header, balance and cards say SIMULATED; the page says where it is, and how to leave it for Rivya."""
    lab = make_lab(api_key=key_of(outside), base_url=outside.base_url, simulated=True)
    app = answered(opened(), lab, lambda: lab.balance().asked_at is not None)
    words = said(app)
    for told in ("SIMULATED", "Connected to a simulator", "Requests go to a simulator at the address below"):
        assert told in words
    assert "simulated credits" in words
    assert "unset RIVYA_BASE_URL RIVYA_SIMULATED" in words
    assert facts(app)["Simulator"] == "Answers"
    assert "built-in" not in words
    assert "Failure rate" not in [item.label for item in app.slider]


def test_a_live_connection_has_no_simulator_card(live: Lab) -> None:
    """Nothing on a live page can be mistaken for a switch of the real service."""
    assert "Failure rate" not in [item.label for item in opened().slider]


def test_rows_of_another_connection_are_counted_and_left_alone(live: Lab, make_lab: MakeLab) -> None:
    """Open rows of the simulator are named on the live page; they are not sent there."""
    live.close()
    lab = make_lab()
    lab.pause_queue()
    lab.submit(GenerationRequest(prompt="A simulated one that waits"))
    lab.close()
    make_lab(api_key=live.settings.api_key, base_url=live.settings.base_url)
    assert "1 open on another connection" in said(opened())


def test_an_address_without_a_key_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says in words what is missing instead of starting anything."""
    monkeypatch.setenv("RIVYA_BASE_URL", "https://rivya.example")
    words = said(opened())
    assert "RIVYA_API_KEY" in words


@pytest.mark.parametrize("number", [0, 999, 1_000, 12_345_678, 5_000_000_000])
def test_sizes_are_written_in_the_unit_that_fits(number: int) -> None:
    """No size is shown as a long row of digits."""
    assert len(system_cards.size(number)) <= len("999.9 bytes")


def test_who_else_can_read_the_folder_is_said(make_lab: MakeLab, data_dir: Path) -> None:
    """A folder of one's own needs no words; one that was there before may be open to others."""
    make_lab()
    assert "can read the data folder" not in " ".join(item.value for item in opened().warning)
    data_dir.chmod(0o755)
    page = opened()
    said_then = " ".join(item.value for item in page.warning)
    assert f"chmod 700 {data_dir}" in [item.value for item in page.code]
    assert "Other users of this machine can read the data folder (mode 0755)." in said_then


def asking_ended(app: AppTest, happened: Callable[[], object]) -> AppTest:
    """Draw the page again once what was asked for in the background is there."""
    until(happened)
    app = app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def test_the_contract_is_checked_from_the_page_and_drift_stays(live: Lab, outside: SimulatorServer) -> None:
    """The press returns at once; what differs stays as a banner, and beside the setting in the form."""
    app = press(opened(), "Check the contract, free")
    app = asking_ended(app, lambda: not live.server.is_checking)
    assert "Nothing differs." in said(app)
    assert not app.warning
    report = live.server.contract()
    assert report is not None
    drift = Difference("models", "duration no longer lists 10.", "It may be refused.", DEFAULT_MODEL, "duration")
    changed = replace(report, differences=(drift,))
    live.ledger.key_value.set(named(CONTRACT, live.connection), to_json(changed))
    until(lambda: live.server.contract() == changed)
    app = opened()
    assert "1 difference matters" in app.warning[0].value
    assert facts(app)["Models list"] == drift.what
    form = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).switch_page("pages/generate.py").run()
    assert not form.exception
    assert [text.value for text in form.text if text.value.startswith("Server: duration no longer lists 10.")]


def test_what_differs_stands_beside_what_it_concerns(lab: Lab) -> None:
    """Model, prompt, image and price are no parameters, and each has its place in both forms."""
    sweep_drafts.save(
        lab, SweepDraft(name="A", base=Draft(prompt="A fox"), axes=(AxisDraft("param", "cfg_scale", "0, 1"),))
    )
    report = lab.check_contract()
    drifts = tuple(
        Difference("models", f"The {setting} differs.", "It may.", DEFAULT_MODEL, setting)
        for setting in (MODEL, PROMPT, REFERENCE_IMAGE, PRICE)
    )
    lab.ledger.key_value.set(named(CONTRACT, lab.connection), to_json(replace(report, differences=drifts)))
    until(lambda: shared_lab().server.drift(DEFAULT_MODEL, PRICE))
    for page in ("generate", "sweep"):
        form = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).switch_page(f"pages/{page}.py")
        form.query_params["new"] = "1"
        form = form.run()
        assert not form.exception
        said_here = [text.value for text in form.text if text.value.startswith("Server: ")]
        assert said_here == [f"Server: {one.what} {one.meaning}" for one in drifts], page


def test_a_task_id_is_looked_up_and_kept(live: Lab, outside: SimulatorServer) -> None:
    """What it is, is shown first; then one row follows it, and nothing is sent."""
    [task_id] = [live.wait(live.submit(GenerationRequest(prompt="A fox")).id).task_id]
    app = opened()
    known = shared_lab().server  # the page's own
    [field] = [item for item in app.text_input if item.label == "Task id"]
    app = field.set_value("task_of_nobody").run()
    app = asking_ended(app, lambda: known.task("task_of_nobody"))
    assert "There is no task task_of_nobody" in said(app)
    [field] = [item for item in app.text_input if item.label == "Task id"]
    app = asking_ended(field.set_value(str(task_id)).run(), lambda: known.task(str(task_id)))
    assert facts(app)["Task"] == task_id
    assert "It is here already." in said(app)
    body = {"model": DEFAULT_MODEL, "prompt": "A task made elsewhere"}
    headers = {"Authorization": f"Bearer {key_of(outside)}"}
    made = httpx.post(f"{outside.base_url}/api/v1/generations", json=body, headers=headers).json()["id"]
    [field] = [item for item in app.text_input if item.label == "Task id"]
    app = asking_ended(field.set_value(made).run(), lambda: known.task(made))
    tasks = len(outside.world.tasks())
    app = press(app, "Keep it here")
    assert "Kept." in said(app)
    [row] = [one for one in live.history.page().rows if one.task_id == made]
    assert live.wait(row.id).state is State.SUCCEEDED
    assert len(outside.world.tasks()) == tasks


def test_what_is_known_and_the_bundle_are_offered(lab: Lab) -> None:
    """A table of what was seen, the rest as open questions, and a link that leaves prompts out."""
    lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    reserved = "kling-v2-1-master 5 s: 160 credits reserved"
    until(lambda: any(reserved in seen.answer for seen in lab.server.observations()), what="what was seen")
    app = opened()
    words = said(app)
    assert "HTTP status of an accepted generation" in words
    assert reserved in words
    links = [part.proto.url for part in app.get("link_button")]
    assert "/exports/server.csv" in links
    assert "/exports/support.zip?hours=1&prompts=0" in links
