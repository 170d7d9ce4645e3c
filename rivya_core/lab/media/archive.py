"""The archive: clips, posters and reference images addressed by keys, so that rows never contain a path.

Where the files are is the store's affair: a folder of this machine, or a bucket. A file gets its name only when it is whole and
checked, and only after that may a row refer to it.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.media.containers import MP4
from rivya_core.lab.media.disk_words import telling
from rivya_core.lab.media.folder_store import FolderStore
from rivya_core.lab.media.parts import Parts
from rivya_core.lab.media.stored import Facts, Store, StoredObject, is_unreachable
from rivya_core.lab.media.video_probe import ClipFacts, damaged_facts, inspect, poster_jpeg

P = ParamSpec("P")
T = TypeVar("T")

UPLOADS_MAX: Final = 8
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
    """Files by key, such as ``clips/2026/11/<id>.mp4``. Safe to use from any thread and process.

    ``root``: the local folder, where part files are written and, unless ``store`` keeps them elsewhere, the files are.
    """

    def __init__(self, root: Path, store: Store | None = None, parts: Parts | None = None) -> None:
        self.root = root
        self._parts = parts or Parts(root / PARTS, shared=False)
        self._store: Store = store or FolderStore(root)
        # Uploads may hang for a deadline; threads of their own keep them from those that the ledger is written on.
        self._aside = None if store is None else ThreadPoolExecutor(UPLOADS_MAX, "rivya-archive")

    async def aside(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call that uses the archive on a worker thread."""
        if self._aside is None:
            return await asyncio.to_thread(call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._aside, partial(call, *args, **kwargs))

    def path(self, key: str) -> Path:
        """Return where a key is in the local folder, whether or not anything is there.

        Raises:
            LabError: the key could lead out of the archive.
        """
        if len(key) > KEY_MAX or ".." in key or not KEY.fullmatch(key):
            raise LabError("This is not a key of the archive", f"{key[:80]!r} has another form.", field="key")
        return self.root / key

    # -- writing ---------------------------------------------------------------------------------------------------

    def part_path(self, key: str) -> Path:
        """Create an empty part file for a key on the local disk; the caller must commit or remove it."""
        return self._parts.new(self.path(key).name)

    def commit_part(self, part: Path, key: str) -> Path:
        """Store a finished part file under its key, durably and checked; an existing file is replaced. Return a local path.

        Raises:
            StorageError: the disk is full or cannot be written, or the object store does not take it.
        """
        self.path(key)
        return self._store.put(part, key)

    def link_part(self, key: str) -> Path:
        """Create a part file with the bytes of a key, which survives a replacement or removal of that file.

        Raises:
            StorageError: the file is missing, or the disk is full.
        """
        part = self.part_path(key)
        try:
            self._store.copy(key, part)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return part

    def put_bytes(self, key: str, data: bytes) -> Path:
        """Store bytes under a key, durably. Raises StorageError when they cannot be."""
        return self.put_pieces(key, [data])

    def put_pieces(self, key: str, pieces: Iterable[bytes]) -> Path:
        """Store chunks from an iterable, as ``put_bytes`` does; if the iterable raises, nothing is stored."""
        part = self.part_path(key)
        try:
            with telling(part), part.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            return self.commit_part(part, key)
        finally:
            part.unlink(missing_ok=True)

    def delete(self, key: str) -> bool:
        """Remove the file of a key; False when there was none."""
        self.path(key)
        return self._store.delete(key)

    def free_bytes(self) -> int:
        """Return the bytes that this user may still write on the local disk, where clips arrive first."""
        with telling(self.root):
            return shutil.disk_usage(self.root).free

    def remove_parts(self) -> int:
        """Remove part files left by crashed downloads; return how many. Only a process that runs jobs may call this."""
        return self._parts.remove_left()

    # -- reading ---------------------------------------------------------------------------------------------------

    def exists(self, key: str) -> bool:
        """Return whether the file of a key exists."""
        return self.facts(key) is not None

    def may_exist(self, key: str) -> bool:
        """Return False when the file is known to be missing; never waits for a network, so pages may ask."""
        self.path(key)
        return self._store.may_exist(key)

    def refuse_lost(self, key: str) -> None:
        """Raise StorageError when the file is known to be missing; never waits for a network."""
        if not self.may_exist(key):
            raise self._store.gone(key)

    def facts(self, key: str) -> Facts | None:
        """Size and time of the file of a key; None when there is none."""
        self.path(key)
        return self._store.facts(key)

    def local(self, key: str) -> Path:
        """Return the local path of a file that a row refers to, fetched where it is kept elsewhere; to be read within minutes.

        Raises:
            StorageError: it is missing, or cannot be fetched now.
        """
        self.path(key)
        return self._store.local(key)

    def find_local(self, key: str) -> Path | None:
        """Return what ``local`` does, None when the file is missing. Raises StorageError when it cannot be fetched now."""
        try:
            return self.local(key)
        except StorageError as error:
            if is_unreachable(error):
                raise
            return None

    @contextmanager
    def open_local(self, key: str) -> Iterator[Path]:
        """Hand out the local path of a file for as long as the block lasts.

        Raises:
            StorageError: it cannot be fetched. Where the files are on this disk, opening the path says that it is missing.
        """
        if self._aside is None:
            yield self.path(key)
            return
        path = self.local(key)
        # A cached copy may be removed while it is read: a second name keeps it.
        part = self.part_path(key)
        pinned = part.with_name(part.name + path.suffix)
        try:
            with suppress(OSError):
                os.link(path, pinned)
            yield pinned if pinned.exists() else path
        finally:
            pinned.unlink(missing_ok=True)
            part.unlink(missing_ok=True)

    def serve(self, key: str) -> Path | StoredObject:
        """Return what a route streams the file of a key from. Raises StorageError when a store elsewhere has none."""
        self.path(key)
        return self._store.serve(key)

    def get_bytes(self, key: str) -> bytes:
        """Return the bytes of a key. Raises StorageError when the file is missing."""
        path = self.local(key)
        with telling(path):
            return path.read_bytes()

    def condition(self) -> str | None:
        """Return what is wrong with the place of the files, in words; None when nothing is known to be. Never waits."""
        return self._store.condition()

    def close(self) -> None:
        """End what works in the background, and give back the folder of parts."""
        if self._aside is not None:
            self._aside.shutdown(cancel_futures=True)
        self._store.close()
        self._parts.close()

    # -- clips -----------------------------------------------------------------------------------------------------

    def check_clip(self, part: Path, key: str) -> Clip:
        """Verify that a downloaded file is a whole, playable clip, and measure it.

        ``key``: where it will be archived; the returned clip's key has the suffix of its actual container.

        Raises:
            DownloadError: it is not; the detail says what is wrong.
        """
        return self._clip(inspect(part), key)

    def keep_broken(self, part: Path, key: str, fault: str) -> Clip:
        """Return the facts of a downloaded file that is archived although it is damaged; ``fault`` says why, in a sentence."""
        return self._clip(damaged_facts(part, fault), key)

    def _clip(self, facts: ClipFacts, key: str) -> Clip:
        archive_key = key.removesuffix(MP4.suffix) + facts.container.suffix
        self.path(archive_key)
        return Clip(
            clip_key=archive_key,
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

    def poster_part(self, clip: Path, clip_key: str) -> tuple[Path, str] | None:
        """Make the poster of a clip as a part file; return it with its key, or None when no frame can be read.

        The caller must commit or remove the part.
        """
        poster_key = "posters/" + clip_key.removeprefix("clips/").removesuffix(Path(clip_key).suffix) + ".jpg"
        part = self.part_path(poster_key)
        try:
            with telling(part):
                if poster_jpeg(clip, part):
                    return part, poster_key
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        part.unlink(missing_ok=True)
        return None

    def make_poster(self, clip_key: str) -> str | None:
        """Make the poster of an archived clip; return its key, or None when no frame can be read. Never fails the clip."""
        poster = self.poster_part(self.local(clip_key), clip_key)
        if poster is None:
            return None
        part, poster_key = poster
        try:
            self.commit_part(part, poster_key)
        finally:
            part.unlink(missing_ok=True)
        return poster_key
