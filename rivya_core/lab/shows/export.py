"""Export a show: one page with everything embedded, or a page with its clips beside it, as a ZIP or a folder.

Everything is streamed, so that memory does not grow with the clips. No timestamps, host or user names: the same show gives
the same bytes. A clip whose bytes no longer match its hash is never exported.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import secrets
import shutil
import uuid
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rivya_core.api.durable import sync_file, sync_folder, written_beside
from rivya_core.api.errors import StorageError
from rivya_core.lab.media.containers import container_of_key
from rivya_core.lab.shows.target import free_target
from rivya_core.lab.shows.zip_pieces import Pieces, blocks, undated

PAGE: Final = "OPEN ME.html"
DATA: Final = "show.json"
CLIPS: Final = "clips"
INSIDE_MAX_BYTES: Final = 40_000_000
"""So much of clips a page opens with in about two seconds."""

UNPACK: Final = f"The clips are in the folder {CLIPS} beside this page. Opened from a ZIP? Unpack it first."
NO_POSTER: Final = b"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"


@dataclass(frozen=True, slots=True)
class Material:
    """What is read: the show's data, and by the hash of each clip its file and its poster."""

    data: Mapping[str, Any]
    clips: Mapping[str, Path]
    posters: Mapping[str, Path | None]

    @property
    def size_bytes(self) -> int:
        """How large all clips are together."""
        return sum(self.data["clips"][key]["size_bytes"] for key in self.clips)


class _Marks:
    """Placeholders for media URLs while the page is rendered; the files are read only when the page is written.

    A placeholder contains a random number of this page, so that no text by a person can be mistaken for one.
    """

    def __init__(self) -> None:
        self._mark = secrets.token_hex(16)

    def clip(self, key: str) -> str:
        """The mark of a clip."""
        return f"{self._mark}c{key}"

    def poster(self, key: str) -> str:
        """The mark of a poster."""
        return f"{self._mark}p{key}"

    def split(self, html: str) -> list[str]:
        """Text, kind of a mark (c or p), its key, text, and so on; text at both ends."""
        return re.split(f"{self._mark}([cp])([0-9a-f]{{64}})", html)


def clip_name(material: Material, key: str) -> str:
    """What a clip is called beside the page."""
    return f"{CLIPS}/{key}{container_of_key(material.clips[key].name).suffix}"


# -- in pieces ---------------------------------------------------------------------------------------------------------


def one_file(material: Material, *, are_originals: bool) -> Iterator[bytes]:
    """Write the page with everything inside; ``material`` holds small copies unless ``are_originals``."""
    note = "" if are_originals else "The clips in this file are small copies without sound."

    def address(key: str) -> Iterator[bytes]:
        mime = material.data["clips"][key]["mime"] if are_originals else "video/mp4"
        return _inside(mime, _clip(material, key) if are_originals else blocks(material.clips[key]))

    return _page(material, address, note)


def zip_file(material: Material) -> Iterator[bytes]:
    """Write the archive: the page first, then its data and the clips, nothing packed: clips are already."""
    out = Pieces()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, size_bytes, content in _members(material):
            with archive.open(undated(name, size_bytes), "w") as target:
                for block in content:
                    target.write(block)
                    yield out.taken()
    yield out.taken()


def _members(material: Material) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    """Each file beside the page with the page first: its name, about how large it is, and its bytes."""
    data = json.dumps(material.data, ensure_ascii=False, sort_keys=True, indent=1).encode()
    yield PAGE, 0, _page(material, lambda key: iter([clip_name(material, key).encode()]), UNPACK)
    yield DATA, len(data), iter([data])
    for key in sorted(material.clips):
        yield clip_name(material, key), material.data["clips"][key]["size_bytes"], _clip(material, key)


def _clip(material: Material, key: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for block in blocks(material.clips[key]):
        digest.update(block)
        yield block
    if digest.hexdigest() != key:
        raise _changed(key)


def _page(material: Material, clip: Callable[[str], Iterator[bytes]], note: str) -> Iterator[bytes]:
    """The page with its posters inside; ``clip``: the address of a clip in pieces."""
    from rivya_core.lab.shows.page import page  # noqa: PLC0415 - loads Jinja2: only who shows pays for it

    marks = _Marks()
    text, *rest = marks.split(page.render(material.data, marks, served=False, note=note))
    yield text.encode()
    for kind, key, after in zip(*[iter(rest)] * 3, strict=True):
        yield from clip(key) if kind == "c" else _poster(material.posters[key])
        yield after.encode()


def _poster(path: Path | None) -> Iterator[bytes]:
    return iter([NO_POSTER]) if path is None else _inside("image/jpeg", blocks(path))


def _inside(mime: str, content: Iterator[bytes]) -> Iterator[bytes]:
    """Bytes as an address that holds them."""
    yield f"data:{mime};base64,".encode()
    rest = b""
    for block in content:
        whole = rest + block
        end = len(whole) // 3 * 3  # base64 writes three bytes as four characters
        yield b64encode(whole[:end])
        rest = whole[end:]
    yield b64encode(rest)


def _changed(key: str) -> StorageError:
    return StorageError(
        "A clip was changed on the disk",
        f"{key[:16]} is not what the show holds, so it was not handed over.",
        "Restore the data folder from its backup, or take that clip out of the show.",
        field="archive",
    )


# -- on the disk -------------------------------------------------------------------------------------------------------


def write_file(content: Iterator[bytes], target: Path, size_bytes: int) -> Path:
    """Write pieces into a new file of about ``size_bytes``; where it is. Raises as ``write_folder`` does."""
    _refuse_unfit(target, size_bytes)
    with _telling(target), written_beside(target) as part, part.open("wb") as file:
        for piece in content:
            file.write(piece)
    return target


def write_folder(material: Material, target: Path) -> Path:
    """Write page, data and clips into a new folder; where it is.

    Raises:
        LabError: the name is taken. StorageError: there is no room, the place cannot be written, or a clip was changed.
    """
    _refuse_unfit(target, material.size_bytes)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with _telling(target):
            (part / CLIPS).mkdir(parents=True)
            for name, _, content in _members(material):
                with (part / name).open("wb") as file:
                    for block in content:
                        file.write(block)
                    file.flush()
                    sync_file(file.fileno())
            part.replace(target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _refuse_unfit(target: Path, size_bytes: int) -> None:
    """Raise when the name is taken, or the room is not there."""
    with _telling(target):
        free_target(target)
        free = shutil.disk_usage(target.absolute().parent).free
    if free < size_bytes:
        raise StorageError(
            "There is no room for this show",
            f"{size_bytes / 1e6:,.0f} MB are needed beside {target}, and {free / 1e6:,.0f} MB are free.",
            "Free some space, or choose another place.",
            field="disk",
        )


@contextmanager
def _telling(target: Path) -> Iterator[None]:
    """Turn an operating system's error into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageError(
                "The disk is full",
                f"There was no room left for {target}.",
                "Free some space, or choose another place.",
                field="disk",
            ) from error
        raise StorageError(
            "The show cannot be written",
            f"{target}: {error.strerror or type(error).__name__}.",
            "Choose another place.",
            field="path",
        ) from error
