"""Only a whole, playable MP4 counts as a clip."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from rivya_core.api.errors import DownloadError
from rivya_core.lab.clips import inspect, poster_jpeg
from tests.lab.given import make_mp4


def test_a_whole_clip_is_measured(tmp_path: Path) -> None:
    """Size, length, frame rate and hash are those of the file."""
    path = make_mp4(tmp_path / "clip.mp4", frames=48, width=128, height=72)
    facts = inspect(path)
    assert (facts.width_px, facts.height_px, facts.fps) == (128, 72, 24.0)
    assert facts.duration_s == pytest.approx(2.0, abs=0.05)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.size_bytes == path.stat().st_size


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("key_every", [250, 12], ids=["one key frame", "many key frames"])
def test_a_cut_file_is_refused(tmp_path: Path, share: float, key_every: int) -> None:
    """Wherever the connection broke, the rest is missed."""
    path = make_mp4(tmp_path / "clip.mp4", key_every=key_every)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DownloadError) as caught:
        inspect(path)
    assert caught.value.detail
    assert caught.value.charged == "yes"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<!doctype html><title>403</title>", id="html"),
        pytest.param(b"\x00" * 5000, id="zeros"),
        pytest.param(b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x5a" * 5000, id="only the signature"),
        pytest.param(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", id="playlist"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", id="concat"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    """Pages, garbage and files that point at other files are refused."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(DownloadError):
        inspect(path)
    assert not poster_jpeg(path, tmp_path / "poster.jpg")


def test_garbage_in_the_middle_is_seen_at_the_first_frame(tmp_path: Path) -> None:
    """A file of the right length whose pictures are overwritten is refused."""
    path = make_mp4(tmp_path / "clip.mp4")
    whole = bytearray(path.read_bytes())
    start = whole.index(b"mdat") + 4
    whole[start:] = b"\x5a" * (len(whole) - start)
    path.write_bytes(whole)
    with pytest.raises(DownloadError):
        inspect(path)


@pytest.mark.parametrize(
    ("width", "height", "size"), [(1280, 720, (640, 360)), (128, 72, (128, 72)), (720, 1280, (360, 640))]
)
def test_a_poster_is_small_and_keeps_the_ratio(tmp_path: Path, width: int, height: int, size: tuple[int, int]) -> None:
    """At most 640 pixels on the long side, a real JPEG."""
    path = make_mp4(tmp_path / "clip.mp4", frames=12, width=width, height=height)
    poster = tmp_path / "poster.part"
    assert poster_jpeg(path, poster)
    with Image.open(poster) as picture:
        assert (picture.format, picture.size) == ("JPEG", size)


@pytest.mark.parametrize("refresh", [False, True], ids=["key frames", "intra refresh"])
def test_pictures_that_are_refreshed_bit_by_bit_are_a_clip(tmp_path: Path, refresh: bool) -> None:
    """A stream without key frames after the first is whole all the same."""
    path = tmp_path / "clip.mp4"
    write(path, {"x264-params": f"intra-refresh={int(refresh)}:keyint=24"})
    assert inspect(path).duration_s == pytest.approx(5.0, abs=0.1)
    assert poster_jpeg(path, tmp_path / "poster.jpg")


def test_what_an_edit_list_leaves_out_is_not_missed(tmp_path: Path) -> None:
    """A clip trimmed without encoding it again holds frames that no player shows."""
    whole, path = tmp_path / "whole.mp4", tmp_path / "trimmed.mp4"
    write(whole, {"g": "24", "bf": "3"})
    with av.open(str(whole)) as source, av.open(str(path), "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        source.seek(2_300_000)
        for packet in source.demux(video=0):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            shift = int(2.3 / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
            target.mux(packet)
    assert inspect(path).duration_s == pytest.approx(2.7, abs=0.4)


def write(path: Path, options: dict[str, str]) -> None:
    """Five seconds of a moving picture with the encoder's options."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        picture = np.random.default_rng(1).integers(0, 255, (180, 320, 3), dtype=np.uint8)
        for number in range(120):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(picture, number, axis=1), format="rgb24")))
        container.mux(stream.encode(None))
