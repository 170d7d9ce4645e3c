"""Selected clips as one ZIP, written while it is sent: only one block of one file is in memory, however many clips there are.

It contains the clips, ``clips.csv`` and ``manifest.json`` with prompts and parameters. The manifest comes last, as it lists what
was really written, with hashes, and what is missing, with reasons. No key, host or path is in it.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rivya_core.api.errors import RivyaError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.history.marks import Marks
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.media.containers import container_of_key
from rivya_core.lab.shows.zip_pieces import BLOCK_BYTES, Pieces
from rivya_core.mode_words import MARK_LINES, MARKS, ModeWord
from rivya_core.web import exports

CLIPS_MAX: Final = 500
LEFT_OUT: Final = frozenset({"connection", "person"})
"""Columns with host names and with people's addresses: the archive is made to be handed on."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MISSING_FILE: Final = "The file is not in the data folder any more."
_CUT: Final = "The file could not be read to its end."


@dataclass(frozen=True, slots=True)
class _Packed:
    """The result for one clip. missing: why it is missing or incomplete; empty when it is complete."""

    name: str | None
    sha256: str | None
    size_bytes: int
    missing: str = ""


def clip_name(record: GenerationRecord) -> str:
    """Return the file name of a saved clip; it begins with the mode unless that is live."""
    mark = "" if record.mark == "LIVE" else f"{record.mark}-"
    model = _UNSAFE.sub("-", record.model)
    suffix = container_of_key(record.clip_key or "").suffix
    return f"{mark}{model}-{record.created_at:%Y%m%d-%H%M%S}-{_UNSAFE.sub('-', record.id)[-8:]}{suffix}"


def mode_of(rows: Iterable[GenerationRecord]) -> ModeWord | None:
    """Return the mode of all rows, or None when they differ."""
    modes = {row.mode_word for row in rows}
    return modes.pop() if len(modes) == 1 else None


def pack(lab: Lab, rows: list[GenerationRecord]) -> Iterator[bytes]:
    """Yield a ZIP with the clips of these generations, in their order."""
    out = Pieces()
    packed: list[_Packed] = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # video is compressed already
        for number, row in enumerate(rows, 1):
            yield from _clip(archive, out, _file(lab, row), row, number, packed)
        marked = [(row, _without_addresses(marks)) for row, marks in lab.history.marked(rows)]
        lines = exports.csv_lines(marked, without=LEFT_OUT)
        archive.writestr("clips.csv", "".join(lines), zipfile.ZIP_DEFLATED)
        archive.writestr("manifest.json", _manifest(marked, packed), zipfile.ZIP_DEFLATED)
        yield out.taken()
    yield out.taken()


def _without_addresses(marks: Marks) -> Marks:
    """Leave out who wrote a note where that is an address; a name that somebody gave stays."""
    return replace(marks, notes=tuple(note._replace(author="") if "@" in note.author else note for note in marks.notes))


def _file(lab: Lab, row: GenerationRecord) -> Path | None:
    try:
        return lab.clip(row.id) if row.has_clip else None
    except RivyaError:
        return None


def _clip(
    archive: zipfile.ZipFile,
    out: Pieces,
    path: Path | None,
    row: GenerationRecord,
    number: int,
    packed: list[_Packed],
) -> Iterator[bytes]:
    """Write one clip. An unreadable one is listed as missing and does not end the archive: its start is sent already."""
    if path is None:
        packed.append(
            _Packed(None, None, 0, _MISSING_FILE if row.has_clip else f"There is no clip: it is {row.state}.")
        )
        return
    try:
        source = path.open("rb")
    except OSError:
        packed.append(_Packed(None, None, 0, _MISSING_FILE))
        return
    name, digest, size, fault = f"{number:03d}-{clip_name(row)}", hashlib.sha256(), 0, ""
    entry = zipfile.ZipInfo(name, row.created_at.timetuple()[:6])
    with source, archive.open(entry, "w", force_zip64=True) as target:
        while True:
            try:
                block = source.read(BLOCK_BYTES)
            except OSError:
                fault = _CUT
                break
            if not block:
                break
            target.write(block)
            digest.update(block)
            size += len(block)
            yield out.taken()
    packed.append(_Packed(name, digest.hexdigest(), size, fault))


def _manifest(marked: list[exports.Marked], packed: list[_Packed]) -> str:
    rows = [row for row, _ in marked]
    mode = mode_of(rows)
    clips = []
    for one, is_in in zip(marked, packed, strict=True):
        facts = {name: value for name, value in exports.json_row(one).items() if name not in LEFT_OUT}
        clips.append(
            {"file": is_in.name, "sha256": is_in.sha256, "bytes": is_in.size_bytes, "missing": is_in.missing, **facts}
        )
    manifest = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "clips": " and ".join(sorted({MARK_LINES[row.mode_word] for row in rows})) if mode else MARKS["mixed"],
        "count": sum(1 for is_in in packed if is_in.name is not None),
        "missing": sum(1 for is_in in packed if is_in.missing),
        "generations": clips,
    }
    return json.dumps(manifest, ensure_ascii=False, indent=1)
