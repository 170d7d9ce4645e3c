"""Uploaded files: recognised by their bytes, kept beside the world's file, found again by the path of their URL.

The URL is matched by path and token, never by host: after a restart the same world listens on another port.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from rivya_core.api.private_files import make_folder
from rivya_core.simulator.state.behaviour import RefusedError
from rivya_core.simulator.state.store import Store
from rivya_core.simulator.state.tasks import iso

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
_MPEG_FRAMES = frozenset(bytes((0xFF, second)) for second in range(0xE0, 0x100))
_URL_PATH = re.compile(r"/files/(file_[0-9a-f]+)/([0-9a-f]+)(?:/[^/]*)?$")


def sniff(head: bytes) -> str | None:
    """Return the MIME type that the first bytes of a file prove, or None when they prove none we take."""
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
    """Return a MIME type without parameters and in its first spelling."""
    mime = declared.partition(";")[0].strip().lower()
    return _ALIASES.get(mime, mime)


@dataclass(frozen=True)
class StoredFile:
    """One uploaded file. ``token`` makes its URL unguessable; ``duration_token`` exists for video and audio."""

    id: str
    token: str
    account: str
    kind: str
    mime_type: str
    size: int
    sha256: str
    name: str
    client_request_id: str | None
    duration_seconds: float | None
    duration_token: str | None
    created_at: float

    def answer(self, base_url: str, shape: str) -> dict[str, Any]:
        """Return the file as the API states it, in one of the plausible shapes (its fields are not documented)."""
        url = f"{base_url}/files/{self.id}/{self.token}/{quote(self.name, safe='')}"
        full: dict[str, Any] = {
            "id": self.id,
            "object": "file",
            "url": url,
            "kind": self.kind,
            "name": self.name,
            "mime_type": self.mime_type,
            "size": self.size,
            "duration_seconds": self.duration_seconds,
            "duration_token": self.duration_token,
            "client_request_id": self.client_request_id,
            "created_at": iso(self.created_at),
        }
        if shape == "minimal":
            return {"url": url} | ({"duration_token": self.duration_token} if self.duration_token else {})
        if shape == "file_id":
            return {"file_id": full.pop("id"), **full}
        return {"data": full} if shape == "wrapped" else full


@dataclass(frozen=True)
class NewFile:
    """An upload that arrived whole: where its bytes wait, and what the client said about it."""

    account: str
    part: Path
    size: int
    sha256: str
    kind: str
    mime_type: str
    name: str
    client_request_id: str | None
    duration_seconds: float | None


class Files:
    """Keep the uploaded files of a world."""

    def __init__(self, store: Store, folder: Path, salt: str, now: Callable[[], float]) -> None:
        self._store, self._folder, self._salt, self._now = store, folder, salt, now
        self.incoming = folder / "incoming"

    def add(self, new: NewFile) -> StoredFile:
        """Store an upload; the bytes are in place before the row is."""
        place = self.path(new.sha256)
        make_folder(place.parent)
        new.part.replace(place)
        with self._store.transaction():
            row = self._store.row("SELECT COUNT(*) AS n FROM files")
            number = int(row["n"]) + 1 if row else 1
            file_id = "file_" + hashlib.sha256(f"{self._salt}:file:{number}".encode()).hexdigest()[:20]
            timed = new.kind in {"video", "audio"}
            stored = StoredFile(
                id=file_id,
                token=self._sign(file_id)[:24],
                account=new.account,
                kind=new.kind,
                mime_type=new.mime_type,
                size=new.size,
                sha256=new.sha256,
                name=new.name,
                client_request_id=new.client_request_id,
                duration_seconds=new.duration_seconds,
                duration_token="dur_" + self._sign(f"duration:{file_id}")[:32] if timed else None,
                created_at=self._now(),
            )
            values = vars(stored)
            self._store.execute(
                f"INSERT INTO files ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608 - our own names
                tuple(values.values()),
            )
        return stored

    def get(self, file_id: str) -> StoredFile | None:
        """Return a file, or None when there is none of this id."""
        row = self._store.row("SELECT * FROM files WHERE id = ?", (file_id,))
        return None if row is None else StoredFile(**dict(row))

    def by_url(self, url: str) -> StoredFile | None:
        """Return the file a URL of ours leads to, whatever its host and prefix, or None."""
        try:
            found = _URL_PATH.search(urlsplit(url).path)
        except ValueError:
            return None
        return self.by_token(found[1], found[2]) if found else None

    def by_token(self, file_id: str, token: str) -> StoredFile | None:
        """Return a file when the token is its own."""
        stored = self.get(file_id)
        return stored if stored is not None and hmac.compare_digest(stored.token, token) else None

    def all(self) -> list[StoredFile]:
        """Return every file, oldest first."""
        return [StoredFile(**dict(row)) for row in self._store.rows("SELECT * FROM files ORDER BY created_at, rowid")]

    def path(self, sha256: str) -> Path:
        """Return where the bytes of this hash are."""
        return self._folder / sha256[:2] / sha256

    def _sign(self, text: str) -> str:
        return hmac.digest(self._salt.encode(), text.encode(), "sha256").hex()


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
    """Return the MIME type the bytes prove, when kind and declared type agree with it.

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
