"""Blocking connection pools with a deadline for the whole exchange.

httpcore's timeouts apply to each read: a server that sends a byte now and then (in headers, 1xx responses or chunk lines) could
hold a thread for ever. Here every socket operation gets at most the time that is left until the deadline.
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

from rivya_core.api.network import NetworkRoute

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
    """The time by which an exchange must end. ``seconds``, counted from the start, may be changed meanwhile."""

    def __init__(self, seconds: float) -> None:
        self._started = time.monotonic()
        self.seconds = seconds

    def left_s(self) -> float:
        """Return the seconds left, never below zero."""
        return max(self._started + self.seconds - time.monotonic(), 0.0)


_deadline: ContextVar[Deadline | None] = ContextVar("rivya_deadline", default=None)


@contextmanager
def ending_within(seconds: float) -> Iterator[Deadline]:
    """Apply a deadline to everything that this thread sends and receives inside the block."""
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
    remaining_s = deadline.left_s()
    if remaining_s <= 0:
        raise over(_OVER)
    return remaining_s if timeout is None else min(timeout, remaining_s)


class BlockingTransport:
    """Connection pools, one per network route; without cookies, redirects or ambient credentials. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[NetworkRoute, httpcore.ConnectionPool] = {}
        self._backend = _Backend()

    def send(self, request: httpx.Request, route: NetworkRoute) -> httpx.Response:
        """Send a request and return its answer with an unread body.

        Raises:
            Exception: one of ``TRANSPORT_FAULTS``, or what reading the request's own body raises.
        """
        url = request.url
        answer = self._pool(route).handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def _pool(self, route: NetworkRoute) -> httpcore.ConnectionPool:
        with self._lock:
            if route not in self._pools:
                self._pools[route] = _make_pool(route, self._backend)
            return self._pools[route]

    def close(self) -> None:
        """Close all connections, also one that another thread is opening."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
        self._backend.close()


def _make_pool(route: NetworkRoute, backend: _Backend) -> httpcore.ConnectionPool:
    common: dict[str, Any] = {
        "ssl_context": route.tls,
        "max_connections": _CONNECTIONS_MAX,
        "max_keepalive_connections": _KEPT_MAX,
        "keepalive_expiry": _KEEP_ALIVE_S,
        "network_backend": backend,
    }
    if route.proxy is None:
        return httpcore.ConnectionPool(**common)
    return httpcore.HTTPProxy(
        route.proxy.url,
        proxy_headers=list(route.proxy.headers.items()),
        proxy_ssl_context=route.tls if route.proxy.scheme == "https" else None,
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
    """Sockets with the deadline applied, all of which ``close`` closes.

    The pool alone would not do: closed while a thread connects, it never learns of the new socket, which would stay open.
    """

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._lock = threading.Lock()
        self._open: set[_Stream] = set()
        self._closed = False

    def close(self) -> None:
        """Close all sockets and refuse new ones."""
        with self._lock:
            self._closed = True
            streams = list(self._open)
        for stream in streams:
            stream.close()

    def forget(self, stream: _Stream) -> None:
        """Stop tracking a socket that is closed or wrapped by another stream."""
        with self._lock:
            self._open.discard(stream)

    def keep(self, inner: httpcore.NetworkStream) -> _Stream:
        """Wrap a socket with the deadline and track it until it is closed."""
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
        """Try the addresses of a host in turn, each with the time that is left."""
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: the name cannot be encoded for DNS
            raise httpcore.ConnectError(str(error)) from error
        fault: Exception = httpcore.ConnectError("the name has no address")
        for address in dict.fromkeys(str(info[4][0]) for info in addresses):
            within = _within(timeout, httpcore.ConnectTimeout)
            try:
                opened = self._inner.connect_tcp(address, port, within, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return self.keep(opened)
        raise fault

    def sleep(self, seconds: float) -> None:
        """Wait between two retries of the library; part of the interface, unused as retries are off."""
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: _Backend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; when the peer stops reading and has sent something, raise WriteError so that its early answer is read."""
        # In pieces: the deadline applies to each, and an early answer is noticed before the whole body is sent.
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
