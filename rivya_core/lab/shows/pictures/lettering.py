"""Draw text into pictures: in our own font, with a system font for characters that it lacks, never as empty boxes.

A line is drawn in runs, each in one font and one direction, from left to right as they are read (the core of Unicode's annex 9,
without its marks of embedding). A character that no font here has is drawn as a question mark, one for a whole run.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import ImageDraw, ImageFont, features

Font = ImageFont.FreeTypeFont
Colour = tuple[int, int, int]

_OURS: Final = Path(__file__).parents[3] / "assets" / "fonts"
_FONTS: Final = (_OURS / "inter-latin-wght-normal.woff2", _OURS / "inter-latin-ext-wght-normal.woff2")
_FOLDERS: Final = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
_CAN_TURN: Final = features.check("raqm")
"""Whether a run can be drawn to the left; without that library of Pillow's, letters stand as they are written."""
_KINDS: Final = {".ttf", ".otf", ".ttc"}
_BRACKETS: Final = {"(": ")", "[": "]", "{": "}"}
_NO_CHARACTER: Final = "\U0010ffff"
_PROBE_PX: Final = 16
_BOLD: Final = 620
_UNKNOWN: Final = "?"
_CUT: Final = "\N{HORIZONTAL ELLIPSIS}"
_FORMATS: Final = {"Cf", "Mn", "Me", "Mc"}
"""What is drawn with the character before it, or not at all."""


def width_px(text: str, size_px: int, *, bold: bool = False) -> float:
    """How wide a line is."""
    return sum(_sized(path, size_px, bold).getlength(run) for path, run, _ in _runs(text))


def write(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size_px: int, colour: Colour, *, bold: bool = False
) -> None:
    """Draw one line; ``at`` is its left end on the base line."""
    x, y = at
    for path, run, level in _visual_order(list(_runs(text))):
        font = _sized(path, size_px, bold)
        way = ("rtl" if level % 2 else "ltr") if _CAN_TURN else None
        pen.text((x, y), run, font=font, fill=colour, anchor="ls", direction=way)
        x += font.getlength(run, direction=way)


def fitted(text: str, size_px: int, room_px: float, lines: int = 1, *, bold: bool = False) -> list[str]:
    """Break a text into at most ``lines`` lines of this width; what does not fit is cut, and an ellipsis says so."""
    remaining, wrapped = " ".join(text.split()), list[str]()
    while remaining and len(wrapped) < lines:
        count = _fitting(remaining, size_px, room_px, bold=bold)
        if count < len(remaining) and len(wrapped) < lines - 1:
            blank = remaining.rfind(" ", 1, count + 1)
            count = blank if blank > 0 else count
        wrapped.append(remaining[:count].rstrip())
        remaining = remaining[count:].lstrip()
    if remaining:
        last = wrapped[-1]
        while last and width_px(last + _CUT, size_px, bold=bold) > room_px:
            last = last[:-1].rstrip()
        wrapped[-1] = last + _CUT
    return wrapped


def _fitting(text: str, size_px: int, room_px: float, *, bold: bool) -> int:
    """How many characters of a text fit, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_px(text[:middle], size_px, bold=bold) <= room_px:
            low = middle
        else:
            high = middle - 1
    return low


def _runs(text: str) -> Iterator[tuple[Path, str, int]]:
    """The text in pieces as it is written, each with the font that has all of it and the level of its direction, odd = to the left."""
    font, run, level = _FONTS[0], "", 0
    for character, its_level in zip(text, _levels(text), strict=True):
        category = unicodedata.category(character)
        if category in {"Cc", "Cs", "Co", "Cn"}:
            continue
        font_path = font if category in _FORMATS or character.isspace() else _font_of(character, font)
        glyph = character
        if font_path is None:
            font_path, glyph = _FONTS[0], "" if run.endswith(_UNKNOWN) and font == _FONTS[0] else _UNKNOWN
        if (font_path, its_level) != (font, level) and run:
            yield font, run, level
            run = ""
        font, run, level = font_path, run + glyph, its_level
    if run:
        yield font, run, level


def _levels(text: str) -> list[int]:
    """Of each character how deep it lies: 0 to the right, 1 to the left, 2 to the right within what goes to the left."""
    kinds = [unicodedata.bidirectional(character) for character in text]
    base = int(next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L") != "L")
    ways = _ways(_numbers_whole(kinds), base)
    levels = [
        (2 * base, 1, 2)[_before(ways, at, base) if way is None else way]
        if way is not None or _before(ways, at, base) == _after(ways, at, base)
        else base
        for at, way in enumerate(ways)
    ]
    opened: list[int] = []
    for at, character in enumerate(text):
        if character in _BRACKETS:
            opened.append(at)
        elif opened and character == _BRACKETS[text[opened[-1]]]:
            levels[at] = levels[opened.pop()]  # both turned, or none
    return levels


def _numbers_whole(kinds: Sequence[str]) -> list[str]:
    """A point or a sign within a number, and a unit at it, belong to it."""
    resolved = list(kinds)
    for at, kind in enumerate(kinds):
        around = [kinds[near] for near in (at - 1, at + 1) if 0 <= near < len(kinds)]
        if (kind in {"CS", "ES"} and around == ["EN", "EN"]) or (kind == "ET" and "EN" in around):
            resolved[at] = "EN"
    return resolved


def _ways(kinds: Sequence[str], base: int) -> list[int | None]:
    """Where each character goes: 0 right, 1 left, 2 a number within what goes left, None for what follows its neighbours."""
    ways: list[int | None] = []
    strong = base
    for kind in kinds:
        if kind in {"L", "R", "AL"}:
            strong = int(kind != "L")
            ways.append(strong)
        elif kind in {"EN", "AN"}:
            ways.append(2 if strong or kind == "AN" else 0)
        else:
            ways.append(ways[-1] if kind == "NSM" and ways else None)
    return ways


def _before(ways: Sequence[int | None], at: int, base: int) -> int:
    return next((int(way > 0) for way in reversed(ways[:at]) if way is not None), base)


def _after(ways: Sequence[int | None], at: int, base: int) -> int:
    return next((int(way > 0) for way in ways[at + 1 :] if way is not None), base)


def _visual_order(runs: Sequence[tuple[Path, str, int]]) -> list[tuple[Path, str, int]]:
    """Runs from left to right: from the deepest level on, what lies at it or deeper is turned round."""
    reordered = list(runs)
    for level in range(max((run[2] for run in reordered), default=0), 0, -1):
        at = 0
        while at < len(reordered):
            end = at
            while end < len(reordered) and reordered[end][2] >= level:
                end += 1
            reordered[at:end] = reversed(reordered[at:end])
            at = max(end, at + 1)
    return reordered


def _font_of(character: str, before: Path) -> Path | None:
    """The font for a character: the one of the character before it where that has it."""
    if before not in _FONTS and _has(before, character):
        return before
    return _any_font(character)


@lru_cache(maxsize=4096)
def _any_font(character: str) -> Path | None:
    return next((path for path in (*_FONTS, *_system_fonts()) if _has(path, character)), None)


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[Path, ...]:
    """Upright fonts of a usual weight and without serifs before the others; the same order each time."""
    paths = [path for folder in _FOLDERS for path in Path(folder).rglob("*") if path.suffix.lower() in _KINDS]
    return tuple(sorted(paths, key=lambda path: (_oddness(path.stem.lower()), path)))


def _oddness(name: str) -> int:
    return 4 * ("regular" not in name) + 2 * any(kind in name for kind in ("serif", "mono")) + ("sans" not in name)


@lru_cache(maxsize=8192)
def _has(path: Path, character: str) -> bool:
    """Tell whether a font has a character: what it lacks, it draws as it draws what no font has."""
    try:
        font = _sized(path, _PROBE_PX, bold=False)
        drawn, missing = font.getmask(character), font.getmask(_NO_CHARACTER)
    except (OSError, ValueError):
        return False
    return (drawn.size, bytes(drawn)) != (missing.size, bytes(missing)) and drawn.getbbox() is not None


@lru_cache(maxsize=256)
def _sized(path: Path, size_px: int, bold: bool) -> Font:
    font = ImageFont.truetype(str(path), size_px)
    if path in _FONTS:
        axes = font.get_variation_axes()
        weights = [float(_BOLD if bold else axis["default"] or 0) for axis in axes]  # their one axis is the weight
        font.set_variation_by_axes(weights)
    return font
