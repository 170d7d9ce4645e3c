"""Uploaded files: kept beside the world's file and found again by the path of their URL.

A URL is matched by path and token, never by host: after a restart the same world may listen on another port.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from rivya_core.private_files import make_folder
from rivya_core.simulator.state.store import Store
from rivya_core.simulator.state.task import iso

_URL_PATH = re.compile(r"/files/(file_[0-9a-f]+)/([0-9a-f]+)(?:/[^/]*)?$")


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
        """Return the file as JSON, in one of the plausible shapes: the fields of ``PublicApiFile`` are not documented."""
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
    """An upload that arrived complete. part: the temporary file with its bytes."""

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
        """Store an upload: first the bytes, then the row, so that no row ever names a missing file."""
        place = self.path(new.sha256)
        # Stored by content: equal uploads share one file on disk.
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
        """Return the file that a URL of this world names, whatever its host and prefix, or None."""
        try:
            found = _URL_PATH.search(urlsplit(url).path)
        except ValueError:
            return None
        return self.by_token(found[1], found[2]) if found else None

    def by_token(self, file_id: str, token: str) -> StoredFile | None:
        """Return a file, or None when the token is not its token."""
        stored = self.get(file_id)
        return stored if stored is not None and hmac.compare_digest(stored.token, token) else None

    def all(self) -> list[StoredFile]:
        """Return every file, oldest first."""
        return [StoredFile(**dict(row)) for row in self._store.rows("SELECT * FROM files ORDER BY created_at, rowid")]

    def path(self, sha256: str) -> Path:
        """Return the path of the content with this SHA-256, in hex."""
        return self._folder / sha256[:2] / sha256

    def _sign(self, text: str) -> str:
        return hmac.digest(self._salt.encode(), text.encode(), "sha256").hex()
