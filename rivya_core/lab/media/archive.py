"""The archive: a folder of clips, posters and reference images addressed by keys, so that rows never contain a path.

Files appear atomically and durably: written under a part name in the same file system, fsynced, renamed, and the folder
fsynced. Only after that may a row refer to the file.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rivya_core.api.durable import sync_file, sync_folder
from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.media.containers import MP4
from rivya_core.lab.media.video_probe import ClipFacts, inspect, kept_as_it_is, poster_jpeg
from rivya_core.private_files import make_file, make_folder

KEY: Final = re.compile(r"(clips|posters|images|ballots|shows)(/[A-Za-z0-9][A-Za-z0-9._-]*)+")
KEY_MAX: Final = 240
PARTS: Final = "parts"


@dataclass(frozen=True, slots=True)
class Clip:
    """Measured facts of an archived clip; keys are archive keys, not paths. None where nobody looked inside.

    ``check``: whole, damaged or unopened, None until it was decoded to its end; ``fault``: what is wrong with it.
    """

    clip_key: str
    poster_key: str | None
    sha256: str
    size_bytes: int
    width_px: int | None
    height_px: int | None
    duration_s: float | None
    fps: float | None
    check: str | None = None
    fault: str | None = None


class Archive:
    """Files under one folder; keys look like ``clips/2026/11/<id>.mp4``. Safe to use from any thread and process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with _telling(root):
            make_folder(root / PARTS)

    def path(self, key: str) -> Path:
        """Return the path of a key, whether or not the file exists.

        Raises:
            LabError: the key could lead out of the archive.
        """
        if len(key) > KEY_MAX or ".." in key or not KEY.fullmatch(key):
            raise LabError("This is not a key of the archive", f"{key[:80]!r} has another form.", field="key")
        return self.root / key

    def exists(self, key: str) -> bool:
        """Return whether the file of a key exists."""
        return self.path(key).is_file()

    def part_path(self, key: str) -> Path:
        """Create an empty part file for a key, in the archive's own file system; the caller must commit or remove it."""
        name = self.path(key).name
        with _telling(self.root):
            make_folder(self.root / PARTS)
            return make_file(self.root / PARTS / f"{name}.{uuid.uuid4().hex[:12]}.part")

    def commit_part(self, part: Path, key: str) -> Path:
        """Rename a finished part file to its key, durably; an existing file is replaced.

        Raises:
            StorageError: the disk is full or cannot be written.
        """
        target = self.path(key)
        with _telling(target):
            _sync_file(part)
            _make_folder(target.parent)
            part.replace(target)
            sync_folder(target.parent)
        return target

    def link_part(self, key: str) -> Path:
        """Create a part file that is a hard link to the file of a key, so that it survives a replacement or removal of that file.

        Falls back to a copy on file systems without hard links.

        Raises:
            StorageError: the file is missing, or the disk is full.
        """
        source, part = self.path(key), self.part_path(key)
        with _telling(source):
            try:
                part.unlink()
                os.link(source, part)
            except FileNotFoundError:
                raise
            except OSError:
                _copy(source, part)
        return part

    def put_bytes(self, key: str, data: bytes) -> Path:
        """Store bytes under a key, durably. Raises StorageError when the disk is full or cannot be written."""
        return self.put_pieces(key, [data])

    def put_pieces(self, key: str, pieces: Iterable[bytes]) -> Path:
        """Store chunks from an iterable, as ``put_bytes`` does; if the iterable raises, nothing is stored."""
        part = self.part_path(key)
        try:
            with _telling(part), part.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            return self.commit_part(part, key)
        finally:
            part.unlink(missing_ok=True)

    def get_bytes(self, key: str) -> bytes:
        """Return the bytes of a key. Raises StorageError when the file is missing."""
        path = self.path(key)
        with _telling(path):
            return path.read_bytes()

    def delete(self, key: str) -> bool:
        """Remove the file of a key; False when there was none."""
        path = self.path(key)
        with _telling(path):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def free_bytes(self) -> int:
        """Return the bytes that this user may still write to the archive's file system."""
        with _telling(self.root):
            return shutil.disk_usage(self.root).free

    def remove_parts(self) -> int:
        """Remove part files left by crashed downloads; return how many. Only the process that runs the jobs may call this."""
        removed = 0
        for part in (self.root / PARTS).glob("*.part"):
            with suppress(OSError):
                part.unlink()
                removed += 1
        return removed

    # -- clips -----------------------------------------------------------------------------------------------------

    def existing(self, key: str) -> Path:
        """Return the local path of a file that a row refers to. Raises StorageError when it is missing."""
        path = self.path(key)
        if not path.is_file():
            raise StorageError(
                "A file of the archive is gone",
                f"{key} is missing in {self.root.parent}.",
                "Restore the data folder from its backup; for a clip, 'check now' fetches it again while Rivya keeps it.",
                field="archive",
            )
        return path

    def check_clip(self, part: Path, key: str) -> Clip:
        """Verify that a downloaded file is a whole, playable clip, and measure it.

        ``key``: where it will be archived; the returned clip's key has the suffix of its actual container.

        Raises:
            DownloadError: it is not; the detail says what is wrong.
        """
        return self._clip(inspect(part), key)

    def keep_broken(self, part: Path, key: str, fault: str) -> Clip:
        """Return the facts of a downloaded file that is archived although it is damaged; ``fault`` says why, in a sentence."""
        return self._clip(kept_as_it_is(part, fault), key)

    def _clip(self, facts: ClipFacts, key: str) -> Clip:
        kept = key.removesuffix(MP4.suffix) + facts.container.suffix
        self.path(kept)
        return Clip(
            clip_key=kept,
            poster_key=None,
            sha256=facts.sha256,
            size_bytes=facts.size_bytes,
            width_px=facts.width_px,
            height_px=facts.height_px,
            duration_s=facts.duration_s,
            fps=facts.fps,
            check=facts.check,
            fault=facts.fault,
        )

    def make_poster(self, clip_key: str) -> str | None:
        """Make the poster of an archived clip; return its key, or None when no frame can be read. Never fails the clip."""
        poster_key = "posters/" + clip_key.removeprefix("clips/").removesuffix(Path(clip_key).suffix) + ".jpg"
        part = self.part_path(poster_key)
        try:
            with _telling(part):
                if not poster_jpeg(self.path(clip_key), part):
                    return None
            self.commit_part(part, poster_key)
        finally:
            part.unlink(missing_ok=True)
        return poster_key


def _copy(source: Path, part: Path) -> None:
    """Copy a file; on failure, such as a full disk, the partial copy is removed."""
    try:
        shutil.copyfile(source, part)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        sync_file(file.fileno())


def _make_folder(folder: Path) -> None:
    """Create a folder with its parents, and fsync each parent, so that the names survive a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    make_folder(folder)
    sync_folder(folder.parent)


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Convert OSError to StorageError with a sentence."""
    try:
        yield
    except OSError as error:
        raise _told(error, path) from error


def _told(error: OSError, path: Path) -> StorageError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageError(
            "The disk is full",
            f"{path.parent} has no room left.",
            "Free some space; the file is written again by itself.",
            retryable=True,
            field="disk",
        )
    if isinstance(error, FileNotFoundError):
        return StorageError(
            "A file of the archive is gone",
            f"{path} does not exist.",
            "Restore the data folder from its backup.",
            field="archive",
        )
    return StorageError(
        "The archive cannot be used",
        f"{path}: {error.strerror or type(error).__name__}.",
        "Give this user the right to write to the data folder, and check the disk.",
        retryable=True,
        field="archive",
    )
