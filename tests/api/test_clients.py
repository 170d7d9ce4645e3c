"""What both clients promise on a real socket, whatever the server does. Every test runs over the sync and the async one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from rivya_core.api import (
    ApiDisabledError,
    AsyncMediaClient,
    AsyncRivya,
    DownloadError,
    GenerationRequest,
    IdempotencyConflictError,
    InsufficientCreditsError,
    InvalidRequestError,
    KeyRefusedError,
    LabError,
    NotFoundError,
    RateLimitedError,
    RequestRefusedError,
    Rivya,
    RivyaError,
    ServerFaultError,
    TransportError,
    UnreadableAnswerError,
)
from tests.api.conftest import KEY, Clock
from tests.api.images import png
from tests.api.scripted import TASK, Act, Script, answer, drop, error, raw, reset, stall

REQUEST = GenerationRequest(prompt="a paper boat")


def state(status: str, **more: Any) -> Act:
    """Answer with the task in a state."""
    return answer(200, {**TASK, "status": status, **more})


DONE = state("succeeded", final_credits=160, result={"primary_url": "https://media.example/x.mp4", "urls": []})


@pytest.mark.parametrize("status", [200, 201, 202, 203, 299])
def test_any_2xx_is_an_accepted_create(client: Any, server: Script, status: int) -> None:
    """The success status of a create is not documented, so every 2xx counts."""
    server.does(answer(status))
    assert client.create(REQUEST, idempotency_key="k").id == "task_1"


ENVELOPES = {
    "bare": TASK,
    "data": {"data": TASK},
    "generation": {"object": "generation", "generation": TASK},
    "data.generation": {"data": {"generation": TASK}},
    "task_id": {**{name: value for name, value in TASK.items() if name != "id"}, "task_id": "task_1"},
    "request id outside": {"id": "req_9", "data": TASK},
}


@pytest.mark.parametrize("body", ENVELOPES.values(), ids=ENVELOPES)
def test_a_task_is_found_in_any_plausible_envelope(client: Any, server: Script, body: object) -> None:
    """An envelope around the documented object does not lose a paid task."""
    server.does(answer(200, body))
    assert client.create(REQUEST, idempotency_key="k").id == "task_1"


LOST: dict[str, Act] = {
    "closed": drop,
    "reset": reset,
    "truncated body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id": "task'),
    "truncated head": raw(b"HTTP/1.1 200 O"),
    "not HTTP": raw(b"\x00\xff garbage \r\n\r\n"),
    "500": answer(500, b"oops"),
    "502 page": answer(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "503 unknown code": error(503, "upstream_busy"),
    "408": answer(408, b""),
    "409": error(409, "idempotency_conflict"),
    "200 page": answer(200, b"<html>hello</html>", {"Content-Type": "text/html"}),
    "200 empty": answer(200, b""),
    "200 list": answer(200, [TASK]),
    "200 no id": answer(200, {"status": "queued"}),
    "200 null id": answer(200, {**TASK, "id": None}),
    "200 half JSON": answer(200, b'{"id": "task_1", "sta'),
    "200 number": answer(200, 7),
}


@pytest.mark.parametrize("act", LOST.values(), ids=LOST)
def test_a_lost_answer_is_asked_for_again_with_the_same_key_and_bytes(client: Any, server: Script, act: Act) -> None:
    """Whatever hides the answer to a create, the very same POST follows, and its answer is the caller's."""
    server.does(act, answer())
    assert client.create(REQUEST, idempotency_key="clip-7").id == "task_1"
    posts = server.posts()
    assert len(posts) == 2
    assert {post.headers["idempotency-key"] for post in posts} == {"clip-7"}
    assert len({post.body for post in posts}) == 1


@pytest.mark.parametrize("act", LOST.values(), ids=LOST)
def test_a_create_whose_answer_never_comes_is_charged_unknown(client: Any, server: Script, act: Act) -> None:
    """After the last attempt the error says that nobody knows, and names the key to ask again with."""
    server.does(act)
    with pytest.raises(RivyaError) as caught:
        client.create(REQUEST, idempotency_key="clip-7")
    assert caught.value.charged == "unknown"
    assert caught.value.retryable
    assert "clip-7" in str(caught.value)
    assert len(server.posts()) == 6


def test_one_attempt_is_one_post(client: Any, server: Script) -> None:
    """``post_generation`` leaves repeating to the caller, and so does the library below on a dropped POST."""
    server.does(drop)
    with pytest.raises(TransportError) as caught:
        client.post_generation(REQUEST.body(), idempotency_key="k")
    assert caught.value.charged == "unknown"
    assert len(server.received) == 1


def test_a_post_dropped_on_a_warm_connection_is_sent_once(client: Any, server: Script) -> None:
    """A kept connection that breaks under a POST does not make the transport repeat it."""
    server.does(answer(), drop, answer())
    client.read_generation("task_1")
    with pytest.raises(TransportError):
        client.post_generation(REQUEST.body(), idempotency_key="k")
    assert len(server.posts()) == 1


def test_a_refusal_after_a_lost_answer_stays_unknown(client: Any, server: Script) -> None:
    """A later clear "no" says nothing about the first POST."""
    server.does(drop, error(400, "validation_failed"))
    with pytest.raises(RequestRefusedError) as caught:
        client.create(REQUEST, idempotency_key="k")
    assert caught.value.charged == "unknown"


REFUSED: dict[str, tuple[Act, type[RivyaError]]] = {
    "validation_failed": (error(400, "validation_failed"), RequestRefusedError),
    "validation_failed as 422": (error(422, "validation_failed"), RequestRefusedError),
    "unknown code 400": (error(400, "brand_new_code"), RequestRefusedError),
    "not_found": (error(404, "not_found"), NotFoundError),
    "404 page": (answer(404, b"<html>"), NotFoundError),
    "413": (answer(413, b""), RequestRefusedError),
    "redirect": (answer(307, b"", {"Location": "https://elsewhere.example/"}), RequestRefusedError),
    "api_key_missing": (error(401, "api_key_missing"), KeyRefusedError),
    "api_key_invalid": (error(401, "api_key_invalid"), KeyRefusedError),
    "api_key_revoked": (error(401, "api_key_revoked"), KeyRefusedError),
    "api_key_expired": (error(401, "api_key_expired"), KeyRefusedError),
    "api_scope_denied": (error(403, "api_scope_denied"), KeyRefusedError),
    "bare 401": (answer(401, b""), KeyRefusedError),
    "bare 403": (answer(403, b"<html>"), KeyRefusedError),
    "insufficient 402": (error(402, "insufficient_credits"), InsufficientCreditsError),
    "insufficient 400": (error(400, "insufficient_credits"), InsufficientCreditsError),
    "insufficient 409": (error(409, "insufficient_credits"), InsufficientCreditsError),
    "insufficient 200": (error(200, "insufficient_credits"), InsufficientCreditsError),
    "bare 402": (answer(402, b""), InsufficientCreditsError),
    "public_api_disabled": (error(503, "public_api_disabled"), ApiDisabledError),
}


@pytest.mark.parametrize(("act", "kind"), REFUSED.values(), ids=REFUSED)
def test_a_clear_refusal_is_raised_at_once_and_not_charged(
    client: Any, server: Script, act: Act, kind: type[RivyaError]
) -> None:
    """Code first, then status: one POST, the right class, nothing charged."""
    server.does(act)
    with pytest.raises(kind) as caught:
        client.create(REQUEST, idempotency_key="k")
    assert type(caught.value) is kind
    assert caught.value.charged == "no"
    assert len(server.received) == 1


def test_an_error_carries_code_status_and_request_id(client: Any, server: Script) -> None:
    """What support asks for is on the error."""
    server.does(error(400, "validation_failed", "duration is wrong"))
    with pytest.raises(RequestRefusedError) as caught:
        client.create(REQUEST, idempotency_key="k")
    assert (caught.value.code, caught.value.http_status) == ("validation_failed", 400)
    assert caught.value.request_id == "req_1"
    assert "duration is wrong" in caught.value.detail


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [({"Retry-After": "7"}, 7.0, 7.8), ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.5, 1.0), ({}, 0.5, 1.0)],
    ids=["seconds", "a date that has passed", "absent"],
)
def test_a_rate_window_is_waited_out(
    client: Any, server: Script, clock: Clock, headers: dict[str, str], least: float, most: float
) -> None:
    """A 429 on a create is followed, after the server's own delay or ours, by the same POST."""
    server.does(error(429, "rate_limited", headers=headers), answer())
    assert client.create(REQUEST, idempotency_key="k").id == "task_1"
    assert least <= clock.slept[0] <= most
    assert len({post.body for post in server.posts()}) == 1


@pytest.mark.parametrize("date", ["Wed, 21 Oct 2015 07:28:00 GMT", "Thu, 21 Oct 2100 07:28:00 GMT"])
def test_a_date_to_come_back_at_is_measured_on_the_server_s_own_clock(
    client: Any, server: Script, clock: Clock, date: str
) -> None:
    """The server's clock may be years off; what it means is the time between its two dates."""
    after = date.replace("07:28:00", "07:28:09")
    server.does(error(429, "rate_limited", headers={"Date": date, "Retry-After": after}), answer())
    assert client.create(REQUEST, idempotency_key="k").id == "task_1"
    assert 9.0 <= clock.slept[0] <= 10.0


def test_a_rate_window_longer_than_the_limit_is_raised(client: Any, server: Script, clock: Clock) -> None:
    """A plain client does not sleep for an hour; the error says how long the server asked for."""
    server.does(error(429, "rate_limited", headers={"Retry-After": "900"}))
    with pytest.raises(RateLimitedError) as caught:
        client.create(REQUEST, idempotency_key="k")
    assert caught.value.retry_after_s == 900
    assert caught.value.charged == "no"
    assert clock.slept == []


def test_the_same_request_and_key_send_the_same_bytes_again(client: Any, server: Script) -> None:
    """A second call with an image does not upload anew, as another URL would make another body."""
    request = GenerationRequest(prompt="x", reference_image=png())
    uploads = iter(range(9))

    def file_answer(connection: Any, over: Any) -> bool:
        return answer(200, {"id": "f", "url": f"https://files.example/{next(uploads)}"})(connection, over)

    server.does(file_answer, *[drop] * 6, answer())
    with pytest.raises(TransportError):
        client.create(request, idempotency_key="k")
    assert client.create(request, idempotency_key="k").id == "task_1"
    creates = [post for post in server.posts() if post.path.endswith("/generations")]
    assert len(creates) == 7
    assert len({post.body for post in creates}) == 1
    item = json.loads(creates[0].body)["params"]["referenceMediaItems"][0]
    assert item == {
        "url": "https://files.example/0", "kind": "image", "name": "reference-image.png", "mimeType": "image/png",
    }  # fmt: skip


def test_a_key_is_not_used_for_two_requests(client: Any, server: Script) -> None:
    """The clash is found here, before the server answers 409."""
    client.create(REQUEST, idempotency_key="k")
    with pytest.raises(InvalidRequestError) as caught:
        client.create(GenerationRequest(prompt="another"), idempotency_key="k")
    assert caught.value.field == "idempotency_key"
    assert len(server.received) == 1


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256, "a\nb", "a\x00", 7, None])
def test_a_key_that_cannot_stand_in_a_header_is_refused(client: Any, server: Script, key: Any) -> None:
    """Nothing is sent under a key that would arrive changed."""
    with pytest.raises(InvalidRequestError) as caught:
        client.create(REQUEST, idempotency_key=key)
    assert caught.value.field == "idempotency_key"
    assert server.received == []


def test_generate_mints_one_key_for_all_attempts_and_tells_it(client: Any, server: Script) -> None:
    """Without a key of the caller's, one is minted once, and an error keeps it."""
    server.does(drop)
    with pytest.raises(TransportError) as caught:
        client.generate(REQUEST)
    (key,) = {post.headers["idempotency-key"] for post in server.posts()}
    assert key in caught.value.hint


@pytest.mark.parametrize("act", [drop, reset, answer(500, b""), answer(429, b""), answer(200, b"{")])
def test_a_read_is_repeated(client: Any, server: Script, act: Act) -> None:
    """Reads cost nothing, so they survive passing faults."""
    server.does(act, act, state("processing"))
    assert client.retrieve("task_1").status == "processing"


def test_a_read_that_keeps_failing_says_nothing_about_the_charge(client: Any, server: Script) -> None:
    """A read that fails leaves what the task cost unknown, and stops after a few attempts."""
    server.does(answer(500, b""))
    with pytest.raises(ServerFaultError) as caught:
        client.retrieve("task_1")
    assert caught.value.charged == "unknown"
    assert len(server.received) == 5


def test_an_unknown_task_is_said_at_once(client: Any, server: Script) -> None:
    """A plain read of an unknown id is not repeated."""
    server.does(error(404, "not_found"))
    with pytest.raises(NotFoundError):
        client.retrieve("task_1")
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "task_id", ["a/../b", "ü 1", "a%2Fb", "a?b#c", "a\nb", "a\x00b", ".", "..", "...", "x" * 10_000, "ü" * 3_000]
)
def test_an_id_arrives_as_it_is(client: Any, server: Script, task_id: str) -> None:
    """Ids are opaque: each character reaches the server as one path segment, by both transports alike."""
    server.does(answer(200, {**TASK, "id": task_id}))
    client.read_generation(task_id)
    prefix = "/api/v1/generations/"
    path = server.received[0].path
    assert path.startswith(prefix)
    assert "/" not in path.removeprefix(prefix)
    assert unquote(path.removeprefix(prefix)) == task_id


@pytest.mark.parametrize("other", ["task_2", "TASK_1", "task_1x", 1], ids=str)
def test_an_answer_about_another_task_is_not_read(client: Any, server: Script, other: object) -> None:
    """Its clip and its price are another generation's; the task that was asked for is read again."""
    result = {"primary_url": "https://media.example/other.mp4"}
    server.does(state("succeeded", result=result, id=other), state("succeeded", result=result))
    with pytest.raises(UnreadableAnswerError, match="another task") as caught:
        client.read_generation("task_1")
    assert caught.value.retryable
    assert caught.value.charged == "unknown"
    assert client.read_generation("task_1").id == "task_1"


NAMED_ELSEWHERE: dict[str, dict[str, Any]] = {
    "no id": {"status": "succeeded"},
    "an empty id": {"id": "", "status": "succeeded"},
    "a number": {"id": 17, "status": "succeeded"},
    "an id of its own beside ours": {"id": "row_9", "task_id": "17", "status": "succeeded"},
    "an event around it": {"id": "evt_1", "status": "delivered", "data": {"id": "17", "status": "succeeded"}},
    "padded": {"id": " 17 ", "status": "succeeded"},
}


@pytest.mark.parametrize("body", NAMED_ELSEWHERE.values(), ids=NAMED_ELSEWHERE)
def test_an_answer_that_names_no_other_task_is_about_ours(client: Any, server: Script, body: dict[str, Any]) -> None:
    """No paid clip is lost because a server leaves the id out, or writes it in another place."""
    server.does(answer(200, body))
    task = client.read_generation("17")
    assert (task.id, task.status) == ("17", "succeeded")


@pytest.mark.parametrize("task_id", ["", "x" * 60_001, "\ud800", None, 5])
def test_an_id_that_cannot_be_one_is_refused(client: Any, server: Script, task_id: Any) -> None:
    """Nothing is sent for an id that would lead to another path."""
    with pytest.raises(InvalidRequestError) as caught:
        client.retrieve(task_id)
    assert caught.value.field == "task_id"
    assert server.received == []


def test_a_stalled_answer_times_out(make_client: Callable[..., Any], server: Script) -> None:
    """Every phase has a timeout; a create that ran into one has an unknown outcome."""
    server.does(stall)
    client = make_client(server.base_url, read_timeout_s=0.2)
    with pytest.raises(TransportError) as caught:
        client.post_generation(REQUEST.body(), idempotency_key="k")
    assert caught.value.charged == "unknown"


def test_nobody_listening_is_a_transport_error(make_client: Callable[..., Any], server: Script) -> None:
    """A refused connection is told in our words, and a create still counts as unknown."""
    server.stop()
    client = make_client(server.base_url)
    with pytest.raises(TransportError) as caught:
        client.create(REQUEST, idempotency_key="k")
    assert caught.value.charged == "unknown"
    with pytest.raises(TransportError) as caught:
        client.credits()
    assert caught.value.charged == "no"


def test_an_endless_answer_is_cut_off(client: Any, server: Script) -> None:
    """An answer is read up to a limit and no further."""

    def pour(connection: Any, _over: Any) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(400):
            connection.sendall(b" " * 65536)
        return False

    server.does(pour)
    with pytest.raises(UnreadableAnswerError) as caught:
        client.post_generation(REQUEST.body(), idempotency_key="k")
    assert caught.value.charged == "unknown"


def test_the_key_goes_nowhere_else(client: Any, server: Script) -> None:
    """A redirect is not followed, so no other address is given the key."""
    elsewhere = Script()
    try:
        server.does(answer(302, b"", {"Location": elsewhere.base_url + "/steal"}))
        with pytest.raises(RequestRefusedError, match="redirect"):
            client.retrieve("task_1")
        assert elsewhere.received == []
        assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    finally:
        elsewhere.stop()


def test_cookies_are_not_kept(client: Any, server: Script) -> None:
    """Cookies are no credentials of this API; none is sent back."""
    server.does(answer(200, TASK, {"Set-Cookie": "session=abc; Path=/"}))
    client.retrieve("task_1")
    client.retrieve("task_1")
    assert all("cookie" not in one.headers for one in server.received)


def test_an_echoed_key_is_struck_out(client: Any, server: Script) -> None:
    """A server that repeats the key in an error or an answer does not get it into our records."""
    server.does(error(400, "validation_failed", f"bad key {KEY}", {"x-request-id": KEY}))
    with pytest.raises(RequestRefusedError) as caught:
        client.create(REQUEST, idempotency_key="k")
    shown = "".join(map(str, (caught.value, vars(caught.value), repr(caught.value))))
    assert KEY not in shown
    server.does(answer(200, {**TASK, "note": f"Bearer {KEY}"}, {"x-request-id": KEY}))
    generation = client.retrieve("task_1")
    assert KEY not in repr(generation) + generation.model_dump_json() + str(generation.answer_request_id)


def test_a_client_shows_only_the_start_of_its_key(client: Any) -> None:
    """A client in a log or a notebook cell tells nothing."""
    assert KEY not in repr(client)
    assert "rvya_sk_" in repr(client)


@pytest.mark.parametrize(("header", "simulated"), [({"X-Rivya-Simulator": "1"}, True), ({}, False)])
def test_an_answer_says_whether_a_simulator_gave_it(
    client: Any, server: Script, header: dict[str, str], simulated: bool
) -> None:
    """The mark of the simulator is on the answer, whatever the settings say."""
    server.does(answer(200, TASK, header))
    assert client.create(REQUEST, idempotency_key="k").simulated is simulated


@pytest.mark.parametrize("body", [{"current_credits": 123}, {"data": {"current_credits": "123"}}])
def test_the_wallet_is_read(client: Any, server: Script, body: object) -> None:
    """One number, in an envelope or not."""
    server.does(answer(200, body))
    assert client.credits().current_credits == 123


@pytest.mark.parametrize(
    ("value", "credits"),
    [(-1, -1), ("-160", -160), (-160.4, -160), (-(10**400), -(2**53) + 1), ("-1e999", -(2**53) + 1)],
    ids=["one", "as text", "with a fraction", "beyond all figures", "as text beyond all figures"],
)
def test_a_debt_is_read_as_one(client: Any, server: Script, value: object, credits: int) -> None:  # noqa: A002 - Rivya's word
    """A wallet below zero is known, not unknown: what is not known would hold nothing up."""
    server.does(answer(200, {"current_credits": value}))
    assert client.credits().current_credits == credits


@pytest.mark.parametrize("body", [{}, {"current_credits": None}, {"current_credits": True}, [], "12"])
def test_a_wallet_that_cannot_be_read_is_said(client: Any, server: Script, body: object) -> None:
    """No invented balance."""
    server.does(answer(200, body))
    with pytest.raises(UnreadableAnswerError):
        client.credits()


def test_a_closed_client_says_so(make_client: Callable[..., Any], server: Script) -> None:
    """Using a closed client is our error, not the library's."""
    client = make_client(server.base_url)
    client.close() if isinstance(client, Rivya) else client.aclose()
    with pytest.raises(LabError):
        client.credits()


def test_a_409_that_never_ends_is_a_conflict_of_unknown_outcome(client: Any, server: Script) -> None:
    """In flight or clash: the first POST under this key may have made a task."""
    server.does(error(409, "idempotency_conflict"))
    with pytest.raises(IdempotencyConflictError) as caught:
        client.create(REQUEST, idempotency_key="k")
    assert caught.value.charged == "unknown"


@pytest.mark.parametrize(
    "given", ["a paper boat", None, {"prompt": "a paper boat"}], ids=["text", "nothing", "mapping"]
)
def test_what_is_no_request_is_refused_before_anything_is_sent(client: Any, server: Script, given: object) -> None:
    """A prompt alone is not a request; the refusal names the input."""
    for method, more in (("create", {"idempotency_key": "k"}), ("generate", {})):
        with pytest.raises(InvalidRequestError) as refused:
            getattr(client, method)(given, **more)
        assert refused.value.field == "request"
    assert server.received == []


def test_an_async_client_belongs_to_one_event_loop(server: Script, tmp_path: Path) -> None:
    """A second loop, as a second ``asyncio.run`` makes one, is our error, sends nothing and spoils nothing."""
    server.does(answer())
    home = asyncio.new_event_loop()
    client = AsyncRivya(KEY, base_url=server.base_url)
    media = AsyncMediaClient(server.base_url)
    home.run_until_complete(client.retrieve("task_1"))
    with pytest.raises(DownloadError):
        home.run_until_complete(media.fetch(server.base_url, tmp_path / "part"))
    sent = len(server.received)
    for call in (
        client.retrieve("task_1"),
        client.create(REQUEST, idempotency_key="k"),
        client.wait("task_1"),
        client.read_generation("task_1"),
        media.fetch(server.base_url, tmp_path / "part"),
    ):
        with pytest.raises(LabError, match="belongs to another event loop") as refused:
            asyncio.run(call)
        assert refused.value.charged == "no"
    assert len(server.received) == sent
    assert home.run_until_complete(client.retrieve("task_1")).id == "task_1"
    home.run_until_complete(client.aclose())
    home.run_until_complete(media.aclose())
    home.run_until_complete(home.shutdown_default_executor())
    home.close()
