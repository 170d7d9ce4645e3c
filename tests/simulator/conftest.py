"""A running simulator, a key, and a raw HTTP client: these tests trust no code of the API room's clients."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from rivya_core.simulator import SimulatorServer, World

FOX = {"model": "kling-v2-1-master", "prompt": "a red fox crossing a frozen lake"}
Create = Callable[..., httpx.Response]


@pytest.fixture(autouse=True)
def _small_clips() -> None:
    """Clips are as large as people get them."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SimulatorServer]:
    """A simulator on a free port; a declared fault that never fired fails the test."""
    with SimulatorServer(tmp_path / "world.sqlite") as running:
        yield running
        unfired = running.world.unfired_faults()
    assert not unfired, f"declared but never fired: {unfired}"


@pytest.fixture
def world(server: SimulatorServer) -> World:
    """The world of the running simulator."""
    return server.world


@pytest.fixture
def http(server: SimulatorServer) -> Iterator[httpx.Client]:
    """A client with the world's key."""
    headers = {"Authorization": f"Bearer {server.api_key}"}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=20) as client:
        yield client


@pytest.fixture
def create(http: httpx.Client) -> Create:
    """Create a generation; keyword arguments are body fields, ``key`` the idempotency key."""

    def post(key: str | None = None, **fields: Any) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return http.post("/api/v1/generations", json={**FOX, **fields}, headers=headers)

    return post


@pytest.fixture
def finished(create: Create, http: httpx.Client, world: World) -> Callable[..., dict[str, Any]]:
    """Create a generation, let its time pass, and return its final answer."""

    def run(**fields: Any) -> dict[str, Any]:
        task = create(**fields).json()["id"]
        world.advance(60)
        answer: dict[str, Any] = http.get(f"/api/v1/generations/{task}").json()
        return answer

    return run


@pytest.fixture
def photo() -> bytes:
    """A small picture: red on the left, blue on the right."""
    return png(320, 180)


def png(width: int, height: int) -> bytes:
    """Return a PNG that is red on its left half and blue on its right."""
    image = Image.new("RGB", (width, height), (200, 30, 40))
    image.paste((30, 50, 190), (width // 2, 0, width, height))
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def upload(
    client: httpx.Client, data: bytes, name: str = "a.png", mime: str = "image/png", **fields: str
) -> httpx.Response:
    """Upload a file."""
    return client.post("/api/v1/files", data={"kind": "image", **fields}, files={"file": (name, data, mime)})
