"""How files of the archive are answered: found or missing, streamed with Range, with or without a name.

What is missing says no more than that: not why, and not where it was looked for.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from starlette.responses import FileResponse, JSONResponse, Response

from rivya_core import services
from rivya_core.api.errors import RivyaError
from rivya_core.lab.lab import Lab

log = logging.getLogger(__name__)

SHA256: Final = re.compile(r"[0-9a-f]{64}")
PRIVATE_CACHE: Final = "private, max-age=86400"


class UnnamedFile(FileResponse):
    """A file of which nothing but its bytes is told: no name, no time, no tag that two addresses would share."""

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        """Tell the length only."""
        self.headers.setdefault("content-length", str(stat_result.st_size))

    def _should_use_range(self, http_if_range: str) -> bool:  # noqa: ARG002 - there is no tag it could match
        return False


def found(answer: Callable[[Lab], Response]) -> Response:
    """Answer with the lab; what it does not have, or will not give, is missing."""
    try:
        return answer(services.shared_lab())
    except RivyaError as error:
        log.debug("not served: %s", error.title)
        return missing()


def kept(path: Path, kind: type[FileResponse] = FileResponse, **how: Any) -> Response:
    """Serve a file of the archive; one that is gone, or that this user may not read, is missing."""
    try:
        if not path.is_file():
            return missing()
        path.open("rb").close()
    except OSError as error:
        log.warning("a file of the archive cannot be read: %s", error.strerror)
        return missing()
    return kind(path, **how)


def missing() -> Response:
    """Answer that there is nothing of this name."""
    return JSONResponse({"error": "Not found."}, status_code=404, headers={"Cache-Control": "no-store"})
