"""What goes on a contact sheet or into a side-by-side video, of a show or of chosen clips; both say what each clip is.

Whatever a show says was frozen when it was made. Clips that were chosen by hand are named by what sets them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rivya_core.api.errors import LabError
from rivya_core.lab.ledger.history.differences import MEASURED, compare
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.shows.clip_store import label_of
from rivya_core.lab.shows.pictures.contact_sheet import Sheet, Tile, of_list
from rivya_core.lab.shows.pictures.side_by_side import LabelledClip
from rivya_core.lab.shows.show import Show

CHIPS_MAX = 3


def sheet_of(show: Show, poster: Callable[[str], Path | None]) -> Sheet:
    """The grid of a show's sweep, one clip a combination; of a show without one, all its clips in their order."""
    question = "" if show.facts.question == show.title else show.facts.question
    grid = show.facts.grid
    if grid is None or not grid.clips:
        tiles = [Tile(poster(key), clip.label, clip.mode) for key, clip in show.clips.items()]
        return of_list(show.title, tiles, question)

    def tile(takes: Sequence[str]) -> Tile | None:
        if not takes:
            return None
        note = f"1 of {len(takes)} takes" if len(takes) > 1 else ""
        return Tile(poster(takes[0]), "", show.clips[takes[0]].mode, note)

    cells = tuple(tuple(tile(takes) for takes in row) for row in grid.cells)
    return Sheet(show.title, cells, grid.columns, grid.rows, question)


def clips_of_slide(show: Show, number: int, clip: Callable[[str], Path]) -> list[LabelledClip]:
    """The clips of a slide with their labels. Raises LabError when there is no such slide."""
    slide = show.slide(number)
    if slide is None:
        raise LabError("There is no such slide", f"This show has no slide {number}.", "Choose another.", field="slide")
    slide_clips = [(key, show.clips[key]) for key in slide.clips]
    return [LabelledClip(clip(key), one.label, one.mode) for key, one in slide_clips]


def labels_of(rows: Sequence[GenerationRecord]) -> list[str]:
    """Name chosen clips by number and their prompts; of one prompt by the settings that set them apart."""
    if len(rows) == 1:
        return [label_of(rows[0])]
    labels = [label_of(row) for row in rows]
    if len({row.prompt for row in rows}) == 1:
        chips = [[chip for chip in mine if chip["name"] not in MEASURED] for mine in compare(rows, rows[0].id).chips]
        named = [" · ".join(f"{chip['name']} {chip['value']}" for chip in mine[:CHIPS_MAX]) for mine in chips]
        labels = [name or f"take {row.take}" for name, row in zip(named, rows, strict=True)]
    return [f"{number}: {label}" for number, label in enumerate(labels, 1)]
