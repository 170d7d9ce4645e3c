"""Strict checks of a create request: whatever the documentation forbids is refused, and costs nothing."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from rivya_core.api.catalogue import packaged_models
from rivya_core.simulator import World
from tests.simulator.conftest import FOX, Create, png, upload

BAD_FIELDS: dict[str, dict[str, Any]] = {
    "unknown model": {"model": "kling-v9"},
    "model is no string": {"model": 7},
    "no prompt": {"prompt": ""},
    "blank prompt": {"prompt": " \n"},
    "prompt null": {"prompt": None},
    "prompt too long": {"prompt": "x" * 5001},
    "lone surrogate": {"prompt": "a \ud800 b"},
    "params is a list": {"params": []},
    "unknown param": {"params": {"seed": 7}},
    "duration as a number": {"params": {"duration": 5}},
    "duration out of options": {"params": {"duration": "7"}},
    "option in other case": {"params": {"aspect_ratio": "16:9 "}},
    "number as text": {"params": {"cfg_scale": "0.5"}},
    "number as boolean": {"params": {"cfg_scale": True}},
    "number above range": {"params": {"cfg_scale": 1.01}},
    "number below range": {"params": {"cfg_scale": -0.1}},
    "number huge": {"params": {"cfg_scale": 10**400}},
    "text null": {"params": {"negative_prompt": None}},
    "files at top level": {"files": []},
    "unknown field": {"seed": 1},
    "trace id too long": {"client_request_id": "x" * 129},
    "trace id empty": {"client_request_id": ""},
    "references no list": {"params": {"referenceMediaItems": {}}},
    "reference no object": {"params": {"referenceMediaItems": ["x"]}},
    "reference without url": {"params": {"referenceMediaItems": [{"kind": "image"}]}},
    "reference unknown file": {"params": {"referenceMediaItems": [{"kind": "image", "url": "https://e.com/a.png"}]}},
    "reference of kind video": {"params": {"referenceMediaItems": [{"kind": "video", "url": "https://e.com/a.mp4"}]}},
    "reference odd field": {"params": {"referenceMediaItems": [{"kind": "image", "url": "http://a/b", "id": "x"}]}},
}


@pytest.mark.parametrize("fields", BAD_FIELDS.values(), ids=list(BAD_FIELDS))
def test_an_invalid_body_is_refused(http: httpx.Client, world: World, fields: dict[str, Any]) -> None:
    """Each broken rule answers validation_failed 400 with a sentence; no task, no credits."""
    body = json.dumps({**FOX, **fields})
    answer = http.post("/api/v1/generations", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_failed")
    assert len(answer.json()["error"]["message"]) > 10
    assert world.tasks() == []
    assert world.balance() == 4800


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{", {}),
        (b"[]", {}),
        (b"\xff\xfe", {}),
        (b'{"model": NaN}', {}),
        (b"[" * 100_000, {}),
        (b" " * 1_000_001, {}),
        (json.dumps(FOX).encode(), {"Content-Type": "text/plain"}),
        (json.dumps(FOX).encode(), {"Idempotency-Key": "k" * 256}),
        (json.dumps(FOX).encode(), {"Idempotency-Key": ""}),
    ],
    ids=["cut", "list", "no utf-8", "NaN", "deep", "large", "content type", "long key", "empty key"],
)
def test_an_unreadable_request_is_refused(
    http: httpx.Client, world: World, body: bytes, headers: dict[str, str]
) -> None:
    """What is not a JSON object under the limits is refused in words, never with a crash."""
    answer = http.post("/api/v1/generations", content=body, headers={"Content-Type": "application/json", **headers})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_failed")
    assert world.tasks() == []


def test_every_model_takes_its_own_defaults(http: httpx.Client, world: World) -> None:
    """A request with all documented defaults of a model is accepted and reserves its base credits."""
    world.configure(credits=100_000)
    for spec in packaged_models().values():
        answer = http.post("/api/v1/generations", json={"model": spec.id, "prompt": "a fox", "params": spec.defaults()})
        assert answer.status_code == 200, answer.text
        assert answer.json()["reserved_credits"] == spec.base_credits


def test_the_prompt_unit_is_a_setting(create: Create, world: World) -> None:
    """5000 characters beyond the basic plane pass as characters and are refused as UTF-16 units."""
    assert create(prompt="🦊" * 5000).status_code == 200
    world.configure(prompt_unit="utf16")
    assert create(prompt="🦊" * 5000).status_code == 400


def test_a_reference_must_agree_with_its_upload(http: httpx.Client, create: Create) -> None:
    """Kind and MIME type of an item are those of the uploaded file, and one file is the most for the default model."""
    url = upload(http, png(64, 64)).json()["url"]
    item = {"url": url, "kind": "image", "name": "a.png", "mimeType": "image/png"}
    assert create(params={"referenceMediaItems": [item]}).status_code == 200
    assert create(params={"referenceMediaItems": [{**item, "mimeType": "image/jpeg"}]}).status_code == 400
    assert create(params={"referenceMediaItems": [item, item]}).status_code == 400
    assert create(params={"referenceMediaItems": []}).status_code == 200


def test_foreign_urls_can_be_allowed(create: Create, world: World) -> None:
    """Whether any public URL is taken is not documented, so it is a setting."""
    item = {"url": "https://example.com/a.png", "kind": "image"}
    world.configure(require_known_files=False)
    assert create(params={"referenceMediaItems": [item]}).status_code == 200
