"""Uploads: judged by their bytes, limited, found again by path."""

from __future__ import annotations

from pathlib import Path

import av
import httpx
import numpy as np
import pytest

from rivya_core.simulator import SimulatorServer, World
from rivya_core.simulator.http.file_types import sniff
from tests.simulator.conftest import FOX, png, upload


def clip_bytes(tmp_path: Path) -> bytes:
    """Return one second of a small MP4."""
    path = tmp_path / "tiny.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", 24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for shade in range(24):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), shade * 10, np.uint8), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path.read_bytes()


def test_an_upload_is_answered_read_and_served(http: httpx.Client, photo: bytes, world: World) -> None:
    """The file answers its metadata twice alike, its URL serves the same bytes without a key, no task is made."""
    answer = upload(http, photo, client_request_id="trace").json()
    assert (answer["kind"], answer["mime_type"], answer["size"]) == ("image", "image/png", len(photo))
    assert answer["duration_token"] is None
    assert http.get(f"/api/v1/files/{answer['id']}").json() == answer
    assert httpx.get(answer["url"]).content == photo
    assert httpx.get(answer["url"].replace("/file_", "/file_0")).status_code == 404
    assert world.tasks() == []
    assert world.requests("upload")[0].body_sha256 == world.uploads()[0].sha256


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        ("full", {"id", "url", "kind", "mime_type"}),
        ("minimal", {"url"}),
        ("file_id", {"file_id", "url"}),
        ("wrapped", {"data"}),
    ],
)
def test_the_undocumented_shape_of_a_file_is_a_setting(
    http: httpx.Client, world: World, photo: bytes, shape: str, fields: set[str]
) -> None:
    """Each plausible shape of PublicApiFile can be asked for."""
    world.configure(file_shape=shape)
    answer = upload(http, photo).json()
    assert fields <= set(answer)
    assert "id" not in answer or shape == "full"


@pytest.mark.parametrize(
    ("data", "name", "mime", "fields"),
    [
        (b"", "a.png", "image/png", {}),
        (b"hello", "a.png", "image/png", {}),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "image/svg+xml", {}),
        (b"GIF89a" + b"0" * 40, "a.gif", "image/gif", {}),
        (b"\0\0\0\x18ftypheic" + b"0" * 40, "a.heic", "image/heic", {}),
        (png(8, 8), "a.jpg", "image/jpeg", {}),
        (png(8, 8), "a.png", "image/png", {"kind": "video"}),
        (png(8, 8), "a.png", "image/png", {"kind": "document"}),
        (png(8, 8), "a.png", "image/png", {"model": "kling-v9"}),
        (png(8, 8), "a.png", "image/png", {"client_request_id": "x" * 129}),
        (png(8, 8), "a.png", "image/png", {"colour": "red"}),
        (png(8, 8) + b"0" * 10_000_000, "a.png", "image/png", {}),
    ],
    ids=["empty", "text", "svg", "gif", "heic", "renamed", "kind", "odd kind", "model", "trace", "odd field", "large"],
)
def test_a_wrong_upload_is_refused(
    http: httpx.Client, world: World, data: bytes, name: str, mime: str, fields: dict[str, str]
) -> None:
    """The signature decides, and size, kind and fields are checked; nothing is kept."""
    answer = upload(http, data, name, mime, **fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_failed")
    assert world.uploads() == []


def test_an_upload_beyond_every_limit_is_read_and_refused(http: httpx.Client) -> None:
    """A body larger than any model takes still gets its answer."""
    answer = upload(http, bytes(101_000_000), kind="video", mime="video/mp4")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_failed")


def test_a_body_that_is_not_multipart_is_refused(http: httpx.Client) -> None:
    """JSON, and multipart without its boundary, are refused in words."""
    assert http.post("/api/v1/files", json={}).status_code == 400
    broken = {"Content-Type": "multipart/form-data"}
    assert http.post("/api/v1/files", content=b"--x\r\n\r\n", headers=broken).status_code == 400


def test_a_models_own_limits_count(http: httpx.Client, tmp_path: Path) -> None:
    """The default model takes no video; happyhorse does, and answers duration and duration token."""
    clip = clip_bytes(tmp_path)
    refused = upload(http, clip, "a.mp4", "video/mp4", kind="video", model="kling-v2-1-master")
    assert refused.status_code == 400
    taken = upload(http, clip, "a.mp4", "video/mp4", kind="video", model="happyhorse-1-0").json()
    assert taken["duration_seconds"] == pytest.approx(1.0, abs=0.1)
    assert taken["duration_token"]


def test_a_video_reference_needs_its_duration_token(http: httpx.Client, tmp_path: Path) -> None:
    """Without the token, or with another, a generation with a video is refused."""
    taken = upload(http, clip_bytes(tmp_path), "a.mp4", "video/mp4", kind="video", model="happyhorse-1-0").json()
    item = {"url": taken["url"], "kind": "video"}

    def create(extra: dict[str, str]) -> int:
        params = {"referenceMediaItems": [{**item, **extra}]}
        body = {"model": "happyhorse-1-0", "prompt": "a horse", "params": params}
        return http.post("/api/v1/generations", json=body).status_code

    assert create({}) == 400
    assert create({"durationToken": "dur_other"}) == 400
    assert create({"durationToken": taken["duration_token"]}) == 200


def test_a_file_is_found_by_its_path_after_a_restart(tmp_path: Path, photo: bytes) -> None:
    """The same world on another port takes the URL it once answered, on the old port."""
    with SimulatorServer(tmp_path / "world.sqlite") as first:
        headers = {"Authorization": f"Bearer {first.api_key}"}
        with httpx.Client(base_url=first.base_url, headers=headers) as client:
            url = upload(client, photo).json()["url"]
        old = first.base_url
    with SimulatorServer(tmp_path / "world.sqlite") as second:
        params = {"referenceMediaItems": [{"url": url, "kind": "image"}]}
        answer = httpx.post(f"{second.base_url}/api/v1/generations", json={**FOX, "params": params}, headers=headers)
        assert answer.status_code == 200
        assert httpx.get(url.replace(old, second.base_url)).content == photo
        assert second.world.tasks()[0].file_id == second.world.uploads()[0].id


def test_a_strangers_file_cannot_be_used(http: httpx.Client, photo: bytes, world: World) -> None:
    """Another account neither reads the metadata of a file nor generates from it."""
    answer = upload(http, photo).json()
    headers = {"Authorization": f"Bearer {world.add_key(account='stranger')}"}
    assert http.get(f"/api/v1/files/{answer['id']}", headers=headers).status_code == 404
    params = {"referenceMediaItems": [{"url": answer["url"], "kind": "image"}]}
    assert http.post("/api/v1/generations", json={**FOX, "params": params}, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x20ftypqt  ", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x42\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x42\x82\x88matroska", "video/x-matroska"),
        (b"OggS\0", "audio/ogg"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90", "audio/mpeg"),
        (b"\xff\xf1\x50", "audio/aac"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_the_first_bytes_tell_the_type(head: bytes, mime: str | None) -> None:
    """Every documented type is recognised by its signature; all else by none."""
    assert sniff(head) == mime


def test_uploads_do_not_pile_up(http: httpx.Client, photo: bytes, world: World) -> None:
    """The same bytes twice are two files and one copy on disk, and nothing half-written stays."""
    for _ in range(2):
        upload(http, photo)
    assert len(world.uploads()) == 2
    kept = [path for path in world.media_dir.rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert kept[0].read_bytes() == photo
