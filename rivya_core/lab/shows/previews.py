"""Small copies of clips for a page with everything embedded: made once per clip, cached by its hash.

Beside each stands a small poster: in such a page a picture stands wherever its clip is named, each time in full.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

from PIL import Image

from rivya_core.api.errors import LabError, RivyaError, StorageError
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.video_limits import opened
from rivya_core.lab.shows.ballot.encoding import UNREADABLE, encode_anew
from rivya_core.lab.shows.clip_store import FOLDER

LONG_SIDE_MAX_PX: Final = 640
POSTER_SIDE_MAX_PX: Final = 400
POSTER_QUALITY: Final = 60
ENCODER: Final = {"preset": "veryfast", "crf": "27", "maxrate": "300k", "bufsize": "600k", "threads": "1"}
"""At most about 0.2 MB for five seconds: sixty such clips make a page that can be mailed."""


def clip_key(sha256: str) -> str:
    """Where the small copy of a clip is kept in the archive."""
    return f"{FOLDER}/previews/{sha256}.mp4"


def poster_key(sha256: str) -> str:
    """Where its small poster is kept."""
    return f"{FOLDER}/previews/{sha256}.jpg"


def is_made(archive: Archive, sha256: str) -> bool:
    """Tell whether the small copy of a clip is here."""
    return archive.exists(clip_key(sha256))


def make(archive: Archive, sha256: str, clip: Path, poster: Path | None) -> None:
    """Make the small copy of a clip, without sound, and its small poster; about a second of CPU for five seconds of video.

    Raises:
        LabError: the clip cannot be read to its end. StorageError: it cannot be kept.
    """
    if poster is not None:
        _keep_poster(archive, sha256, poster)
    part = archive.part_path(clip_key(sha256))
    try:
        small_copy(clip, part)
        archive.commit_part(part, clip_key(sha256))
    finally:
        part.unlink(missing_ok=True)


def small_copy(clip: Path, target: Path) -> None:
    """Encode a clip small into an empty file, never larger than it is. Raises as ``make`` does."""
    try:
        with opened(clip) as (_, pictures):
            long_px = min(LONG_SIDE_MAX_PX, max(pictures.codec_context.width, pictures.codec_context.height))
        encode_anew(clip, target, long_px, ENCODER)
    except UNREADABLE as error:
        raise _as_rivya_error(error) from error


def _as_rivya_error(error: BaseException) -> RivyaError:
    if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        return StorageError(
            "The disk is full",
            "A small copy of a clip found no room.",
            "Free some space.",
            retryable=True,
            field="disk",
        )
    return LabError(
        "A clip cannot be made smaller",
        "Its pictures cannot be read to the end.",
        "Hand over the ZIP: the clips in it stay as they are.",
        field="clip",
    )


def _keep_poster(archive: Archive, sha256: str, poster: Path) -> None:
    part = archive.part_path(poster_key(sha256))
    try:
        with Image.open(poster) as picture:
            picture.thumbnail((POSTER_SIDE_MAX_PX, POSTER_SIDE_MAX_PX))
            picture.convert("RGB").save(part, "JPEG", quality=POSTER_QUALITY)
        archive.commit_part(part, poster_key(sha256))
    except (OSError, ValueError):
        return  # the page has a plain ground in its place
    finally:
        part.unlink(missing_ok=True)
