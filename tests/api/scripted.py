"""A tiny HTTP/1.1 server on loopback that does what a script says, faults included, and records what reached it."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Act = Callable[[socket.socket, threading.Event], bool]
"""Does something to the connection; True keeps it open for the next request."""

TASK = {
    "id": "task_1",
    "status": "queued",
    "model": "kling-v2-1-master",
    "reserved_credits": 160,
    "final_credits": 0,
    "created_at": "2026-05-11T00:00:00.000Z",
    "updated_at": "2026-05-11T00:00:00.000Z",
    "result": None,
    "error": None,
}


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def answer(status: int = 200, body: object = None, headers: Mapping[str, str] | None = None) -> Act:
    """Answer with a status and a body: bytes as they are, anything else as JSON."""
    payload = body if isinstance(body, bytes) else json.dumps(TASK if body is None else body).encode()
    lines = [f"HTTP/1.1 {status} Word", f"Content-Length: {len(payload)}"]
    given = {"Content-Type": "application/json", **(headers or {})}
    lines += [f"{name}: {value}" for name, value in given.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + payload, keep=True)


def error(status: int, code: str, message: str = "No.", headers: Mapping[str, str] | None = None) -> Act:
    """Answer with the documented error envelope."""
    return answer(status, {"error": {"code": code, "message": message, "requestId": "req_1"}}, headers)


def raw(data: bytes, *, keep: bool = False) -> Act:
    """Send these bytes; then keep the connection or close it."""

    def act(connection: socket.socket, _over: threading.Event) -> bool:
        connection.sendall(data)
        return keep

    return act


def drop(connection: socket.socket, _over: threading.Event) -> bool:
    """Close the connection without an answer, the request being read."""
    del connection
    return False


def reset(connection: socket.socket, _over: threading.Event) -> bool:
    """Reset the connection (RST) without an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def stall(connection: socket.socket, over: threading.Event) -> bool:
    """Never answer."""
    del connection
    over.wait(30)
    return False


@dataclass
class Script:
    """A running server. ``acts`` are done one a request, in order; the last one for every later request.

    ``tls``: speak it. ``early``: so many of the first requests are acted on before their body is read.
    """

    acts: list[Act] = field(default_factory=lambda: [answer()])
    received: list[Received] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    early: int = 0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    @property
    def base_url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def does(self, *acts: Act) -> Script:
        """Set what the server does next."""
        with self._lock:
            self.acts = list(acts)
            self.received.clear()
        return self

    def posts(self) -> list[Received]:
        """The POSTs that arrived."""
        return [one for one in self.received if one.method == "POST"]

    def stop(self) -> None:
        """Close everything."""
        self._over.set()
        for held in (self._listener, *self._connections):  # shutting down wakes the threads that wait on them
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = bytearray()
        with contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            try:
                if self.tls is not None:
                    self._connections.discard(connection)
                    connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
                    self._connections.add(connection)
                while (request := _read_request(connection, buffer, early=len(self.received) < self.early)) is not None:
                    with self._lock:
                        self.received.append(request)
                        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                    if not act(connection, self._over):
                        break
            except OSError:
                pass
        self._connections.discard(connection)


def _read_request(connection: socket.socket, buffer: bytearray, *, early: bool = False) -> Received | None:
    while b"\r\n\r\n" not in buffer:
        data = connection.recv(65536)
        if not data:
            return None
        buffer += data
    head, _, rest = bytes(buffer).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = 0 if early else int(headers.get("content-length", 0))
    body = bytearray(rest)
    while len(body) < length:
        data = connection.recv(65536)
        if not data:
            return None
        body += data
    buffer[:] = body[length:]
    method, path, _ = first.split(" ")
    return Received(method, path, headers, bytes(body[:length]))
