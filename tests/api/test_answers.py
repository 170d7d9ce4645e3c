"""Nothing that a server answers crashes a reader: it becomes a typed answer or an error of our tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from rivya_core.api import ApiError, RivyaError, UnreadableAnswerError, endpoints
from rivya_core.api.answers import RawAnswer, read_generation
from rivya_core.api.contract import ERROR_CODES, TaskStatus
from rivya_core.api.endpoints import Call
from tests.api.scripted import TASK

CALLS: dict[str, Callable[[], Call[Any]]] = {
    "create": lambda: endpoints.create_generation(b"{}", "k"),
    "retrieve": lambda: endpoints.retrieve_generation("t"),
    "upload": lambda: endpoints.create_file(endpoints.plan_upload(b"\x89PNG\r\n\x1a\n")),
    "file": lambda: endpoints.retrieve_file("f"),
    "credits": endpoints.read_credits,
    "models": endpoints.list_models,
}

WORDS = st.sampled_from(
    ["id", "status", "error", "code", "message", "data", "generation", "result", "primary_url", "urls", "url", "file_id",
     "current_credits", "reserved_credits", "final_credits", "created_at", "requestId", "duration_seconds", "size", "model"]
)  # fmt: skip
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["task_1", "queued", "succeeded", "failed", "\ud800", "2026-05-11T00:00:00.000Z", "2026-05-11", *ERROR_CODES]
    )
)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=6), inner, max_size=6),
    max_leaves=20,
)
BODIES = (
    JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(lambda extra: json.dumps({**TASK, **extra}).encode(), st.dictionaries(WORDS, JSON, max_size=4))
    | st.binary(max_size=60)
    | st.sampled_from(
        [b"", b"null", b"<html>", b"\xef\xbb\xbf{}", b"[" * 5000, b'{"id":' + b"9" * 5000 + b"}", b'{"id": NaN}']
    )
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-request-id", "content-type"]), st.text(max_size=30), max_size=3
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(list(CALLS)), st.integers(100, 999), BODIES, HEADERS)
def test_nothing_the_server_says_crashes(name: str, status: int, body: bytes, headers: dict[str, str]) -> None:
    """For every endpoint, status, body and header: a typed answer, or an error of our tree that can be shown."""
    call = CALLS[name]()
    answer, error = tried(call, RawAnswer(status, headers, body))
    if error is not None:
        str(error).encode()
        assert error.charged in {"yes", "no", "unknown"}
        if name == "create" and (status >= 500 or 200 <= status < 300) and error.code not in ERROR_CODES:
            assert error.charged == "unknown"
        return
    assert 200 <= status < 300
    if not isinstance(answer, list):
        answer.model_dump_json()
        repr(answer).encode()


def tried(call: Call[Any], raw: RawAnswer) -> tuple[Any, RivyaError | None]:
    """Read an answer; it, or the error of our tree. Any other error goes through."""
    try:
        return call.answer(raw), None
    except RivyaError as error:
        return None, error


@pytest.mark.parametrize("word", ["dreaming", "QUEUED", " Succeeded ", "", None, 5, ["queued"], {}])
def test_an_unknown_state_is_no_error(word: object) -> None:
    """An unknown word means: still running."""
    answer = read_generation(RawAnswer(200, {}, json.dumps({**TASK, "status": word}).encode()))
    assert answer.id == "task_1"
    assert answer.task_status in {None, TaskStatus.QUEUED, TaskStatus.SUCCEEDED}
    assert answer.is_final is (word == " Succeeded ")


def test_unknown_fields_are_kept() -> None:
    """The API may add fields without notice; the record keeps them."""
    answer = read_generation(RawAnswer(200, {}, json.dumps({**TASK, "progress": {"percent": 4}}).encode()))
    assert answer.model_dump()["progress"] == {"percent": 4}


def test_half_characters_are_mended() -> None:
    """A lone surrogate in an answer cannot be stored; it becomes a mark, and the task is not lost."""
    body = b'{"id": "task_1", "status": "failed", "error": {"code": "x", "message": "bad \\ud83d end"}, "\\ud800": 1}'
    answer = read_generation(RawAnswer(200, {}, body))
    assert answer.error is not None
    answer.model_dump_json().encode()
    assert answer.error.message == "bad ? end"


ENVELOPES: dict[str, object] = {
    "documented": {"error": {"code": "validation_failed", "message": "No.", "requestId": "req_1"}},
    "request id outside": {"error": {"code": "validation_failed", "message": "No."}, "request_id": "req_1"},
    "snake case": {"error": {"code": "validation_failed", "message": "No.", "request_id": "req_1"}},
    "flat": {"code": "validation_failed", "message": "No.", "requestId": "req_1"},
    "text": {"error": "No.", "code": "validation_failed", "requestId": "req_1"},
    "list": {"errors": [{"code": "validation_failed", "message": "No.", "requestId": "req_1"}]},
    "wrapped": {"data": {"error": {"code": "validation_failed", "message": "No.", "requestId": "req_1"}}},
}


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)
def test_an_error_is_read_from_near_forms_of_its_envelope(envelope: object) -> None:
    """Code, message and request id survive small changes of form."""
    with pytest.raises(ApiError) as caught:
        CALLS["create"]().answer(RawAnswer(400, {}, json.dumps(envelope).encode()))
    assert (caught.value.code, caught.value.request_id) == ("validation_failed", "req_1")
    assert "No." in caught.value.detail


def test_the_request_id_of_the_header_is_used_when_the_body_has_none() -> None:
    """Support can be given an id even when a proxy answers."""
    with pytest.raises(ApiError) as caught:
        CALLS["credits"]().answer(RawAnswer(502, {"x-request-id": "req_h"}, b"<html>"))
    assert caught.value.request_id == "req_h"


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_documented_code_has_words(code: str) -> None:
    """The title is ours, the detail Rivya's message."""
    status = ERROR_CODES[code].http or 400
    body = json.dumps({"error": {"code": code, "message": "Their words"}}).encode()
    with pytest.raises(ApiError) as caught:
        CALLS["create"]().answer(RawAnswer(status, {}, body))
    assert caught.value.title == ERROR_CODES[code].title
    assert "Their words" in caught.value.detail
    assert caught.value.hint


def test_a_long_or_ugly_message_is_tamed() -> None:
    """A message is shown in one line of bounded length."""
    body = json.dumps({"error": {"code": "c" * 999, "message": "a\n\x1b[31m\u202eb" + "x" * 9999}}).encode()
    with pytest.raises(ApiError) as caught:
        CALLS["create"]().answer(RawAnswer(400, {}, body))
    assert len(caught.value.detail) < 600
    assert caught.value.detail.isprintable()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"7", b'"x"', b"null", b"<html></html>", b'{"id"'])
def test_a_success_that_is_no_task_is_unreadable(body: bytes) -> None:
    """On a create that means: nobody knows."""
    with pytest.raises(UnreadableAnswerError) as caught:
        CALLS["create"]().answer(RawAnswer(200, {}, body))
    assert caught.value.charged == "unknown"
    assert caught.value.http_status == 200


HERE = "https://media.example/clip.mp4"


@pytest.mark.parametrize(
    ("result", "address"),
    [
        ({"primary_url": HERE, "urls": ["https://media.example/other"]}, HERE),
        ({"primary_url": f" {HERE}\n", "urls": []}, HERE),
        ({"primary_url": None, "urls": [HERE]}, HERE),
        ({"primary_url": "  ", "urls": ["", HERE]}, HERE),
        ({"urls": [{"url": HERE, "type": "video/mp4"}]}, HERE),
        ({"urls": [None, 5, {}, {"url": None}, {"url": f"{HERE} "}]}, HERE),
        ({"urls": HERE}, HERE),
        ({"primary_url": {"url": HERE}}, HERE),
        ({"url": HERE}, HERE),
        (HERE, HERE),
        ([{"url": HERE}], HERE),
        ([HERE], HERE),
        ({"primary_url": "/media/clip.mp4"}, "/media/clip.mp4"),
        ({"primary_url": 5, "urls": {"a": HERE}}, None),
        ([], None),
        ("", None),
        (5, None),
    ],
)
def test_the_address_of_a_clip_is_found_in_every_plausible_form(result: object, address: str | None) -> None:
    """Padded, in an object, in the list only, or as the whole result; what is no address is none."""
    raw = RawAnswer(200, {}, json.dumps({**TASK, "status": "succeeded", "result": result}).encode())
    assert read_generation(raw).primary_url == address
