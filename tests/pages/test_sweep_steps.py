"""What the Sweep page promises beyond the start: no price that grew unseen, the next step in sight, words that match the form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui.sweep import clip, formatting as sweep_formatting, live_grid, planned, rows
from pages._ui.sweep.preview import width_px
from rivya_core import GenerationRequest, Lab, State
from rivya_core.api.errors import InvalidRequestError
from rivya_core.lab.drafts import drafts
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.drafts.sweep_drafts import AxisDraft, SweepDraft
from rivya_core.lab.experiments import probes
from rivya_core.lab.experiments.quote import RepairQuote
from rivya_core.lab.experiments.records import Axis, ExperimentRecord, SweepStatus
from rivya_core.lab.experiments.service import Sweep
from tests.pages.test_sweep import boats, button, checked, form, labels, open_experiment, texts, widget
from tests.until import until

Open = Callable[..., AppTest]

BOAT = GenerationRequest(prompt="A paper boat *at dusk*", params={"negative_prompt": "text, logo"})


def failing(lab: Lab, *fields: Any, times: int) -> str:
    """An experiment of which some takes fail."""
    assert lab.simulator is not None
    lab.simulator.world.add_fault("task_failed", times=times, code="generation_failed", message="Refused")
    id_ = lab.start(*fields)
    lab.wait_sweep(id_)
    return id_


def kinds(app: AppTest) -> dict[str, str]:
    """How loud each button is."""
    return {item.label: item.proto.type for item in app.button}


# -- what is bought ----------------------------------------------------------------------------------------------------


def test_a_retry_buys_no_more_than_its_button_said(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """One take had failed when the page was drawn, three when it was pressed: refused with both figures, nothing bought."""
    lab = make_lab(max_creates_in_flight=1, simulator_speed=1)
    lab.pause_queue()
    id_ = lab.start(boats("16:9", "9:16", "1:1"))
    takes = [take.generation_id or "" for cell in lab.sweep(id_).cells for take in cell.takes]
    lab.cancel(takes[0])
    app = open_experiment(open_app, id_)
    retry = button(app, "Repair 1 failed · 160 credits")
    for generation_id in takes[1:]:
        lab.cancel(generation_id)
    retry.click().run()
    assert "160 credits were shown; 3 clips would cost 480 credits now. Nothing was bought." in texts(checked(app))
    assert lab.sweeps.brief(id_).states == {State.CANCELLED: 3}
    button(app, "Repair 3 failed · 480 credits").click().run()
    assert lab.sweeps.brief(id_).failed == 0


def test_a_retry_of_what_was_repeated_meanwhile_says_that_it_costs_nothing(
    make_lab: Callable[..., Lab], open_app: Open
) -> None:
    """Two takes failed and one of them was repeated from its card: the button counts it as reused and buys the other."""
    lab = make_lab(max_creates_in_flight=1, simulator_speed=1)
    lab.pause_queue()
    id_ = lab.start(boats("16:9", "9:16"))
    takes = [take.generation_id or "" for cell in lab.sweep(id_).cells for take in cell.takes]
    for one in takes:
        lab.cancel(one)
    again = [lab.submit(drafts.repeat_request(lab, lab.get(one)), parent_id=one).id for one in takes[:1]]
    app = open_experiment(open_app, id_)
    button(app, "Repair 2 failed · 1 reused · 160 credits")
    again += [lab.submit(drafts.repeat_request(lab, lab.get(one)), parent_id=one).id for one in takes[1:]]
    app = open_experiment(open_app, id_)
    checked(button(app, "Repair 2 failed · 2 reused · 0 credits").click().run())
    found = [take.generation_id for cell in lab.sweep(id_).cells for take in cell.takes]
    assert found == again
    assert lab.ledger.counts() == {State.CANCELLED: 2, State.WAITING: 2}


def test_a_damaged_clip_is_bought_again_on_purpose(lab: Lab, open_app: Open) -> None:
    """The button says that a clip is damaged, and a line that it was paid for."""
    id_ = lab.start(boats("16:9", "9:16"))
    lab.wait_sweep(id_, 60)
    lab.ledger.rows.update(lab.sweep(id_).cells[0].takes[0].generation_id or "", clip_check="damaged")
    app = open_experiment(open_app, id_)
    button(app, "Repair 1 damaged · 160 credits")
    assert "A damaged clip was paid for and is kept. A repair buys a new one." in texts(app)


def test_the_head_is_drawn_again_when_its_figures_change(make_lab: Callable[..., Lab]) -> None:
    """Each further failure changes what the ticking grid compares, so that the price on the button follows."""
    lab = make_lab(max_creates_in_flight=1, simulator_speed=1)
    lab.pause_queue()
    id_ = lab.start(boats("16:9", "9:16", "1:1"))
    seen = [live_grid.signature(lab, lab.sweeps.brief(id_))]
    for cell in lab.sweep(id_).cells[:2]:
        lab.cancel(cell.takes[0].generation_id or "")
        seen.append(live_grid.signature(lab, lab.sweeps.brief(id_)))
    assert len(set(seen)) == 3


def test_a_probe_says_what_it_sends_before_it_spends(lab: Lab, open_app: Open) -> None:
    """The prompt, the two values and what both share stand on its card."""
    said = texts(open_app("sweep"))
    assert f"Prompt: {probes.PROMPT}" in said
    assert "cfg_scale: 0 vs 1, 2 takes each" in said
    assert "Both: Duration 5 · Aspect ratio 16:9" in said


def test_all_reused_is_a_duplicate_only_where_it_extends(lab: Lab, open_app: Open) -> None:
    """Another question over clips that exist may start for nothing."""
    lab.wait_sweep(lab.start(boats("16:9", "9:16")))
    axis = AxisDraft("param", "aspect_ratio", options=("16:9", "9:16"))
    app = form(open_app, lab, SweepDraft(name="Other", base=Draft(prompt="A paper boat"), axes=(axis,)))
    assert not button(app, "Start · nothing new · 0 credits").disabled
    assert "Nothing new" not in texts(app)


def test_an_extended_probe_stays_a_probe(lab: Lab, open_app: Open) -> None:
    """Further takes make a hint a verdict, whose outcome stands beside the knob."""
    hint, _ = probes.plans(lab, BOAT.model, "cfg_scale", BOAT)
    id_ = lab.start(hint.sweep)
    lab.wait_sweep(id_)
    app = open_experiment(open_app, id_)
    button(app, "Extend").click().run()
    widget(checked(app), "Takes per combination").set_value(4).run()
    button(app, "Start · 4 new").click().run()
    newest = lab.sweeps.list()[0]
    assert (newest.kind, newest.parent_id, newest.takes) == ("verdict", id_, 4)
    checked(app)


def test_the_takes_an_unclear_probe_asks_for_are_one_press_away(lab: Lab, open_app: Open) -> None:
    """The head names them with their price; the form opens with them, and nothing starts by itself."""
    assert lab.simulator is not None
    lab.simulator.world.configure(cfg_effect="strong", clip_variants=8)
    id_ = lab.start(probes.plans(lab, BOAT.model, "cfg_scale", BOAT)[0].sweep)
    lab.wait_sweep(id_)
    app = open_experiment(open_app, id_)
    until(lambda: "Plan 4 more clips · 640 credits" in labels(app.run()), what="the probe is judged")
    button(app, "Plan 4 more clips · 640 credits").click().run()
    assert button(checked(app), "Start ·").label == "Start · 4 new · 640 credits"
    assert lab.history.page().total == 4


# -- where it goes on --------------------------------------------------------------------------------------------------


def test_what_is_done_has_one_loud_next_step(lab: Lab, open_app: Open) -> None:
    """A sweep is voted on, a probe has its verdict looked at; a decided one is shown to others."""
    sweep, probe = lab.start(boats("16:9", "9:16")), lab.start(probes.plans(lab, BOAT.model)[0].sweep)
    for id_ in (sweep, probe):
        lab.wait_sweep(id_)
    loud = [label for label, kind in kinds(open_experiment(open_app, sweep)).items() if kind == "primary"]
    assert loud == ["Vote blind"]
    app = open_experiment(open_app, probe)
    assert [label for label, kind in kinds(app).items() if kind == "primary"] == ["See the verdict"]
    button(app, "See the verdict").click().run()
    assert app.session_state["view"] == "Verdict"
    checked(app)
    lab.sweeps.decide(sweep, {"cell": 0, "title": "Aspect ratio: 16:9", "why": "", "who": "Ana"})
    loud = [label for label, kind in kinds(open_experiment(open_app, sweep)).items() if kind == "primary"]
    assert loud == ["Make a show"]


def test_a_row_says_what_was_decided(lab: Lab) -> None:
    """The winner's name, once there is one."""
    id_ = lab.start(boats("16:9", "9:16"))
    assert rows.winner(lab.sweeps.get(id_)) == ""
    lab.sweeps.decide(id_, {"cell": 1, "title": "Aspect ratio: 9:16", "why": "Taller", "who": "Ana"})
    assert rows.winner(lab.sweeps.get(id_)) == "Winner: Aspect ratio: 9:16"


def test_the_head_shows_the_baseline_and_where_it_comes_from(lab: Lab, open_app: Open) -> None:
    """The prompt as it was written, what all cells share, and the way to the experiment that this one extends."""
    first = lab.start(Sweep("First", "", BOAT, {"cfg_scale": [0, 1]}))
    second = lab.start(Sweep("Second", "", BOAT, {"cfg_scale": [0, 1, 0.5]}, parent_id=first))
    app = open_experiment(open_app, second)
    shown = [item.value for item in app.text]
    assert "Prompt: A paper boat *at dusk*" in shown
    assert "All else: Duration 5 · Aspect ratio 16:9 · Negative prompt “text, logo”" in shown
    assert "Extends: First" in shown
    button(app, "Open that sweep").click().run()
    assert app.query_params["experiment"] == first
    assert "Open that sweep" not in labels(checked(app))


# -- where it is looked for --------------------------------------------------------------------------------------------


def test_an_axis_says_its_own_error(lab: Lab, open_app: Open) -> None:
    """Beside the button and below the field, in the words of the field."""
    axis = AxisDraft("param", "duration")
    app = form(open_app, lab, SweepDraft(name="Boat", base=Draft(prompt="A boat"), axes=(axis,)))
    assert texts(app).count("Duration has no values. Give at least one, or remove the variable.") == 2
    widget(app, "Values of Duration").set_value(["5"]).run()
    assert "has no values" not in texts(checked(app))


def test_failures_out_of_sight_are_told(lab: Lab, open_app: Open) -> None:
    """Below the values of a third axis stands where takes failed."""
    axes: dict[str, list[Any]] = {"cfg_scale": [0, 1], "aspect_ratio": ["16:9", "9:16"], "duration": ["5", "10"]}
    id_ = failing(lab, Sweep("Three", "", BOAT, axes), times=3)
    counts = lab.sweeps.failures(id_)["duration"]
    assert sum(counts.values()) == 3
    said = " · ".join(f"{label}: {counts[label]} failed" for label in ("5", "10") if label in counts)
    assert said in [item.value for item in open_experiment(open_app, id_).text]


def test_what_is_said_of_an_open_clip(lab: Lab) -> None:
    """Its values by name, its prompt and facts, and what is wrong with it; nothing of a clip that is not on the screen."""
    id_ = lab.start(Sweep("Takes", "", BOAT, {"cfg_scale": [0.5]}))
    lab.wait_sweep(id_)
    cells = lab.sweep(id_).cells
    clip_id = cells[0].takes[0].generation_id or ""
    said = clip.detail(lab, cells, clip_id)
    assert said is not None
    assert (said["labels"], said["prompt"], said["fault"]) == ([["cfg_scale", "0.5"]], BOAT.prompt, "")
    assert "160 credits" in said["facts"]
    assert said["carries"] is True
    assert clip.detail(lab, cells, "another") is clip.detail(lab, cells, "") is None
    lab.ledger.rows.update(clip_id, clip_check="unopened", clip_fault="Too many pixels.")
    [take] = lab.sweep(id_).cells[0].takes
    assert take.is_unopened
    assert "Too many pixels" in (clip.detail(lab, cells, clip_id) or {})["fault"]


# -- words -------------------------------------------------------------------------------------------------------------


def test_a_variable_without_values_is_offered_as_an_axis(lab: Lab, open_app: Open) -> None:
    """What the sentence asks for is one press away."""
    app = form(open_app, lab, SweepDraft(name="Fox", base=Draft(prompt="{{animal}} on ice")))
    assert "Give animal values" in texts(app)
    button(app, "Add values for {{animal}}").click().run()
    widget(app, "Values of animal").set_value("A fox\nAn owl").run()
    assert button(checked(app), "Start ·").label == "Start · 2 new · 320 credits"
    assert "Add values for {{animal}}" not in labels(app)


def test_inputs_are_called_as_everywhere(lab: Lab, open_app: Open) -> None:
    """One name each, that of the API's page, in the list of axes as above the fields."""
    app = form(open_app, lab, SweepDraft(base=Draft(prompt="A boat")))
    offered = widget(app, "Add a variable").options
    assert offered == [
        "Prompt",
        "Duration",
        "Aspect ratio",
        "Negative prompt",
        "cfg_scale",
        "Reference image",
        "Model",
    ]
    assert "probe it on the Sweep page" not in texts(app)


@pytest.mark.parametrize(
    ("field", "detail", "said"),
    [
        ("prompt", "prompt: must not be empty", "The prompt must not be empty."),
        ("duration", "duration: has no values", "Duration has no values."),
        ("cfg_scale", "cfg_scale: '2' must be from 0 to 1", "cfg_scale: '2' must be from 0 to 1."),
        ("", "No room", "No room."),
    ],
    ids=["input", "axis", "value", "no field"],
)
def test_a_refusal_is_a_sentence(field: str, detail: str, said: str) -> None:
    """The input is called as on the page."""
    assert planned.sentence(InvalidRequestError("Title", detail, field=field or None)) == said


@pytest.mark.parametrize(
    ("name", "label", "said"),
    [("hour", "hour 0", "hour 0"), ("cfg_scale", "0.5", "cfg_scale 0.5"), ("duration", "5", "Duration 5")],
    ids=["says it already", "number", "label of the API"],
)
def test_a_value_is_shown_with_its_axis_once(name: str, label: str, said: str) -> None:
    """No "hour hour 0"."""
    assert sweep_formatting.value(name, label) == said


def test_a_column_is_as_wide_as_its_title() -> None:
    """Short values do not cut a long title."""
    short, long = Axis("cfg", ("0", "1")), Axis("dawn / noon / dusk", ("dawn", "noon"))
    assert width_px(long) > width_px(short)
    assert width_px(Axis("reference_image", ("a", "b"))) >= 8 * len("Reference image")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"planned": 3}, "Start the rest · 3 · 320 credits"),
        ({"planned": 3, "failed": 2}, "Repair 3 planned and 2 failed · 320 credits"),
        ({"failed": 2}, "Repair 2 failed · 320 credits"),
        ({"failed": 2, "given_up": 2}, "Repair 2 no longer watched · 320 credits"),
        ({"failed": 3, "given_up": 1}, "Repair 2 failed and 1 no longer watched · 320 credits"),
        (
            {"failed": 3, "given_up": 1, "damaged": 1, "reused": 1},
            "Repair 1 failed and 1 no longer watched and 1 damaged · 1 reused · 320 credits",
        ),
    ],
)
def test_the_repair_names_what_it_makes(counts: dict[str, int], said: str) -> None:
    """A take that nobody watches any more has not failed."""
    experiment = cast("ExperimentRecord", None)
    reused = counts.pop("reused", 0)
    status = SweepStatus(experiment, (), {}, **{"planned": 0, "spent_credits": 0, **counts})
    assert sweep_formatting.repair_label(status, RepairQuote(9, reused, 2, 320, 2, 320)) == said


def test_a_repair_that_does_not_fit_whole_says_what_fits() -> None:
    """And costs no more."""
    status = SweepStatus(cast("ExperimentRecord", None), (), {}, planned=0, spent_credits=0, failed=5)
    quote = RepairQuote(5, 0, 5, 800, 2, 320)
    assert sweep_formatting.repair_label(status, quote) == "Repair 5 failed · 2 fit now · 320 credits"


def test_one_press_makes_all_that_is_missing(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """Takes that were never started and takes that failed, by one button with one price."""
    lab = make_lab(max_creates_in_flight=1, simulator_speed=1)
    lab.pause_queue()
    sweep = replace(boats("16:9", "9:16", "1:1"), cap_credits=320)
    id_ = lab.start(sweep, only_what_fits=True)
    lab.cancel(lab.sweep(id_).cells[0].takes[0].generation_id or "")
    lab.sweeps.set_cap(id_, None, "tested")
    app = open_experiment(open_app, id_)
    assert [label for label in labels(app) if "credits" in label] == ["Repair 1 planned and 1 failed · 320 credits"]
    button(app, "Repair").click().run()
    status = lab.sweeps.brief(id_)
    assert (status.planned, status.failed, status.states) == (0, 0, {State.WAITING: 3})
    checked(app)


# -- name, labels, place in the list -----------------------------------------------------------------------------------


def test_a_sweep_is_renamed_labelled_and_hidden_each_with_a_way_back(lab: Lab, open_app: Open) -> None:
    """From its head; the bar says what was done and takes it back."""
    id_ = lab.start(boats("16:9"))
    app = open_experiment(open_app, id_)
    app.text_input(key=f"sweep_name_{id_}").set_value("Ships").run()
    assert lab.sweeps.get(id_).name == "Ships"
    assert "Renamed. It was called" in texts(checked(app))
    button(app, "Undo").click().run()
    assert lab.sweeps.get(id_).name == "Boats"
    app.text_input(key=f"sweep_name_{id_}").set_value("  ").run()
    assert "name: must not be empty" in texts(checked(app))
    assert lab.sweeps.get(id_).name == "Boats"
    lab.labels.add("sweep", [id_], "client")
    app.run()
    app.multiselect(key=f"sweep_labels_{id_}").set_value([]).run()
    assert lab.labels.all("sweep") == {}
    button(app, "Undo").click().run()
    assert lab.labels.of("sweep", [id_]) == {id_: ("client",)}
    button(app, "Hide from the list").click().run()
    assert lab.sweeps.list() == []
    button(app, "Undo").click().run()
    assert [record.id for record in lab.sweeps.list()] == [id_]
    checked(app)


def test_the_list_is_narrowed_to_a_label_and_shows_what_is_hidden(lab: Lab, open_app: Open) -> None:
    """Neither filter is offered where there is nothing to choose."""
    first, second = lab.start(boats("16:9")), lab.start(boats("9:16", name="Tall"))
    app = open_app("sweep")
    assert "All labels" not in [box.placeholder for box in app.selectbox]
    lab.labels.add("sweep", [first], "client")
    lab.sweeps.hide(second)
    app.run()
    app.selectbox(key="sweep_label").set_value("client").run()
    assert "No sweep to show here." not in texts(app)
    app.toggle(key="sweep_hidden").set_value(True).run()
    assert "No sweep to show here." in texts(checked(app))
