"""A server that answers what a test tells it to, word for word: for answers that no simulator of the contract would give."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """One answer: status, body (bytes, or a value sent as JSON) and further headers."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()

    def payload(self) -> bytes:
        """The bytes of the body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Seen:
    """What arrived: method, path, idempotency key, body, and when (monotonic seconds)."""

    method: str
    path: str
    key: str | None
    body: bytes = field(repr=False)
    at: float = field(default_factory=time.monotonic, compare=False)


class Scripted:
    """Answer requests in order from a script, then each route for ever with its last good answer."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._script: list[Reply] = []
        self.good: dict[str, Reply] = {}
        self._lock = Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            def do_POST(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"

    def tell(self, script: Sequence[Reply], **good: Reply) -> None:
        """Take a new script; ``good``: by route (create, retrieve, upload, media) what comes after it."""
        with self._lock:
            self.seen = []
            self._script = list(script)
            self.good |= good

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        with self._lock:
            self.seen.append(Seen(request.command, request.path, request.headers.get("Idempotency-Key"), body))
            route = _route(request.command, request.path)
            reply = self._script.pop(0) if self._script and route != "media" else self.good.get(route, Reply(404, {}))
        payload = reply.payload()
        request.send_response(reply.status)
        for name, value in reply.headers:
            request.send_header(name, value)
        if reply.status not in {204, 304}:
            request.send_header("Content-Length", str(len(payload)))
        request.end_headers()
        if reply.status not in {204, 304}:
            request.wfile.write(payload)


def _route(method: str, path: str) -> str:
    if path.endswith(".mp4"):
        return "media"
    if method == "POST":
        return "upload" if path.endswith("/files") else "create"
    return "retrieve"
