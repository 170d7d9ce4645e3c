"""What ``rivya_core/guard.py`` promises: only known names, no writes from other origins, headers on every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from rivya_core.web import guard


async def echo(request: Request) -> Response:
    """Answer the length of the body."""
    return PlainTextResponse(str(len(await request.body())))


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A small app behind the guard."""
    app = Starlette(
        routes=[
            Route("/echo", echo, methods=["GET", "POST"]),
            Route("/_stcore/upload", echo, methods=["POST"]),
        ],
        middleware=guard.middleware("lab.example, *.team.example"),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as found:
        yield found


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8501", 200),
        ("localhost:8501", 200),
        ("[::1]:8501", 200),
        ("lab.example", 200),
        ("a.team.example", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
    ],
)
async def test_only_known_host_names_are_answered(client: httpx.AsyncClient, host: str, status: int) -> None:
    """A name that points here by DNS rebinding is refused."""
    assert (await client.get("/echo", headers={"host": host})).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:8501"}, 200),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
async def test_a_write_from_another_origin_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    """A page elsewhere cannot post to our routes through a visitor's browser; a program without Origin can."""
    assert (await client.post("/echo", headers=headers, content=b"x")).status_code == status


async def test_reading_and_streamlits_own_routes_are_not_judged_by_origin(client: httpx.AsyncClient) -> None:
    """Links from elsewhere may be followed, and Streamlit guards its uploads with its own token."""
    foreign = {"origin": "https://evil.example"}
    assert (await client.get("/echo", headers=foreign)).status_code == 200
    assert (await client.post("/_stcore/upload", headers=foreign, content=b"12345")).text == "5"


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    """Refusals too."""
    for path, host in (("/echo", "localhost"), ("/echo", "evil.example"), ("/nothing", "localhost")):
        answer = await client.get(path, headers={"host": host})
        assert {name: answer.headers.get(name) for name in guard.SECURITY_HEADERS} == guard.SECURITY_HEADERS


def test_nothing_may_be_loaded_from_elsewhere() -> None:
    """The policy names no host at all."""
    assert "http" not in guard.CONTENT_SECURITY_POLICY
    assert "*" not in guard.CONTENT_SECURITY_POLICY
