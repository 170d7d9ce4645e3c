"""A door before an outside simulator: everything goes through, and the creates that are under way at once are counted."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.until import HANGS_S

CREATE = "/api/v1/generations"


class Door:
    """``most``: how many creates were ever under way at the same time, by when they came and when they were answered."""

    def __init__(self, behind: str) -> None:
        self.under_way = 0
        self.most = 0
        self._guard = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, urlsplit(behind).netloc))
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="door", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, step: int) -> None:
        """One create more, or one less."""
        with self._guard:
            self.under_way += step
            self.most = max(self.most, self.under_way)


def _handler(door: Door, behind: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _pass(self) -> None:
            is_create = (self.command, self.path) == ("POST", CREATE)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            connection = http.client.HTTPConnection(behind, timeout=HANGS_S)
            door.count(is_create)
            try:
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                answer = connection.getresponse()
                content = answer.read()
            except OSError:  # the simulator cut it, or was ended
                self.close_connection = True
                return
            finally:
                door.count(-is_create)  # before the client hears of it and may begin another one
                connection.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815 - the library's names

    return Handler
