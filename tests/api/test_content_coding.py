"""What a server packs is unpacked once, piece by piece; a small body never fills the memory, whatever it would become."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from rivya_core.api import DownloadError, InsufficientCreditsError, UnreadableAnswerError
from rivya_core.api.content_coding import PIECE_BYTES, PackingError, unpacker
from tests.api.scripted import TASK, Script, answer
from tests.api.test_media import CLIP, MP4, make_media

__all__ = ["make_media"]

MEMORY_MAX = 60_000_000


def raw_deflate(data: bytes) -> bytes:
    """Without zlib's frame."""
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(data) + packing.flush()


FORMS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "old name": ("x-GZIP", gzip.compress),
    "named with identity": ("identity, gzip", gzip.compress),
    "two members": ("gzip", lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:])),
    "with something behind": ("gzip", lambda data: gzip.compress(data) + b"\0\0 behind"),
    "deflate": ("deflate", zlib.compress),
    "deflate without a frame": ("deflate", raw_deflate),
    "no coding": ("utf-8", bytes),
    "of a store": ("aws-chunked", bytes),
    "none": ("", bytes),
}


@given(st.binary(max_size=2000), st.integers(1, 99))
@pytest.mark.parametrize(("name", "pack"), FORMS.values(), ids=FORMS)
def test_what_was_packed_comes_out_in_any_pieces(
    name: str, pack: Callable[[bytes], bytes], data: bytes, step: int
) -> None:
    """However the network cuts it."""
    packed = pack(data)
    unpacking = unpacker([name])
    out = b"".join(part for at in range(0, len(packed), step) for part in unpacking.feed(packed[at : at + step]))
    unpacking.end()
    assert out == data


@given(st.binary(min_size=1, max_size=500), st.data())
@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_body_that_is_cut_is_said_to_be(
    name: str, pack: Callable[[bytes], bytes], data: bytes, more: st.DataObject
) -> None:
    """No part of an answer passes for the whole."""
    packed = pack(data)
    unpacking = unpacker([name])
    for _ in unpacking.feed(packed[: more.draw(st.integers(1, len(packed) - 1))]):
        pass
    with pytest.raises(PackingError, match="cut off"):
        unpacking.end()


@given(st.binary(max_size=300))
@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    """Nothing but our own error."""
    unpacking = unpacker([name])
    try:
        for _ in unpacking.feed(data):
            pass
        unpacking.end()
    except PackingError:
        pass


@pytest.mark.parametrize("names", [["gzip, gzip"], ["gzip", "deflate"], ["br"], ["zstd"], ["gzip, br"], ["x-compress"]])
def test_more_than_one_coding_and_other_codings_are_refused(names: list[str]) -> None:
    """They were not asked for."""
    with pytest.raises(PackingError, match="compressed"):
        unpacker(names)


def test_a_bomb_comes_out_in_small_pieces() -> None:
    """Only what is taken is unpacked."""
    bomb = gzip.compress(bytes(50_000_000))
    assert max(len(part) for part in unpacker(["gzip"]).feed(bomb)) <= PIECE_BYTES


ZEROS = gzip.compress(bytes(100_000_000))
BOMBS = {
    "packed twice": ("gzip, gzip", gzip.compress(ZEROS)),
    "packed once": ("gzip", ZEROS),
    "deflate": ("deflate", zlib.compress(bytes(100_000_000))),
    "many members": ("gzip", gzip.compress(b" ") * 2_000),
    "br": ("br", b"x" * 99),
    "damaged": ("gzip", ZEROS[:50_000] + b"\0" * 50_000),
    "cut": ("gzip", gzip.compress(json.dumps(TASK).encode())[:-9]),
}


@pytest.mark.parametrize(("name", "body"), BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("status", [200, 400])
def test_a_create_answered_with_a_bomb_is_an_unknown_outcome(
    client: Any, server: Script, name: str, body: bytes, status: int
) -> None:
    """It is told in words, may be asked again with the same key, and takes little memory."""
    server.does(answer(status, body, {"Content-Encoding": name}))
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableAnswerError) as caught:
            client.post_generation(b"{}", idempotency_key="k")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (caught.value.charged, caught.value.retryable, caught.value.http_status) == ("unknown", True, status)
    assert peak < MEMORY_MAX


@pytest.mark.parametrize(("name", "body"), BOMBS.values(), ids=BOMBS)
def test_a_clip_that_is_a_bomb_leaves_nothing(
    make_media: Callable[..., Any], server: Script, tmp_path: Path, name: str, body: bytes
) -> None:
    """Nor does it take memory."""
    server.does(answer(200, body, {**MP4, "Content-Encoding": name}))
    tracemalloc.start()
    try:
        with pytest.raises(DownloadError) as caught:
            make_media(server.base_url).fetch(f"{server.base_url}/x", tmp_path / "x.part", max_bytes=20_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.charged == "yes"
    assert peak < MEMORY_MAX
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "pack"), FORMS.values(), ids=FORMS)
def test_an_answer_and_a_clip_in_any_single_coding_are_read(
    client: Any,
    make_media: Callable[..., Any],
    server: Script,
    tmp_path: Path,
    name: str,
    pack: Callable[[bytes], bytes],
) -> None:
    """By both clients; nothing packed is asked for."""
    server.does(answer(200, pack(json.dumps(TASK).encode()), {"Content-Encoding": name}))
    assert client.post_generation(b"{}", idempotency_key="k").id == "task_1"
    server.does(answer(200, pack(CLIP), {**MP4, "Content-Encoding": name}))
    part = tmp_path / "x.part"
    make_media(server.base_url).fetch(f"{server.base_url}/x", part)
    assert part.read_bytes() == CLIP
    assert server.received[0].headers["accept-encoding"] == "identity"


DEEP = 200_000
JSON_BOMBS = {
    "deep lists": b"[" * DEEP,
    "deep lists, closed": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep inside a task": json.dumps(TASK)[:-1].encode() + b',"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "huge integer": json.dumps(TASK)[:-1].encode() + b',"x":' + b"9" * 1_000_000 + b"}",
    "huge integer for credits": json.dumps({**TASK, "reserved_credits": 0}).replace('credits": 0', 'credits": ' + "9" * 5000).encode(),
    "a number for everything": b"1e999",
    "half a character": b'"\\ud800"',
    "no UTF-8": b"\xff\xfe{}",
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("body", JSON_BOMBS.values(), ids=JSON_BOMBS)
def test_json_that_cannot_be_read_is_an_unknown_outcome(client: Any, server: Script, body: bytes) -> None:
    """Never an error of the reader's own."""
    server.does(answer(200, body))
    with pytest.raises(UnreadableAnswerError) as caught:
        client.post_generation(b"{}", idempotency_key="k")
    assert (caught.value.charged, caught.value.retryable) == ("unknown", True)


def test_a_refusal_in_a_single_coding_is_understood(client: Any, server: Script) -> None:
    """Its code counts."""
    packed = gzip.compress(b'{"error":{"code":"insufficient_credits","message":"No.","requestId":"r"}}')
    server.does(answer(402, packed, {"Content-Encoding": "gzip"}))
    with pytest.raises(InsufficientCreditsError):
        client.post_generation(b"{}", idempotency_key="k")
