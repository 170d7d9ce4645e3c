"""Files generated for one response and deleted afterwards: contact sheets, side-by-side videos, clips with settings.

Contact sheets and videos are generated one at a time across all users: encoding takes seconds of a core that jobs need too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.media.containers import MP4
from rivya_core.lab.shows.own_key import refuse_key
from rivya_core.lab.shows.pictures.recipe import recipe_text, write_recipe
from rivya_core.lab.shows.show import SIDE_BY_SIDE_MAX
from rivya_core.local_time import local_now
from rivya_core.mode_words import ModeWord
from rivya_core.web import clip_archive, exports
from rivya_core.web.files import NO_STORE, AnonymousFile, answer_with_lab, refused

KINDS: Final = {"contact-sheet.png": "image/png", "side-by-side.mp4": "video/mp4"}
SHEET_MAX: Final = 100
_ENCODING: Final = threading.Lock()
_WAITING_MAX: Final = 4
_WAITING: Final = threading.BoundedSemaphore(_WAITING_MAX)
"""Limits how many requests wait: each holds one of the server's threads, which serve clips and pictures as well."""


class DeletedAfterSending(AnonymousFile):
    """A file response that deletes its file after sending, also when the client disconnects."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, whole or in ranges."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._delete()  # without await: in a cancelled task, which a broken connection leaves, every await raises

    def _delete(self) -> None:
        Path(self.path).unlink(missing_ok=True)


def clip_with_settings(lab: Lab, record: GenerationRecord, path: Path) -> Response:
    """Send a copy of a clip with its recipe in the metadata; the archive's own file stays as it is."""
    name = f"{Path(clip_archive.clip_name(record)).stem}-with-settings{MP4.suffix}"
    part = lab.archive.part_path(f"clips/{record.id}{MP4.suffix}")
    try:
        text = recipe_text(record)
        refuse_key(lab.settings, text)
        write_recipe(path, part, text)
    except RivyaError as error:
        part.unlink(missing_ok=True)
        return refused(error)
    return DeletedAfterSending(part, media_type=MP4.media_type, filename=name, headers=NO_STORE)


def chat_file(request: Request) -> Response:
    """Make a contact sheet or a side-by-side video and send it; takes some seconds. 409 with a sentence when it cannot be made."""
    kind = request.url.path.rsplit("/", 1)[-1]

    def answer(lab: Lab) -> Response:
        try:
            part, name = make(lab, kind, request.query_params)
        except RivyaError as error:
            return refused(error)
        return DeletedAfterSending(part, media_type=KINDS[kind], filename=name, headers=NO_STORE)

    return answer_with_lab(answer)


def make(lab: Lab, kind: str, query: QueryParams) -> tuple[Path, str]:
    """Make the file that a query asks for; return its path, which the caller deletes, and the name to save it under.

    kind: one of ``KINDS``. asked: ``show`` and, for a video, ``slide``; or ``id`` once for each clip.

    Raises:
        LabError: no such show, slide or clip, or too many of them. StorageError: a file is gone, or there is no room.
    """
    ids = list(dict.fromkeys(query.getlist("id")))
    show_id = query.get("show")
    write, mode = _of_clips(lab, kind, ids) if show_id is None else _of_show(lab, kind, show_id, query.get("slide"))
    what, extension = kind.split(".")
    if not _WAITING.acquire(blocking=False):
        raise LabError(
            "Other files are being made",
            f"{_WAITING_MAX} are asked for already.",
            "Try again in a moment.",
            field="kind",
        )
    part = lab.archive.part_path(f"clips/{kind}")
    try:
        part.unlink()  # its random name stays ours, and the writers of shows refuse to overwrite a file
        with _ENCODING:
            write(part)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        _WAITING.release()
    return part, exports.file_name(what, mode, extension, local_now())


def _of_show(lab: Lab, kind: str, show_id: str, slide: str | None) -> tuple[Callable[[Path], object], ModeWord | None]:
    mode = lab.shows.get(show_id).mode
    single_mode: ModeWord | None = None if mode == "mixed" else mode
    if kind == "contact-sheet.png":
        return lambda part: lab.shows.contact_sheet(show_id, part), single_mode
    number = int(slide) if slide is not None and slide.isdecimal() and len(slide) < 6 else 0  # noqa: PLR2004 - no show has more
    return lambda part: lab.shows.side_by_side(show_id, number, part), single_mode


def _of_clips(lab: Lab, kind: str, ids: list[str]) -> tuple[Callable[[Path], object], ModeWord | None]:
    # Imported here because it loads numpy and the encoder, which a server that makes no file does without.
    from rivya_core.lab.shows.pictures.chat_files import labels_of  # noqa: PLC0415
    from rivya_core.lab.shows.pictures.contact_sheet import Tile, contact_sheet, of_list  # noqa: PLC0415
    from rivya_core.lab.shows.pictures.side_by_side import LabelledClip, side_by_side  # noqa: PLC0415

    max_clips = SHEET_MAX if kind == "contact-sheet.png" else SIDE_BY_SIDE_MAX
    rows = [row for row in lab.history.some(ids) if row.has_clip] if 0 < len(ids) <= max_clips else []
    if not rows:
        raise LabError(
            "This file cannot be made", f"It takes 1 to {max_clips} finished clips.", "Choose others.", field="id"
        )
    labels = labels_of(rows)
    refuse_key(lab.settings, "\n".join([*labels, *(row.prompt for row in rows)]))
    title = f"{len(rows)} clips" if len({row.prompt for row in rows}) > 1 or len(rows) == 1 else rows[0].prompt
    if kind == "contact-sheet.png":
        tiles = [Tile(lab.poster(row.id), label, row.mode_word) for row, label in zip(rows, labels, strict=True)]
        return lambda part: contact_sheet(of_list(title, tiles), part), clip_archive.mode_of(rows)
    clips = [LabelledClip(lab.clip(row.id), label, row.mode_word) for row, label in zip(rows, labels, strict=True)]
    return lambda part: side_by_side(clips, part, title=title), clip_archive.mode_of(rows)
