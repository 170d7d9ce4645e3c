"""Detect the type of a file by its first bytes. Name and declared type do not count (docs/api-files: content is sniffed)."""

from __future__ import annotations

HEAD_BYTES = 4096
"""Number of bytes that :func:`sniff` needs."""

_FTYP = {  # major brands of ISO/IEC 14496-12
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
}
_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL ", "image/jxl"),
    (b"\x00\x00\x00\x0cjP  ", "image/jp2"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"PK\x03\x04", "application/zip"),
)
_QUICKTIME_STARTS = {b"moov", b"mdat", b"wide", b"free", b"skip"}  # QuickTime files from before the ftyp box
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_MPEG_AUDIO_SYNC = {
    b"\xff\xfb": "audio/mpeg",
    b"\xff\xfa": "audio/mpeg",
    b"\xff\xf3": "audio/mpeg",
    b"\xff\xf2": "audio/mpeg",
    b"\xff\xf1": "audio/aac",
    b"\xff\xf9": "audio/aac",
}


def sniff(head: bytes) -> str | None:
    """Return the MIME type by the first bytes, or None when they match no known type."""
    by_start = next((mime for start, mime in _STARTS if head.startswith(start)), None)
    return by_start or _container(head) or _MPEG_AUDIO_SYNC.get(head[:2]) or _by_markup(head)


def _container(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_brand(head)
    if head[:1] == b"\0" and head[4:8] in _QUICKTIME_STARTS:
        return "video/quicktime"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return None


def _iso_brand(head: bytes) -> str:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    avif = next((brand for brand in brands if _FTYP.get(brand) == "image/avif"), None)
    known = avif or next((brand for brand in brands[:1] if brand in _FTYP), None)
    return _FTYP[known] if known else "video/mp4"


def _by_markup(head: bytes) -> str | None:
    words = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in words and words.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype")):
        return "image/svg+xml"
    if words.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "text/html"
    return None
