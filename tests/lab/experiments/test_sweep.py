"""A sweep becomes cells that are real requests, or a sentence that names axis, value and rule."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from rivya_core import GenerationRequest, Labelled, Sweep
from rivya_core.api.errors import InvalidRequestError
from rivya_core.lab.experiments.sweep import MAX_CELLS
from tests.api.images import png

BASE = GenerationRequest(prompt="A red fox in the snow")


def planned(axes: dict[str, Any] | None = None, base: GenerationRequest = BASE, **changes: Any) -> Sweep:
    """A sweep with a name and a question."""
    return Sweep("Fox", "Which is better?", base, axes or {}, **changes)


def test_a_grid_holds_every_combination_the_last_axis_turning_fastest() -> None:
    """Cells are numbered in grid order and carry the names of their values."""
    sweep = planned({"cfg_scale": [0, 0.5, 1], "duration": ["5", "10"]})
    assert [cell.cell for cell in sweep.cells] == list(range(6))
    assert [cell.title for cell in sweep.cells] == ["0 · 5", "0 · 10", "0.5 · 5", "0.5 · 10", "1 · 5", "1 · 10"]
    assert [cell.request.params["cfg_scale"] for cell in sweep.cells] == [0, 0, 0.5, 0.5, 1, 1]
    assert all(cell.request_sha256 == cell.request.sha256 for cell in sweep.cells)


def test_any_iterable_is_a_list_and_later_changes_do_not_matter() -> None:
    """Ranges and generators are taken; the sweep keeps its own copy."""
    values = [0.0, 1.0]
    sweep = planned({"cfg_scale": values, "prompt": (f"Fox {number}" for number in range(3))})
    values.append(2.0)
    assert len(sweep.cells) == 6
    assert sweep.axes == {"cfg_scale": (0.0, 1.0), "prompt": ("Fox 0", "Fox 1", "Fox 2")}


def test_paired_axes_go_side_by_side() -> None:
    """First with first, second with second."""
    sweep = planned({"cfg_scale": [0, 1], "duration": ["5", "10"]}, paired=True)
    assert [cell.title for cell in sweep.cells] == ["0 · 5", "1 · 10"]


def test_no_axis_is_one_cell() -> None:
    """Takes of one request are a sweep too."""
    assert [cell.request.sha256 for cell in planned(takes=4).cells] == [BASE.sha256]


def test_variables_and_alternatives_become_axes() -> None:
    """Variables take their lists, alternatives name themselves; both texts are templates."""
    base = GenerationRequest(
        prompt="A {red|blue} {{animal}}", params={"negative_prompt": "{blur|grain}, {{animal}} with wings"}
    )
    sweep = planned({"{{animal}}": ["fox", Labelled("a very old owl", "owl")]}, base)
    assert [axis.name for axis in sweep.axis_names] == ["animal", "red / blue", "negative: blur / grain"]
    assert len(sweep.cells) == 8
    last = sweep.cells[-1]
    assert last.request.prompt == "A blue a very old owl"
    assert last.request.params["negative_prompt"] == "grain, a very old owl with wings"
    assert last.title == "owl · blue · grain"


def test_prompt_variants_may_hold_variables() -> None:
    """A list of prompts replaces the base's; its variables are filled in each."""
    sweep = planned({"prompt": ["A {{animal}} runs", "A {{animal}} sleeps"], "animal": ["fox", "owl"]})
    assert [cell.request.prompt for cell in sweep.cells] == [
        "A fox runs", "A owl runs", "A fox sleeps", "A owl sleeps",
    ]  # fmt: skip


def test_reference_images_are_varied_and_kept(tmp_path: Path) -> None:
    """The base's image stays in every cell; an axis of images replaces it, none included, under the files' names."""
    red, blue = tmp_path / "red.png", tmp_path / "blue.png"
    red.write_bytes(png(320, 320, "red"))
    blue.write_bytes(png(320, 320, "blue"))
    with_image = GenerationRequest(prompt="A fox", reference_image=red)
    kept = planned({"cfg_scale": [0, 1]}, with_image)
    assert {cell.request.image for cell in kept.cells} == {with_image.image}
    varied = planned({"reference_image": [None, str(red), blue.read_bytes()]}, with_image)
    assert [cell.title for cell in varied.cells][:2] == ["(none)", "red.png"]
    assert [cell.request.image is None for cell in varied.cells] == [True, False, False]
    assert len({cell.request_sha256 for cell in varied.cells}) == 3


def test_models_are_varied_with_what_they_share() -> None:
    """A parameter that another model does not have is left out of its cells."""
    sweep = planned({"model": ["kling-v2-1-master", "kling-2-6"]})
    assert "cfg_scale" not in sweep.cells[1].request.params
    assert sweep.cells[1].request.params["aspect_ratio"] == "16:9"


@pytest.mark.parametrize(
    ("axes", "field", "words"),
    [
        ({"cfg_scale": [0.5, 2]}, "cfg_scale", "'2' must be from 0 to 1"),
        ({"cfg_scale": [Labelled(2, "twice")]}, "cfg_scale", "'twice' must be from 0 to 1"),
        ({"duration": ["5", "7"]}, "duration", "'7' must be one of"),
        ({"cfg_scale": []}, "cfg_scale", "has no values"),
        ({"cfg_scale": 0.5}, "cfg_scale", "needs a list"),
        ({"prompt": "A fox"}, "prompt", "needs a list"),
        ({"cfg_scale": [0.5, 0.5]}, "cfg_scale", "'0.5' twice"),
        ({"duration": ["5", 5]}, "duration", "would send the same request"),
        ({"cfg_scale": [None, 0.5]}, "cfg_scale", "“default” and “0.5” would send the same request"),
        ({"cfg_scale": [Labelled(0, "x"), Labelled(1, "x")]}, "cfg_scale", "'x' is given twice"),
        ({"cfg_scale": [Labelled(0, "x" * 61)]}, "cfg_scale", "at most 60"),
        ({"cfg_scale": [Labelled(0, "a\nb")]}, "cfg_scale", "line break"),
        ({"seed": [1]}, "seed", "is no input of kling-v2-1-master and no variable"),
        ({"animal": ["fox"]}, "animal", "no variable of the prompt"),
        ({"prompt": ["A fox", ""]}, "prompt", "must not be empty"),
        ({"prompt": ["A fox", 3]}, "prompt", "must be text"),
        ({"prompt": ["A {fox|owl}"]}, "prompt", "holds alternatives"),
        ({"prompt": ["A {{animal}}"]}, "animal", "has no list of values"),
        ({"prompt": ["A {{animal}}", "A fox"], "animal": ["owl"]}, "animal", "not used by every text"),
        ({"model": ["no-such-model"]}, "model", "'no-such-model'"),
        ({"model": ["kling-2-6"], "cfg_scale": [0]}, "cfg_scale", "is not a parameter of kling-2-6"),
        ({"reference_image": ["/nowhere/x.png"]}, "reference_image", "cannot be read"),
        ({"cfg_scale": [0, 1], " cfg_scale": [0]}, "axes", "one name twice"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(axes: dict[str, Any], field: str, words: str) -> None:
    """The field is the axis; the sentence names the value and the rule."""
    with pytest.raises(InvalidRequestError) as refused:
        planned(axes)
    assert refused.value.field == field
    assert words in refused.value.detail


@pytest.mark.parametrize(
    ("prompt", "axes", "field", "words"),
    [
        ("A {{fox", {}, "prompt", "no closing"),
        ("A {{animal}}", {}, "animal", "has no list of values"),
        ("A {{duration}}", {"duration": ["5"]}, "duration", "another name"),
        ("A {red|red} fox", {}, "prompt", "'red' twice"),
        ("{a|b}" * 11, {}, "a / b (10)", "more than 1000 combinations"),
        ("A {{animal}}", {"animal": ["fox", "x" * 5000]}, "animal", "at most 5000"),
        ("A {|}", {}, "prompt", "twice"),
    ],
)
def test_a_prompt_that_cannot_be_expanded_is_refused(prompt: str, axes: dict[str, Any], field: str, words: str) -> None:
    """Unclosed braces, missing lists, names with two meanings, too many cells."""
    with pytest.raises(InvalidRequestError) as refused:
        planned(axes, GenerationRequest(prompt=prompt))
    assert refused.value.field == field
    assert words in f"{refused.value.detail} {refused.value.hint}"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"takes": 0}, "takes"),
        ({"takes": 21}, "takes"),
        ({"takes": True}, "takes"),
        ({"takes": "2"}, "takes"),
        ({"cap_credits": -1}, "cap_credits"),
        ({"cap_credits": 1.5}, "cap_credits"),
        ({"paired": True, "axes": {"cfg_scale": [0, 1], "duration": ["5"]}}, "duration"),
        ({"axes": {"cfg_scale": [round(n / 200, 3) for n in range(201)]}}, "cfg_scale"),
        (
            {"axes": {"cfg_scale": [n / 200 for n in range(200)], "duration": ["5", "10"]}, "takes": 6},
            "takes",
        ),
    ],
)
def test_sizes_have_limits(changes: dict[str, Any], field: str) -> None:
    """Takes, caps, lists, pairs and the whole are checked, each with its name."""
    with pytest.raises(InvalidRequestError) as refused:
        planned(**changes)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": None}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"question": "y" * 1001}, "question"),
        ({"question": "\ud800"}, "question"),
        ({"question": "a\x00b"}, "question"),
        ({"kind": "foo"}, "kind"),
        ({"kind": None}, "kind"),
        ({"parent_id": "\ud800"}, "parent_id"),
        ({"parent_id": 7}, "parent_id"),
        ({"axes": {"\ud800": [1]}}, "axes"),
        ({"axes": {7: [1]}}, "axes"),
        ({"axes": {"cfg_scale": [Labelled(1, "\ud800")]}}, "cfg_scale"),
        ({"axes": {"cfg_scale": [Labelled(1, None)]}}, "cfg_scale"),  # type: ignore[arg-type]  # what a script may do
        ({"axes": {"prompt": ["\ud800"]}}, "prompt"),
        ({"cap_credits": 10**20}, "cap_credits"),
    ],
    ids=ascii,
)
def test_texts_that_cannot_be_kept_are_refused(changes: dict[str, Any], field: str) -> None:
    """A name is needed, texts end somewhere and can be written, kinds are known; each refusal names its input."""
    with pytest.raises(InvalidRequestError) as refused:
        Sweep(**{"name": "Fox", "question": "", "base": BASE, **changes})
    assert refused.value.field == field


def test_labels_are_short_and_unique() -> None:
    """Long values are cut, and what then reads alike is numbered."""
    long = "A fox runs through the deep white snow at "
    sweep = planned({"prompt": [f"{long}dawn", f"{long}dusk"]})
    labels = sweep.axis_names[0].labels
    assert labels[0] == "A fox runs through the deep whi…"
    assert labels[1] == f"{labels[0]} (2)"


VALUES: dict[str, st.SearchStrategy[list[Any]]] = {
    "cfg_scale": st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=1, max_size=5, unique=True),
    "duration": st.lists(st.sampled_from(["5", "10"]), min_size=1, unique=True),
    "aspect_ratio": st.lists(st.sampled_from(["16:9", "9:16", "1:1"]), min_size=1, unique=True),
    "negative_prompt": st.lists(st.sampled_from(["", "blur", "grain, noise"]), min_size=1, unique=True),
    "animal": st.lists(
        st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=9), min_size=1, max_size=4, unique=True
    ),
}


@given(st.data(), st.sets(st.sampled_from(sorted(VALUES)), max_size=4), st.integers(0, 3), st.booleans())
def test_every_expansion_is_valid_and_none_is_missing(
    data: st.DataObject, names: set[str], alternatives: int, paired: bool
) -> None:
    """As many cells as combinations; each another request that the catalogue allows; each label names its value."""
    axes = {name: data.draw(VALUES[name], name) for name in sorted(names)}
    options = [f"word{n}" for n in range(alternatives)]
    prompt = "A {{animal}}" if "animal" in axes else "A fox"
    if len(options) > 1:
        prompt += " {" + "|".join(options) + "}"
    lengths = [len(values) for values in axes.values()] + ([len(options)] if len(options) > 1 else [])
    assume(not paired or len(set(lengths)) <= 1)
    sweep = planned(axes, GenerationRequest(prompt=prompt), paired=paired)
    assert len(sweep.cells) == ((lengths or [1])[0] if paired else math.prod(lengths))
    assert len(sweep.cells) <= MAX_CELLS
    assert len({cell.request_sha256 for cell in sweep.cells}) == len(sweep.cells)
    assert len({tuple(cell.labels.values()) for cell in sweep.cells}) == len(sweep.cells)
    for cell in sweep.cells:
        again = GenerationRequest.from_canonical(cell.request.canonical())
        assert again.sha256 == cell.request_sha256
        assert "{" not in cell.request.prompt or "{" in "".join(axes.get("animal", []))
        for plan in sweep.plans:
            value = plan.values[plan.labels.index(cell.labels[plan.name])]
            if plan.target == "param" and plan.name != "negative_prompt":
                assert str(cell.request.params[plan.name]) == str(value) or cell.request.params[plan.name] == value
