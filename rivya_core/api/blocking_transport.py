"""Send requests over pools of connections, blocking, and never longer than a deadline allows.

The library below limits each wait for a byte; a server that sends one now and then, in headers, interim answers or chunk
lines, would hold a thread for ever. Here every touch of a socket gets at most what is left of the whole.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from rivya_core.api.network import Way

TRANSPORT_FAULTS: tuple[type[Exception], ...] = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)
TIMEOUTS: tuple[type[Exception], ...] = (httpcore.TimeoutException, TimeoutError)
_CONNECTIONS_MAX = 100
_KEPT_MAX = 20
_KEEP_ALIVE_S = 5.0
_WRITE_BYTES = 16_384
_OVER = "the exchange took too long as a whole"


class Deadline:
    """When an exchange must have ended; may be moved while it goes on."""

    def __init__(self, seconds: float) -> None:
        self._started = time.monotonic()
        self.seconds = seconds

    def left_s(self) -> float:
        """Return the seconds left, never below zero."""
        return max(self._started + self.seconds - time.monotonic(), 0.0)


_deadline: ContextVar[Deadline | None] = ContextVar("rivya_deadline", default=None)


@contextmanager
def ending_within(seconds: float) -> Iterator[Deadline]:
    """Let everything that this thread sends and receives inside the block end within ``seconds``."""
    deadline = Deadline(seconds)
    token = _deadline.set(deadline)
    try:
        yield deadline
    finally:
        _deadline.reset(token)


def _within(timeout: float | None, over: type[httpcore.TimeoutException]) -> float | None:
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = deadline.left_s()
    if left <= 0:
        raise over(_OVER)
    return left if timeout is None else min(timeout, left)


class BlockingTransport:
    """Pools of connections, one a way; without cookies, redirects or ambient credentials. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[Way, httpcore.ConnectionPool] = {}
        self._backend = _Backend()

    def send(self, request: httpx.Request, way: Way) -> httpx.Response:
        """Send a request and return its answer with an unread body.

        Raises:
            Exception: one of ``TRANSPORT_FAULTS``, or what reading the request's own body raises.
        """
        url = request.url
        answer = self._pool(way).handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def _pool(self, way: Way) -> httpcore.ConnectionPool:
        with self._lock:
            if way not in self._pools:
                self._pools[way] = _make_pool(way, self._backend)
            return self._pools[way]

    def close(self) -> None:
        """Close the connections, also those that another thread is about to open."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
        self._backend.close()


def _make_pool(way: Way, backend: _Backend) -> httpcore.ConnectionPool:
    common: dict[str, Any] = {
        "ssl_context": way.tls,
        "max_connections": _CONNECTIONS_MAX,
        "max_keepalive_connections": _KEPT_MAX,
        "keepalive_expiry": _KEEP_ALIVE_S,
        "network_backend": backend,
    }
    if way.proxy is None:
        return httpcore.ConnectionPool(**common)
    return httpcore.HTTPProxy(
        way.proxy.url,
        proxy_headers=list(way.proxy.headers.items()),
        proxy_ssl_context=way.tls if way.proxy.scheme == "https" else None,
        **common,
    )


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Backend(httpcore.NetworkBackend):
    """The library's sockets, each of them held to the deadline, and none of them open after ``close``.

    A pool that is closed while a thread connects never hears of the socket that comes of it.
    """

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._lock = threading.Lock()
        self._open: set[_Stream] = set()
        self._closed = False

    def close(self) -> None:
        """Close every socket, and let no other be opened."""
        with self._lock:
            self._closed = True
            left = list(self._open)
        for stream in left:
            stream.close()

    def forget(self, stream: _Stream) -> None:
        """Note that a socket is closed, or belongs to another stream."""
        with self._lock:
            self._open.discard(stream)

    def keep(self, inner: httpcore.NetworkStream) -> _Stream:
        """Hold a socket to the deadline, and know of it until it is closed."""
        stream = _Stream(inner, self)
        with self._lock:
            closed = self._closed
            if not closed:
                self._open.add(stream)
        if closed:
            inner.close()
            raise httpcore.ConnectError("the client was closed meanwhile")
        return stream

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Try the addresses of a host one after the other, each with what is left of the whole."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that no resolver takes
            raise httpcore.ConnectError(str(error)) from error
        fault: Exception = httpcore.ConnectError("the name has no address")
        for address in dict.fromkeys(str(info[4][0]) for info in found):
            within = _within(timeout, httpcore.ConnectTimeout)
            try:
                opened = self._inner.connect_tcp(address, port, within, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return self.keep(opened)
        raise fault

    def sleep(self, seconds: float) -> None:
        """Wait between two tries of the library's own; none are asked for."""
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: _Backend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; when nobody takes the bytes and there is something to read, fail so that the answer is read."""
        for at in range(0, len(buffer), _WRITE_BYTES):
            within = _within(timeout, httpcore.WriteTimeout)
            try:
                self._inner.write(buffer[at : at + _WRITE_BYTES], within)
            except httpcore.WriteTimeout as error:
                if self._inner.get_extra_info("is_readable"):
                    raise httpcore.WriteError("an answer came before all was sent") from error
                raise

    def close(self) -> None:
        self._backend.forget(self)
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        within = _within(timeout, httpcore.ConnectTimeout)
        self._backend.forget(self)
        return self._backend.keep(self._inner.start_tls(ssl_context, server_hostname, within))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
