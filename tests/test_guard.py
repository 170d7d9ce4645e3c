"""What ``rivya_core/guard.py`` promises: only known names, no writes from other origins, headers on every answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from rivya_core import guard


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = Starlette(
        routes=[
            Route("/echo", echo, methods=["GET", "POST"]),
            Route("/_stcore/upload", echo, methods=["POST"]),
        ],
        middleware=guard.middleware("lab.example, *.team.example"),
    )
    with TestClient(app, base_url="http://127.0.0.1:8501") as found:
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
def test_only_known_host_names_are_answered(client: TestClient, host: str, status: int) -> None:
    """A name that points here by DNS rebinding is refused."""
    assert client.get("/echo", headers={"host": host}).status_code == status


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
def test_a_write_from_another_origin_is_refused(client: TestClient, headers: dict[str, str], status: int) -> None:
    """A page elsewhere cannot post to our routes through a visitor's browser; a program without Origin can."""
    assert client.post("/echo", headers=headers, content=b"x").status_code == status


def test_reading_and_streamlits_own_routes_are_not_judged_by_origin(client: TestClient) -> None:
    """Links from elsewhere may be followed, and Streamlit guards its uploads with its own token."""
    foreign = {"origin": "https://evil.example"}
    assert client.get("/echo", headers=foreign).status_code == 200
    assert client.post("/_stcore/upload", headers=foreign, content=b"12345").text == "5"


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    """Refusals too."""
    for answer in (client.get("/echo"), client.get("/echo", headers={"host": "evil.example"}), client.get("/nothing")):
        assert guard.SECURITY_HEADERS.items() <= dict(answer.headers).items() or all(
            answer.headers[name] == value for name, value in guard.SECURITY_HEADERS.items()
        )


def test_nothing_may_be_loaded_from_elsewhere() -> None:
    """The policy names no host at all."""
    assert "http" not in guard.CONTENT_SECURITY_POLICY
    assert "*" not in guard.CONTENT_SECURITY_POLICY
