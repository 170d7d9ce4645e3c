"""What ``rivya_core/guard.py`` promises: only known names, no writes from other origins, headers on every answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from rivya_core.settings.origins import read_origins
from rivya_core.web import guard


async def echo(request: Request) -> Response:
    """Answer the length of the body."""
    return PlainTextResponse(str(len(await request.body())))


async def shared(_request: Request) -> Response:
    """Answer as Streamlit does to any page of this machine."""
    return PlainTextResponse("read me", headers={"access-control-allow-origin": "http://localhost:9499"})


async def socket(websocket: WebSocket) -> None:
    """Tell by which origin the request came in."""
    await websocket.accept()
    await websocket.send_text(websocket.headers.get("origin", "none"))
    await websocket.close()


def guarded() -> Starlette:
    """A small app behind the guard."""
    return Starlette(
        routes=[
            Route("/echo", echo, methods=["GET", "POST"]),
            Route("/_stcore/upload_file/a/b", echo, methods=["PUT", "DELETE"]),
            Route("/_stcore/host-config", shared),
            WebSocketRoute("/_stcore/stream", socket),
        ],
        middleware=guard.middleware("lab.example, *.team.example", read_origins("https://proxy.example")),
    )


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who asks the guarded app."""
    transport = httpx.ASGITransport(guarded())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as found:
        yield found


def opens(host: str, *origins: str, **others: str) -> bool:
    """Tell whether a WebSocket opens for a Host header and Origin headers."""
    return told(host, *origins, **others) is not None


def told(host: str, *origins: str, **others: str) -> str | None:
    """The origin that the app behind the guard is told on a WebSocket; None when it does not open."""
    headers = [(b"host", host.encode()), *((b"origin", origin.encode()) for origin in origins)]
    headers += [(name.replace("_", "-").encode(), value.encode()) for name, value in others.items()]
    scope: dict[str, Any] = {"type": "websocket", "path": "/_stcore/stream", "headers": headers, "subprotocols": []}
    scope |= {"scheme": "ws", "server": ("127.0.0.1", 8501), "query_string": b"", "extensions": {}, "root_path": ""}
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(guarded()(scope, receive, send))
    return next((message["text"] for message in sent if message["type"] == "websocket.send"), None)


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


OURS = {
    "no origin": ("127.0.0.1:8501", []),
    "the same": ("127.0.0.1:8501", ["http://127.0.0.1:8501"]),
    "localhost": ("localhost:8501", ["http://localhost:8501"]),
    "IPv6": ("[::1]:8501", ["http://[::1]:8501"]),
    "capitals": ("LOCALHOST:8501", ["http://LocalHost:8501"]),
    "default port": ("localhost", ["http://localhost"]),
    "default port, written": ("localhost:80", ["http://localhost"]),
    "behind TLS that keeps the host": ("lab.example", ["https://lab.example"]),
    "behind TLS, port written": ("lab.example:443", ["https://lab.example"]),
    "TLS on another port": ("a.team.example:8443", ["https://a.team.example:8443"]),
    "behind a proxy that rewrites the host": ("127.0.0.1:8501", ["https://proxy.example"]),
}
FOREIGN = {
    "another port": ("127.0.0.1:8501", ["http://127.0.0.1:9499"]),
    "another name of this machine": ("127.0.0.1:8501", ["http://localhost:8501"]),
    "IPv6 of this machine": ("127.0.0.1:8501", ["http://[::1]:8501"]),
    "no port": ("localhost:8501", ["http://localhost"]),
    "another scheme's port": ("lab.example:80", ["https://lab.example"]),
    "an allowed host": ("127.0.0.1:8501", ["http://lab.example:8501"]),
    "another allowed host": ("lab.example", ["https://a.team.example"]),
    "an allowed origin's plain twin": ("127.0.0.1:8501", ["http://proxy.example"]),
    "an allowed origin's other port": ("127.0.0.1:8501", ["https://proxy.example:8443"]),
    "elsewhere": ("localhost:8501", ["https://evil.example"]),
    "a name that begins alike": ("localhost:8501", ["http://localhost:8501.evil.example"]),
    "null": ("localhost:8501", ["null"]),
    "empty": ("localhost:8501", [""]),
    "blank": ("localhost:8501", [" "]),
    "two": ("localhost:8501", ["http://localhost:8501", "https://evil.example"]),
    "twice the same": ("localhost:8501", ["http://localhost:8501", "http://localhost:8501"]),
    "two in one": ("localhost:8501", ["http://localhost:8501, http://localhost:8501"]),
    "a user name": ("localhost:8501", ["http://me@localhost:8501"]),
    "the host as a user name": ("localhost:8501", ["http://localhost:8501@evil.example"]),
    "a path": ("localhost:8501", ["http://localhost:8501/"]),
    "a query": ("localhost:8501", ["http://localhost:8501?a"]),
    "a dot at its end": ("localhost:8501", ["http://localhost.:8501"]),
    "no scheme": ("localhost:8501", ["localhost:8501"]),
    "another scheme": ("localhost:8501", ["ws://localhost:8501"]),
    "an extension": ("localhost:8501", ["chrome-extension://localhost:8501"]),
    "a file": ("localhost:8501", ["file://"]),
    "an open bracket": ("[::1]:8501", ["http://[::1:8501"]),
    "no number": ("localhost:8501", ["http://localhost:port"]),
    "an empty port": ("localhost", ["http://localhost:"]),
    "a port with a nought": ("localhost:8501", ["http://localhost:08501"]),
    "a port beyond all": ("localhost:8501", ["http://localhost:74037"]),
}
BOTH = [
    *((name, *case, True) for name, case in OURS.items()),
    *((name, *case, False) for name, case in FOREIGN.items()),
]


@pytest.mark.parametrize(("host", "origins", "ours"), [case[1:] for case in BOTH], ids=[case[0] for case in BOTH])
async def test_only_our_own_pages_write_and_open_sockets(host: str, origins: list[str], ours: bool) -> None:
    """A page elsewhere, on another port of this machine too, can do neither; a program without Origin can do both."""
    assert await asyncio.to_thread(opens, host, *origins) is ours
    transport = httpx.ASGITransport(guarded())
    headers = [("host", host), *(("origin", origin) for origin in origins)]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as client:
        for method, path in (
            ("POST", "/echo"),
            ("PUT", "/_stcore/upload_file/a/b"),
            ("DELETE", "/_stcore/upload_file/a/b"),
        ):
            answer = await client.request(method, path, headers=headers, content=b"x")
            assert answer.status_code == (200 if ours else 403)


@pytest.mark.parametrize(
    "name", ["x_forwarded_host", "x_forwarded_proto", "x_forwarded_port", "forwarded", "x_original_host"]
)
def test_what_a_proxy_tells_is_not_read(name: str) -> None:
    """Whoever sends a request can write those headers."""
    assert not opens("127.0.0.1:8501", "https://evil.example", **{name: "evil.example"})
    assert opens("127.0.0.1:8501", "http://127.0.0.1:8501", **{name: "evil.example"})


@pytest.mark.parametrize("host", ["evil.example:8501", "evil.example", "", "127.0.0.1.evil.example:8501"])
def test_a_name_that_points_here_opens_no_socket(host: str) -> None:
    """With DNS rebinding Origin and Host are alike; the name is not ours."""
    assert not opens(host, f"http://{host}")
    assert not opens(host)


def test_streamlit_is_told_its_own_origin() -> None:
    """It has rules of its own and knows nothing of the proxy in front."""
    assert told("127.0.0.1:8501", "https://proxy.example") == "https://127.0.0.1:8501"
    assert told("127.0.0.1:8501", "http://127.0.0.1:8501") == "http://127.0.0.1:8501"
    assert told("127.0.0.1:8501") == "none"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:8501"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://proxy.example"}, 200),
    ],
)
async def test_a_write_that_a_browser_calls_foreign_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    """But for the origins that are allowed by name."""
    assert (await client.post("/echo", headers=headers, content=b"x")).status_code == status


async def test_reading_is_not_judged_by_origin_and_shared_with_nobody(client: httpx.AsyncClient) -> None:
    """Links from elsewhere may be followed; what Streamlit lets all pages of this machine read, they cannot."""
    foreign = {"origin": "http://localhost:9499"}
    assert (await client.get("/echo", headers=foreign)).status_code == 200
    answer = await client.get("/_stcore/host-config", headers=foreign)
    assert answer.text == "read me"
    assert "access-control-allow-origin" not in answer.headers
    ours = await client.get("/_stcore/host-config", headers={"origin": "http://127.0.0.1:8501"})
    assert "access-control-allow-origin" in ours.headers


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    """Refusals too."""
    for path, host in (("/echo", "localhost"), ("/echo", "evil.example"), ("/nothing", "localhost")):
        answer = await client.get(path, headers={"host": host})
        assert {name: answer.headers.get(name) for name in guard.SECURITY_HEADERS} == guard.SECURITY_HEADERS


def test_nothing_may_be_loaded_from_elsewhere() -> None:
    """The policy names no host at all."""
    assert "http" not in guard.CONTENT_SECURITY_POLICY
    assert "*" not in guard.CONTENT_SECURITY_POLICY
    assert "connect-src 'self';" in guard.CONTENT_SECURITY_POLICY
