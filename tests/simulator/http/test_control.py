"""Driving a world over HTTP, the published schema, and the app mounted under a prefix."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # it comes with Streamlit, without types
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from rivya_core.api.catalogue import packaged_models
from rivya_core.simulator import World, create_app
from rivya_core.simulator.video.clips import ClipMaker
from tests.simulator.conftest import FOX, Create, upload


def test_a_world_can_be_driven_over_http(http: httpx.Client, create: Create) -> None:
    """Settings, faults, clock, keys and counters are all within reach of another process."""
    assert http.post("/_simulator/settings", json={"speed": 2.0, "credits": 500}).json()["credits"] == 500
    fault = http.post("/_simulator/faults", json={"kind": "server_error", "route": "credits", "status": 503}).json()
    assert (fault["kind"], fault["fired"], fault["detail"]["status"]) == ("server_error", 0, 503)
    assert http.get("/api/v1/credits").status_code == 503
    assert http.get("/_simulator/faults").json()["faults"][0]["fired"] == 1
    task = create("k").json()["id"]
    before = http.get("/_simulator").json()["now"]
    assert http.post("/_simulator/advance", json={"seconds": 100}).json()["now"] >= before + 100
    state = http.get("/_simulator").json()
    assert (state["balance"], state["charged"], state["charges"]) == (340, 160, {task: 160})
    assert (state["tasks"], state["requests"]["create"]) == (1, 1)
    (seen,) = http.get("/_simulator/requests", params={"route": "create"}).json()["requests"]
    assert (seen["idempotency_key"], seen["status"], seen["task_id"]) == ("k", 200, task)
    assert http.get("/_simulator/tasks").json()["tasks"][0]["status"] == "succeeded"
    assert http.get("/_simulator/files").json() == {"files": []}
    assert http.delete("/_simulator/faults").json() == {"faults": []}


def test_keys_are_made_and_revoked_over_http(http: httpx.Client) -> None:
    """A given key is taken over, and its state can be changed."""
    sent = {"secret": "rvya_sk_given", "scopes": ["credits:read"]}
    assert http.post("/_simulator/keys", json=sent).json() == {"key": "rvya_sk_given", "state": "valid"}
    headers = {"Authorization": "Bearer rvya_sk_given"}
    assert http.get("/api/v1/credits", headers=headers).status_code == 200
    http.post("/_simulator/keys", json={"change": "rvya_sk_given", "state": "revoked"})
    assert http.get("/api/v1/credits", headers=headers).json()["error"]["code"] == "api_key_revoked"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"speed": -1}),
        ("settings", []),
        ("faults", {"kind": "unknown"}),
        ("faults", {"route": "create"}),
        ("advance", {"seconds": -5}),
        ("advance", {"minutes": 5}),
        ("keys", {"secret": "no key"}),
        ("keys", {"change": "rvya_sk_nobody"}),
    ],
)
def test_nonsense_is_refused_in_words(http: httpx.Client, path: str, body: object) -> None:
    """A wrong control request answers 400 with a sentence."""
    answer = http.post(f"/_simulator/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_failed")
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://127.0.0.1:8501"}])
def test_control_answers_programs_on_this_machine_only(http: httpx.Client, headers: dict[str, str]) -> None:
    """A page in a browser, or another host name, gets nothing."""
    assert http.get("/_simulator", headers=headers).status_code == 403


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[tuple[World, httpx.Client]]:
    """The app under /simulator, as the dashboard mounts it, without control routes."""
    world = World(tmp_path / "world.sqlite", speed=1000.0)
    clips = ClipMaker(world)
    app = Starlette(routes=[Mount("/simulator", app=create_app(world, clips))])
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    base_url = f"http://localhost:{listener.getsockname()[1]}"
    headers = {"Authorization": f"Bearer {world.api_key}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=30) as client:
        yield world, client
    server.should_exit = True
    thread.join()
    listener.close()
    clips.close()
    world.close()


def test_a_mounted_app_answers_under_its_prefix(mounted: tuple[World, httpx.Client], photo: bytes) -> None:
    """Clip and file URLs hold the prefix and lead back; the files are found again."""
    world, client = mounted
    file = client.post("/simulator/api/v1/files", data={"kind": "image"}, files={"file": ("a.png", photo, "image/png")})
    url = file.json()["url"]
    assert url.startswith(f"{client.base_url}/simulator/files/")
    assert client.get(url).content == photo
    params = {"referenceMediaItems": [{"url": url, "kind": "image"}]}
    task = client.post("/simulator/api/v1/generations", json={**FOX, "params": params}).json()["id"]
    world.advance(1)
    clip = client.get(f"/simulator/api/v1/generations/{task}").json()["result"]["primary_url"]
    assert clip.startswith(f"{client.base_url}/simulator/media/")
    assert client.get(clip).headers["content-type"] == "video/mp4"


def test_a_mounted_app_cannot_be_driven(mounted: tuple[World, httpx.Client]) -> None:
    """Control routes are not served unless asked for."""
    _, client = mounted
    answer = client.get("/simulator/_simulator")
    assert (answer.status_code, answer.headers["X-Rivya-Simulator"]) == (404, "1")


def schema_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one schema of the document, able to find the others."""
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def test_the_schema_is_published_and_sound(http: httpx.Client) -> None:
    """An OpenAPI 3.1 document, public: every schema is valid and every reference leads somewhere."""
    document = httpx.get(f"{http.base_url}/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/models",
        "/generations",
        "/generations/{taskId}",
        "/files",
        "/files/{fileId}",
        "/credits",
        "/openapi.json",
    }
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)

    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for child in node.values():
                yield from references(child)
        elif isinstance(node, list):
            for child in node:
                yield from references(child)

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_real_answers_are_of_the_published_schema(
    http: httpx.Client, world: World, finished: Callable[..., dict[str, Any]], photo: bytes
) -> None:
    """What the server answers is what its schema says, in every state, and so are errors."""
    document = http.get("/api/v1/openapi.json").json()
    queued = http.post("/api/v1/generations", json=FOX).json()
    done = finished()
    world.configure(failure_rate=1.0)
    answers = {
        "Generation": [queued, done, finished()],
        "Credits": [http.get("/api/v1/credits").json()],
        "File": [upload(http, photo).json()],
        "ModelList": [http.get("/api/v1/models").json()],
        "Error": [http.get("/api/v1/generations/x").json()],
    }
    for name, values in answers.items():
        for value in values:
            jsonschema.validate(value, schema_of(document, name))


def test_the_schema_and_the_server_agree_on_requests(http: httpx.Client, world: World) -> None:
    """A request the schema takes is taken, and one it refuses is refused, for every model."""
    document = http.get("/api/v1/openapi.json").json()
    world.configure(credits=1_000_000)
    validator = jsonschema.Draft202012Validator(schema_of(document, "GenerationRequest"))
    for spec in packaged_models().values():
        good = {"model": spec.id, "prompt": "x", "params": spec.defaults()}
        for body in (good, {**good, "params": {"nonsense": 1}}, {**good, "prompt": 5}, {**good, "files": []}):
            status = http.post("/api/v1/generations", json=body).status_code
            assert (status == 200) == validator.is_valid(body), (spec.id, body)
