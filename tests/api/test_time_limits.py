"""No server holds a client longer than the whole time of an exchange, whatever it drips before the first byte of a body."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from rivya_core.api import AsyncMediaClient, DownloadError, MediaClient, RateLimitedError, TransportError, endpoints
from rivya_core.api.async_wire import AsyncWire
from rivya_core.api.media import BYTES_PER_S, WHOLE_S, allowed_s
from rivya_core.api.wire import UPLOAD_BYTES_PER_S, Address, Timeouts, Wire
from tests.api.conftest import KEY
from tests.api.images import png
from tests.api.scripted import TASK, Act, Script, answer, error, reset

SHORT = Timeouts(connect_s=0.1, read_s=0.15, write_s=0.1, pool_s=0.1)
CREATE = endpoints.create_generation(b"{}", "k")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
NOTHING = gzip.compress(b"")


def drips(start: bytes, drop: bytes, every_s: float = 0.02) -> Act:
    """Send ``start``, then ``drop`` again and again, for ever."""

    def act(connection: socket.socket, over: threading.Event) -> bool:
        connection.sendall(start)
        while not over.wait(every_s):
            connection.sendall(drop)
        return False

    return act


ATTACKS = {
    "slow headers": drips(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "many headers": drips(b"HTTP/1.1 200 OK\r\n", b"X-A: a\r\n"),
    "interim answers": drips(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "interim answers, quick": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 99, 0.001),
    "slow chunk line": drips(CHUNKED + b"\r\n5;", b"a"),
    "gzip without output": drips(
        CHUNKED + b"Content-Encoding: gzip\r\n\r\n", b"%x\r\n%b\r\n" % (len(NOTHING), NOTHING)
    ),
    "trailers": drips(CHUNKED + b"\r\n2\r\n{}\r\n0\r\n", b"X-A: a\r\n"),
    "body": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b" "),
    "refusal": drips(b"HTTP/1.1 400 No\r\nContent-Length: 99999\r\n\r\n", b" "),
}


def exchange(base_url: str, call: endpoints.Call[Any], timeouts: Timeouts, *, is_async: bool) -> Any:
    """Send one call once, over either client's wire."""
    address = Address(base_url, SecretStr(KEY), timeouts)
    if not is_async:
        wire = Wire(address)
        try:
            return wire.exchange(call)
        finally:
            wire.close()

    async def over_a_loop() -> Any:
        async_wire = AsyncWire(address)
        try:
            return await async_wire.exchange(call)
        finally:
            await async_wire.aclose()

    return asyncio.run(over_a_loop())


def fetch(base_url: str, path: Path, *, is_async: bool) -> None:
    """Fetch a clip once, over either client."""
    if not is_async:
        with MediaClient(base_url, SHORT) as media:
            media.fetch(f"{base_url}/x", path)
        return

    async def over_a_loop() -> None:
        async with AsyncMediaClient(base_url, SHORT) as media:
            await media.fetch(f"{base_url}/x", path)

    asyncio.run(over_a_loop())


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_call_ends_within_its_whole_time(server: Script, attack: Act, is_async: bool) -> None:
    """The server would go on for ever; the outcome of a create is unknown then."""
    server.does(attack)
    with pytest.raises(TransportError) as caught:
        exchange(server.base_url, CREATE, SHORT, is_async=is_async)
    assert (caught.value.charged, caught.value.retryable) == ("unknown", True)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("attack", [act for name, act in ATTACKS.items() if name != "refusal"])
def test_a_download_ends_within_its_time(server: Script, tmp_path: Path, attack: Act, is_async: bool) -> None:
    """Until the clip comes that is one exchange's; nothing is left of it, and it may be fetched again."""
    server.does(attack)
    with pytest.raises(DownloadError) as caught:
        fetch(server.base_url, tmp_path / "x.part", is_async=is_async)
    assert caught.value.retryable
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_redirects_share_the_time_of_one_exchange(server: Script, tmp_path: Path, is_async: bool) -> None:
    """Each hop is quick enough by itself; the attack begins behind the last of them."""
    step = answer(302, b"", {"Location": "/next"})
    server.does(step, step, ATTACKS["slow headers"])
    with pytest.raises(DownloadError):
        fetch(server.base_url, tmp_path / "x.part", is_async=is_async)


def test_a_clip_may_take_time_by_its_size() -> None:
    """A slow line gets its clip; a drip does not hold the connection; half an hour ends all."""
    timeouts = Timeouts(10.0, 60.0, 10.0)
    assert allowed_s(timeouts, 0) == timeouts.whole_s(None)
    assert allowed_s(timeouts, 100 * BYTES_PER_S) == timeouts.whole_s(None) + 100
    assert allowed_s(timeouts, 10**12) == WHOLE_S


def test_an_upload_may_take_time_by_its_size() -> None:
    """The same for what is sent, from bytes and from a path."""
    call = endpoints.create_file(endpoints.plan_upload(png()))
    assert call.upload is not None
    assert call.upload.size_bytes == len(png())
    address = Address("http://127.0.0.1:9", SecretStr(KEY), SHORT)
    assert address.whole_s(call, None) == SHORT.whole_s(None) + len(png()) / UPLOAD_BYTES_PER_S
    assert address.whole_s(CREATE, 0.3) == 0.3


BIG_UPLOAD = endpoints.create_file(endpoints.plan_upload(b"\x89PNG\r\n\x1a\n" + bytes(9_000_000)))
BIG_CREATE = endpoints.create_generation(b"{" + b" " * 400_000 + b"}", "k")
BUSY = error(429, "rate_limited", headers={"Retry-After": "3"})


def closes(connection: socket.socket, over: threading.Event) -> bool:
    """Answer, read nothing, and go."""
    BUSY(connection, over)
    return False


def keeps_open(connection: socket.socket, over: threading.Event) -> bool:
    """Answer, read nothing, and stay."""
    BUSY(connection, over)
    over.wait(30)
    return False


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("call", [BIG_UPLOAD, BIG_CREATE], ids=["upload", "create"])
@pytest.mark.parametrize("act", [closes, keeps_open])
def test_an_answer_that_comes_before_all_is_sent_counts(
    server: Script, call: endpoints.Call[Any], act: Act, is_async: bool
) -> None:
    """A server that refuses a body unread has answered: its words decide, not the pipe that it broke."""
    server.early = 1
    server.does(act)
    assert _refused(server.base_url, call, is_async=is_async) == (3.0, "no")
    with warnings.catch_warnings():  # a body that nobody reads is still in a transport whose loop has ended
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _refused(base_url: str, call: endpoints.Call[Any], *, is_async: bool) -> tuple[float | None, str]:
    """What the refusal of a call says; nothing of the exchange is alive afterwards."""
    with pytest.raises(RateLimitedError) as caught:
        exchange(base_url, call, Timeouts(2.0, 20.0, 0.5), is_async=is_async)
    return caught.value.retry_after_s, caught.value.charged


def test_an_upload_refused_unread_is_sent_again(client: Any, server: Script) -> None:
    """By both clients, after the time that the server asks for; and after a reset without a word."""
    server.early = 2
    server.does(closes, reset, answer(200, {"url": "https://files.example/a"}))
    assert client.upload(b"\x89PNG\r\n\x1a\n" + bytes(9_000_000)).url == "https://files.example/a"
    assert len(server.received) == 3


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_an_exchange_in_small_pieces_is_no_attack(server: Script, is_async: bool) -> None:
    """A slow server that gets on with it is waited for."""
    body = b'{"object":"generation",' + str(TASK)[1:].replace("'", '"').replace("None", "null").encode()

    def slowly(connection: socket.socket, over: threading.Event) -> bool:
        for byte in b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body:
            connection.sendall(bytes([byte]))
        return not over.is_set()

    server.does(slowly)
    assert exchange(server.base_url, CREATE, Timeouts(5.0, 30.0, 5.0), is_async=is_async).id == "task_1"
