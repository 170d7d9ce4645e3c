"""The documented life of a generation, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rivya_core.api.catalogue import packaged_models, parse_models
from rivya_core.api.contract import SCOPES, Generation
from rivya_core.simulator import SimulatorServer, World
from tests.simulator.conftest import Create

FIELDS = [
    "id",
    "status",
    "model",
    "reserved_credits",
    "final_credits",
    "created_at",
    "updated_at",
    "result",
    "error",
]


def test_a_create_answers_the_documented_object(create: Create) -> None:
    """The answer holds the nine documented fields and nothing else, and reserves the base credits."""
    answer = create(client_request_id="mine").json()
    assert list(answer) == FIELDS
    assert (answer["status"], answer["reserved_credits"], answer["final_credits"]) == ("queued", 160, 0)
    assert answer["result"] is None
    assert answer["error"] is None
    assert answer["created_at"].endswith("Z")
    assert len(answer["created_at"]) == len("2026-05-11T00:00:00.000Z")


def test_a_task_goes_through_queued_processing_succeeded(create: Create, http: httpx.Client, world: World) -> None:
    """The clock alone moves a task through its states; settlement shows at the end."""
    task = create().json()["id"]
    seen = []
    for _ in range(60):
        answer = http.get(f"/api/v1/generations/{task}").json()
        seen.append(answer["status"])
        world.advance(0.5)
    assert list(dict.fromkeys(seen)) == ["queued", "processing", "succeeded"]
    assert 1 <= seen.count("queued") <= 5
    assert 7 <= seen.count("processing") <= 21
    assert Generation.model_validate(answer).primary_url == answer["result"]["urls"][0]
    assert answer["final_credits"] == 160


def test_speed_divides_the_waiting_times(create: Create, http: httpx.Client, world: World) -> None:
    """At speed 100 a task is done within 0.12 s of the world's time."""
    world.configure(speed=100.0)
    task = create().json()["id"]
    world.advance(0.12)
    assert http.get(f"/api/v1/generations/{task}").json()["status"] == "succeeded"


def test_a_failed_task_says_why_and_costs_nothing(
    finished: Callable[..., dict[str, Any]], http: httpx.Client, world: World
) -> None:
    """With failure rate 1 every task fails with code and message, and its reservation comes back."""
    world.configure(failure_rate=1.0)
    answer = finished()
    assert (answer["status"], answer["final_credits"], answer["result"]) == ("failed", 0, None)
    assert set(answer["error"]) == {"code", "message"}
    assert answer["error"]["code"] == "generation_failed"
    assert http.get("/api/v1/credits").json() == {"current_credits": 4800}


def test_models_are_public_and_complete(server: SimulatorServer) -> None:
    """The list needs no key and reads back as the packaged catalogue."""
    answer = httpx.get(f"{server.base_url}/api/v1/models")
    assert answer.json()["object"] == "list"
    read = {spec.id: spec for spec in parse_models(answer.json())}
    assert set(read) == set(packaged_models())
    for name, spec in packaged_models().items():
        assert read[name].params == spec.params
        assert read[name].base_credits == spec.base_credits
        assert read[name].max_prompt_length == spec.max_prompt_length


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        (None, 401, "api_key_missing"),
        ("unknown", 401, "api_key_invalid"),
        ("revoked", 401, "api_key_revoked"),
        ("expired", 401, "api_key_expired"),
        ("unscoped", 403, "api_scope_denied"),
    ],
)
def test_each_key_error_has_its_documented_code(
    server: SimulatorServer, world: World, state: str | None, status: int, code: str
) -> None:
    """Every way a key can be wrong answers its own code, in the documented envelope."""
    headers = {}
    if state == "unknown":
        headers["Authorization"] = "Bearer rvya_sk_nobody"
    elif state == "unscoped":
        headers["Authorization"] = f"Bearer {world.add_key(scopes=['models:read'])}"
    elif state is not None:
        headers["Authorization"] = f"Bearer {world.add_key(state=state)}"
    answer = httpx.get(f"{server.base_url}/api/v1/credits", headers=headers)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "requestId"}
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["requestId"].startswith("req_")


def test_a_key_expires_by_the_clock(http: httpx.Client, world: World) -> None:
    """A key with an expiry works until its moment, then no longer."""
    key = world.add_key(expires_at=world.now() + 60)
    headers = {"Authorization": f"Bearer {key}"}
    assert http.get("/api/v1/credits", headers=headers).status_code == 200
    world.advance(61)
    assert http.get("/api/v1/credits", headers=headers).json()["error"]["code"] == "api_key_expired"


def test_scopes_are_those_of_the_documentation(http: httpx.Client, world: World, create: Create) -> None:
    """Each route asks for exactly its own scope."""
    task = create().json()["id"]
    routes = {
        "generations:read": f"/api/v1/generations/{task}",
        "credits:read": "/api/v1/credits",
        "files:read": "/api/v1/files/file_x",
    }
    for scope, path in routes.items():
        only = world.add_key(scopes=[scope])
        others = world.add_key(scopes=[other for other in SCOPES if other != scope])
        assert http.get(path, headers={"Authorization": f"Bearer {only}"}).status_code in {200, 404}
        assert http.get(path, headers={"Authorization": f"Bearer {others}"}).status_code == 403


def test_another_accounts_task_is_not_found(create: Create, http: httpx.Client, world: World) -> None:
    """A task of one account does not exist for the key of another."""
    task = create().json()["id"]
    stranger = world.add_key(account="stranger")
    answer = http.get(f"/api/v1/generations/{task}", headers={"Authorization": f"Bearer {stranger}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/generations", 405),
        ("DELETE", "/api/v1/generations/x", 405),
        ("GET", "/media/task_x/0-x.mp4", 404),
        ("GET", "/api/v1/generations/task_x", 404),
        ("GET", "/api/v1/models", 200),
    ],
)
def test_every_answer_is_marked_as_simulated(http: httpx.Client, method: str, path: str, status: int) -> None:
    """Errors, unknown routes and media carry the simulator's header too."""
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["X-Rivya-Simulator"] == "1"


def test_the_public_api_can_be_switched_off(http: httpx.Client, world: World) -> None:
    """Switched off, every route of the API answers the documented 503."""
    world.configure(api_disabled=True)
    answer = http.get("/api/v1/credits")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "public_api_disabled")


@pytest.mark.parametrize(("form", "expected"), [("seconds", r"^\d+$"), ("date", r"GMT$"), ("none", None)])
def test_the_rate_window_admits_so_many_requests(
    http: httpx.Client, world: World, form: str, expected: str | None
) -> None:
    """Within a window a key gets so many answers, then 429 in the set form, then answers again."""
    world.configure(rate_limit=3, rate_window_s=10.0, rate_retry_after=form)
    codes = [http.get("/api/v1/credits").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    refused = http.get("/api/v1/credits")
    assert refused.json()["error"]["code"] == "rate_limited"
    if expected is None:
        assert "retry-after" not in refused.headers
    else:
        assert re.search(expected, refused.headers["retry-after"])
    world.advance(10)
    assert http.get("/api/v1/credits").status_code == 200
