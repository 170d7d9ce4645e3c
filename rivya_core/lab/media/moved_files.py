"""Copy the files of a folder archive into a bucket: what is there with the same bytes is passed over, so a move can go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rivya_core.lab.media.archive import KEY
from rivya_core.lab.media.bucket_store import BucketStore

AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class SentFiles:
    """How many files were sent, and how many were there already with the same size and SHA-256."""

    sent: int
    there: int


def files_of(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield key and path of every file of a folder archive, without part files and what is no file of ours."""
    for path in sorted(root.rglob("*")):
        key = path.relative_to(root).as_posix()
        if KEY.fullmatch(key) and path.is_file():
            yield key, path


def send_all(root: Path, store: BucketStore, step: Callable[[], None]) -> SentFiles:
    """Store every file of a folder archive in a bucket; ``step`` is called after each.

    Raises:
        StorageError: the store does not take one of them, or holds other bytes than were sent.
    """

    def one(file: tuple[str, Path]) -> bool:
        key, path = file
        is_there = store.holds(key, path)
        if not is_there:
            store.send(path, key)
        step()
        return is_there

    with ThreadPoolExecutor(AT_ONCE, "rivya-move") as pool:
        there = list(pool.map(one, files_of(root)))
    return SentFiles(there.count(False), there.count(True))
