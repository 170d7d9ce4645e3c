"""Choosing clips for the wall, on as many pages as there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pages._ui import formatting, layout, mode_marks
from pages._ui.compare_limits import LEAST, MOST
from pages._ui.components.poster_grid import Tile, poster_tray
from rivya_core import GenerationRecord


def picker(
    rows: Sequence[GenerationRecord], chosen: Sequence[GenerationRecord], names: Mapping[str, str], *, key: str
) -> list[str] | None:
    """Draw the posters and the tray; the ids to compare when that was pressed just now, or None.

    ``chosen``: what is in the tray at first. ``names``: better names than the prompts, by id.
    """
    marks = mode_marks.marks(layout.lab().mode, (record.mode for record in (*rows, *chosen)))

    def tile(record: GenerationRecord) -> Tile:
        return Tile(
            record,
            marks.of(record.mode),
            name=names.get(record.id) or formatting.excerpt(record.prompt, 80),
            facts=" · ".join(part for part in (formatting.shape(record), f"take {record.take}") if part),
        )

    return poster_tray([tile(row) for row in rows], [tile(one) for one in chosen], least=LEAST, most=MOST, key=key)
