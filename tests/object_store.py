"""A real object store on this machine for tests, and a front before it that can fail in the ways stores fail."""

from __future__ import annotations

import http.client
import threading
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal

import pytest

SECRET: Final = "s3cr3t-of-the-store"
KEY_ID: Final = "AKIAOFTHETESTS"

Fault = Literal["", "503", "403", "hang", "swallow"]
"""``hang``: take a request and never answer. ``swallow``: let the store do a PUT, and never say so."""

DENIED: Final = (
    "<Error><Code>AccessDenied</Code><Message>denied</Message><AWSAccessKeyId>" + KEY_ID + "</AWSAccessKeyId></Error>"
)


class ObjectStore:
    """A moto server in this process, with a front of our own that its clients talk to."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second of loading, for those tests only

        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        _, port = self._moto.get_host_and_port()
        self.address = f"127.0.0.1:{port}"
        self.front = Front(self.address)

    def bucket(self) -> str:
        """Make a bucket; return its name."""
        name = f"lab-{uuid.uuid4().hex[:12]}"
        ask(f"http://{self.address}/{name}", "PUT")
        return name

    def stop(self) -> None:
        """End both servers."""
        self.front.stop()
        self._moto.stop()


class Front:
    """Passes requests on to the store unless a fault is set; each is noted as method and path."""

    def __init__(self, behind: str) -> None:
        self.fault: Fault = ""
        self.asked: list[tuple[str, str]] = []
        self.swallowed = threading.Event()
        self._let_go = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, behind))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="store-front")
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def heal(self) -> None:
        """Answer again, also what hangs: by closing its connection."""
        self.fault = ""
        self._let_go.set()
        self._let_go = threading.Event()
        self.swallowed.clear()

    def hang(self) -> None:
        """Hold a request back until the front is healed."""
        self._let_go.wait()

    def stop(self) -> None:
        """End the server, and with it what hangs."""
        self.heal()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(front: Front, behind: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            front.asked.append((self.command, self.path))
            fault = front.fault
            if fault == "hang":
                front.hang()
                self.close_connection = True
            elif fault in {"503", "403"}:
                self._say(int(fault), [], DENIED.encode() if fault == "403" else b"")
            else:
                self._ask(body)

        def _ask(self, body: bytes) -> None:
            connection = http.client.HTTPConnection(behind)
            try:
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
            if front.fault == "swallow" and self.command == "PUT":
                front.swallowed.set()
                front.hang()
                self.close_connection = True
                return
            self._say(answer.status, answer.getheaders(), content)

        def _say(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            told = {name.lower(): value for name, value in headers}
            for name in told.keys() - {"connection", "transfer-encoding", "content-length"}:
                self.send_header(name, told[name])
            length = told.get("content-length", "0") if self.command == "HEAD" else str(len(content))
            self.send_header("content-length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815 - the library's names

    return Handler


def ask(url: str, method: str) -> bytes:
    """Ask the store itself, past the front."""
    with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
        return bytes(answer.read())


class Bucket:
    """A bucket of one test."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self.name = name
        self.url = f"s3://{name}/of/the-lab"
        self.front = store.front
        self._address = store.address

    def objects(self) -> list[str]:
        """The keys of all objects, as the archive calls them."""
        listed = ask(f"http://{self._address}/{self.name}?list-type=2", "GET").decode()
        found = listed.split("<Key>of/the-lab/")[1:]
        return sorted(one.partition("</Key>")[0] for one in found)


def bucket_of(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Make a bucket and set the store's variables for this process and its children."""
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_ALLOW_HTTP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.front.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    store.front.heal()
    store.front.asked.clear()
    return Bucket(store, store.bucket())
