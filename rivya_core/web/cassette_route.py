"""Finished work as a cassette, written while it is sent."""

from __future__ import annotations

from datetime import datetime

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from rivya_core import services
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows.cassette import ENTRIES_MAX
from rivya_core.web import exports
from rivya_core.web.chosen import ids_of, read_chosen


async def export_cassette(request: Request) -> Response:
    """Stream the generations and sweeps that ``id`` names as a cassette; ``images=1``: their reference images as well."""
    chosen = await read_chosen(request)
    if isinstance(chosen, Response):
        return chosen
    ids = ids_of(chosen)
    if not 0 < len(ids) <= ENTRIES_MAX:
        return JSONResponse({"error": f"Choose 1 to {ENTRIES_MAX} generations."}, status_code=400)
    return await anyio.to_thread.run_sync(_answer, ids, ("images", "1") in chosen)


def _answer(ids: list[str], images: bool) -> Response:
    try:
        cassettes = services.shared_lab().cassettes
        pieces = cassettes.pieces(ids, images=images)
        name = exports.file_name("cassette", cassettes.mode_of(ids), "zip", datetime.now().astimezone())
    except RivyaError as error:
        return JSONResponse({"error": str(error)}, status_code=409, headers={"Cache-Control": "no-store"})
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)
