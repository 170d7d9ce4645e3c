"""What ``rivya_core/lab/shows/pictures/side_by_side.py`` promises: an MP4 that chats play, on one clock, saying what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from rivya_core import Lab
from rivya_core.api.errors import LabError
from rivya_core.lab.shows.pictures.side_by_side import LabelledClip, side_by_side
from tests.lab.shows.given import decided
from tests.lab.video_files import make_clip


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A short, a longer, an upright and a faster clip."""
    folder = tmp_path_factory.mktemp("clips")
    return [
        make_clip(folder / "a.mp4", frames=12),
        make_clip(folder / "b.mp4", frames=24, options={"bf": "2"}),
        make_clip(folder / "c.mp4", frames=12, size=(96, 160)),
        make_clip(folder / "d.webm", "libvpx", frames=15, rate=30),
    ]


def labelled(clips: list[Path], **changes: Any) -> list[LabelledClip]:
    """Clips with labels of all kinds."""
    names = ["A", "\u09b6\u09bf\u09af\u09bc\u09be\u09b2 " * 30, "\u72d0", "x" * 400]
    return [
        LabelledClip(**{"clip": clip, "label": name, "mode": "simulated", **changes})
        for clip, name in zip(clips, names, strict=False)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_it_is_a_video_that_chats_play(clips: list[Path], tmp_path: Path, count: int) -> None:
    """H.264, 4:2:0, even sizes, its index first, no sound; as long as the longest clip, at its rate."""
    path = side_by_side(labelled(clips[:count]), tmp_path / "out.mp4", title="Which one? " * 20)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert [one.name for one in tmp_path.iterdir()] == ["out.mp4"]
    with av.open(str(path)) as file:
        assert [stream.type for stream in file.streams] == ["video"]
        stream = file.streams.video[0]
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        assert (codec.width % 2, codec.height % 2) == (0, 0)
        rate = 30 if count == 4 else 24
        assert stream.average_rate == rate
        assert sum(1 for _ in file.decode(stream)) == (rate if count > 1 else rate // 2)


def test_the_same_clips_give_the_same_bytes(clips: list[Path], tmp_path: Path) -> None:
    """So a file can be told by its hash."""
    made = [side_by_side(labelled(clips[:2]), tmp_path / f"{turn}.mp4", title="T").read_bytes() for turn in range(2)]
    assert made[0] == made[1]


def test_a_clip_stands_beside_itself_picture_for_picture_and_the_shorter_one_holds(
    clips: list[Path], tmp_path: Path
) -> None:
    """Both sides of one clip are alike at every moment; a shorter one does not move after its end."""
    with av.open(str(side_by_side(labelled([clips[1], clips[1]], label=""), tmp_path / "same.mp4"))) as file:
        for frame in file.decode(video=0):
            grey = frame.to_ndarray(format="gray").astype(int)
            left, right = grey[-120:-24, 72 : 72 + 160], grey[-120:-24, 248 : 248 + 160]
            assert left.std() > 20
            assert abs(left - right).mean() < 6
    with av.open(str(side_by_side(labelled([clips[0], clips[1]], label=""), tmp_path / "held.mp4"))) as file:
        greys = [frame.to_ndarray(format="gray").astype(int)[-120:-24] for frame in file.decode(video=0)]
    assert abs(greys[13] - greys[23])[:, 72 : 72 + 160].mean() < 3
    assert abs(greys[13] - greys[23])[:, 248 : 248 + 160].mean() > 10


@pytest.mark.parametrize("mode", ["simulated", "live"])
def test_the_head_says_the_mode(clips: list[Path], tmp_path: Path, mode: str) -> None:
    """In its own colour: violet for simulated, green for live."""
    with av.open(str(side_by_side(labelled(clips[:1], label="", mode=mode), tmp_path / "out.mp4"))) as file:
        head = next(file.decode(video=0)).to_ndarray(format="rgb24")[20:60].astype(int)
    bright = head[head.max(axis=2) > 150].mean(axis=0)
    assert np.argmin(bright) == (1 if mode == "simulated" else 0)


def test_what_cannot_be_put_side_by_side_is_refused_in_words(clips: list[Path], tmp_path: Path) -> None:
    """Too many, none, no clip; nothing is left behind."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clips[0].read_bytes()[:700])
    for given, said in (([], "0 clips"), (labelled(clips) * 2, "8 clips"), (labelled([broken]), "cannot be read")):
        with pytest.raises(LabError, match=said):
            side_by_side(given, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.mp4"]


def test_the_clips_of_a_slide_become_a_video(lab: Lab, tmp_path: Path) -> None:
    """A script can do all that the page can; a slide without clips says so."""
    show = lab.shows.of_sweep(decided(lab))
    pair = next(slide for slide in show.slides if len(slide.clips) == 2)
    with av.open(str(lab.shows.side_by_side(show.id, pair.number, tmp_path / "out.mp4"))) as file:
        assert sum(1 for _ in file.decode(video=0)) > 24
    with pytest.raises(LabError, match="no slide 99"):
        lab.shows.side_by_side(show.id, 99, tmp_path / "none.mp4")
