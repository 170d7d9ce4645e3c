"""What somebody chose on a page, as an address or a form names it: a form may name more than an address holds."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

FORM_MAX_BYTES: Final = 128 * 1024


async def read_chosen(request: Request) -> list[tuple[str, str]] | Response:
    """Return the names and values of the query, or of the form that was posted; or the answer to one that is too large."""
    if request.method != "POST":
        return request.query_params.multi_items()
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_MAX_BYTES:
            return JSONResponse({"error": "The form is too large."}, status_code=413)
    return parse_qsl(body.decode("utf-8", "replace"))


def ids_of(chosen: list[tuple[str, str]]) -> list[str]:
    """Each id that was chosen, once, in order."""
    return list(dict.fromkeys(value for name, value in chosen if name == "id"))
