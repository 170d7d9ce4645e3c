"""What the trace id of a generation promises: it always goes out, never changes what is sent again, and no repeat inherits it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rivya_core import GenerationRequest, Lab, State
from rivya_core.web import exports
from tests.api.images import png
from tests.api.scripted import TASK
from tests.lab.scripted import Reply, Scripted
from tests.until import until

KEY = "rvya_sk_test_0123456789abcdef"
DONE = {**TASK, "status": "failed", "error": {"code": "generation_failed", "message": "No."}}


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A server that says anything; each task it makes has failed when it is read."""
    with Scripted() as made:
        made.good = {"create": Reply(201, TASK), "retrieve": Reply(200, DONE), "upload": Reply(200, {})}
        yield made


@pytest.fixture
def live(make_lab: Callable[..., Lab], server: Scripted) -> Lab:
    """A lab on that server."""
    return make_lab(api_key=KEY, base_url=server.base_url)


def posts(server: Scripted) -> list[dict[str, Any]]:
    """The bodies of the creates, read."""
    return [json.loads(one.body) for one in server.seen if one.path.endswith("/generations")]


def test_the_generation_id_is_sent_where_the_user_gave_none(live: Lab, server: Scripted) -> None:
    """Support finds the request by what History shows; neither the stored request nor its hashes know of it."""
    request = GenerationRequest(prompt="A red fox")
    row = live.wait(live.submit(request).id)
    [sent] = posts(server)
    assert sent["client_request_id"] == row.id == row.sent_trace_id
    assert row.request == request.canonical()
    assert (row.request["client_request_id"], row.client_request_id) == (None, None)
    assert (row.request_sha256, row.reuse_sha256) == (request.sha256, request.reuse_sha256)
    assert exports.COLUMNS["sent_client_request_id"](row) == row.id


def test_the_users_own_trace_id_is_sent_as_it_is(live: Lab, server: Scripted) -> None:
    """It is theirs, and it stays in the request."""
    row = live.wait(live.submit(GenerationRequest(prompt="A red fox", client_request_id="mine-7")).id)
    assert [sent["client_request_id"] for sent in posts(server)] == ["mine-7"] == [row.client_request_id]
    assert row.sent_trace_id == "mine-7"


def test_a_repeat_and_another_take_have_ids_of_their_own(live: Lab, server: Scripted) -> None:
    """What is built from the stored request inherits nothing of the first one's id."""
    first = live.submit(GenerationRequest(prompt="A red fox"), intent_id="x1")
    repeat = live.submit(GenerationRequest.from_canonical(live.get(first.id).request), parent_id=first.id)
    take = live.submit(GenerationRequest(prompt="A red fox"), intent_id="x1", take=2)
    for row in (first, repeat, take):
        live.wait(row.id)
    assert {sent["client_request_id"] for sent in posts(server)} == {first.id, repeat.id, take.id}
    assert live.get(first.id).reuse_sha256 == live.get(repeat.id).reuse_sha256


def test_a_lost_answer_is_asked_for_with_the_same_bytes(make_lab: Callable[..., Lab], server: Scripted) -> None:
    """Also by the next process, and also where the body was committed before trace ids were sent."""
    live = make_lab(api_key=KEY, base_url=server.base_url, resend_window_s=600.0)
    server.tell([Reply(502, b"<html>"), Reply(200, b"{"), Reply(502, b"")])
    row = live.submit(GenerationRequest(prompt="A red fox"))
    until(lambda: len(server.seen) >= 2)
    live.close()
    live = make_lab(api_key=KEY, base_url=server.base_url, resend_window_s=600.0)
    live.wait(row.id)
    creates = [one for one in server.seen if one.method == "POST"]
    assert {(one.key, one.body) for one in creates} == {(row.id, creates[0].body)}
    assert json.loads(creates[0].body)["client_request_id"] == row.id


def test_a_body_without_a_trace_id_that_was_sent_before_stays_as_it_is(live: Lab, server: Scripted) -> None:
    """A row of an older version: other bytes under its key would be a clash, or a second task."""
    live.pause_queue()
    row = live.submit(GenerationRequest(prompt="A red fox"))
    old = GenerationRequest(prompt="A red fox").body()
    assert live.ledger.jobs.begin_attempt(row.id, old, hashlib.sha256(old).hexdigest()) is not None
    live.resume()
    live.check_now(row.id)
    assert live.wait(row.id).state is State.FAILED
    assert [one.body for one in server.seen if one.method == "POST"] == [old]
    assert live.get(row.id).sent_trace_id is None


def test_an_upload_carries_the_same_id(live: Lab, server: Scripted) -> None:
    """So that the file and the generation are found together."""
    server.good["upload"] = Reply(200, {"url": f"{server.base_url}/files/a.png", "id": "file_1"})
    row = live.wait(live.submit(GenerationRequest(prompt="A red fox", reference_image=png())).id)
    [upload] = [one for one in server.seen if one.path.endswith("/files")]
    assert row.id.encode() in upload.body
    assert [sent["client_request_id"] for sent in posts(server)] == [row.id]
