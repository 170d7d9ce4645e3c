"""Read the selected ids: from the query of a GET, or from a posted form, since a URL cannot hold thousands of ids."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

FORM_MAX_BYTES: Final = 128 * 1024


async def read_selection(request: Request) -> list[tuple[str, str]] | Response:
    """Return the names and values of the query or of the posted form; an answer with 413 when the form is too large."""
    if request.method != "POST":
        return request.query_params.multi_items()
    body = b""
    async for piece in request.stream():
        body += piece
        # Counted while reading, as Content-Length may be missing or wrong.
        if len(body) > FORM_MAX_BYTES:
            return JSONResponse({"error": "The form is too large."}, status_code=413)
    return parse_qsl(body.decode("utf-8", "replace"))


def ids_of(selection: list[tuple[str, str]]) -> list[str]:
    """Return each selected ``id`` once, in order."""
    return list(dict.fromkeys(value for name, value in selection if name == "id"))
