"""A port of this machine for one server of a test, before it starts, between two starts and after its end."""

from __future__ import annotations

import socket
import sys

_HELD: list[socket.socket] = []


def own_port() -> int:
    """A free port on the loopback address that nobody else is given until the run ends.

    A number that was merely free a moment ago is given away again: to the next test that asks, or to a connection that goes out.
    On Linux it stays bound, which keeps neither a server that may reuse addresses from listening there nor a port without
    one from refusing connections.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = int(held.getsockname()[1])
    if sys.platform == "linux":
        _HELD.append(held)
    else:
        held.close()
    return port
