"""A copy for voters holds the pictures and no word beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.clean_copies import neutral_copy, remove_copies
from rivya_core.lab.media.archive import Archive
from tests.lab.video_files import make_clip

SECRET = b"xheliotrope-7731"
H264_REMARK = b"\x06\x05" + bytes([16 + len(SECRET)]) + bytes(range(1, 17)) + SECRET + b"\x80"
HEVC_REMARK = b"\x4e\x01" + H264_REMARK[1:]
HEVC_AFTERWARDS = b"\x50\x01" + H264_REMARK[1:]
AV1_REMARK = bytes([0x2A, len(SECRET) + 2, 4]) + SECRET + b"\x80"
USER_DATA = b"\x00\x00\x01\xb2" + SECRET


def with_length(unit: bytes) -> bytes:
    """A NAL unit as it stands in a file."""
    return len(unit).to_bytes(4, "big") + unit


REMARKS = {
    "libx264": (with_length(H264_REMARK), b""),
    "libx265": (with_length(HEVC_REMARK), with_length(HEVC_AFTERWARDS)),
    "libsvtav1": (b"", AV1_REMARK),
    "mpeg4": (USER_DATA, b""),
    "libvpx-vp9": (b"", b""),
}


def with_remarks(source: Path, target: Path, codec: str) -> Path:
    """The same clip with a secret in each picture, in the container's title and in the name of the track."""
    before, after = REMARKS[codec]
    form = "mp4" if target.suffix == ".mp4" else target.suffix[1:]
    with av.open(str(source)) as whole, av.open(str(target), "w", format=form) as told:
        told.metadata["title"] = SECRET.decode()
        stream = told.add_stream_from_template(whole.streams.video[0], opaque=True)
        stream.metadata["handler_name"] = SECRET.decode()
        for packet in whole.demux(video=0):
            if packet.dts is None:
                continue
            other: Any = av.Packet(before + bytes(packet) + after)
            other.pts, other.dts, other.duration = packet.pts, packet.dts, packet.duration
            other.time_base, other.is_keyframe, other.stream = packet.time_base, packet.is_keyframe, stream
            told.mux(other)
    return target


def frames(path: Path) -> list[tuple[float, bytes]]:
    """Every frame as it is shown, with its time in seconds."""
    with av.open(str(path)) as film:
        return [(round(frame.time or 0.0, 3), frame.to_ndarray().tobytes()) for frame in film.decode(video=0)]


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("libx264", ".mp4"),
        ("libx264", ".mov"),
        ("libx264", ".mkv"),
        ("libx265", ".mp4"),
        ("libsvtav1", ".mp4"),
        ("libvpx-vp9", ".webm"),
        ("mpeg4", ".mp4"),
    ],
)
def test_remarks_between_the_pictures_are_left_out(archive: Archive, tmp_path: Path, codec: str, suffix: str) -> None:
    """Neither the secret nor the encoder's own text is there, and every frame is the same."""
    forms = {".mkv": "matroska"}
    source = make_clip(tmp_path / f"source{suffix}", codec, frames=24, form=forms.get(suffix))
    told = with_remarks(source, tmp_path / f"told{suffix}", codec) if suffix != ".mkv" else source
    key = f"clips/2026/11/g01-1{suffix}"
    archive.put_bytes(key, told.read_bytes())
    copy = archive.local(neutral_copy(archive, key, "g01-1"))
    assert copy.suffix == suffix
    assert suffix == ".mkv" or SECRET in told.read_bytes()
    data = copy.read_bytes()
    assert not [word for word in (SECRET, b"x264", b"x265", b"Lavc", b"SVT-AV1") if word in data]
    assert frames(copy) == frames(source)


def test_a_copy_is_made_again_for_a_newer_file(archive: Archive, tmp_path: Path) -> None:
    """A clip that was damaged and fetched again shows its new pictures; the copies go together."""
    key = "clips/2026/11/g01-1.mp4"
    archive.put_bytes(key, make_clip(tmp_path / "a.mp4", frames=12).read_bytes())
    first = archive.local(neutral_copy(archive, key, "g01-1"))
    assert archive.local(neutral_copy(archive, key, "g01-1")) == first
    assert len(frames(first)) == 12
    archive.put_bytes(key, make_clip(tmp_path / "b.mp4", frames=24).read_bytes())
    assert len(frames(archive.local(neutral_copy(archive, key, "g01-1")))) == 24
    remove_copies(archive, ["g01-1"])
    assert not first.exists()


def test_a_clip_of_which_nobody_knows_how_to_copy_it_is_not_shown(archive: Archive, tmp_path: Path) -> None:
    """Blindness comes first."""
    key = "clips/2026/11/g01-1.mov"
    source = make_clip(tmp_path / "a.mov", "mjpeg", frames=4, pixels="yuvj420p")
    archive.put_bytes(key, source.read_bytes())
    with pytest.raises(LabError, match="blind"):
        neutral_copy(archive, key, "g01-1")
    assert list((archive.root / "parts").iterdir()) == []
