"""A contact sheet: one picture of many clips with their labels, for chats and slides where pages do not play.

It says whether what it shows is simulated, in its head and, where live and simulated stand side by side, at each clip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from rivya_core.api.durable import written_beside
from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.shows.pictures import lettering
from rivya_core.lab.shows.pictures.lettering import Colour
from rivya_core.lab.shows.show import mode_of
from rivya_core.mode_words import MARK_LINES, ModeWord

TILES_MAX: Final = 200
SHEET_WIDE_PX: Final = 1800
TILE_PX: Final = (160, 420)
"""The least and the greatest width of a tile."""
TALLEST: Final = 1.25
"""Of a tile, in its widths: it is as tall as the tallest clip asks for, up to this."""

PAPER: Final[Colour] = (255, 255, 255)
INK: Final[Colour] = (22, 22, 30)
QUIET: Final[Colour] = (92, 92, 108)
EMPTY: Final[Colour] = (238, 238, 243)
SIMULATED: Final[Colour] = (107, 33, 168)
LIVE: Final[Colour] = (22, 101, 52)
MARGIN_PX, GAP_PX = 40, 20
TITLE_PX, TEXT_PX, SMALL_PX = 34, 20, 17
LINES = 2


@dataclass(frozen=True, slots=True)
class Tile:
    """A clip on the sheet. ``poster``: a picture of it, None where there is none. ``note``: a quiet second line."""

    poster: Path | None
    label: str
    mode: ModeWord
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a sheet shows: ``tiles`` by row, None where there is no clip. Of a plain list ``columns`` and ``rows`` have no names."""

    title: str
    tiles: tuple[tuple[Tile | None, ...], ...]
    columns: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    subtitle: str = ""

    @property
    def all(self) -> tuple[Tile, ...]:
        """Every tile, in reading order."""
        return tuple(tile for row in self.tiles for tile in row if tile is not None)


def of_list(title: str, tiles: Sequence[Tile], subtitle: str = "") -> Sheet:
    """Lay out a list: about as many columns as rows, at most six."""
    across = max(1, min(6, math.ceil(math.sqrt(len(tiles) * 1.3))))
    rows = [tuple(tiles[at : at + across]) for at in range(0, len(tiles), across)]
    return Sheet(title, tuple(rows), subtitle=subtitle)


def contact_sheet(sheet: Sheet, target: Path) -> Path:
    """Write a sheet as PNG, the same bytes each time; where it is.

    Raises:
        LabError: there is nothing to show, or too much. StorageError: it cannot be written.
    """
    if not 0 < len(sheet.all) <= TILES_MAX:
        raise LabError(
            "A contact sheet cannot be made of this",
            f"It has {len(sheet.all)} clips, and 1 to {TILES_MAX} are taken.",
            "Choose other clips.",
            field="clips",
        )
    picture = _Drawing(sheet).draw()
    try:
        with written_beside(target) as part:
            picture.save(part, "PNG", optimize=True)
    except OSError as error:
        raise StorageError(
            "The contact sheet cannot be written", f"{error.strerror or error}.", field="disk"
        ) from error
    return target


class _Drawing:
    """The measures of one sheet, and the drawing of it."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.mode = mode_of(tile.mode for tile in sheet.all)
        self.across = max(len(row) for row in sheet.tiles)
        self.aside = 180 if any(sheet.rows) else 0
        room = SHEET_WIDE_PX - 2 * MARGIN_PX - self.aside - (self.across - 1) * GAP_PX
        self.tile_wide = max(TILE_PX[0], min(TILE_PX[1], room // self.across))
        self.posters = {tile.poster: _poster(tile.poster) for tile in sheet.all if tile.poster is not None}
        shapes = [one.height / one.width for one in self.posters.values() if one is not None]
        self.tile_high = round(self.tile_wide * min(TALLEST, max(shapes, default=9 / 16)))
        self.under = self._lines_under() * round(SMALL_PX * 1.4) + 8
        self.wide = max(720, 2 * MARGIN_PX + self.aside + self.across * self.tile_wide + (self.across - 1) * GAP_PX)
        self.titles = lettering.fitted(sheet.title, TITLE_PX, self.wide - 2 * MARGIN_PX, LINES, bold=True)
        self.heads = [lettering.fitted(name, TEXT_PX, self.tile_wide, LINES, bold=True) for name in sheet.columns]

    def _lines_under(self) -> int:
        line_counts = [LINES * bool(tile.label) + bool(tile.note) + (self.mode == "mixed") for tile in self.sheet.all]
        return max(line_counts)

    def draw(self) -> Image.Image:
        """Draw everything."""
        step = self.tile_high + self.under + GAP_PX
        top = MARGIN_PX + len(self.titles) * 44 + 34 + 34 * bool(self.sheet.subtitle) + 16
        heads = max((len(lines) for lines in self.heads), default=0) * 26 + 10 * bool(self.heads)
        high = top + heads + len(self.sheet.tiles) * step - GAP_PX + MARGIN_PX
        picture = Image.new("RGB", (self.wide, high), PAPER)
        pen = ImageDraw.Draw(picture)
        self._head(pen)
        for column, lines in enumerate(self.heads):
            _lines(pen, (self._left(column), top + 20), lines, TEXT_PX, INK, bold=True)
        for row, tiles in enumerate(self.sheet.tiles):
            y = top + heads + row * step
            if row < len(self.sheet.rows):
                named = lettering.fitted(self.sheet.rows[row], TEXT_PX, self.aside - GAP_PX, 4, bold=True)
                _lines(pen, (MARGIN_PX, y + 20), named, TEXT_PX, INK, bold=True)
            for column, tile in enumerate(tiles):
                self._tile(picture, pen, (self._left(column), y), tile)
        return picture

    def _left(self, column: int) -> int:
        return MARGIN_PX + self.aside + column * (self.tile_wide + GAP_PX)

    def _head(self, pen: ImageDraw.ImageDraw) -> None:
        y = MARGIN_PX + 32
        y = _lines(pen, (MARGIN_PX, y), self.titles, TITLE_PX, INK, bold=True)
        room = self.wide - 2 * MARGIN_PX
        if self.sheet.subtitle:
            y = (
                _lines(pen, (MARGIN_PX, y - 4), lettering.fitted(self.sheet.subtitle, TEXT_PX, room), TEXT_PX, QUIET)
                + 6
            )
        colour = LIVE if self.mode == "live" else SIMULATED
        lettering.write(pen, (MARGIN_PX, y - 6), MARK_LINES[self.mode], TEXT_PX, colour, bold=True)

    def _tile(self, picture: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], tile: Tile | None) -> None:
        x, y = at
        pen.rectangle((x, y, x + self.tile_wide - 1, y + self.tile_high - 1), fill=EMPTY)
        poster = None if tile is None or tile.poster is None else self.posters[tile.poster]
        if tile is None or poster is None:
            placeholder = "no clip" if tile is None else "no picture"
            middle = (self.tile_wide - lettering.width_px(placeholder, SMALL_PX)) / 2
            lettering.write(pen, (x + middle, y + self.tile_high / 2 + 6), placeholder, SMALL_PX, QUIET)
        else:
            scaled = ImageOps.contain(poster, (self.tile_wide, self.tile_high), Image.Resampling.LANCZOS)
            picture.paste(scaled, (x + (self.tile_wide - scaled.width) // 2, y + (self.tile_high - scaled.height) // 2))
        if tile is None:
            return
        below = y + self.tile_high + 24
        labels = lettering.fitted(tile.label, SMALL_PX, self.tile_wide, LINES)
        below = _lines(pen, (x, below), labels, SMALL_PX, INK)
        if tile.note:
            below = _lines(pen, (x, below), lettering.fitted(tile.note, SMALL_PX, self.tile_wide), SMALL_PX, QUIET)
        if self.mode == "mixed":
            colour = LIVE if tile.mode == "live" else SIMULATED
            lettering.write(pen, (x, below), tile.mode.upper(), SMALL_PX, colour, bold=True)


def _lines(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    lines: Sequence[str],
    size_px: int,
    colour: Colour,
    *,
    bold: bool = False,
) -> int:
    """Draw lines under each other; where the next one would stand."""
    x, y = at
    for line in lines:
        lettering.write(pen, (x, y), line, size_px, colour, bold=bold)
        y += round(size_px * 1.3)
    return y


def _poster(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
