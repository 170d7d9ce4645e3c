"""The clips of shows: content-addressed files in the archive, and the frozen facts about each.

A held file is a hard link to the archived one (a copy where links are not supported), so it survives when the generation is
deleted or its clip is downloaded again. Held files are never removed, since a deleted show can be restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api import packaged_models
from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.experiments.axes import variable_name
from rivya_core.lab.ledger.ids import searchable
from rivya_core.lab.ledger.mapping import EVERY_COLUMN, readable, to_record
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.containers import container_of_key
from rivya_core.lab.media.stored import is_unreachable
from rivya_core.lab.media.video_probe import DAMAGED, UNOPENED, sha256_of
from rivya_core.lab.shows.show import ShownClip

FOLDER: Final = "shows"
LABEL_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class HeldClip:
    """A clip that a show holds, and where it lies in the archive."""

    generation_id: str
    archive_key: str
    poster_key: str | None
    shown: ShownClip


def read(connection: sa.Connection, ids: Iterable[str], held: Iterable[str] = ()) -> dict[str, GenerationRecord]:
    """The generations of some ids whose clips can be shown, by id; deleted ones only where they are ``held`` already."""
    queryable, already_held = {searchable(id_) for id_ in ids}, set(held)
    query = sa.select(*EVERY_COLUMN).where(generations.c.id.in_(queryable))
    rows = readable(connection, query, to_record)
    return {row.id: row for row in rows if fault(row) == "" and (row.deleted_at is None or row.id in already_held)}


def fault(row: GenerationRecord) -> str:
    """Why a clip cannot be shown to others, in a clause; "" when it can."""
    if row.state is not State.SUCCEEDED or row.clip_key is None:
        return "it has no finished clip"
    return {DAMAGED: "its clip is damaged", UNOPENED: "its clip could not be opened"}.get(row.clip_check or "", "")


def hold(archive: Archive, row: GenerationRecord, label: str) -> HeldClip:
    """Keep the clip and the poster of a generation for a show, under names that say what they are.

    Raises:
        StorageError: the file is gone, or there is no room for another.
    """
    if row.clip_key is None:
        raise unshown(row.id, "it has no finished clip")
    part = archive.link_part(row.clip_key)
    try:
        sha256, size_bytes = sha256_of(part), part.stat().st_size
        container = container_of_key(row.clip_key)
        key = _key(sha256, container.suffix)
        stored = archive.facts(key)
        if stored is None or stored.size_bytes != size_bytes:
            archive.commit_part(part, key)
    finally:
        part.unlink(missing_ok=True)
    clip = _to_clip(row, sha256, size_bytes, container.media_type, label)
    return HeldClip(row.id, key, _hold_poster(archive, row, sha256, key), clip)


def _hold_poster(archive: Archive, row: GenerationRecord, sha256: str, key: str) -> str | None:
    poster_key = _key(sha256, ".jpg")
    if archive.exists(poster_key):
        return poster_key
    if row.poster_key is None or not archive.exists(row.poster_key):
        return archive.make_poster(key)
    part = archive.link_part(row.poster_key)
    try:
        archive.commit_part(part, poster_key)
    finally:
        part.unlink(missing_ok=True)
    return poster_key


def file_of(archive: Archive, key: str) -> Path:
    """Where a held file is, or a local copy of it. Raises StorageError when it is gone."""
    try:
        return archive.local(key)
    except StorageError as error:
        if is_unreachable(error):
            raise
        raise StorageError(
            "A file of a show is gone",
            f"{key} is missing in the archive.",
            "Restore the archive from its backup.",
            field="archive",
        ) from error


def _key(sha256: str, suffix: str) -> str:
    return f"{FOLDER}/{sha256[:2]}/{sha256}{suffix}"


def _to_clip(row: GenerationRecord, sha256: str, size_bytes: int, mime: str, label: str) -> ShownClip:
    return ShownClip(
        sha256=sha256,
        size_bytes=size_bytes,
        mime=mime,
        width_px=row.clip_width_px,
        height_px=row.clip_height_px,
        duration_s=row.clip_duration_s,
        label=label,
        prompt=row.prompt,
        negative_prompt=row.negative_prompt,
        settings=tuple(_settings(row)),
        params={key: value for key, value in row.params.items() if not isinstance(value, (Mapping, list))},
        model=row.model,
        mode=row.mode_word,
        credits=paid(row),
        made_at=whole_second(row.finished_at or row.created_at),
    )


def _settings(row: GenerationRecord) -> Iterable[tuple[str, str]]:
    spec = packaged_models().get(row.model)
    yield "Model", spec.display_name if spec else row.model
    for name, value in row.params.items():
        if name != "negative_prompt" and value not in (None, "") and not isinstance(value, (Mapping, list)):
            yield variable_name(name), _written(name, value)
    if row.asset_sha256:
        yield "Reference image", "yes"


def _written(name: str, value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} s" if name == "duration" else text


def paid(row: GenerationRecord) -> int | None:
    """The credits of a clip: what was settled, else what was reserved; None when neither is known."""
    return row.final_credits if row.final_credits is not None else row.reserved_credits


def label_of(row: GenerationRecord) -> str:
    """Name a clip that belongs to no combination: by its prompt, and its take where there are several."""
    flat = " ".join(row.prompt.split()) or "Clip"
    short = flat if len(flat) <= LABEL_MAX else flat[:LABEL_MAX].rsplit(" ", 1)[0] + "…"
    return f"{short}, take {row.take}" if row.take > 1 else short


def whole_second(moment: datetime) -> datetime:
    """A moment without its fraction of a second."""
    return moment.replace(microsecond=0)


def unshown(generation_id: str, why: str) -> LabError:
    """Say that a clip cannot be part of a show."""
    return LabError(
        "This clip cannot be shown",
        f"{generation_id[:60]}: {why}.",
        "Choose clips that are finished and whole.",
        field="generation_ids",
    )
