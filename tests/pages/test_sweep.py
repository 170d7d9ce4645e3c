"""What the Sweep page promises: a price before money moves, one experiment a wish, a form that stays, what fits when not all does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from rivya_core import GenerationRequest, Lab, State
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.drafts.sweep_drafts import AxisDraft, SweepDraft
from rivya_core.lab.experiments.service import Labelled, Sweep
from rivya_core.simulator.server import SimulatorServer
from tests.pace import HELD_S

Open = Callable[..., AppTest]

PROMPT = "{{animal}} crossing a frozen lake, handheld"
ANIMALS = AxisDraft("variable", "animal", text="fox = A red fox\nheron = A grey heron")
SCALES = AxisDraft("param", "cfg_scale", text="0, 0.5, 1")
FOX = SweepDraft(name="Fox", question="Which animal?", base=Draft(prompt=PROMPT), axes=(ANIMALS, SCALES))


def widget(app: AppTest, label: str) -> Any:
    """Find the one widget with a label."""
    kinds = (app.text_area, app.text_input, app.selectbox, app.multiselect, app.number_input, app.get("file_uploader"))
    [found] = [item for kind in kinds for item in kind if getattr(item, "label", None) == label]
    return found


def button(app: AppTest, start: str) -> Any:
    """The one button whose label begins so."""
    [found] = [item for item in app.button if item.label.startswith(start)]
    return found


def labels(app: AppTest) -> list[str]:
    """The labels of all buttons."""
    return [item.label for item in app.button]


def texts(app: AppTest) -> str:
    """Everything the page says."""
    kinds = (app.text, app.caption, app.markdown, app.title, app.header)
    return "\n".join(str(item.value) for kind in kinds for item in kind)


def form(open_app: Open, lab: Lab, draft: SweepDraft = FOX) -> AppTest:
    """Open the form with a draft in it."""
    sweep_drafts.save(lab, draft)
    app = open_app("sweep")
    app.query_params["new"] = "1"
    return checked(app.run())


@pytest.fixture
def compose(lab: Lab, open_app: Open) -> Callable[..., AppTest]:
    """Open the form of the usual lab with a draft in it."""
    return lambda draft=FOX: form(open_app, lab, draft)


def jpeg(shade: int) -> bytes:
    """A small photo."""
    buffer = BytesIO()
    Image.new("RGB", (640, 480), (shade, 60, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


def checked(app: AppTest) -> AppTest:
    """The app, once it is known that nothing was raised."""
    assert not app.exception, [error.value for error in app.exception]
    return app


def open_experiment(open_app: Open, experiment_id: str) -> AppTest:
    """Open the page of an experiment."""
    app = open_app("sweep")
    app.query_params["experiment"] = experiment_id
    return checked(app.run())


def boats(*shapes: str, takes: int = 1, name: str = "Boats") -> Sweep:
    """A small sweep over the picture's shape."""
    return Sweep(name, "", GenerationRequest(prompt="A paper boat"), {"aspect_ratio": list(shapes)}, takes)


# -- the list ----------------------------------------------------------------------------------------------------------


def test_an_empty_page_explains_and_offers_starts(lab: Lab, open_app: Open) -> None:
    """The first visit finds an explanation, a small example and the two probes with their prices."""
    app = open_app("sweep")
    assert "Find out what really makes the difference" in texts(app)
    assert button(app, "Use template")
    assert button(app, "Quick test").label == "Quick test (4 clips) · 4 new · 640 credits"
    assert button(app, "Full test").label == "Full test (8 clips) · 8 new · 1,280 credits"


def test_the_example_is_put_into_the_form_and_nothing_starts(lab: Lab, open_app: Open) -> None:
    """One press shows the form with 4 cells and their price; the ledger stays empty."""
    app = open_app("sweep")
    button(app, "Use template").click().run()
    assert "4 combinations \N{MULTIPLICATION SIGN} 1 take: 0 reused, 4 new = 640 credits" in texts(checked(app))
    assert lab.history.page().total == 0


def test_a_probe_is_started_once_and_opened(lab: Lab, open_app: Open) -> None:
    """The hint starts four takes and its page opens."""
    app = open_app("sweep")
    button(app, "Quick test").click().run()
    [record] = lab.sweeps.list()
    assert (record.kind, app.query_params["experiment"]) == ("hint", record.id)
    assert "Quick test" in texts(checked(app))


def test_experiments_are_listed_in_one_element(lab: Lab, open_app: Open) -> None:
    """With an experiment there the list stands in place of the explanation, and ready-made starts are one press away."""
    lab.start(boats("16:9"))
    app = open_app("sweep")
    assert "Find out what really makes the difference" not in texts(app)
    assert app.get("bidi_component")


def test_a_read_only_server_lists_and_offers_nothing_that_spends(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """Neither form nor probe; the form's own address shows the list."""
    make_lab(read_only=True)
    app = open_app("sweep")
    app.query_params["new"] = "1"
    assert labels(checked(app.run())) == []


# -- the form ----------------------------------------------------------------------------------------------------------


def test_the_price_and_every_request_stand_before_the_start(compose: Callable[..., AppTest]) -> None:
    """2 animals by 3 scales are six cells; the quote, the button and the warning of the knob in doubt are there."""
    app = compose()
    said = texts(app)
    assert "6 combinations \N{MULTIPLICATION SIGN} 1 take: 0 reused, 6 new = 960 credits" in said
    assert "balance after: 3,840" in said
    assert "cfg_scale may do nothing on this model" in said
    assert button(app, "Start ·").label == "Start · 6 new · 960 credits"
    table = app.dataframe[0].value
    assert list(table["prompt"])[:1] == ["A red fox crossing a frozen lake, handheld"]
    assert list(table["axis animal"]) == ["fox"] * 3 + ["heron"] * 3


def test_an_axis_is_added_filled_and_removed(compose: Callable[..., AppTest]) -> None:
    """The variable of the prompt is offered first; its values make the cells; without it the form says what is missing."""
    app = compose(SweepDraft(name="Fox", base=Draft(prompt=PROMPT)))
    assert "animal" in texts(app)
    assert app.button(key="sweep_go").disabled
    widget(app, "Add a variable").set_value("variable:animal").run()
    widget(app, "Values of animal").set_value("fox = A red fox\nheron = A grey heron").run()
    assert button(app, "Start ·").label == "Start · 2 new · 320 credits"
    widget(app, "Add another variable").set_value("param:duration").run()
    widget(app, "Values of Duration").set_value(["5", "10"]).run()
    assert button(app, "Start ·").label == "Start · 4 new · 640 credits"
    app.button(key="sweep_axis_param:duration_remove").click().run()
    assert button(checked(app), "Start").label == "Start · 2 new · 320 credits"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ""}, "Give the sweep a name."),
        ({"base": Draft(prompt="")}, "The prompt must not be empty."),
        ({"axes": (ANIMALS, AxisDraft("param", "cfg_scale", text="0, 2"))}, "cfg_scale"),
        ({"axes": (ANIMALS, AxisDraft("param", "cfg_scale", text="0, much"))}, "cfg_scale"),
        ({"axes": (SCALES,)}, "animal"),
        ({"base": Draft(prompt="{{animal} on ice")}, "closing"),
    ],
    ids=["no name", "no prompt", "out of range", "no number", "variable without values", "open brace"],
)
def test_what_cannot_start_says_why(compose: Callable[..., AppTest], change: dict[str, Any], reason: str) -> None:
    """The button is off and the sentence beside it names the cause."""
    changed = {**{name: getattr(FOX, name) for name in ("name", "question", "base", "axes")}, **change}
    app = compose(SweepDraft(**changed))
    assert app.button(key="sweep_go").disabled
    assert "Before you can start" in texts(app)
    assert reason in texts(app)


def test_start_makes_one_experiment_and_opens_it(lab: Lab, compose: Callable[..., AppTest]) -> None:
    """The experiment has the form's own id, so a second start of the same form finds it; the form is empty then."""
    app = compose()
    asked = sweep_drafts.load(lab)
    button(app, "Start ·").click().run()
    [record] = lab.sweeps.list()
    assert record.id == asked.id == app.query_params["experiment"]
    assert (record.name, record.cells, record.quoted_credits) == ("Fox", 6, 960)
    assert lab.start(sweep_drafts.to_sweep(lab, asked), experiment_id=asked.id) == record.id
    assert lab.history.page().total == 6
    left = sweep_drafts.load(lab)
    assert left.is_empty
    assert left.id != asked.id


def test_the_form_survives_another_page_and_a_new_session(compose: Callable[..., AppTest], open_app: Open) -> None:
    """What was typed is there again after a change of page, and in a new session the list offers to go on."""
    app = compose()
    widget(app, "Name").set_value("Fox or heron").run()
    app.switch_page("pages/history.py").run()
    app.switch_page("pages/sweep.py").run()
    app.query_params["new"] = "1"
    assert widget(checked(app.run()), "Name").value == "Fox or heron"
    other = open_app("sweep")
    button(other, "Continue draft: Fox or heron").click().run()
    assert widget(checked(other), "Values of animal").value == ANIMALS.text


def test_generates_draft_can_be_taken_and_undone(lab: Lab, compose: Callable[..., AppTest]) -> None:
    """Taking Generate's settings replaces the baseline; undo brings the old one back."""
    lab.save_draft(Draft(prompt="A glass library", values={"duration": "10"}).to_mapping())
    app = compose()
    button(app, "Copy from Generate").click().run()
    assert widget(app, "Prompt").value == "A glass library"
    assert widget(app, "Duration").value == "10"
    button(app, "Undo").click().run()
    assert widget(checked(app), "Prompt").value == PROMPT


# -- money -------------------------------------------------------------------------------------------------------------


def test_a_large_simulated_amount_needs_no_typing(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """Nothing real is spent by a slip."""
    lab = make_lab(type_to_confirm_credits=900)
    button(form(open_app, lab), "Start ·").click().run()
    assert len(lab.sweeps.list()) == 1


@pytest.fixture
def rivya(tmp_path: Path) -> Iterator[SimulatorServer]:
    """A server elsewhere that honours the contract; to the lab it is live."""
    server = SimulatorServer(tmp_path / "elsewhere.sqlite3", speed=40.0)
    server.start()
    yield server
    server.stop()


def test_a_large_live_amount_is_typed(make_lab: Callable[..., Lab], open_app: Open, rivya: SimulatorServer) -> None:
    """Above the threshold the button waits for the amount; another amount does not do."""
    lab = make_lab(type_to_confirm_credits=900, api_key=rivya.api_key, base_url=rivya.base_url)
    app = form(open_app, lab)
    assert app.button(key="sweep_go").disabled
    box = widget(app, "Type 960 to confirm 960 credits")
    box.set_value("690").run()
    assert app.button(key="sweep_go").disabled
    box.set_value("960").run()
    button(app, "Start ·").click().run()
    assert len(lab.sweeps.list()) == 1
    checked(app)


@pytest.mark.parametrize(
    "limit", [{"simulator_credits": 500}, {"daily_cap_credits": 500}], ids=["balance", "daily cap"]
)
def test_what_fits_is_offered_with_the_figures(
    make_lab: Callable[..., Lab], open_app: Open, limit: dict[str, int]
) -> None:
    """Not all fits: the figures are said, what fits can be started, and the rest stays planned with its price."""
    lab = make_lab(**limit)
    lab.check_connection()
    app = form(open_app, lab)
    assert "960 credits needed, 500 credits" in texts(app)
    button(app, "Start what fits (3 combinations) · 480 credits").click().run()
    [record] = lab.sweeps.list()
    status = lab.sweeps.brief(record.id)
    assert (sum(status.states.values()), status.planned, status.planned_credits) == (3, 3, 480)
    assert button(checked(app), "Start the rest").label == "Start the rest · 3 · 480 credits"


def test_the_start_of_the_rest_is_refused_with_the_figures(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """A refusal on the experiment's page is a card with the figures; nothing more was started."""
    lab = make_lab(daily_cap_credits=320)
    id_ = lab.start(boats("16:9", "9:16", "1:1"), only_what_fits=True)
    app = open_experiment(open_app, id_)
    button(app, "Start the rest").click().run()
    assert "Today's cap does not allow this" in texts(checked(app))
    assert lab.sweeps.brief(id_).planned == 1


# -- an open experiment ------------------------------------------------------------------------------------------------


def test_an_unknown_experiment_is_said(lab: Lab, open_app: Open) -> None:
    """A wrong address shows a card, not an exception."""
    assert "There is no such sweep" in texts(open_experiment(open_app, "x404"))


def test_a_sweep_is_paused_resumed_and_taken_back(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """Each press does what it says; what waits can be taken back, and failed takes made once more."""
    lab = make_lab(max_creates_in_flight=1)
    assert lab.simulator is not None
    lab.simulator.world.add_fault("slow", route="create", delay_s=HELD_S)
    id_ = lab.start(boats("16:9", "9:16", "1:1", takes=4))
    app = open_experiment(open_app, id_)
    button(app, "Pause").click().run()
    assert lab.sweeps.get(id_).paused_at is not None
    assert "Paused" in texts(app)
    button(app, "Resume").click().run()
    assert lab.sweeps.get(id_).paused_at is None
    button(app, "Cancel").click().run()
    cancelled = lab.sweeps.brief(id_).states[State.CANCELLED]
    assert cancelled > 0
    assert button(checked(app), "Repair").label == f"Repair {cancelled} failed · {cancelled * 160:,} credits"
    lab.simulator.world.clear_faults()


def test_extend_pays_only_for_what_is_missing(lab: Lab, open_app: Open) -> None:
    """Three values done, a fourth added: three reused, one new; names of values and takes are kept."""
    base = GenerationRequest(prompt=PROMPT)
    id_ = lab.start(Sweep("Fox", "Which?", base, {"animal": [Labelled("A red fox", "fox"), "An owl", "A cat"]}))
    lab.wait_sweep(id_)
    app = open_experiment(open_app, id_)
    button(app, "Extend").click().run()
    values = widget(checked(app), "Values of animal")
    assert values.value == "fox = A red fox\nAn owl\nA cat"
    start = button(app, "Start ·")
    assert (start.label, start.disabled) == ("Start · nothing new · 0 credits", True)
    assert "Nothing new: everything asked for is there already. Change a variable or the takes." in texts(app)
    values.set_value(f"{values.value}\nA wolf").run()
    assert "4 combinations \N{MULTIPLICATION SIGN} 1 take: 3 reused, 1 new = 160 credits" in texts(app)
    button(app, "Start ·").click().run()
    newest = lab.sweeps.list()[0]
    assert (newest.parent_id, newest.quoted_credits) == (id_, 160)


def test_a_third_axis_is_chosen_above_the_grid(lab: Lab, open_app: Open) -> None:
    """Axes beyond the second are tabs; only the chosen tab's cells are sent to the browser."""
    axes: dict[str, list[Any]] = {"animal": ["A fox", "An owl"], "cfg_scale": [0.0, 1.0], "duration": ["5", "10"]}
    id_ = lab.start(Sweep("Three", "", GenerationRequest(prompt=PROMPT), axes))
    app = open_experiment(open_app, id_)
    groups: list[Any] = list(app.get("button_group"))
    [tabs] = [group for group in groups if group.label == "Duration"]
    assert tabs.value == "5"


def test_a_picture_of_too_many_pixels_is_shrunk_where_it_was_chosen(compose: Callable[..., AppTest]) -> None:
    """The refusal offers it, and what was done to the picture stands below it."""
    app = compose(SweepDraft(name="Pictures", base=Draft(prompt="Slow push in"), axes=(AxisDraft("image"),)))
    buffer = BytesIO()
    Image.new("RGB", (8160, 6144), "teal").save(buffer, "JPEG")
    widget(app, "Values of Reference image").upload("phone.jpg", buffer.getvalue(), "image/jpeg").run()
    [shrink] = [button for button in app.button if button.label.startswith("Shrink")]
    shrink.click().run()
    assert not app.exception
    assert "phone.jpg" in texts(app)
    assert "scaled from 8160x6144 to 4080x3072 pixels" in texts(app)


def test_reference_images_are_an_axis(compose: Callable[..., AppTest]) -> None:
    """Each picture is checked and kept at once; a file that is none is refused by its name; without an image is a value too."""
    app = compose(SweepDraft(name="Pictures", base=Draft(prompt="Slow push in"), axes=(AxisDraft("image"),)))
    for shade in (10, 90):
        widget(app, "Values of Reference image").upload(f"{shade}.jpg", jpeg(shade), "image/jpeg").run()
    assert button(app, "Start ·").label == "Start · 2 new · 320 credits"
    widget(app, "Values of Reference image").upload("notes.jpg", b"no image", "image/jpeg").run()
    assert "notes.jpg: This is not an image" in texts(app)
    assert not [button for button in app.button if button.label.startswith("Shrink")]
    [bare] = [box for box in app.checkbox if box.label == "Also without an image"]
    bare.check().run()
    assert button(app, "Start ·").label == "Start · 3 new · 480 credits"
    assert list(app.dataframe[0].value["axis reference_image"]) == ["(none)", "10.jpg", "90.jpg"]
    app.button(key="remove_sweep_images_image_0").click().run()
    assert button(checked(app), "Start ·").label == "Start · 2 new · 320 credits"


def test_paired_axes_go_side_by_side(compose: Callable[..., AppTest]) -> None:
    """Two animals and two scales are four cells as a grid and two as pairs; lists of different lengths say so."""
    app = compose(
        SweepDraft(name="Fox", base=Draft(prompt=PROMPT), axes=(ANIMALS, AxisDraft("param", "cfg_scale", text="0, 1")))
    )
    assert button(app, "Start ·").label == "Start · 4 new · 640 credits"
    groups: list[Any] = list(app.get("button_group"))
    next(group for group in groups if group.label == "Combine").set_value("Paired").run()
    assert button(app, "Start ·").label == "Start · 2 new · 320 credits"
    widget(app, "Values of cfg_scale").set_value("0, 0.5, 1").run()
    assert "Paired variables need lists of the same length" in texts(checked(app))


def test_a_stopped_queue_is_one_card(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """While the wallet holds everything up, the experiment shows why, once, and can be gone on with."""
    lab = make_lab(simulator_speed=1)
    lab.pause_queue()
    id_ = lab.start(boats("16:9", "9:16"))
    app = open_experiment(open_app, id_)
    assert texts(app).count("The queue is paused") == 1
    button(app, "Resume now").click().run()
    assert lab.pause() is None
    checked(app)


def test_a_failed_take_says_its_charge_in_the_card(lab: Lab, open_app: Open) -> None:
    """Failed takes are counted, and made once more at their price."""
    assert lab.simulator is not None
    lab.simulator.world.add_fault("task_failed", times=1, code="generation_failed", message="Refused")
    id_ = lab.start(boats("16:9", "9:16"))
    lab.wait_sweep(id_)
    app = open_experiment(open_app, id_)
    assert "Done, 1 failed" in texts(app)
    button(app, "Repair 1 failed · 160 credits").click().run()
    lab.wait_sweep(id_)
    assert lab.sweeps.brief(id_).states == {State.SUCCEEDED: 2}
    checked(app)


@pytest.mark.parametrize("tab", ["Verdict", "Decision"])
def test_the_way_back_from_a_tab_in_the_address(lab: Lab, open_app: Open, tab: str) -> None:
    """The list is shown again, and the next experiment opens at its grid."""
    id_ = lab.start(boats("16:9"))
    lab.wait_sweep(id_)
    app = open_app("sweep")
    app.query_params["experiment"] = id_
    app.query_params["view"] = tab
    checked(app.run())
    button(app, "All sweeps").click().run()
    assert "experiment" not in checked(app).query_params
    assert button(app, "New sweep")


def test_the_way_to_the_cap_of_an_experiment(lab: Lab, open_app: Open) -> None:
    """The cap stands on its link; Spend changes it."""
    sweep = Sweep("Boats", "", GenerationRequest(prompt="A boat"), {"aspect_ratio": ["16:9", "9:16"]}, cap_credits=160)
    app = open_experiment(open_app, lab.start(sweep, only_what_fits=True))
    assert [item for item in app.get("page_link") if item.proto.label == "Cap 160"]


def test_a_read_only_server_shows_an_experiment_and_changes_nothing(
    make_lab: Callable[..., Lab], open_app: Open
) -> None:
    """The grid is there with its tabs; the only buttons are those of finding one's way."""
    lab = make_lab()
    id_ = lab.start(boats("16:9", "9:16"))
    lab.wait_sweep(id_)
    lab.close()
    make_lab(read_only=True)
    app = open_experiment(open_app, id_)
    assert "Done" in texts(app)
    assert labels(app) == ["All sweeps", "Vote blind"]
