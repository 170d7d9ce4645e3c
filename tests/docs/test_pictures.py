"""README's pictures are the ones that `make pictures` takes, small enough to load, and none is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.docs import moving_picture, pictures
from tests.docs.__main__ import DOCS

NAMED = re.findall(r"!\[[^\]]+\]\((docs/[\w.-]+)\)", (DOCS.parent / "README.md").read_text(encoding="utf-8"))
MADE = {"sweep": "", "show": "", "takes": [], "clips": [""]}


def test_every_picture_of_the_readme_is_one_that_is_taken() -> None:
    """By name, and none is taken that README does not show."""
    taken = {f"docs/{picture.name}.png" for picture in pictures.pictures(MADE)} | {f"docs/{moving_picture.NAME}"}
    assert set(NAMED) == taken


@pytest.mark.parametrize("name", NAMED)
def test_a_picture_is_small(name: str) -> None:
    """A still at most 250 kB and as large as the window; the moving one at most 2 MB, of many frames, over and over."""
    path = Path(DOCS.parent / name)
    with Image.open(path) as image:
        if path.name == moving_picture.NAME:
            assert path.stat().st_size <= moving_picture.LARGEST_BYTES
            assert (getattr(image, "n_frames", 1) > 20, image.info["loop"]) == (True, 0)
        else:
            assert path.stat().st_size <= pictures.LARGEST_BYTES
            assert image.size == pictures.SIZE
