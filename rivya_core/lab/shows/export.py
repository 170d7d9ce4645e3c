"""What a show is handed over as: one page with everything inside, or a page with its clips beside it, as a ZIP or a folder.

All of it is written in pieces, so that memory does not grow with the clips. Nothing says when, where or by whom it was
written: the same show gives the same bytes. A clip whose bytes are no longer those that were shown is never handed over.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.containers import container_of_key
from rivya_core.lab.zip_pieces import BLOCK_BYTES, Pieces, blocks, undated

PAGE: Final = "OPEN ME.html"
DATA: Final = "show.json"
CLIPS: Final = "clips"
INSIDE_MAX_BYTES: Final = 40_000_000
"""So much of clips a page opens with in about two seconds."""

NO_POSTER: Final = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"


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


@dataclass(frozen=True, slots=True)
class Inside:
    """Clips and posters as addresses that hold the bytes themselves."""

    material: Material
    are_originals: bool

    @property
    def note(self) -> str:
        """What is to know of the clips."""
        return "" if self.are_originals else "The clips in this file are small copies without sound."

    def clip(self, key: str) -> str:
        """The clip; as it was shown where originals are wanted."""
        data = self.material.clips[key].read_bytes()
        if not self.are_originals:
            return _address("video/mp4", data)
        if hashlib.sha256(data).hexdigest() != key:
            raise _changed(key)
        return _address(self.material.data["clips"][key]["mime"], data)

    def poster(self, key: str) -> str:
        """The poster, or nothing to see."""
        return _poster(self.material, key)


@dataclass(frozen=True, slots=True)
class Beside:
    """Clips beside the page, posters inside: the page opens with one request."""

    material: Material

    @property
    def note(self) -> str:
        """What is to know of the clips."""
        return f"The clips are in the folder {CLIPS} beside this page. Opened from a ZIP? Unpack it first."

    def clip(self, key: str) -> str:
        """The name relative to the page."""
        return clip_name(self.material, key)

    def poster(self, key: str) -> str:
        """The poster, or nothing to see."""
        return _poster(self.material, key)


def clip_name(material: Material, key: str) -> str:
    """What a clip is called beside the page."""
    return f"{CLIPS}/{key}{container_of_key(material.clips[key].name).suffix}"


# -- in pieces ---------------------------------------------------------------------------------------------------------


def one_file(material: Material, *, are_originals: bool) -> Iterator[bytes]:
    """Write the page with everything inside; ``material`` holds small copies unless ``are_originals``."""
    return _page(material, Inside(material, are_originals))


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
    told = json.dumps(material.data, ensure_ascii=False, sort_keys=True, indent=1).encode()
    yield PAGE, 0, _page(material, Beside(material))
    yield DATA, len(told), iter([told])
    for key in sorted(material.clips):
        yield clip_name(material, key), material.data["clips"][key]["size_bytes"], _clip(material, key)


def _clip(material: Material, key: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for block in blocks(material.clips[key]):
        digest.update(block)
        yield block
    if digest.hexdigest() != key:
        raise _changed(key)


def _page(material: Material, media: Inside | Beside) -> Iterator[bytes]:
    from rivya_core.lab.shows import page  # noqa: PLC0415 - loads Jinja2: only who shows pays for it

    held = bytearray()
    for piece in page.pieces(material.data, media, served=False, note=media.note):
        held += piece.encode()
        if len(held) >= BLOCK_BYTES:
            yield bytes(held)
            held.clear()
    yield bytes(held)


def _poster(material: Material, key: str) -> str:
    path = material.posters[key]
    return NO_POSTER if path is None else _address("image/jpeg", path.read_bytes())


def _address(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{b64encode(data).decode()}"


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
    part = _part(target, size_bytes)
    try:
        with _telling(target):
            with part.open("wb") as file:
                for piece in content:
                    file.write(piece)
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def write_folder(material: Material, target: Path) -> Path:
    """Write page, data and clips into a new folder; where it is.

    Raises:
        LabError: the name is taken. StorageError: there is no room, the place cannot be written, or a clip was changed.
    """
    part = _part(target, material.size_bytes)
    try:
        with _telling(target):
            (part / CLIPS).mkdir(parents=True)
            for name, _, content in _members(material):
                with (part / name).open("wb") as file:
                    for block in content:
                        file.write(block)
            part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _part(target: Path, size_bytes: int) -> Path:
    """A name beside the target for what is not whole yet. Raises when the name is taken, or the room is not there."""
    if target.exists() or target.is_symlink():
        raise LabError("This name is taken", f"{target} exists already.", "Choose another name.", field="path")
    with _telling(target):
        free = shutil.disk_usage(target.absolute().parent).free
    if free < size_bytes:
        raise StorageError(
            "There is no room for this show",
            f"{size_bytes / 1e6:,.0f} MB are needed beside {target}, and {free / 1e6:,.0f} MB are free.",
            "Free some space, or choose another place.",
            field="disk",
        )
    return target.with_name(f".{target.name}.part")


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
