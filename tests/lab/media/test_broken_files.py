"""No clip that is wiped out, cut or lacks a part is ever taken for a whole one, wherever that begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rivya_core.api.errors import DownloadError
from rivya_core.lab.media.video_probe import decode_fault, inspect
from tests.lab.video_files import make_clip, noisy, without, zeroed

KINDS = [
    ("libx264", ".mp4", 1),
    ("libx264", ".mp4", 12),
    ("libx264", ".mp4", 250),
    ("libx264", ".mov", 12),
    ("libx265", ".mp4", 1),
    ("libx265", ".mp4", 250),
    ("libvpx-vp9", ".webm", 12),
    ("libsvtav1", ".mp4", 12),
]
START = st.floats(0.05, 0.99)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: "-".join(map(str, kind)))
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole clip of one kind."""
    codec, suffix, gop = request.param
    return make_clip(tmp_path_factory.mktemp("clips") / f"clip{suffix}", codec, gop=gop)


def is_taken_for_whole(path: Path) -> bool:
    """Run the check before archiving, and the one that decodes all."""
    try:
        inspect(path)
    except DownloadError:
        return False
    return decode_fault(path) == ""


def test_a_whole_clip_is_whole(clip: Path) -> None:
    """Both checks find nothing wrong."""
    assert inspect(clip).duration_s == pytest.approx(2.0, abs=0.1)
    assert decode_fault(clip) == ""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=START, spoil=st.sampled_from([zeroed, without]))
def test_a_clip_whose_second_part_is_wiped_or_missing_is_refused(
    clip: Path, tmp_path: Path, start: float, spoil: Callable[[bytes, float, float], bytes]
) -> None:
    """From 5 to 99 percent on."""
    path = tmp_path / f"spoilt{clip.suffix}"
    path.write_bytes(spoil(clip.read_bytes(), start, 1.0))
    assert not is_taken_for_whole(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.floats(0.05, 0.85), length=st.floats(0.05, 0.9), spoil=st.sampled_from([zeroed, without]))
def test_a_clip_with_a_hole_is_refused(
    clip: Path, tmp_path: Path, start: float, length: float, spoil: Callable[[bytes, float, float], bytes]
) -> None:
    """A twentieth or more in the middle of it."""
    path = tmp_path / f"spoilt{clip.suffix}"
    path.write_bytes(spoil(clip.read_bytes(), start, min(1.0, start + length)))
    assert not is_taken_for_whole(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=START, seed=st.integers(0, 1000))
def test_noise_that_runs_over_pictures_is_refused(clip: Path, tmp_path: Path, start: float, seed: int) -> None:
    """From anywhere to the end of the file, where no length of a picture fits any more."""
    path = tmp_path / f"spoilt{clip.suffix}"
    path.write_bytes(noisy(clip.read_bytes(), min(start, 0.8), 1.0, seed))
    assert not is_taken_for_whole(path)
