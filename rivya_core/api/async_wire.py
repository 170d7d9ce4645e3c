"""The async form of ``wire``: the same calls over httpx's aiohttp transport, which is loaded only here.

The transport is used without ``httpx.AsyncClient``: that rules out redirects, cookies and ambient credentials, and makes a read
several times cheaper. What to know of it: it reports a POST that was accepted and then dropped as a connect timeout (so error
classes decide nothing); aiohttp silently repeats a dropped GET (never a POST), re-quotes URLs (which breaks signatures over the
URL) and refuses answers with long headers.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any

import httpx
import yarl

from rivya_core.api.endpoints import Call, T
from rivya_core.api.errors import LabError
from rivya_core.api.network import NetworkRoute, unusable_key_log
from rivya_core.api.wire import LIBRARY_FAULTS, Address, AnswerBody, open_upload, with_form

try:
    import aiohttp
    from aiohttp.http_exceptions import HttpProcessingError
    from httpx_aiohttp import AiohttpTransport
except OSError as error:  # aiohttp makes a TLS context at import, which opens the file of SSLKEYLOGFILE
    raise unusable_key_log() from error

ASYNC_FAULTS: tuple[type[Exception], ...] = (*LIBRARY_FAULTS, aiohttp.ClientError, HttpProcessingError)
_CONNECTIONS_MAX = 100
_KEEP_ALIVE_S = 15.0
_HOP_BYTES = 131_072  # of an upload that are read in one call to a worker thread
_HEADER_MAX_BYTES = 65_536
_HEADERS_MAX = 1_000

_asked_for: ContextVar[httpx.URL] = ContextVar("rivya_asked_for")


class _ExactTransport(AiohttpTransport):
    """The library's transport, but it sends the URL byte for byte as given: signed URLs do not survive being re-quoted."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _asked_for.set(request.url)
        return await super().handle_async_request(request)


async def _as_given(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    request.url = yarl.URL(str(_asked_for.get()), encoded=True)
    return await send(request)


class AsyncTransport:
    """Connection pools, one per network route; without cookies or ambient credentials. Bound to one event loop."""

    def __init__(self) -> None:
        self._transports: dict[NetworkRoute, AiohttpTransport] = {}

    async def send(self, request: httpx.Request, route: NetworkRoute) -> httpx.Response:
        """Send a request and return its answer with an unread body.

        Raises:
            Exception: one of ``ASYNC_FAULTS``.
        """
        if route not in self._transports:
            self._transports[route] = _make_transport(route)
        return await self._transports[route].handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            await transport.aclose()


def _make_transport(route: NetworkRoute) -> AiohttpTransport:
    tls = route.tls or _empty_tls_context()

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=_CONNECTIONS_MAX, keepalive_timeout=_KEEP_ALIVE_S, ssl=tls, socket_factory=_make_socket
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            middlewares=(_as_given,),
            max_line_size=_HEADER_MAX_BYTES,
            max_field_size=_HEADER_MAX_BYTES,
            max_headers=_HEADERS_MAX,
        )

    proxy = httpx.Proxy(route.proxy.url, headers=route.proxy.headers) if route.proxy else None
    return _ExactTransport(verify=tls, client=session, proxy=proxy)


class _WriteTolerantSocket(socket.socket):
    """A socket that pretends to write after the peer has closed, so that an answer which was sent before the close is still read.

    A server may refuse an upload early and close the connection (RFC 9112, section 9.6). asyncio would discard the received
    answer when the write fails; with this socket the next read delivers the answer, and then the end of the connection.
    """

    def send(self, data: Any, *flags: Any) -> int:
        try:
            return super().send(data, *flags)
        except (BrokenPipeError, ConnectionResetError):
            return memoryview(data).nbytes

    def sendmsg(self, buffers: Any, *more: Any) -> int:
        buffers = list(buffers)
        try:
            return super().sendmsg(buffers, *more)
        except (BrokenPipeError, ConnectionResetError):
            return sum(memoryview(buffer).nbytes for buffer in buffers)


def _make_socket(address: tuple[Any, ...]) -> socket.socket:
    return _WriteTolerantSocket(*address[:3])


def _empty_tls_context() -> ssl.SSLContext:
    """Return a TLS context for plain http, which never uses it; without one the library would load the system's certificates."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class LoopGuard:
    """Binds a client to the event loop of its first use, as its connections cannot be used in another."""

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
    """Sends calls and reads their answers; bound to one event loop."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._transport = AsyncTransport()

    async def exchange(self, call: Call[T], within_s: float | None = None) -> T:
        """Send one call once and return its typed answer.

        Raises:
            RivyaError: for every failure, those of the libraries included.
        """
        request = self.address.request(call, within_s)
        try:
            async with asyncio.timeout(self.address.whole_s(call, within_s)):
                with open_upload(call.upload) if call.upload else nullcontext() as file:
                    if call.upload is not None and file is not None:
                        request = _off_loop(with_form(request, call.upload, file))
                    response = await self._transport.send(request, self.address.route)
                    try:
                        body = AnswerBody(call, response)
                        with body.keep_partial_error(ASYNC_FAULTS):
                            async for chunk in response.aiter_raw():
                                body.take(chunk)
                    finally:
                        await response.aclose()
        except ASYNC_FAULTS as error:
            raise self.address.fault(call, error) from error
        return call.answer(self.address.answer(response.status_code, response.headers, body.whole()))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class _OffLoopStream(httpx.AsyncByteStream):
    """Read the pieces of a multipart body in a worker thread, so that a slow disk does not stop the event loop."""

    def __init__(self, pieces: httpx.SyncByteStream) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        iterator = iter(self._pieces)
        while pieces := await asyncio.to_thread(_next_pieces, iterator):
            for piece in pieces:
                yield piece


def _next_pieces(iterator: Iterator[bytes]) -> list[bytes]:
    """Return enough pieces to be worth a thread switch; a list, since joining them would copy every byte."""
    pieces: list[bytes] = []
    left_bytes = _HOP_BYTES
    for piece in iterator:
        pieces.append(piece)
        left_bytes -= len(piece)
        if left_bytes <= 0:
            break
    return pieces


def _off_loop(request: httpx.Request) -> httpx.Request:
    stream = request.stream
    if not isinstance(stream, httpx.SyncByteStream):
        return request
    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=_OffLoopStream(stream),
        extensions=request.extensions,
    )
