"""Clips are fetched without credentials, from allowed places only, and only whole videos get a name."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rivya_core.api import (
    AsyncMediaClient,
    ConfigurationError,
    DownloadError,
    Generation,
    MediaClient,
    RivyaError,
    StorageError,
    media_rules as rules,
)
from rivya_core.api.addresses import is_public
from rivya_core.api.wire import Timeouts
from tests.api.conftest import Blocking
from tests.api.scripted import TASK, Act, Script, answer, drop, raw, reset, stall

CLIP = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(range(256)) * 9000
MP4 = {"Content-Type": "video/mp4"}
GOOD = answer(200, CLIP, MP4)
PUBLIC = "https://rivya.ai"


@pytest.fixture(params=["sync", "async"])
def make_media(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Make the sync or the async media client. Closed at the end."""
    loop = asyncio.new_event_loop()
    made: list[Any] = []

    def make(base_url: str, **options: Any) -> Any:
        options.setdefault("timeouts", Timeouts(2.0, 0.5, 2.0))
        kind = MediaClient if request.param == "sync" else AsyncMediaClient
        client: Any = kind(base_url, **options)
        made.append(client if request.param == "sync" else Blocking(client, loop))
        return made[-1]

    yield make
    for client in made:
        client.aclose() if isinstance(client, Blocking) else client.close()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_clip_is_streamed_to_the_part_file(make_media: Callable[..., Any], server: Script, tmp_path: Path) -> None:
    """Size, type and hash are told; no credential and no cookie goes along."""
    server.does(GOOD)
    part = tmp_path / "x.part"
    fetched = make_media(server.base_url).fetch(server.base_url + "/clip.mp4?sig=1", part)
    assert part.read_bytes() == CLIP
    assert (fetched.size_bytes, fetched.content_type) == (len(CLIP), "video/mp4")
    assert fetched.sha256 == hashlib.sha256(CLIP).hexdigest()
    assert server.received[0].path == "/clip.mp4?sig=1"
    assert {"authorization", "cookie", "idempotency-key"}.isdisjoint(server.received[0].headers)


BROKEN: dict[str, tuple[Act, bool, int | None]] = {
    "401": (answer(401, b""), False, 401),
    "403": (answer(403, b"<Error/>"), False, 403),
    "404": (answer(404, b""), False, 404),
    "410": (answer(410, b""), False, 410),
    "429": (answer(429, b""), True, 429),
    "500": (answer(500, b""), True, 500),
    "204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n", keep=True), True, 204),
    "206": (answer(206, CLIP, MP4), True, 206),
    "400": (answer(400, b""), False, 400),
    "page": (answer(200, b"<html></html>", {"Content-Type": "text/html; charset=utf-8"}), True, 200),
    "page called a video": (answer(200, b"<html></html>", MP4), True, None),
    "garbage": (answer(200, b"\x00" * 5000, MP4), True, None),
    "empty": (answer(200, b"", MP4), True, None),
    "picture": (answer(200, b"\x89PNG\r\n\x1a\n" + bytes(99), MP4), True, None),
    "cut off": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + CLIP), True, None),
    "cut off in chunks": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + CLIP[:64] + b"\r\n"),
        True,
        None,
    ),
    "dropped": (drop, True, None),
    "reset": (reset, True, None),
    "never": (stall, True, None),
    "not HTTP": (raw(b"hello\r\n\r\n"), True, None),
    "called compressed and is not": (answer(200, CLIP, {**MP4, "Content-Encoding": "gzip"}), True, None),
    "a part": (answer(206, CLIP, {**MP4, "Content-Range": f"bytes 0-{len(CLIP) - 1}/{len(CLIP) + 1}"}), True, 206),
    "a part of unknown size": (answer(206, CLIP, {**MP4, "Content-Range": "bytes 0-99/*"}), True, 206),
    "announced too large": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"), False, None),
    "redirect to nowhere": (answer(302, b"", {"Location": ""}), False, 302),
    "redirect to rubbish": (answer(302, b"", {"Location": "https://[bad"}), True, None),
    "redirect to a file": (answer(302, b"", {"Location": "file:///etc/passwd"}), False, None),
    "redirect to plain http elsewhere": (answer(302, b"", {"Location": "http://media.example/x"}), False, None),
}


@pytest.mark.parametrize(("act", "retryable", "status"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_whole_clip_leaves_nothing_behind(
    make_media: Callable[..., Any], server: Script, tmp_path: Path, act: Act, retryable: bool, status: int | None
) -> None:
    """Each failure says whether the same address may work later, and the part file is gone."""
    server.does(act)
    with pytest.raises(DownloadError) as caught:
        make_media(server.base_url).fetch(server.base_url + "/x", tmp_path / "x.part")
    assert (caught.value.retryable, caught.value.http_status) == (retryable, status)
    assert caught.value.charged == "yes"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["/a/clip", "a/clip", " a/clip\n", "?x=1", "//{host}/a/clip", " {base}/a/clip "])
def test_a_relative_address_is_meant_from_the_api(
    make_media: Callable[..., Any], server: Script, tmp_path: Path, url: str
) -> None:
    """It is joined to the base URL; nothing of the key goes along."""
    server.does(GOOD)
    base = httpx.URL(server.base_url)
    url = url.format(host=base.netloc.decode(), base=server.base_url)
    make_media(server.base_url).fetch(url, tmp_path / "x.part")
    assert server.received[0].path in {"/a/clip", "/?x=1"}
    assert {"authorization", "cookie"}.isdisjoint(server.received[0].headers)


@pytest.mark.parametrize(
    "url",
    [
        "//169.254.169.254/x",
        "//10.0.0.1/x",
        "//user:word@media.example/x",
        "//[::1]/x",
        "file:x",
        "http:///x",
        "//127.1/x",
    ],
)
def test_a_joined_address_is_checked_like_any_other(make_media: Callable[..., Any], tmp_path: Path, url: str) -> None:
    """Relative forms lead nowhere that a whole address would not."""
    media = make_media(PUBLIC, resolver=lambda host, _port: ["127.0.0.1"] if host == "127.1" else [host.strip("[]")])
    with pytest.raises(DownloadError) as caught:
        media.fetch(url, tmp_path / "x.part")
    assert not caught.value.retryable
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "head",
    [
        b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm",
        b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x88matroska",
        b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
        b"\0\0\0\x08wide\0\0\x10\0mdat",
        b"\0\0\x10\0moov\0\0\0\x6cmvhd",
    ],
    ids=["webm", "matroska", "quicktime", "quicktime without a brand", "movie first"],
)
def test_other_containers_are_clips_too(
    make_media: Callable[..., Any], server: Script, tmp_path: Path, head: bytes
) -> None:
    """The first bytes decide, not what the server calls them."""
    server.does(answer(200, head + bytes(5000), {"Content-Type": "application/octet-stream"}))
    assert make_media(server.base_url).fetch("/x", tmp_path / "x.part").size_bytes == len(head) + 5000


def test_a_download_without_an_announced_size_stops_at_the_limit(
    make_media: Callable[..., Any], server: Script, tmp_path: Path
) -> None:
    """A stream without end fills no disk."""
    server.does(raw(b"HTTP/1.1 200 OK\r\n\r\n" + CLIP))
    with pytest.raises(DownloadError, match="larger"):
        make_media(server.base_url).fetch(server.base_url + "/x", tmp_path / "x.part", max_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_redirects_are_followed_a_few_times(make_media: Callable[..., Any], server: Script, tmp_path: Path) -> None:
    """Five, each looked at; the sixth is one too many."""
    step = answer(302, b"", {"Location": "/next"})
    client = make_media(server.base_url)
    server.does(*[step] * 5, GOOD)
    assert client.fetch(server.base_url + "/x", tmp_path / "x.part").size_bytes == len(CLIP)
    server.does(*[step] * 6, GOOD)
    with pytest.raises(DownloadError, match="redirects"):
        client.fetch(server.base_url + "/x", tmp_path / "y.part")
    assert len(server.received) == 6


def test_a_folder_that_is_missing_is_a_storage_error(
    make_media: Callable[..., Any], server: Script, tmp_path: Path
) -> None:
    """Not the network's fault, and told so."""
    server.does(GOOD)
    with pytest.raises(StorageError):
        make_media(server.base_url).fetch(server.base_url + "/x", tmp_path / "none" / "x.part")


ADDRESSES = {
    "empty": "", "words": "not a url", "ftp": "ftp://media.example/x", "file": "file:///x",
    "data": "data:video/mp4;base64,AAAA", "plain http": "http://media.example/x", "user": "https://u:p@media.example/x",
    "http to this machine": "http://127.0.0.1:9/x", "no host": "https:///x", "bad port": "https://a:99999999/x",
}  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_of_the_wrong_form_is_not_fetched(make_media: Callable[..., Any], tmp_path: Path, url: str) -> None:
    """Live results come over https from a host, without credentials in the address."""
    with pytest.raises(DownloadError) as caught:
        make_media(PUBLIC).fetch(url, tmp_path / "x.part")
    assert not caught.value.retryable


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::",
    "ff02::1", "192.0.2.1", "nonsense",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_a_host_in_a_private_network_is_not_fetched(
    make_media: Callable[..., Any], tmp_path: Path, address: str
) -> None:
    """Whatever a name resolves to, also beside a public address, and before anything is connected."""
    client = make_media(PUBLIC, resolver=lambda _host, _port: ["93.184.216.34", address])
    with pytest.raises(DownloadError, match="private") as caught:
        client.fetch("https://media.example/x.mp4", tmp_path / "x.part")
    assert not caught.value.retryable


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_one(address: str) -> None:
    """The rule keeps no ordinary host out."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://[::1]/x", "https://localhost/x", "https://2130706433/x"]
)
def test_this_machine_is_not_fetched_from_for_a_live_result(
    make_media: Callable[..., Any], tmp_path: Path, url: str
) -> None:
    """With the real resolver: no name of this machine, in any spelling, is connected to."""
    with pytest.raises(DownloadError):
        make_media(PUBLIC).fetch(url, tmp_path / "x.part")


def test_a_redirect_into_a_private_network_is_not_followed(
    make_media: Callable[..., Any], server: Script, tmp_path: Path
) -> None:
    """Every hop is checked like the first: plain http is for this machine only."""
    server.does(answer(302, b"", {"Location": "http://169.254.169.254/latest/meta-data"}))
    with pytest.raises(DownloadError, match="only https"):
        make_media(server.base_url).fetch(server.base_url + "/x", tmp_path / "x.part")


def test_the_connection_goes_to_the_checked_address() -> None:
    """No second lookup can lead elsewhere; name and certificate stay those of the host."""
    target = rules.check_address("https://media.example:8443/a?b=1#c", base_is_loopback=False)
    request = rules.request_for(target, "93.184.216.34", {})
    assert str(request.url) == "https://93.184.216.34:8443/a?b=1"
    assert request.headers["host"] == "media.example:8443"
    assert request.extensions["sni_hostname"] == "media.example"
    assert str(rules.request_for(target, "2606:4700::1", {}).url) == "https://[2606:4700::1]:8443/a?b=1"
    assert isinstance(target.url, httpx.URL)


def finished(url: str | None) -> Generation:
    """A task that succeeded."""
    return Generation.model_validate({**TASK, "status": "succeeded", "result": {"primary_url": url}})


def test_a_download_gets_its_name_only_when_whole(client: Any, server: Script, tmp_path: Path) -> None:
    """The file appears at once and complete; a broken one is fetched again."""
    server.does(answer(200, b"<html>", MP4), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"), GOOD)
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"older")
    assert client.download(finished(server.base_url + "/x"), path) == path
    assert path.read_bytes() == CLIP
    assert list(tmp_path.iterdir()) == [path]
    assert "authorization" not in server.received[0].headers


def test_a_failed_download_keeps_what_was_there(client: Any, server: Script, tmp_path: Path) -> None:
    """An older file of that name is not touched."""
    server.does(answer(200, b"<html>", MP4))
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"older")
    with pytest.raises(DownloadError):
        client.download(server.base_url + "/x", path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_expired_address_is_replaced_by_a_fresh_one(client: Any, server: Script, tmp_path: Path) -> None:
    """The task is read again, and its new address used."""
    fresh = {**TASK, "status": "succeeded", "result": {"primary_url": server.base_url + "/new"}}
    server.does(answer(403, b""), answer(200, fresh), GOOD)
    target = client.download(finished(server.base_url + "/old"), str(tmp_path))
    assert target == tmp_path / "task_1.mp4"
    assert [one.path for one in server.received] == ["/old", "/api/v1/generations/task_1", "/new"]


@pytest.mark.parametrize("source", [None, 5, finished(None)])
def test_nothing_to_download_is_said(client: Any, tmp_path: Path, source: Any) -> None:
    """A task without an address, or no task at all."""
    with pytest.raises(RivyaError, match="download"):
        client.download(source, tmp_path / "x.mp4")


@pytest.mark.parametrize("kind", [MediaClient, AsyncMediaClient])
@pytest.mark.parametrize("address", ["https://a:b", "https://[::1", "", "rivya.ai"])
def test_a_base_url_that_is_no_address_is_refused(kind: Callable[[str], object], address: str) -> None:
    """In the words of the settings, not the library's."""
    with pytest.raises(ConfigurationError) as refused:
        kind(address)
    assert refused.value.field == "base_url"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (203, {}, CLIP),
        (206, {"Content-Range": f"bytes 0-{len(CLIP) - 1}/{len(CLIP)}"}, CLIP),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(CLIP)),
        (200, {"Content-Encoding": "aws-chunked"}, CLIP),
        (200, {"Content-Encoding": "utf-8"}, CLIP),
    ],
    ids=["by a proxy", "as one range", "gzip", "aws-chunked", "utf-8"],
)
def test_an_odd_answer_with_the_whole_clip_is_kept(
    make_media: Callable[..., Any], server: Script, tmp_path: Path, status: int, headers: dict[str, str], body: bytes
) -> None:
    """What was paid for is not thrown away for the way it was wrapped; the bytes themselves are checked."""
    server.does(answer(status, body, {**MP4, **headers}))
    part = tmp_path / "x.part"
    make_media(server.base_url).fetch(server.base_url + "/clip.mp4", part)
    assert part.read_bytes() == CLIP


@pytest.mark.parametrize(
    "target",
    [
        "/m/1.mp4?Credential=AK%2F2026%2Fus&s=a",
        "/m/1.mp4?t=00%3A00&sig=a%2bb%3d",
        "/m/%61%7Eb.mp4?x=%7E",
        "/m/a%21%27%28%29%2C%3A%40%3D%26.mp4?a=%21%27%28%29%2A%2C%3B%40%24",
        "/m/1.mp4?sig=a+b",
    ],
)
def test_a_signed_address_is_asked_for_byte_by_byte(
    make_media: Callable[..., Any], server: Script, tmp_path: Path, target: str
) -> None:
    """A signature covers the address as it was written: quoting it anew is another address, and a refusal."""
    server.does(GOOD)
    make_media(server.base_url).fetch(server.base_url + target, tmp_path / "x.part")
    assert server.received[-1].path == target
