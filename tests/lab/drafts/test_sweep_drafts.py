"""What the draft of a sweep promises: it survives storing, reads what people type, and becomes the sweep it shows."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from rivya_core import Lab
from rivya_core.api.errors import InvalidRequestError
from rivya_core.lab.drafts import drafts, sweep_drafts
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.drafts.sweep_drafts import AxisDraft, SweepDraft, named_values, written_values
from rivya_core.lab.experiments import probes

PROMPT = "{{animal}} crossing a frozen lake"
ANIMALS = AxisDraft("variable", "animal", text="fox = A red fox\nA grey heron")


def jpeg(shade: int) -> bytes:
    """A small photo."""
    buffer = BytesIO()
    Image.new("RGB", (640, 480), (shade, 60, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "commas", "values"),
    [
        ("fox = A red fox\n\n  A heron ", False, [("fox", "A red fox"), ("", "A heron")]),
        ("none =\nno text = text, logo", False, [("none", ""), ("no text", "text, logo")]),
        ("A room where x=y holds", False, [("", "A room where x=y holds")]),
        ("f = a = b", False, [("f", "a = b")]),
        ("0, 0.5\nfull = 1", True, [("", "0"), ("", "0.5"), ("full", "1")]),
        ("", False, []),
    ],
    ids=["names", "empty value", "no name without spaces", "first sign", "numbers", "nothing"],
)
def test_values_are_read_as_typed(text: str, commas: bool, values: list[tuple[str, str]]) -> None:
    """One a line, ``name = value`` or the value alone; commas part numbers only."""
    assert named_values(text, commas=commas) == values


def test_values_are_written_as_they_are_read() -> None:
    """Writing and reading give the same."""
    values = [("fox", "A red fox"), ("", "A heron")]
    assert named_values(written_values(values)) == values


def test_a_draft_survives_storing(lab: Lab) -> None:
    """All of it comes back, its id and its images included."""
    image = drafts.attach_image(lab, jpeg(1), "one.jpg")
    draft = SweepDraft(
        name="Fox",
        question="Which?",
        base=Draft(prompt=PROMPT, values={"duration": "10"}, image=image),
        axes=(
            ANIMALS,
            AxisDraft("image", images=(image,), bare=True),
            AxisDraft("param", "duration", options=("5", "10")),
        ),
        paired=True,
        takes=3,
        cap_credits=960,
        parent_id="x1",
        kind="hint",
    )
    sweep_drafts.save(lab, draft)
    assert sweep_drafts.load(lab) == draft


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"axes": [{"kind": "weather"}]},
        {"axes": 3},
        {"takes": "many", "cap_credits": -1},
        {"base": {"model": 7}},
        {"kind": "guess"},
    ],
    ids=["none", "empty", "unknown kind", "no list", "nonsense", "base", "no such experiment"],
)
def test_an_old_draft_never_stops_the_page(data: Any) -> None:
    """What cannot be used is left at its default."""
    draft = SweepDraft.from_mapping(data)
    assert (draft.takes, draft.cap_credits, draft.axes, draft.kind) == (1, None, (), "sweep")


def test_the_variables_are_those_of_all_texts() -> None:
    """Of prompt, negative prompt and their variants, each once; a text that is not well written has none."""
    base = Draft(prompt="{{animal}} in {{light}}", values={"negative_prompt": "{{flaw}}"})
    variants = AxisDraft("prompt", text="{{animal}} at {{place}}\n{{broken")
    assert SweepDraft(base=base, axes=(variants,)).variables == ("animal", "light", "flaw", "place")


def test_a_draft_becomes_the_sweep_it_shows(lab: Lab) -> None:
    """Names are labels, numbers are numbers, options keep the catalogue's order, images are read from the archive."""
    images = tuple(drafts.attach_image(lab, jpeg(shade), f"{shade}.jpg") for shade in (1, 2))
    axes = (
        ANIMALS,
        AxisDraft("param", "cfg_scale", text="0, high = 1"),
        AxisDraft("param", "duration", options=("10", "5")),
        AxisDraft("image", images=images, bare=True),
    )
    sweep = sweep_drafts.to_sweep(lab, SweepDraft(name="Fox", base=Draft(prompt=PROMPT), axes=axes, takes=2))
    assert [(axis.name, axis.labels) for axis in sweep.axis_names] == [
        ("animal", ("fox", "A grey heron")),
        ("cfg_scale", ("0", "high")),
        ("duration", ("5", "10")),
        ("reference_image", ("(none)", "1.jpg", "2.jpg")),
    ]
    assert (len(sweep.cells), sweep.takes) == (24, 2)
    assert sweep.cells[0].request.prompt == "A red fox crossing a frozen lake"


def test_prompt_variants_need_no_prompt_beside_them(lab: Lab) -> None:
    """The first variant stands in for an empty baseline."""
    sweep = sweep_drafts.to_sweep(lab, SweepDraft(axes=(AxisDraft("prompt", text="A fox\nAn owl"),)))
    assert [cell.request.prompt for cell in sweep.cells] == ["A fox", "An owl"]


@pytest.mark.parametrize(
    ("axis", "field"),
    [
        (AxisDraft("param", "cfg_scale", text="much"), "cfg_scale"),
        (AxisDraft("param", "cfg_scale", text="2"), "cfg_scale"),
        (AxisDraft("param", "duration"), "duration"),
        (AxisDraft("variable", "season", text="winter"), "season"),
    ],
    ids=["no number", "out of range", "nothing chosen", "not in the prompt"],
)
def test_what_is_not_allowed_names_its_axis(lab: Lab, axis: AxisDraft, field: str) -> None:
    """The refusal carries the axis, for the sentence beside the button."""
    with pytest.raises(InvalidRequestError) as refused:
        sweep_drafts.to_sweep(lab, SweepDraft(base=Draft(prompt="A fox"), axes=(axis,)))
    assert refused.value.field == field


@pytest.mark.database
def test_an_experiment_becomes_the_draft_it_was(lab: Lab) -> None:
    """Extending gives the same cells, names and images, under a new id that knows where it comes from."""
    images = tuple(drafts.attach_image(lab, jpeg(shade), f"{shade}.jpg") for shade in (1, 2))
    axes = (
        ANIMALS,
        AxisDraft("param", "cfg_scale", text="low = 0\n1"),
        AxisDraft("param", "duration", options=("5", "10")),
        AxisDraft("image", images=images),
    )
    first = sweep_drafts.to_sweep(lab, SweepDraft(name="Fox", base=Draft(prompt=PROMPT), axes=axes))
    id_ = lab.start(first)
    status = lab.sweep(id_)
    again = sweep_drafts.of_experiment(status.experiment, status.cells)
    second = sweep_drafts.to_sweep(lab, again)
    assert [(cell.labels, cell.request_sha256) for cell in second.cells] == [
        (cell.labels, cell.request_sha256) for cell in first.cells
    ]
    assert again.parent_id == id_
    assert again.id != id_
    assert lab.quote(second).new == 0


@pytest.mark.parametrize(
    ("takes", "more", "kind"),
    [(2, (), "hint"), (3, (), "hint"), (6, (), "verdict"), (1, (), "sweep"), (6, (ANIMALS,), "sweep")],
    ids=["as it was", "one more", "enough for a verdict", "one take", "another axis"],
)
def test_an_extended_probe_is_a_probe_while_its_knob_is_all_that_varies(
    lab: Lab, takes: int, more: tuple[AxisDraft, ...], kind: str
) -> None:
    """Its takes say which; with another axis it is a sweep, and so is a sweep that asks for what a probe asks for."""
    hint, _ = probes.plans(lab, Draft().model)
    id_ = lab.start(hint.sweep)
    status = lab.sweep(id_)
    draft = sweep_drafts.of_experiment(status.experiment, status.cells)
    assert draft.kind == "hint"
    base = replace(draft.base, prompt=PROMPT) if more else draft.base
    asked = replace(draft, takes=takes, base=base, axes=(*draft.axes, *more))
    assert sweep_drafts.to_sweep(lab, asked).kind == kind
    assert sweep_drafts.to_sweep(lab, replace(asked, kind="sweep")).kind == "sweep"
