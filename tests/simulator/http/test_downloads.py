"""Clip and file bytes over HTTP: ranges, perishable URLs, and broken downloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from rivya_core.simulator import SimulatorServer, World
from rivya_core.simulator.http import signed_urls
from rivya_core.simulator.http.downloads import UnsatisfiableRangeError, asked_range
from tests.simulator.conftest import Create

Finished = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-", (0, 99)),
        ("bytes=0-0", (0, 0)),
        ("bytes=10-19", (10, 19)),
        ("bytes=90-500", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-500", (0, 99)),
        ("BYTES=1-2", (1, 2)),
        ("bytes=5-2", None),
        ("bytes=0-1,4-5", None),
        ("bytes=-", None),
        ("items=0-1", None),
        ("bytes=x-y", None),
    ],
)
def test_a_range_header_is_read_as_the_standard_says(header: str | None, expected: tuple[int, int] | None) -> None:
    """One byte range is honoured; anything else means the whole file."""
    assert asked_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_range_beyond_the_file_is_refused(header: str) -> None:
    """A range with no byte in the file cannot be satisfied."""
    with pytest.raises(UnsatisfiableRangeError):
        asked_range(header, 100)


def test_a_clip_is_served_whole_in_parts_and_not_at_all(finished: Finished) -> None:
    """200 with length and type, 206 with the exact bytes, 304 for a known tag, 416 beyond the end; no key is needed."""
    url = finished()["result"]["primary_url"]
    whole = httpx.get(url)
    assert whole.headers["content-type"] == "video/mp4"
    assert int(whole.headers["content-length"]) == len(whole.content)
    part = httpx.get(url, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, whole.content[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(whole.content)}"
    assert httpx.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    other = httpx.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (other.status_code, len(other.content)) == (200, len(whole.content))
    beyond = httpx.get(url, headers={"Range": f"bytes={len(whole.content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    head = httpx.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_url_expires_and_a_status_read_mints_a_fresh_one(
    finished: Finished, http: httpx.Client, world: World, status: int
) -> None:
    """After its time an old URL is refused; the task's next answer holds one that works."""
    world.configure(result_ttl_s=60.0, expired_status=status)
    answer = finished()
    old = answer["result"]["primary_url"]
    assert httpx.head(old).status_code == 200
    world.advance(61)
    refused = httpx.get(old)
    assert refused.status_code == status
    assert refused.headers["X-Rivya-Simulator"] == "1"
    fresh = http.get(f"/api/v1/generations/{answer['id']}").json()["result"]["primary_url"]
    assert fresh != old
    assert httpx.head(fresh).status_code == 200


def test_a_url_cannot_be_guessed(finished: Finished, create: Create, world: World) -> None:
    """A ticket of one task, a made-up one and a later date are all not found; so is an unfinished task's clip."""
    url = finished()["result"]["primary_url"]
    running = create().json()["id"]
    base, task, ticket = url.rsplit("/", 2)
    moment, _, signature = ticket.partition("-")
    wrong = [
        f"{base}/{running}/{ticket}",
        f"{base}/{task}/0-{'0' * 32}.mp4",
        f"{base}/{task}/{int(moment) + 1}-{signature}",
        f"{base}/{task}/-{signature}",
        f"{base}/{running}/{signed_urls.issue(world, running)}.mp4",
    ]
    assert [httpx.get(address).status_code for address in wrong] == [404] * len(wrong)


def test_urls_follow_the_host_header(finished: Finished, http: httpx.Client, server: SimulatorServer) -> None:
    """A client that reached us by another name is sent on by that name."""
    task = finished()["id"]
    headers = {"Host": "localhost:9"}
    answer = http.get(f"/api/v1/generations/{task}", headers=headers).json()
    assert urlsplit(answer["result"]["primary_url"]).netloc == "localhost:9"
    assert server.base_url not in answer["result"]["primary_url"]


@pytest.mark.parametrize("mode", ["truncated", "html", "404", "garbage", "empty", "cut"])
def test_a_download_can_break_in_each_way(finished: Finished, world: World, mode: str) -> None:
    """Each mode breaks one download and leaves the next whole."""
    url = finished()["result"]["primary_url"]
    size = int(httpx.head(url).headers["content-length"])
    world.add_fault("broken_download", mode=mode)
    if mode == "truncated":
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(url)
    else:
        answer = httpx.get(url)
        assert answer.status_code == (404 if mode == "404" else 200)
        if mode == "garbage":
            assert len(answer.content) == size
            assert answer.content[4:8] != b"ftyp"
        if mode in {"empty", "cut"}:
            assert len(answer.content) == (0 if mode == "empty" else size // 2)
        assert answer.headers["content-type"].startswith(
            {"html": "text/html", "404": "application/json"}.get(mode, "video/mp4")
        )
    assert len(httpx.get(url).content) == size


def test_a_download_can_stall(finished: Finished, world: World) -> None:
    """After so many bytes nothing comes for a while; a patient client gets the rest."""
    url = finished()["result"]["primary_url"]
    whole = httpx.get(url).content
    world.add_fault("stall_media", after_bytes=1000, delay_s=0.5, times=2)
    impatient = httpx.Timeout(60.0, read=0.2)
    with pytest.raises(httpx.ReadTimeout), httpx.stream("GET", url, timeout=impatient) as answer:
        answer.read()
    assert httpx.get(url, timeout=60).content == whole


def test_a_media_request_tells_whether_a_key_came_along(
    finished: Finished, world: World, server: SimulatorServer
) -> None:
    """The log shows where a key was seen and never the key, so that tests can prove it stays home."""
    url = finished()["result"]["primary_url"]
    httpx.head(url)
    httpx.head(url, headers={"Authorization": f"Bearer {server.api_key}", "Referer": server.api_key})
    httpx.head(f"{url}?key={server.api_key}")
    clean, header, query = world.requests("media")
    assert (clean.key_in, header.key_in, query.key_in) == ((), ("authorization", "header"), ("url",))
    assert server.api_key not in repr([clean, header, query])
