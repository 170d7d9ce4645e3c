"""The blocking transport leaves no socket open, whoever closes it while somebody connects."""

from __future__ import annotations

import socket
import threading
from typing import Any

import httpcore
import httpx
import pytest

from rivya_core.api.blocking_transport import BlockingTransport
from rivya_core.api.network import Network


def test_a_transport_closed_while_a_thread_connects_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket that comes of it is closed at once, and the thread is told instead of waiting for an answer."""
    looking, go_on = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def slow_look_up(*wanted: Any, **more: Any) -> Any:
        looking.set()
        go_on.wait()
        return look_up(*wanted, **more)

    transport = BlockingTransport()
    told: list[Exception] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = httpx.URL(f"http://127.0.0.1:{server.getsockname()[1]}/")

        def read() -> None:
            try:
                transport.send(httpx.Request("GET", url), Network().route_to(url))
            except httpcore.NetworkError as error:
                told.append(error)

        monkeypatch.setattr(socket, "getaddrinfo", slow_look_up)
        reader = threading.Thread(target=read)
        reader.start()
        looking.wait()
        transport.close()
        go_on.set()
        reader.join()
        opened, _ = server.accept()
        with opened:
            assert opened.recv(1) == b""
    assert [str(error) for error in told] == ["the client was closed meanwhile"]
