"""Open the archive that the settings name: a folder of this machine, or a bucket with a cache of local copies."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rivya_core.lab.media.archive import PARTS, Archive
from rivya_core.lab.media.file_cache import FileCache
from rivya_core.lab.media.parts import Parts

CACHE: Final = "cache"
MB: Final = 1_000_000


def open_archive(root: Path, *, url: str = "", cache_mb: int = 0, shared: bool = False) -> Archive:
    """Return the archive; ``root``: its local folder.

    Args:
        root: Where part files and local copies are and, without a bucket, the files.
        url: The bucket, ``s3://bucket/prefix``, or empty.
        cache_mb: How large the local copies of a bucket's files may be together.
        shared: Other processes use the same folder at the same time, each with part files of its own.
    """
    if not url:
        return Archive(root, parts=Parts(root / PARTS, shared=True)) if shared else Archive(root)
    from rivya_core.lab.media.bucket_store import BucketStore  # noqa: PLC0415 - loads obstore: only who has a bucket pays for it

    parts = Parts(root / PARTS, shared=True)
    store = BucketStore(url, parts, FileCache(root / CACHE, cache_mb * MB))
    store.probe()
    return Archive(root, store, parts)
