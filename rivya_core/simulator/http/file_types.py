"""What an uploaded file is: recognised by its first bytes, which decide over its name and its declared type (docs/api-files)."""

from __future__ import annotations

import math
from pathlib import Path

from rivya_core.simulator.state.refusal import RefusedError

SNIFFED_BYTES = 64
KIND_OF_MIME = {
    "image/jpeg": "image",
    "image/png": "image",
    "image/webp": "image",
    "video/mp4": "video",
    "video/quicktime": "video",
    "video/webm": "video",
    "video/x-matroska": "video",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
    "audio/wav": "audio",
    "audio/aac": "audio",
    "audio/ogg": "audio",
}
_ALIASES = {"audio/x-wav": "audio/wav", "image/jpg": "image/jpeg", "audio/wave": "audio/wav"}
# The frame sync of MPEG audio is eleven set bits (ISO/IEC 11172-3).
_MPEG_FRAMES = frozenset(bytes((0xFF, second)) for second in range(0xE0, 0x100))


def sniff(head: bytes) -> str | None:
    """Return the MIME type of a file by its first ``SNIFFED_BYTES``; None for a type that is not accepted."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_brand(head[8:12])
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/x-matroska" if b"matroska" in head else "video/webm"
    return _audio(head)


def _iso_brand(brand: bytes) -> str | None:
    # HEIC and AVIF have the same container as MP4 and are not accepted (docs/api-files).
    if brand in {b"heic", b"heix", b"mif1", b"avif", b"hevc", b"msf1"}:
        return None
    return {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4"}.get(brand, "video/mp4")


def _audio(head: bytes) -> str | None:
    if head.startswith(b"OggS"):
        return "audio/ogg"
    if head[:2] in {b"\xff\xf1", b"\xff\xf9"}:
        return "audio/aac"
    return "audio/mpeg" if head.startswith(b"ID3") or head[:2] in _MPEG_FRAMES else None


def plain_mime(declared: str) -> str:
    """Return a MIME type without parameters, in lower case, with aliases such as ``audio/x-wav`` replaced."""
    mime = declared.partition(";")[0].strip().lower()
    return _ALIASES.get(mime, mime)


def measured_duration_s(path: Path) -> float | None:
    """Return the duration of a video or audio file in seconds, or None when it cannot be read."""
    import av  # noqa: PLC0415 - the server starts without it

    try:
        with av.open(str(path)) as container:
            if container.duration is None:
                return None
            seconds = container.duration / 1_000_000
    except (av.FFmpegError, ValueError):
        return None
    return round(seconds, 3) if math.isfinite(seconds) else None


def refuse_unknown_bytes(kind: str, declared: str, head: bytes) -> str:
    """Return the MIME type of the content, when kind and declared type agree with it.

    Raises:
        RefusedError: ``validation_failed``.
    """
    real = sniff(head)
    if real is None:
        raise RefusedError("validation_failed", "file: the content is not of a supported type.")
    if KIND_OF_MIME[real] != kind and not (kind == "audio" and real == "video/mp4"):
        raise RefusedError("validation_failed", f"file: the content is {real}, which is not of kind {kind}.")
    if kind == "audio" and real == "video/mp4":
        real = "audio/mp4"
    stated = plain_mime(declared)
    if stated not in {"", "application/octet-stream", real}:
        raise RefusedError("validation_failed", f"file: declared as {stated}, but the content is {real}.")
    return real
