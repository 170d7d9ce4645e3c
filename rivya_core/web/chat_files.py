"""Files for chats: a contact sheet or a side-by-side video of chosen clips or of a show, made while the answer is waited for.

One at a time, whoever asks: coding takes seconds of a core, and jobs go on beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from starlette.datastructures import QueryParams

from rivya_core.api.errors import LabError
from rivya_core.lab.lab import Lab
from rivya_core.lab.own_key import refuse_key
from rivya_core.lab.shows.show import SIDE_BY_SIDE_MAX
from rivya_core.mode_words import ModeWord
from rivya_core.web import clip_archive, exports

KINDS: Final = {"contact-sheet.png": "image/png", "side-by-side.mp4": "video/mp4"}
SHEET_MAX: Final = 100
_ONE_AT_A_TIME: Final = threading.Lock()
_PLACES_MAX: Final = 4
_PLACES: Final = threading.BoundedSemaphore(_PLACES_MAX)
"""Whoever waits holds a thread of the server, which clips and pictures are served by as well."""


def make(lab: Lab, kind: str, asked: QueryParams) -> tuple[Path, str]:
    """Make the file that an address asks for: its place, for the caller to remove, and the name to save it under.

    ``show`` and for a video ``slide``, or ``id`` for each clip.

    Raises:
        LabError: no such show, slide or clip, or too many of them. StorageError: a file is gone, or there is no room.
    """
    ids = list(dict.fromkeys(asked.getlist("id")))
    show_id = asked.get("show")
    write, mode = _of_clips(lab, kind, ids) if show_id is None else _of_show(lab, kind, show_id, asked.get("slide"))
    what, extension = kind.split(".")
    if not _PLACES.acquire(blocking=False):
        raise LabError(
            "Other files are being made",
            f"{_PLACES_MAX} are asked for already.",
            "Try again in a moment.",
            field="kind",
        )
    part = lab.archive.part_path(f"clips/{kind}")
    try:
        part.unlink()  # its name is ours; whoever writes a show finds nothing there
        with _ONE_AT_A_TIME:
            write(part)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        _PLACES.release()
    return part, exports.file_name(what, mode, extension, datetime.now().astimezone())


def _of_show(lab: Lab, kind: str, show_id: str, slide: str | None) -> tuple[Callable[[Path], object], ModeWord | None]:
    mode = lab.shows.get(show_id).mode
    told: ModeWord | None = None if mode == "mixed" else mode
    if kind == "contact-sheet.png":
        return lambda part: lab.shows.contact_sheet(show_id, part), told
    number = int(slide) if slide is not None and slide.isdecimal() and len(slide) < 6 else 0  # noqa: PLR2004 - no show has more
    return lambda part: lab.shows.side_by_side(show_id, number, part), told


def _of_clips(lab: Lab, kind: str, ids: list[str]) -> tuple[Callable[[Path], object], ModeWord | None]:
    # Loads numpy and the coder: only who makes a file pays for it.
    from rivya_core.lab.shows.chat_files import labels_of  # noqa: PLC0415
    from rivya_core.lab.shows.contact_sheet import Tile, contact_sheet, of_list  # noqa: PLC0415
    from rivya_core.lab.shows.side_by_side import LabelledClip, side_by_side  # noqa: PLC0415

    most = SHEET_MAX if kind == "contact-sheet.png" else SIDE_BY_SIDE_MAX
    rows = [row for row in lab.history.some(ids) if row.has_clip] if 0 < len(ids) <= most else []
    if not rows:
        raise LabError(
            "This file cannot be made", f"It takes 1 to {most} finished clips.", "Choose others.", field="id"
        )
    labels = labels_of(rows)
    refuse_key(lab.settings, "\n".join([*labels, *(row.prompt for row in rows)]))
    title = f"{len(rows)} clips" if len({row.prompt for row in rows}) > 1 or len(rows) == 1 else rows[0].prompt
    if kind == "contact-sheet.png":
        tiles = [Tile(lab.poster(row.id), label, row.mode_word) for row, label in zip(rows, labels, strict=True)]
        return lambda part: contact_sheet(of_list(title, tiles), part), clip_archive.mode_of(rows)
    clips = [LabelledClip(lab.clip(row.id), label, row.mode_word) for row, label in zip(rows, labels, strict=True)]
    return lambda part: side_by_side(clips, part, title=title), clip_archive.mode_of(rows)
