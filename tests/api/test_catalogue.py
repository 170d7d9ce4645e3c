"""The packaged models say what the model pages say, and a list from the server is read in any plausible shape."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from rivya_core.api import (
    DEFAULT_MODEL,
    GenerationRequest,
    InvalidRequestError,
    ModelSpec,
    model_spec,
    packaged_models,
    parse_models,
    price_credits,
)

PAGES = {  # id: base credits, prompt cap, parameters, largest number of references; docs/api/models/*
    "kling-v2-1-master": (160, 5000, 4, 1),
    "kling-v2-5-turbo-pro": (42, 2500, 4, 2),
    "kling-2-6": (55, 1000, 3, 1),
    "kling-3-0": (90, 2000, 5, 2),
    "veo3-1-fast": (20, 5000, 5, 3),
    "veo3-1-lite": (10, 5000, 4, 2),
    "sora-2": (6, 10000, 4, 1),
    "sora-2-pro": (75, 10000, 5, 1),
    "seedance-1-0-pro": (25, 10000, 6, 1),
    "seedance-1-5-pro": (28, 2500, 5, 2),
    "seedance-2": (175, 2500, 6, 0),
    "wan-2-5-video": (60, 5000, 7, 1),
    "wan-2-6": (70, 5000, 2, 1),
    "wan-2-7-video": (80, 5000, 8, 0),
    "hailuo-pro": (57, 1500, 1, 2),
    "hailuo-standard": (30, 1500, 3, 2),
    "runway": (12, 1800, 4, 1),
    "grok-imagine-video": (10, 5000, 4, 1),
    "happyhorse-1-0": (28, 5000, 5, 10),
}

SPECS = list(packaged_models().values())


def test_every_documented_video_model_is_there() -> None:
    """No more and no fewer, with the default first."""
    assert list(packaged_models()) == list(PAGES)
    assert next(iter(packaged_models())) == DEFAULT_MODEL


@pytest.mark.parametrize("model_id", PAGES)
def test_a_model_says_what_its_page_says(model_id: str) -> None:
    """Price, prompt cap, parameters and references as documented."""
    spec = model_spec(model_id)
    base, cap, params, references = PAGES[model_id]
    assert (spec.base_credits, spec.max_prompt_length, len(spec.params)) == (base, cap, params)
    assert (spec.reference.max_items if spec.reference else 0) == references
    assert (spec.billing_type, spec.category, spec.is_callable) == ("FIXED", "video", True)
    assert price_credits(spec, {}) == base


def test_kling_master_is_what_its_own_page_says() -> None:
    """The default model in full; source: docs/api/models/kling-v2-1-master."""
    spec = model_spec(DEFAULT_MODEL)
    assert spec.defaults() == {"duration": "5", "aspect_ratio": "16:9", "cfg_scale": 0.5}
    duration, aspect, scale = (spec.param(key) for key in ("duration", "aspect_ratio", "cfg_scale"))
    assert duration is not None
    assert aspect is not None
    assert scale is not None
    assert duration.options == ("5", "10")
    assert aspect.options == ("16:9", "9:16", "1:1")
    assert (scale.minimum, scale.maximum, scale.step) == (0, 1, None)
    assert spec.reference is not None
    assert spec.reference.kinds["image"].max_bytes == 10_000_000


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_the_defaults_of_every_model_are_a_valid_request(spec: ModelSpec) -> None:
    """A form that is left alone can be sent."""
    request = GenerationRequest(prompt="x", model=spec.id)
    assert request.wire_params() == spec.defaults()
    for param in spec.params:
        if param.type == "select":
            assert param.options
            assert param.default is None or param.default in param.options


@pytest.mark.parametrize("name", ["", "kling", "KLING-V2-1-MASTER", "z-image", None, 5, ["a"]])
def test_an_unknown_model_is_refused(name: object) -> None:
    """The refusal names the field and the models there are."""
    with pytest.raises(InvalidRequestError) as caught:
        GenerationRequest(prompt="x", model=name)  # type: ignore[arg-type]  # what a careless script may pass
    assert caught.value.field == "model"
    assert DEFAULT_MODEL in str(caught.value)


ROW = {"id": "new-model", "display_name": "New", "category": "video", "base_credits": 7, "max_prompt_length": 10}
LISTS = {
    "documented": {"object": "list", "data": [ROW]},
    "bare": [ROW],
    "models": {"models": [ROW]},
    "nested": {"data": {"models": [ROW]}},
    "by id": {"data": {"new-model": {key: value for key, value in ROW.items() if key != "id"}}},
    "among rubbish": {"data": [None, 5, {}, {"id": 5}, "", ROW, ROW]},
    "text numbers": {"data": [{**ROW, "base_credits": "7", "max_prompt_length": "10"}]},
}


@pytest.mark.parametrize("answer", LISTS.values(), ids=LISTS)
def test_a_list_is_read_in_any_plausible_shape(answer: object) -> None:
    """The form of the list is documented only in part."""
    (spec,) = [spec for spec in parse_models(answer) if spec.id == "new-model"]
    assert (spec.base_credits, spec.max_prompt_length) == (7, 10)


OPTIONS = {
    "strings": ["5", "10"],
    "numbers": [5, 10],
    "objects": [{"value": "5", "label": "5 s"}, {"value": 10}],
    "with rubbish": [None, "5", {}, {"label": "x"}, "10", float("nan")],
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_options_are_read_as_values_or_objects(options: list[object]) -> None:
    """Each option is the string that stands on the wire."""
    (spec,) = parse_models([{**ROW, "params": [{"key": "duration", "type": "select", "options": options}]}])
    assert spec.params[0].options == ("5", "10")


REFERENCES = {
    "page's words": {"max_files": 2, "kinds": ["image"], "max_size": "10 MB", "mime_types": ["image/png"]},
    "per kind": {"max_items": 2, "kinds": {"image": {"max_bytes": 10_000_000, "mime_types": ["image/png"]}}},
    "list of kinds": {"maxFiles": 2, "kinds": [{"kind": "image", "max_size": 10_000_000, "mimeTypes": ["image/png"]}]},
}


@pytest.mark.parametrize("rule", REFERENCES.values(), ids=REFERENCES)
def test_reference_rules_are_read(rule: object) -> None:
    """The JSON of ``reference_media`` is not documented."""
    (spec,) = parse_models([{**ROW, "reference_media": rule}])
    assert spec.reference is not None
    assert spec.reference.max_items == 2
    assert spec.reference.kinds["image"].max_bytes == 10_000_000
    assert spec.reference.kinds["image"].mime_types == ("image/png",)


def test_what_the_list_leaves_out_of_a_known_model_is_packaged() -> None:
    """The documented example shows no params for a model that has some."""
    (spec,) = parse_models([{"id": DEFAULT_MODEL, "base_credits": 170, "params": [], "api_status": "coming_soon"}])
    assert (spec.base_credits, spec.is_callable) == (170, False)
    assert spec.params == model_spec(DEFAULT_MODEL).params
    assert spec.reference == model_spec(DEFAULT_MODEL).reference


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "data", "models", "params", "key", "type", "options", "value", "default", "min", "max", "kinds",
                 "reference_media", "max_files", "max_size", "mime_types", "base_credits", "notices", "step", "label"]
            )
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(JSON)
def test_no_list_crashes_the_reader(answer: object) -> None:
    """Whatever the server sends, the result is a list of models."""
    for spec in parse_models({"data": [answer, {"id": "x", "params": answer, "reference_media": answer}]}):
        assert spec.id
        assert spec.base_credits >= 0
        json.dumps([param.key for param in spec.params])
