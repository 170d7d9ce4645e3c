"""The example show of `docs/` is what its script makes of the simulator today, small enough to mail, and complete in itself."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from rivya_core.services import close_all
from tests.docs import example_show
from tests.docs.__main__ import DOCS

COMMITTED = DOCS / example_show.NAME
LARGEST_BYTES = 3_000_000


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Path]:
    """The show, made anew."""
    yield example_show.write(tmp_path / "made", tmp_path / example_show.NAME)
    close_all()


def test_the_script_makes_the_show_that_is_there(made: Path) -> None:
    """The same study: question, combinations, clips, findings, votes, decision, cost, words. Ids, times and files differ."""
    assert example_show.lasting(example_show.read(made)) == example_show.lasting(example_show.read(COMMITTED))
    assert made.stat().st_size <= LARGEST_BYTES


def test_the_show_that_is_there_holds_all_its_clips_and_asks_nobody() -> None:
    """One file of at most 3 MB; each clip plays to its end; no address of anything outside it."""
    assert COMMITTED.stat().st_size <= LARGEST_BYTES
    page, data = COMMITTED.read_text(encoding="utf-8"), example_show.read(COMMITTED)
    inside = dict(re.findall(r'src="data:video/mp4;base64,([A-Za-z0-9+/=]+)" data-clip="([0-9a-f]{64})"', page))
    assert set(inside.values()) == set(data["clips"])
    for video in inside:
        with av.open(io.BytesIO(b64decode(video)), "r") as clip:
            assert len(list(clip.decode(video=0))) == 24 * 5
    assert re.findall(r'(?:src|href|poster)="(?!data:|#)[^"]*"', page) == []


def test_it_shows_a_finished_study() -> None:
    """A question, two variables, findings, votes with a winner, and a decision that the votes name; simulated, and said so."""
    data = example_show.read(COMMITTED)
    assert data["question"].endswith("?")
    assert len(data["variables"]) >= 2
    assert all(finding["clear"] for finding in data["findings"])
    assert data["votes"]["sentence"].startswith("Winner: ")
    assert data["decision"]["label"].startswith(data["votes"]["table"][0]["label"])
    assert data["mode"] == "simulated"
    assert all(slide["caption"] for slide in data["slides"])
