"""The answers that all routes share: files of the archive with Range, streamed downloads, "not found" and "refused".

A "not found" never says why, nor where the file was looked for: that would tell strangers what is on this machine.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from rivya_core import services
from rivya_core.api.errors import RivyaError
from rivya_core.http_server.stored_file import StoredFile
from rivya_core.lab.lab import Lab
from rivya_core.lab.media.stored import StoredObject, is_unreachable

log = logging.getLogger(__name__)

SHA256: Final = re.compile(r"[0-9a-f]{64}")
PRIVATE_CACHE: Final = "private, max-age=86400"
NO_STORE: Final = {"Cache-Control": "no-store"}


class _Anonymous(FileResponse):
    """A file response that reveals only the bytes: no name, no time, and no ETag by which two URLs could be matched."""

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        """Set the length only, in place of Starlette's ETag and Last-Modified."""
        self.headers.setdefault("content-length", str(stat_result.st_size))

    def _should_use_range(self, http_if_range: str) -> bool:  # noqa: ARG002 - without an ETag no If-Range can match
        return False


class AnonymousFile(_Anonymous):
    """An anonymous answer with a file of this disk."""


class _AnonymousStored(_Anonymous, StoredFile):
    """An anonymous answer with a stored file."""


def answer_with_lab(answer: Callable[[Lab], Response]) -> Response:
    """Call ``answer`` with the lab; 404 when the lab does not have what was asked for, or cannot be opened."""
    try:
        return answer(services.shared_lab())
    except RivyaError as error:
        if is_unreachable(error):
            return unreachable(error)
        # debug: any visitor could fill the log with made-up ids.
        log.debug("not served: %s", error.title)
        return not_found()


def archived_file(path: Path | StoredObject, *, anonymous: bool = False, **options: Any) -> Response:
    """Serve a file of the archive; 404 when it is gone or this user may not read it. options: of ``FileResponse``."""
    if not isinstance(path, Path):
        return _AnonymousStored(path, **options) if anonymous else StoredFile(path, **options)
    try:
        if not path.is_file():
            return not_found()
        path.open("rb").close()  # FileResponse opens it after the status line has left, when 404 can be said no more
    except OSError as error:
        log.warning("a file of the archive cannot be read: %s", error.strerror)
        return not_found()
    return AnonymousFile(path, **options) if anonymous else FileResponse(path, **options)


def attachment(content: Iterable[str] | Iterable[bytes], media_type: str, name: str) -> Response:
    """Stream a download that is written while it is sent, under a file name in ASCII."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **NO_STORE}
    return StreamingResponse(content, media_type=media_type, headers=headers)


def not_found() -> Response:
    """Answer 404."""
    return JSONResponse({"error": "Not found."}, status_code=404, headers=NO_STORE)


def unreachable(error: RivyaError) -> Response:
    """Answer 503 while the store does not answer: the file may well exist."""
    return JSONResponse({"error": error.title}, status_code=503, headers=NO_STORE)


def refused(error: RivyaError) -> Response:
    """Answer 409 with the sentences of an error, for requests that are understood and cannot be met now."""
    return JSONResponse({"error": str(error)}, status_code=409, headers=NO_STORE)


def bad_request(sentence: str) -> Response:
    """Answer 400 with a sentence that names what is wrong with the query or the form."""
    return JSONResponse({"error": sentence}, status_code=400)
