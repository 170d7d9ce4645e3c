"""A server on loopback with one answer a path, told by a test: for what several clients ask at the same time."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

from tests.lab.scripted import Reply


class Routed:
    """Answer by path, ``/api/v1`` left out; what is not told is 404. ``seen``: methods and paths, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.answers: dict[str, Reply] = {}
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

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("content-length") or 0))
        path = request.path.removeprefix("/api/v1")
        self.seen.append((request.command, path))
        reply = self.answers.get(
            path, Reply(404, {"error": {"code": "not_found", "message": "No.", "requestId": "req_1"}})
        )
        payload = reply.payload()
        request.send_response(reply.status)
        for name, value in (*reply.headers, ("Content-Length", str(len(payload)))):
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(payload)
