"""Scripted faults: each does what it says, as often as it says, and is counted."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rivya_core.simulator import World
from rivya_core.simulator.state.faults import KINDS
from tests.simulator.conftest import Create
from tests.until import until

SOON = httpx.Timeout(60.0, read=0.2)
"""Of a client that does not wait for an answer for long, but sends its request however slow the machine is."""


def code_of(answer: httpx.Response) -> str:
    """Return the error code of an answer."""
    code: str = answer.json()["error"]["code"]
    return code


@pytest.mark.parametrize("route", ["create", "credits", "models", "retrieve", "upload", "file", "openapi"])
def test_a_fault_strikes_its_route_and_no_other(http: httpx.Client, create: Create, world: World, route: str) -> None:
    """A server error on one route leaves the next request and the other routes alone."""
    task = create().json()["id"]
    calls: dict[str, Callable[[], httpx.Response]] = {
        "create": create,
        "credits": lambda: http.get("/api/v1/credits"),
        "models": lambda: http.get("/api/v1/models"),
        "retrieve": lambda: http.get(f"/api/v1/generations/{task}"),
        "upload": lambda: http.post("/api/v1/files"),
        "file": lambda: http.get("/api/v1/files/x"),
        "openapi": lambda: http.get("/api/v1/openapi.json"),
    }
    world.add_fault("server_error", route=route, status=503)
    for name, call in calls.items():
        answer = call()
        assert (answer.status_code == 503) == (name == route)
    assert calls[route]().status_code != 503
    assert world.faults()[0].fired == 1


def test_times_and_after_are_counted(http: httpx.Client, world: World) -> None:
    """Fault counts: after lets requests pass first, times limits the strikes, and both are told."""
    fault = world.add_fault("error", route="credits", code="strange_new_code", status=418, times=2, after=1)
    codes = [http.get("/api/v1/credits").status_code for _ in range(5)]
    assert codes == [200, 418, 418, 200, 200]
    (now,) = world.faults()
    assert (now.id, now.seen, now.fired, now.spent) == (fault.id, 3, 2, True)
    assert [seen.fault for seen in world.requests("credits")] == [None, "error", "error", None, None]
    assert [seen.code for seen in world.requests("credits")][1] == "strange_new_code"


def test_unfired_faults_are_told(http: httpx.Client, world: World) -> None:
    """A fault that never struck is listed until it does, or until all are cleared."""
    world.add_fault("server_error", route="credits")
    world.add_fault("server_error", route="models")
    http.get("/api/v1/credits")
    assert [fault.route for fault in world.unfired_faults()] == ["models"]
    world.clear_faults()
    assert world.faults() == []


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("unknown", {}),
        ("server_error", {"colour": "red"}),
        ("server_error", {"route": "nowhere"}),
        ("no_url", {"route": "create"}),
        ("broken_download", {"mode": "sideways"}),
        ("server_error", {"times": 0}),
    ],
)
def test_a_misspelt_fault_is_refused(world: World, kind: str, arguments: dict[str, Any]) -> None:
    """A fault that could never fire is refused when it is declared."""
    with pytest.raises(ValueError, match=r"\w+"):
        world.add_fault(kind, **arguments)


def test_rate_limited_can_say_when(http: httpx.Client, world: World) -> None:
    """429 comes without Retry-After, with seconds, or with an HTTP date."""
    world.add_fault("rate_limited", route="credits")
    world.add_fault("rate_limited", route="credits", retry_after=7)
    world.add_fault("rate_limited", route="credits", retry_after="date", seconds=30)
    plain, seconds, date = (http.get("/api/v1/credits") for _ in range(3))
    assert {answer.status_code for answer in (plain, seconds, date)} == {429}
    assert "retry-after" not in plain.headers
    assert seconds.headers["retry-after"] == "7"
    moment = email.utils.parsedate_to_datetime(date.headers["retry-after"]).timestamp()
    assert 25 < moment - time.time() < 35


def test_a_server_error_can_come_after_the_task_was_made(create: Create, world: World) -> None:
    """accepted=True is the answer that lies: 500, and a task."""
    world.add_fault("server_error", accepted=True)
    assert create("k").status_code == 500
    assert len(world.tasks()) == 1
    assert create("k").json()["id"] == world.tasks()[0].id


def test_an_accepted_fault_waits_for_an_accepted_request(create: Create, world: World) -> None:
    """A fault after acceptance does not fire on a request that was refused."""
    world.add_fault("drop_after_accept")
    assert create(prompt="").status_code == 400
    with pytest.raises(httpx.TransportError):
        create()
    assert len(world.tasks()) == 1


def test_drop_before_closes_without_a_task(create: Create, world: World) -> None:
    """The connection ends without a byte and nothing was made."""
    world.add_fault("drop_before")
    with pytest.raises(httpx.TransportError):
        create("k")
    assert (world.tasks(), world.balance()) == ([], 4800)
    assert (world.requests("create")[0].status, world.requests("create")[0].fault) == (None, "drop_before")


def test_drop_after_accept_closes_with_a_task(create: Create, world: World) -> None:
    """The connection ends without a byte although task and reservation are there."""
    world.add_fault("drop_after_accept")
    with pytest.raises(httpx.TransportError):
        create("k")
    assert len(world.tasks()) == 1
    assert world.balance() == 4640
    assert create("k").json()["id"] == world.tasks()[0].id


def test_a_timeout_after_accept_holds_the_answer(http: httpx.Client, world: World) -> None:
    """The client gives up; the task is there."""
    world.add_fault("timeout_after_accept", delay_s=3600.0)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/api/v1/generations", json={"model": "kling-v2-1-master", "prompt": "x"}, timeout=SOON)
    until(lambda: len(world.tasks()) == 1)


def test_a_truncated_body_ends_early(create: Create, world: World) -> None:
    """Less arrives than Content-Length said."""
    world.add_fault("truncated_body")
    with pytest.raises(httpx.RemoteProtocolError):
        create()
    assert len(world.tasks()) == 1


def test_html_and_empty_bodies_are_no_json(create: Create, world: World) -> None:
    """A proxy's page, with any status, and nothing at all; the tasks are made."""
    world.add_fault("html_body")
    world.add_fault("html_body", status=502)
    world.add_fault("empty_body")
    answers = [create() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 502, 200]
    assert answers[0].headers["content-type"].startswith("text/html")
    assert answers[2].content == b""
    assert len(world.tasks()) == 3


def test_insufficient_credits_can_be_scripted(create: Create, world: World) -> None:
    """A full wallet may still be refused."""
    world.add_fault("insufficient_credits")
    answer = create()
    assert (answer.status_code, code_of(answer)) == (402, "insufficient_credits")


def test_a_task_can_be_made_to_fail(finished: Callable[..., dict[str, Any]], world: World) -> None:
    """The next task fails with the scripted code; the one after it does not."""
    world.add_fault("task_failed", code="content_rejected", message="No.")
    first, second = finished(), finished()
    assert first["error"] == {"code": "content_rejected", "message": "No."}
    assert second["status"] == "succeeded"
    assert world.balance() == 4640


def test_a_running_task_can_be_made_to_fail(create: Create, http: httpx.Client, world: World) -> None:
    """On the retrieve route the fault strikes the task that is read."""
    task = create().json()["id"]
    world.add_fault("task_failed", route="retrieve")
    http.get(f"/api/v1/generations/{task}")
    world.advance(60)
    assert http.get(f"/api/v1/generations/{task}").json()["error"]["code"] == "generation_failed"


def test_a_replay_does_not_use_up_a_task_fault(create: Create, world: World) -> None:
    """Faults on tasks strike tasks, not requests."""
    create("k")
    world.add_fault("task_failed")
    create("k")
    assert world.unfired_faults()
    create("other")
    assert not world.unfired_faults()


def test_a_task_can_run_for_ever(create: Create, http: httpx.Client, world: World) -> None:
    """never_ready keeps a task processing, and its credits reserved."""
    world.add_fault("never_ready")
    task = create().json()["id"]
    world.advance(10**6)
    assert http.get(f"/api/v1/generations/{task}").json()["status"] == "processing"
    assert world.charges() == {task: 160}


def test_an_unknown_state_can_be_told(create: Create, http: httpx.Client, world: World) -> None:
    """The scripted word stands in the answer, with neither result nor error."""
    task = create().json()["id"]
    world.advance(60)
    world.add_fault("unknown_state", word="on_hold")
    answer = http.get(f"/api/v1/generations/{task}").json()
    assert (answer["status"], answer["result"], answer["error"]) == ("on_hold", None, None)
    assert http.get(f"/api/v1/generations/{task}").json()["status"] == "succeeded"


@pytest.mark.parametrize(
    ("form", "result"), [("null", None), ("missing", {}), ("empty", {"primary_url": "", "urls": []})]
)
def test_success_can_come_without_a_url(
    create: Create, http: httpx.Client, world: World, form: str, result: object
) -> None:
    """The fault waits for a success and takes its URL away, once."""
    world.add_fault("no_url", form=form)
    task = create().json()["id"]
    assert http.get(f"/api/v1/generations/{task}").json()["status"] == "queued"
    world.advance(60)
    assert http.get(f"/api/v1/generations/{task}").json()["result"] == result
    assert http.get(f"/api/v1/generations/{task}").json()["result"]["primary_url"]


def test_slow_answers_are_slow_and_right(http: httpx.Client, world: World) -> None:
    """A slow answer comes late and complete, also beside another fault."""
    world.add_fault("slow", route="credits", delay_s=0.15)
    began = time.perf_counter()
    assert http.get("/api/v1/credits").status_code == 200
    assert time.perf_counter() - began >= 0.15


def test_a_redirect_can_be_scripted(http: httpx.Client, world: World) -> None:
    """Any route can send the client elsewhere."""
    world.add_fault("redirect", route="credits", location="http://169.254.169.254/latest")
    answer = http.get("/api/v1/credits")
    assert (answer.status_code, answer.headers["location"]) == (302, "http://169.254.169.254/latest")


def test_every_kind_of_fault_is_described() -> None:
    """Each kind names its routes and its moment."""
    for kind in KINDS.values():
        assert kind.routes
        assert kind.moment in {"before", "after", "success", "state", "task", "bytes"}
