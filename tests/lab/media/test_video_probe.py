"""Only a whole, playable MP4 counts as a clip."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from rivya_core.api.errors import DownloadError
from rivya_core.lab.media.video_probe import inspect, poster_jpeg
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


def write(path: Path, options: dict[str, str], *, oblong: int = 1) -> None:
    """Five seconds of a moving picture with the encoder's options."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(oblong)
        picture = np.random.default_rng(1).integers(0, 255, (180, 320, 3), dtype=np.uint8)
        for number in range(120):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(picture, number, axis=1), format="rgb24")))
        container.mux(stream.encode(None))


QUARTERS = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}
"""The first four numbers of a display matrix that turns the picture clockwise by so much (ISO 14496-12, 6.2.2)."""


def turned(path: Path, degrees: int) -> Path:
    """Write the matrix of a track into a file."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    first, second, third, fourth = (round(number * 65536) for number in QUARTERS[degrees])
    for place, number in ((0, first), (4, second), (12, third), (16, fourth)):
        data[at + place : at + place + 4] = number.to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("degrees", QUARTERS)
def test_a_picture_that_lies_on_its_side_is_measured_and_drawn_upright(tmp_path: Path, degrees: int) -> None:
    """As a player shows it: here the bright left edge of the coded picture ends up on another side."""
    path = tmp_path / "clip.mp4"
    picture = np.zeros((96, 160, 3), dtype=np.uint8)
    picture[:, :40] = 255
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for _ in range(24):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    facts = inspect(turned(path, degrees))
    upright = degrees % 180 == 0
    assert (facts.width_px, facts.height_px) == ((160, 96) if upright else (96, 160))
    poster = tmp_path / "poster.jpg"
    assert poster_jpeg(path, poster)
    with Image.open(poster) as shown:
        width, height = shown.size
        assert (width, height) == (facts.width_px, facts.height_px)
        bright = {
            0: (10, height // 2),
            90: (width // 2, 10),
            180: (width - 10, height // 2),
            270: (width // 2, height - 10),
        }
        values = {side: shown.convert("L").getpixel(place) for side, place in bright.items()}
    assert [side for side, value in values.items() if isinstance(value, (int, float)) and value > 200] == [degrees]


def test_oblong_pixels_are_measured_as_they_are_shown(tmp_path: Path) -> None:
    """The poster has the shape of the picture on the screen."""
    path = tmp_path / "clip.mp4"
    write(path, {}, oblong=2)
    assert (inspect(path).width_px, inspect(path).height_px) == (640, 180)
    assert poster_jpeg(path, tmp_path / "poster.jpg")
    with Image.open(tmp_path / "poster.jpg") as shown:
        assert shown.size == (640, 180)


def test_a_cover_picture_is_not_the_clip(tmp_path: Path) -> None:
    """The moving pictures are measured and checked, whichever track comes first; sound is no matter."""
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w", format="mov") as container:
        sound = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1, options={})
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        container.mux(cover.encode(av.VideoFrame(64, 64, "yuvj420p")))
        for number in range(24):
            container.mux(stream.encode(av.VideoFrame(160, 96, "yuv420p")))
            heard = av.AudioFrame("s16", "mono", 2000)
            heard.sample_rate, heard.pts = 48_000, number * 2000
            container.mux(sound.encode(heard))
        for one in (cover, stream, sound):
            container.mux(one.encode(None))
    facts = inspect(path)
    assert (facts.width_px, facts.height_px, facts.check) == (160, 96, None)
