"""ASGI app of a shared show: its page, clips, posters, ballot and votes, each under one exact path.

Everything else gets the same 404: an unknown path, a wrong method, a wrong token and a file that is not in the show are
indistinguishable. Paths are compared as sent (raw), so nothing is decoded, normalized or redirected. The ``Host`` header is
not read, and nothing from a request is echoed in a response.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from typing import Final, Protocol

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from rivya_core.api.errors import LabError, RivyaError
from rivya_core.http_server.stored_file import StoredFile
from rivya_core.lab.media.containers import container_of_key
from rivya_core.lab.media.stored import StoredObject

VOTE_MAX_BYTES: Final = 4096
VOTE_WITHIN_S: Final = 20.0
CLIENT_MAX: Final = 200

_ADDRESS: Final = re.compile(
    r"/(?P<token>[2-9a-z]{20})/(?:(?P<page>)|(?P<ballot>ballot)|(?P<vote>vote)"
    r"|clips/(?P<clip>[0-9a-f]{64})\.mp4|posters/(?P<poster>[0-9a-f]{64})\.jpg)",
    re.ASCII,
)
_POLICY: Final = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"\r\n]+)">')
_HEAD_BYTES: Final = 4096
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
_FILE_HEADERS: Final = {**_HEADERS, "Cache-Control": "private, max-age=3600"}


class Served(Protocol):
    """What is shared. Each method may be called from any thread."""

    @property
    def token(self) -> str:
        """The first part of every address."""
        ...

    def is_over(self) -> bool:
        """True once nothing is shared any more."""
        ...

    def met(self, client: str) -> None:
        """Remember that this browser asked for something."""
        ...

    def page(self) -> tuple[str, Mapping[str, str]]:
        """The page and its headers. Raises RivyaError: there is none."""
        ...

    def clip(self, sha256: str) -> Path | StoredObject | None:
        """The file of a clip. Raises RivyaError: the show has no such clip."""
        ...

    def poster(self, sha256: str) -> Path | StoredObject | None:
        """The file of its poster, or None. Raises RivyaError: the show has no such clip."""
        ...

    def ballot(self) -> Path | None:
        """The page of the ballot, or None."""
        ...

    def count(self, line: str) -> str:
        """Count the line of a voter; what was counted, in words. Raises RivyaError: it was not."""
        ...


class RoomApp:
    """The ASGI application of one shared show."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            answer = await self._answer(Request(scope, receive))
            await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        target = self._target(request)
        if target is None:
            return _missing()
        self._served.met(_client(request))
        kind, name = target
        if kind == "vote":
            return await self._vote(request)
        return await anyio.to_thread.run_sync(self._read, kind, name)

    def _target(self, request: Request) -> tuple[str, str] | None:
        """What is asked for, of what is shared: its kind, and the name of a file."""
        path_match = _ADDRESS.fullmatch(request.scope["raw_path"].decode("latin-1"))
        if path_match is None or self._served.is_over():
            return None
        token = path_match["token"]
        if not secrets.compare_digest(token, self._served.token):
            return None
        kind = str(path_match.lastgroup)
        if request.method != ("POST" if kind == "vote" else "GET"):
            return None
        return kind, path_match[kind]

    def _read(self, kind: str, name: str) -> Response:
        try:
            if kind == "page":
                page, headers = self._served.page()
                return Response(page, headers={**_HEADERS, **headers}, media_type="text/html")
            if kind == "ballot":
                return ballot_answer(self._served.ballot())
            path = self._served.clip(name) if kind == "clip" else self._served.poster(name)
        except RivyaError:
            return _missing()
        return _file(path, "image/jpeg" if kind == "poster" else None)

    async def _vote(self, request: Request) -> Response:
        if await anyio.to_thread.run_sync(self._served.ballot) is None:
            return _missing()
        return await vote_answer(request, self._served.count)


async def vote_answer(request: Request, count: Callable[[str], str]) -> Response:
    """Take the line that a voter sends: what ``count`` says of it, or why it is not counted."""
    try:
        async with asyncio.timeout(VOTE_WITHIN_S):
            body = await _body(request)
    except (TimeoutError, ClientDisconnect):
        return _text_response("The vote did not arrive whole. Send it again.", 408)
    if body is None:
        return _text_response(f"This is longer than a vote can be: at most {VOTE_MAX_BYTES:,} bytes are taken.", 413)
    return await anyio.to_thread.run_sync(_counted, body, count)


def _counted(body: bytes, count: Callable[[str], str]) -> Response:
    try:
        return _text_response(count(body.decode()), 200)
    except UnicodeDecodeError:
        return _text_response("This is no line of a vote.", 422)
    except LabError as error:
        return _text_response(error.detail or error.title, 422)
    except RivyaError:  # its sentence speaks of the machine that shares, which is not the voter's
        return _text_response("Your vote cannot be counted at the moment. Send it again, or copy the line.", 503)


def _client(request: Request) -> str:
    """Return an identifier of the browser, good enough for an estimate."""
    host = request.client.host if request.client else ""
    return f"{host} {request.headers.get('user-agent', '')[:CLIENT_MAX]}"


async def _body(request: Request) -> bytes | None:
    """Read the body of a request; None when it is too long, without reading the rest."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > VOTE_MAX_BYTES:
            return None
    return body


def ballot_answer(path: Path | None) -> Response:
    """The page of a ballot, under the policy that stands in it: an older ballot has older scripts."""
    if path is None or not path.is_file():
        return _missing()
    with path.open("rb") as file:
        policy_match = _POLICY.search(file.read(_HEAD_BYTES).decode("utf-8", "replace"))
    if policy_match is None:
        return _missing()
    policy = f"{unescape(policy_match[1])}; frame-ancestors 'none'"
    return _file(path, "text/html; charset=utf-8", {**_HEADERS, "Content-Security-Policy": policy})


def _file(
    served: Path | StoredObject | None, media_type: str | None, headers: Mapping[str, str] = _FILE_HEADERS
) -> Response:
    if served is None:
        return _missing()
    kind = media_type or container_of_key(served.name).media_type
    if not isinstance(served, Path):
        return StoredFile(served, media_type=kind, headers=headers)
    return FileResponse(served, media_type=kind, headers=headers) if served.is_file() else _missing()


def _missing() -> Response:
    return _text_response("Nothing is shared here.", 404)


def _text_response(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, _HEADERS)
