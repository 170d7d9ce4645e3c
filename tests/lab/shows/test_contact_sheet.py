"""What ``rivya_core/lab/shows/pictures/contact_sheet.py`` and ``lettering.py`` promise: labels that fit and can be read, the mode said, no boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from rivya_core import Lab
from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.shows.pictures import lettering
from rivya_core.lab.shows.pictures.contact_sheet import EMPTY, LIVE, SIMULATED, Sheet, Tile, contact_sheet, of_list
from tests.lab.shows.given import decided


@pytest.fixture
def poster(tmp_path: Path) -> Path:
    """A poster."""
    Image.new("RGB", (640, 360), (20, 120, 90)).save(tmp_path / "poster.jpg")
    return tmp_path / "poster.jpg"


def has(picture: Image.Image, colour: tuple[int, int, int]) -> bool:
    """Tell whether something is drawn in exactly this colour."""
    return any(found == colour for _, found in picture.getcolors(1 << 24) or [])


def test_a_list_becomes_a_picture_the_same_each_time(poster: Path, tmp_path: Path) -> None:
    """Every poster is on it, what is missing is said, and a label of any length changes no width."""
    tiles = [Tile(poster, "A fox " * 60, "simulated"), Tile(None, "x" * 900, "simulated", "1 of 3 takes")] * 4
    first = contact_sheet(of_list("A question " * 40, tiles, "Which one?"), tmp_path / "a.png").read_bytes()
    assert contact_sheet(of_list("A question " * 40, tiles, "Which one?"), tmp_path / "b.png").read_bytes() == first
    with Image.open(tmp_path / "a.png") as found:
        picture = found.convert("RGB")
    assert found.format == "PNG"
    assert picture.width <= 1800
    assert has(picture, EMPTY)
    assert has(picture, SIMULATED)
    assert not has(picture, LIVE)


def test_live_and_simulated_are_told_apart_where_they_stand_side_by_side(poster: Path, tmp_path: Path) -> None:
    """Each tile says its own; a sheet of live clips alone says nothing of simulation."""
    mixed = Sheet("Both", ((Tile(poster, "", "live"), Tile(poster, "", "simulated"), None),), ("1", "2", "3"), ("row",))
    with Image.open(contact_sheet(mixed, tmp_path / "a.png")) as found:
        assert has(found.convert("RGB"), LIVE)
        assert has(found.convert("RGB"), SIMULATED)
    with Image.open(contact_sheet(of_list("Live", [Tile(poster, "", "live")]), tmp_path / "b.png")) as found:
        assert has(found.convert("RGB"), LIVE)
        assert not has(found.convert("RGB"), SIMULATED)


def test_a_sheet_of_nothing_or_without_room_is_refused_in_words(poster: Path, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    with pytest.raises(LabError, match="0 clips"):
        contact_sheet(Sheet("Empty", ((None,),)), tmp_path / "a.png")
    with pytest.raises(StorageError):
        contact_sheet(of_list("Nowhere", [Tile(poster, "", "live")]), tmp_path / "no folder" / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["poster.jpg"]


def test_a_show_of_a_sweep_gives_its_grid(lab: Lab, tmp_path: Path) -> None:
    """A script can do all that the page can."""
    show = lab.shows.of_sweep(decided(lab))
    path = lab.shows.contact_sheet(show.id, tmp_path / "sheet.png")
    with Image.open(path) as found:
        assert found.width > 700
        assert has(found.convert("RGB"), SIMULATED)


@pytest.mark.parametrize("size_px", [17, 34])
@pytest.mark.parametrize(
    "text", ["a", "word " * 80, "x" * 500, "\u09b6\u09bf\u09af\u09bc\u09be\u09b2 " * 40, "\u72d0" * 99, ""]
)
def test_lines_are_never_wider_than_their_room(text: str, size_px: int) -> None:
    """Broken at blanks where there are some; what is cut ends in an ellipsis."""
    lines = lettering.fitted(text, size_px, 300, 2)
    assert len(lines) <= 2
    assert all(lettering.width_px(line, size_px) <= 300 for line in lines)
    assert bool(lines and lines[-1].endswith("\u2026")) == (len(" ".join(lines)) < len(text.strip()) or len(text) > 99)


def drawn(text: str) -> bytes:
    """How a line looks."""
    picture = Image.new("RGB", (400, 40))
    lettering.write(ImageDraw.Draw(picture), (4, 30), text, 20, (255, 255, 255))
    return picture.tobytes()


@pytest.mark.parametrize("text", ["\ue000\ue001", "a\ud7ffb", "\U000e0001"], ids=["private", "nobody's", "unseen"])
def test_what_no_font_has_is_no_box(text: str) -> None:
    """Nothing, or one question mark for a run of it."""
    plain = text.encode("ascii", "ignore").decode()
    assert drawn(text) in {drawn(plain), drawn(plain[:1] + "?" + plain[1:])}


def test_a_script_that_our_font_lacks_is_drawn_with_one_that_has_it() -> None:
    """Where this computer has one; else each run of it is one question mark."""
    for text in ("\u09b6\u09bf\u09af\u09bc\u09be\u09b2", "\u72d0\u72f8", "\u043b\u0438\u0441\u0430"):
        known = [character for character in text if lettering._any_font(character)]
        assert (drawn(text) == drawn("?")) == (not known), text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("cfg_scale 0.5", [("cfg_scale 0.5", 0)]),
        ("שלום עולם", [("שלום עולם", 1)]),
        ("שלום cfg", [("cfg", 2), ("שלום ", 1)]),
        ("cfg שלום עולם end", [("cfg ", 0), ("שלום עולם", 1), (" end", 0)]),
        ("ערך 0.5 סוף", [(" סוף", 1), ("0.5", 2), ("ערך ", 1)]),
        ("scale של 50%", [("scale ", 0), ("50%", 2), ("של ", 1)]),
        ("ערך (cfg) 7", [(" 7", 2), (")", 1), ("cfg", 2), ("ערך (", 1)]),
        ("", []),
        (" · ", [(" · ", 0)]),
    ],
)
def test_what_is_read_from_the_right_stands_to_the_left(text: str, seen: list[tuple[str, int]]) -> None:
    """Pieces of a line stand where a reader of both directions looks for them; a number is never turned round."""
    found: list[tuple[str, int]] = []
    for _, run, level in lettering._visual_order(list(lettering._runs(text))):  # fonts part runs further: joined here
        if found and found[-1][1] == level:
            found[-1] = (run + found[-1][0] if level % 2 else found[-1][0] + run, level)
        else:
            found.append((run, level))
    assert found == seen
