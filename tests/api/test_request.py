"""Nothing invalid becomes a request, and what a request sends is fixed, explicit and the same every time."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from rivya_core.api import (
    GenerationRequest,
    InvalidRequestError,
    ModelSpec,
    UploadedFile,
    check_image,
    check_reference_items,
    model_spec,
    packaged_models,
    prompt_counts,
    reference_item,
)
from tests.api.images import jpeg, png

BENGALI = "নদীর ধারে কাশফুল দুলছে"
ITEM = {"url": "https://files.example/a", "kind": "image", "name": "a.png", "mimeType": "image/png"}


def refused(field: str, **fields: Any) -> InvalidRequestError:
    """Make a request that must be refused for this field; the refusal."""
    with pytest.raises(InvalidRequestError) as caught:
        GenerationRequest(**{"prompt": "x", **fields})
    assert caught.value.field == field
    assert field in caught.value.detail
    assert caught.value.charged == "no"
    return caught.value


PROMPTS = {
    "plain": ("x" * 5000, True, False),
    "one more": ("x" * 5001, False, False),
    "Bengali": ((BENGALI * 300)[:5000], True, False),
    "Bengali, one more": ((BENGALI * 300)[:5001], False, False),
    "emoji under in characters, over in units": ("🐈" * 2501, True, True),
    "emoji at the units": ("🐈" * 2500, True, False),
    "5000 emoji": ("🐈" * 5000, True, True),
    "family emoji": ("👨‍👩‍👧" * 1000, True, True),
    "combining marks": ("e\u0301" * 2500, True, False),
    "combining marks, over": ("e\u0301" * 2501, False, False),
    "new lines": ("a\n" * 2500, True, False),
}


@pytest.mark.parametrize(("prompt", "taken", "warned"), PROMPTS.values(), ids=PROMPTS)
def test_the_prompt_limit_counts_characters_and_warns_of_units(prompt: str, taken: bool, warned: bool) -> None:
    """Blocked above 5000 Python characters, warned above 5000 UTF-16 units, as Rivya's unit is not known."""
    if not taken:
        assert "5000" in refused("prompt", prompt=prompt).detail
        return
    request = GenerationRequest(prompt=prompt)
    assert any("UTF-16" in words for words in request.warnings) is warned
    assert json.loads(request.body())["prompt"] == prompt


def test_the_limit_is_the_model_s_own() -> None:
    """Another model, another cap."""
    assert "1000" in refused("prompt", prompt="x" * 1001, model="kling-2-6").detail
    GenerationRequest(prompt="x" * 1000, model="kling-2-6")


@pytest.mark.parametrize("prompt", ["", " ", "\n\t\u3000", "\ud800", "a\udfff", "a\x00b", None, 5, b"x", ["x"]])
def test_a_prompt_that_is_none_is_refused(prompt: Any) -> None:
    """Empty, blank, half a character, NUL, or no text at all."""
    refused("prompt", prompt=prompt)


def test_both_counts_of_a_prompt_are_told() -> None:
    """Characters as Python counts them, and UTF-16 units."""
    assert prompt_counts("a🐈e\u0301") == (4, 5)


@pytest.mark.parametrize("given_value", [5, "5"])
def test_a_duration_is_text_on_the_wire(given_value: object) -> None:
    """The number 5 is accepted and sent as "5"."""
    request = GenerationRequest(prompt="x", params={"duration": given_value})
    assert json.loads(request.body())["params"]["duration"] == "5"


BAD_PARAMS: dict[str, tuple[dict[Any, Any], str]] = {
    "duration option": ({"duration": "7"}, "duration"),
    "duration number": ({"duration": 7}, "duration"),
    "duration true": ({"duration": True}, "duration"),
    "duration float": ({"duration": 5.0}, "duration"),
    "duration padded": ({"duration": " 5"}, "duration"),
    "duration huge": ({"duration": 10**5000}, "duration"),
    "duration list": ({"duration": ["5"]}, "duration"),
    "duration empty": ({"duration": ""}, "duration"),
    "aspect ratio": ({"aspect_ratio": "4:3"}, "aspect_ratio"),
    "cfg_scale NaN": ({"cfg_scale": math.nan}, "cfg_scale"),
    "cfg_scale inf": ({"cfg_scale": math.inf}, "cfg_scale"),
    "cfg_scale -inf": ({"cfg_scale": -math.inf}, "cfg_scale"),
    "cfg_scale true": ({"cfg_scale": True}, "cfg_scale"),
    "cfg_scale text": ({"cfg_scale": "0.5"}, "cfg_scale"),
    "cfg_scale above": ({"cfg_scale": 1.0001}, "cfg_scale"),
    "cfg_scale below": ({"cfg_scale": -0.0001}, "cfg_scale"),
    "cfg_scale huge": ({"cfg_scale": 10**5000}, "cfg_scale"),
    "negative prompt number": ({"negative_prompt": 5}, "negative_prompt"),
    "negative prompt surrogate": ({"negative_prompt": "\ud83d"}, "negative_prompt"),
    "unknown key": ({"seed": 1}, "seed"),
    "key of another spelling": ({"aspectRatio": "16:9"}, "aspectRatio"),
    "reference items": ({"referenceMediaItems": []}, "referenceMediaItems"),
    "empty key": ({"": 1}, "params"),
}


@pytest.mark.parametrize(("params", "field"), BAD_PARAMS.values(), ids=BAD_PARAMS)
def test_a_parameter_outside_its_rule_is_refused_by_name(params: dict[Any, Any], field: str) -> None:
    """The refusal names the parameter by the API's own key and states the rule."""
    refused(field, params=params)


@pytest.mark.parametrize("params", [[], "duration", 5, {5: "x"}, {None: 1}, {"\ud800": 1}])
def test_params_that_are_no_mapping_of_keys_are_refused(params: Any) -> None:
    """No library error leaves the constructor."""
    with pytest.raises(InvalidRequestError):
        GenerationRequest(prompt="x", params=params)


@pytest.mark.parametrize(("value", "wire"), [(0, 0), (1, 1), (0.0, 0), (1.0, 1), (-0.0, 0), (0.35, 0.35), (None, 0.5)])
def test_a_number_has_one_form_on_the_wire(value: float | None, wire: float) -> None:
    """Equal numbers make equal bytes, so equal hashes."""
    request = GenerationRequest(prompt="x", params={"cfg_scale": value})
    assert request.body() == GenerationRequest(prompt="x", params={"cfg_scale": wire}).body()
    assert repr(request.wire_params()["cfg_scale"]) == repr(wire)


@pytest.mark.parametrize(
    ("value", "taken"), [(10000, True), (99999, True), (10000.5, False), (9999, False), (100000, False)]
)
def test_a_documented_step_is_kept(value: float, taken: bool) -> None:
    """Veo's seeds go in steps of 1 from 10000 to 99999."""
    fields: dict[str, Any] = {"model": "veo3-1-lite", "params": {"seeds": value}}
    if taken:
        assert GenerationRequest(prompt="x", **fields).wire_params()["seeds"] == value
    else:
        refused("seeds", **fields)


def test_the_defaults_are_explicit_and_empty_texts_are_left_out() -> None:
    """The record says what was asked, and no placeholder wording is sent."""
    body = json.loads(GenerationRequest(prompt="x", params={"negative_prompt": "  "}).body())
    assert body == {
        "model": "kling-v2-1-master",
        "prompt": "x",
        "params": {"duration": "5", "aspect_ratio": "16:9", "cfg_scale": 0.5},
    }


@pytest.mark.parametrize("value", ["x" * 129, 5, "\ud800", "a\x00"])
def test_a_trace_id_outside_its_rule_is_refused(value: Any) -> None:
    """At most 128 characters of text."""
    refused("client_request_id", client_request_id=value)


def test_a_trace_id_is_sent() -> None:
    """128 characters pass, as they are."""
    value = "ü" * 128
    assert json.loads(GenerationRequest(prompt="x", client_request_id=value).body())["client_request_id"] == value


@pytest.mark.parametrize("name", ["files", "mode", "prompts", "seed"])
def test_an_unknown_field_is_refused(name: str) -> None:
    """Top-level ``files`` above all, which the API does not accept."""
    refused(name, **{name: 1})


def test_a_request_is_immutable_and_a_copy_is_checked() -> None:
    """What was valid stays what it was."""
    request = GenerationRequest(prompt="x", params={"duration": "10"})
    body = request.body()
    with pytest.raises(Exception, match="frozen"):
        setattr(request, "prompt", "")  # noqa: B010 - what a type checker forbids already
    request.params["duration"] = "99"
    request.wire_params()["cfg_scale"] = 9
    assert request.body() == body
    with pytest.raises(InvalidRequestError):
        GenerationRequest(prompt="x").model_copy(update={"prompt": ""})


def test_library_doors_lead_to_the_same_checks() -> None:
    """Validation by the library's own method raises our error too."""
    with pytest.raises(InvalidRequestError):
        GenerationRequest.model_validate({"prompt": ""})


def test_an_image_comes_from_a_path_bytes_or_a_checked_image(tmp_path: Path) -> None:
    """All forms give the same request."""
    data = png()
    path = tmp_path / "a.png"
    path.write_bytes(data)
    sources = [data, bytearray(data), path, str(path), check_image(data)]
    requests = [GenerationRequest(prompt="x", reference_image=source) for source in sources]  # type: ignore[arg-type]  # a bytearray is taken too
    assert len({request.sha256 for request in requests}) == 1
    assert requests[0].image is not None
    assert "aspect_ratio" in " ".join(requests[0].warnings)
    assert requests[0].sha256 != GenerationRequest(prompt="x").sha256


@pytest.mark.parametrize("source", [5, "", "/no/such/file", Path("/"), "a\x00b", b"", b"GIF89a", object()])
def test_an_image_that_is_none_is_refused(source: Any) -> None:
    """Paths that cannot be read and bytes that are no picture."""
    with pytest.raises(InvalidRequestError) as caught:
        GenerationRequest(prompt="x", reference_image=source)
    assert caught.value.field == "reference_image"


def test_an_image_is_refused_by_a_model_that_takes_none() -> None:
    """No picture is uploaded for nothing."""
    refused("reference_image", model="seedance-2", reference_image=png())


def test_a_forged_checked_image_is_refused() -> None:
    """The description of an image must be that of its bytes."""
    image = check_image(png())
    for forged in (replace(image, data=jpeg()), replace(image, mime="image/webp"), replace(image, sha256="0" * 64)):
        refused("reference_image", reference_image=forged)


def test_a_body_with_an_image_needs_its_item() -> None:
    """A body that lost its image would pay for another clip."""
    request = GenerationRequest(prompt="x", reference_image=png())
    with pytest.raises(InvalidRequestError):
        request.body()
    assert request.image is not None
    item = reference_item(UploadedFile(url="https://files.example/a"), request.image)
    assert json.loads(request.body([item]))["params"]["referenceMediaItems"] == [
        {"url": "https://files.example/a", "kind": "image", "name": "reference-image.png", "mimeType": "image/png"}
    ]


VIDEO = {"url": "https://f.example/v", "kind": "video", "mimeType": "video/mp4", "durationToken": "t"}
ITEMS: dict[str, tuple[str, list[dict[str, Any]], bool]] = {
    "one image": ("kling-v2-1-master", [ITEM], True),
    "two images": ("kling-v2-1-master", [ITEM, ITEM], False),
    "two images where two are taken": ("kling-v2-5-turbo-pro", [ITEM, ITEM], True),
    "video": ("kling-v2-1-master", [VIDEO], False),
    "video where it is taken": ("wan-2-6", [VIDEO], True),
    "video without token": ("wan-2-6", [{**VIDEO, "durationToken": ""}], False),
    "video type": ("happyhorse-1-0", [{**VIDEO, "mimeType": "video/webm"}], False),
    "nine images": ("happyhorse-1-0", [ITEM] * 9, True),
    "ten images": ("happyhorse-1-0", [ITEM] * 10, False),
    "video and five images": ("happyhorse-1-0", [VIDEO, *[ITEM] * 5], True),
    "video and six images": ("happyhorse-1-0", [VIDEO, *[ITEM] * 6], False),
    "two videos": ("happyhorse-1-0", [VIDEO, VIDEO], False),
    "no references taken": ("seedance-2", [ITEM], False),
    "no url": ("kling-v2-1-master", [{**ITEM, "url": " "}], False),
    "url number": ("kling-v2-1-master", [{**ITEM, "url": 5}], False),
    "mime": ("kling-v2-1-master", [{**ITEM, "mimeType": "image/gif"}], False),
    "kind": ("kling-v2-1-master", [{**ITEM, "kind": ["image"]}], False),
    "unknown field": ("kling-v2-1-master", [{**ITEM, "file_id": "f"}], False),
    "seconds": ("wan-2-6", [{**VIDEO, "durationSeconds": math.nan}], False),
}


@pytest.mark.parametrize(("model", "items", "taken"), ITEMS.values(), ids=ITEMS)
def test_reference_items_obey_the_model_s_rule(model: str, items: list[dict[str, Any]], taken: bool) -> None:
    """Count, kind, MIME type and duration token, as documented for each model."""
    if taken:
        check_reference_items(model_spec(model), items)
        return
    with pytest.raises(InvalidRequestError) as caught:
        check_reference_items(model_spec(model), items)
    assert caught.value.field == "referenceMediaItems"


@pytest.mark.parametrize(("size", "taken"), [(10_000_000, True), (10_000_001, False), (0, False), (None, True)])
def test_the_size_of_a_reference_is_checked_where_known(size: int | None, taken: bool) -> None:
    """10 MB for an image."""
    if taken:
        check_reference_items(model_spec("wan-2-6"), [ITEM], [size])
    else:
        with pytest.raises(InvalidRequestError):
            check_reference_items(model_spec("wan-2-6"), [ITEM], [size])


def test_a_request_comes_back_from_its_record() -> None:
    """The canonical form holds everything but the image's bytes, and refuses another image."""
    image = check_image(png())
    request = GenerationRequest(
        prompt=BENGALI, params={"duration": 10, "negative_prompt": "x"}, reference_image=image, client_request_id="t"
    )
    record = json.loads(json.dumps(request.canonical()))
    again = GenerationRequest.from_canonical(record, image)
    assert again.canonical() == request.canonical()
    assert again.sha256 == request.sha256
    for other in (None, check_image(png(colour="red"))):
        with pytest.raises(InvalidRequestError):
            GenerationRequest.from_canonical(record, other)


def test_the_hash_ignores_the_trace_id() -> None:
    """Two traces of the same wish are the same request."""
    one, two = (GenerationRequest(prompt="x", client_request_id=trace) for trace in ("a", None))
    assert one.sha256 == two.sha256
    assert one.body() != two.body()


def keeps_the_rules(spec: ModelSpec, body: dict[str, Any]) -> None:
    """Check a body against the packaged rules in another way than the code under test."""
    assert set(body) <= {"model", "prompt", "params", "client_request_id"}
    assert body["prompt"].strip()
    assert spec.max_prompt_length is None or len(body["prompt"]) <= spec.max_prompt_length
    for key, value in body["params"].items():
        (param,) = [param for param in spec.params if param.key == key]
        if param.type == "select":
            assert value in param.options
        elif param.type == "text":
            assert value.strip()
        else:
            assert type(value) in {int, float}
            assert param.minimum is None or value >= param.minimum
            assert param.maximum is None or value <= param.maximum


ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.lists(st.integers())
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_nothing_invalid_leaves(data: st.DataObject) -> None:
    """For every model and any values: either a refusal of ours, or a body that keeps every documented rule."""
    spec = data.draw(st.sampled_from(list(packaged_models().values())))
    plausible = {
        param.key: (st.sampled_from(param.options) if param.options else ANY) | ANY | st.floats(-1, 2)
        for param in spec.params
    }
    params: Any = data.draw(
        st.fixed_dictionaries({}, optional=plausible) | st.dictionaries(ANY.filter(_hashable), ANY, max_size=3)
    )
    prompt: Any = data.draw(st.text(max_size=30) | st.text(min_size=1, max_size=3).map(lambda text: text * 2000) | ANY)
    trace: Any = data.draw(st.none() | st.text(max_size=200) | ANY)
    request, refusal = tried(prompt=prompt, model=spec.id, params=params, client_request_id=trace)
    if request is None:
        assert refusal is not None
        assert refusal.field
        str(refusal).encode()
        return
    body = request.body()
    keeps_the_rules(spec, json.loads(body))
    assert GenerationRequest.from_canonical(json.loads(json.dumps(request.canonical()))).body() == body


def tried(**fields: Any) -> tuple[GenerationRequest | None, InvalidRequestError | None]:
    """Make a request; it, or the refusal. Any other error goes through."""
    try:
        return GenerationRequest(**fields), None
    except InvalidRequestError as refusal:
        return None, refusal


def _hashable(value: object) -> bool:
    return not isinstance(value, list)
