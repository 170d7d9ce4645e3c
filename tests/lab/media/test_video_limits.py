"""A few bytes that announce a mountain are never opened, cost no memory, and are kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from rivya_core.api.errors import DownloadError
from rivya_core.lab.evaluation.features import UnmeasurableError, measure
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.video_probe import inspect, poster_jpeg
from tests.lab.video_files import make_clip

KEY = "clips/2026/11/g01-1.mp4"
PEAK_MAX_MB = 300


def number(value: int, size: int = 4) -> bytes:
    """A big-endian number."""
    return value.to_bytes(size, "big")


def replaced(data: bytes, table: bytes, content: bytes) -> bytes:
    """The file with the first bytes of a table, behind its version, overwritten."""
    at = data.index(table) + 8
    return data[:at] + content + data[at + len(content) :]


def many_samples(data: bytes) -> bytes:
    """Eighty million samples of one byte each, in one chunk."""
    count = number(80_000_000)
    data = replaced(data, b"stsz", number(1) + count)
    data = replaced(data, b"stts", number(1) + count + number(2))
    return replaced(data, b"stsc", number(1) + number(1) + count + number(1))


def many_in_chunks(data: bytes) -> bytes:
    """The same told by the chunks alone."""
    return replaced(data, b"stsc", number(1) + number(1) + number(80_000_000) + number(1))


def compressed_index(data: bytes) -> bytes:
    """An index that unpacks to any size."""
    return data.replace(b"mvhd", b"cmov", 1)


def many_tracks(data: bytes) -> bytes:
    """A hundred tracks."""
    at = data.index(b"moov") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    index = data[at + 8 : at + length] + (number(8) + b"trak") * 100
    return data[:at] + number(len(index) + 8) + b"moov" + index + data[at + length :]


def deep(data: bytes) -> bytes:
    """Boxes in boxes in boxes."""
    inner = b""
    for _ in range(200):
        inner = number(len(inner) + 8) + b"udta" + inner
    at = data.index(b"moov") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    return data[:at] + number(length + len(inner)) + data[at + 4 : at + length] + inner + data[at + length :]


def huge_picture(data: bytes) -> bytes:
    """A picture of 16,000 by 16,000 pixels."""
    data = hidden_picture(data)
    at = data.rindex(b"avc1") + 28
    return data[:at] + number(16_000, 2) * 2 + data[at + 4 :]


def hidden_picture(data: bytes) -> bytes:
    """The same in the decoder's configuration alone: the container says 160 by 96."""
    bits = (
        "".join(exp_golomb(value) for value in (0, 0, 2, 1)) + "0"
    )  # id, frame numbers, order by number, one reference
    bits += exp_golomb(999) + exp_golomb(999) + "1" + "1" + "0" + "0" + "1"
    bits += "0" * (-len(bits) % 8)
    table = b"\x67\x42\xc0\x33" + number(int(bits, 2), len(bits) // 8)
    at = data.index(b"avcC")
    size = int.from_bytes(data[at - 4 : at], "big")
    old = data[at + 4 : at - 4 + size]
    first = 8 + int.from_bytes(old[6:8], "big")
    config = old[:1] + table[1:4] + old[4:6] + number(len(table), 2) + table + old[first:]
    grown = number(len(config) + 8) + b"avcC" + config
    delta = len(grown) - size
    data = data[: at - 4] + grown + data[at - 4 + size :]
    for name in (b"avc1", b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        place = data.rindex(name) - 4
        data = data[:place] + number(int.from_bytes(data[place : place + 4], "big") + delta) + data[place + 4 :]
    return data


def exp_golomb(value: int) -> str:
    """A number as H.264 writes it."""
    binary = f"{value + 1:b}"
    return "0" * (len(binary) - 1) + binary


BOMBS: dict[str, Callable[[bytes], bytes]] = {
    "samples": many_samples,
    "chunks": many_in_chunks,
    "compressed index": compressed_index,
    "tracks": many_tracks,
    "nesting": deep,
    "picture": huge_picture,
}
LIES = {"hidden picture": hidden_picture}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_what_announces_too_much_is_kept_unopened(
    archive: Archive, tmp_path: Path, bomb: Callable[[bytes], bytes]
) -> None:
    """No error, no measures, no poster: the file and a sentence."""
    whole = make_clip(tmp_path / "whole.mp4")
    part = archive.part_path(KEY)
    part.write_bytes(bomb(whole.read_bytes()))
    clip = archive.check_clip(part, KEY)
    assert (clip.check, clip.width_px, clip.duration_s, clip.poster_key) == ("unopened", None, None, None)
    assert clip.fault is not None
    assert "kept as it came" in clip.fault
    assert not poster_jpeg(part, tmp_path / "poster.jpg")
    with pytest.raises(UnmeasurableError):
        measure(part)


def test_a_clip_of_months_is_kept_unopened(tmp_path: Path) -> None:
    """A player would show its first picture for a week."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for day in range(90):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = day * 86_400
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    facts = inspect(path)
    assert facts.check == "unopened"
    assert "seconds long" in (facts.fault or "")


def test_sound_has_many_samples_and_is_no_bomb(tmp_path: Path) -> None:
    """Uncompressed sound of ten seconds has half a million."""
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w", format="mov") as container:
        picture: Any = container.add_stream("libx264", rate=24)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        sound: Any = container.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        for number_ in range(240):
            container.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
            heard = av.AudioFrame("s16", "stereo", 2000)
            heard.sample_rate, heard.pts = 48_000, number_ * 2000
            container.mux(sound.encode(heard))
        container.mux(picture.encode(None))
    assert inspect(path).duration_s == pytest.approx(10.0, abs=0.1)


def test_a_file_that_is_only_an_index_is_cut_off(tmp_path: Path) -> None:
    """What is announced and not there is missed before anything is opened."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(number(24) + b"ftypisom" + number(0) + b"isomiso2" + number(4000) + b"moov" + bytes(100))
    with pytest.raises(DownloadError, match="cut off"):
        inspect(path)


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is told in other units elsewhere")
@pytest.mark.parametrize("bomb", [*BOMBS.values(), *LIES.values()], ids=[*BOMBS, *LIES])
def test_a_bomb_costs_no_memory(tmp_path: Path, bomb: Callable[[bytes], bytes]) -> None:
    """The peak of a process that looks at it stays small."""
    path = tmp_path / "bomb.mp4"
    path.write_bytes(bomb(make_clip(tmp_path / "whole.mp4").read_bytes()))
    script = (
        "import sys; from pathlib import Path; from rivya_core.lab.media import video_probe as clips\n"
        "from rivya_core.api.errors import DownloadError\n"
        "try: found = clips.inspect(Path(sys.argv[1])).check\n"
        "except DownloadError as error: found = error.code\n"
        "clips.poster_jpeg(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(found, int(peak) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(tmp_path / "poster.jpg")],
        capture_output=True,
        text=True,
        check=True,
    )
    check, peak_mb = done.stdout.split()
    assert check in {"unopened", "broken_clip"}
    print(f"{check}: {peak_mb} MB")
    assert int(peak_mb) < PEAK_MAX_MB
