"""The async form of ``wire``: the same calls over httpx's aiohttp transport, which is loaded only here.

The transport is used without ``httpx.AsyncClient``: no redirects, cookies or ambient credentials can come in, and a read
costs a fraction. Its traps: it reports an accepted-then-dropped POST as a connect timeout (so classes decide nothing),
aiohttp silently repeats a dropped GET (never a POST), quotes addresses anew (a signature may cover each byte of one), and
refuses answers with long headers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
import yarl
from aiohttp.http_exceptions import HttpProcessingError
from httpx_aiohttp import AiohttpTransport

from rivya_core.api.endpoints import Call, T
from rivya_core.api.errors import LabError
from rivya_core.api.wire import (
    LIBRARY_FAULTS,
    Address,
    check_progress,
    open_upload,
    tls_context,
    trusts_environment,
    with_form,
)

ASYNC_FAULTS: tuple[type[Exception], ...] = (*LIBRARY_FAULTS, aiohttp.ClientError, HttpProcessingError)
_CONNECTIONS_MAX = 100
_KEEP_ALIVE_S = 15.0
_HOP_BYTES = 131_072
_HEADER_MAX_BYTES = 65_536
_HEADERS_MAX = 1_000

_asked_for: ContextVar[httpx.URL] = ContextVar("rivya_asked_for")


class _ExactTransport(AiohttpTransport):
    """The library's transport, but the address leaves byte for byte as it was given."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _asked_for.set(request.url)
        return await super().handle_async_request(request)


async def _as_given(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    request.url = yarl.URL(str(_asked_for.get()), encoded=True)
    return await send(request)


def make_transport(base_url: str) -> AiohttpTransport:
    """Return a transport without cookies or ambient credentials; a proxy of the environment is used as httpx would."""
    proxy = _environment_proxy(base_url) if trusts_environment(base_url) else None
    tls = tls_context()

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS_MAX, keepalive_timeout=_KEEP_ALIVE_S, ssl=tls)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            middlewares=(_as_given,),
            max_line_size=_HEADER_MAX_BYTES,
            max_field_size=_HEADER_MAX_BYTES,
            max_headers=_HEADERS_MAX,
        )

    return _ExactTransport(verify=tls, client=session, proxy=httpx.Proxy(proxy) if proxy else None)


def _environment_proxy(url: str) -> str | None:
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - needed once

    parts = httpx.URL(url)
    return None if proxy_bypass(parts.host) else getproxies().get(parts.scheme)


class OneLoop:
    """The event loop that a client is first used in: its connections live there and nowhere else."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def check(self) -> None:
        """Raise LabError when another loop than the first runs."""
        running = asyncio.get_running_loop()
        self._loop = self._loop or running
        if self._loop is not running:
            raise LabError(
                "This client belongs to another event loop",
                "An async client is used within one event loop, and each asyncio.run makes a new one; nothing was sent",
                "Make a client inside each asyncio.run, or use Rivya, the blocking one",
            )


class AsyncWire:
    """Exchange calls over one pool of connections, within one event loop."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._transport = make_transport(address.base_url)

    async def exchange(self, call: Call[T], within_s: float | None = None) -> T:
        """Send one call once and return its typed answer.

        Raises:
            RivyaError: one of our tree, whatever happened.
        """
        request = self.address.request(call, within_s)
        whole_s = self.address.timeouts.whole_s(within_s)
        ends = time.monotonic() + whole_s
        try:
            async with asyncio.timeout(whole_s) as scope:
                with open_upload(call.upload) if call.upload else nullcontext() as file:
                    if call.upload is not None and file is not None:
                        request = _off_loop(with_form(request, call.upload, file), _extend(scope, whole_s))
                        ends = float("inf")
                    response = await self._transport.handle_async_request(request)
                    try:
                        body = await _gather(response, call, ends)
                    finally:
                        await response.aclose()
        except ASYNC_FAULTS as error:
            raise self.address.fault(call, error) from error
        return call.answer(self.address.answer(response.status_code, response.headers, body))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


async def _gather(response: httpx.Response, call: Call[Any], ends: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        check_progress(size, call, ends)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _extend(scope: asyncio.Timeout, whole_s: float) -> Callable[[], None]:
    """Return a call that gives an upload its full time again; made after each piece, so that only a stall ends it."""
    loop = asyncio.get_running_loop()
    return lambda: None if scope.expired() else scope.reschedule(loop.time() + whole_s)


class _OffLoopStream(httpx.AsyncByteStream):
    """Read the pieces of a multipart body in a worker thread, so that a slow disk does not stop the event loop."""

    def __init__(self, pieces: httpx.SyncByteStream, on_piece: Callable[[], None]) -> None:
        self._pieces = pieces
        self._on_piece = on_piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        iterator = iter(self._pieces)
        while block := await asyncio.to_thread(_next_block, iterator):
            self._on_piece()
            yield block


def _next_block(pieces: Any) -> bytes:
    block = bytearray()
    for piece in pieces:
        block += piece
        if len(block) >= _HOP_BYTES:
            break
    return bytes(block)


def _off_loop(request: httpx.Request, on_piece: Callable[[], None]) -> httpx.Request:
    stream = request.stream
    if not isinstance(stream, httpx.SyncByteStream):
        return request
    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=_OffLoopStream(stream, on_piece),
        extensions=request.extensions,
    )
