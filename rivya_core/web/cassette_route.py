"""Finished work as a cassette, written while it is sent."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from rivya_core import services
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows.cassette import ENTRIES_MAX
from rivya_core.web import exports
from rivya_core.web.chosen import ids_of, read_chosen


async def export_cassette(request: Request) -> Response:
    """Stream a cassette of the generations and sweeps that ``id`` names, or with ``matching=1`` of those that a filter finds.

    ``images=1``: their reference images as well.
    """
    chosen = await read_chosen(request)
    if isinstance(chosen, Response):
        return chosen
    images = ("images", "1") in chosen
    if ("matching", "1") in chosen:
        return await anyio.to_thread.run_sync(_matching, chosen, images)
    ids = ids_of(chosen)
    if not 0 < len(ids) <= ENTRIES_MAX:
        return JSONResponse({"error": f"Choose 1 to {ENTRIES_MAX} generations."}, status_code=400)
    return await anyio.to_thread.run_sync(_answer, ids, images)


def _matching(chosen: list[tuple[str, str]], images: bool) -> Response:
    try:
        query = exports.parse_filter(chosen)
        found = services.shared_lab().history.export_rows(query)
        ids = [row.id for row in islice(found, ENTRIES_MAX + 1)]
    except ValueError as error:
        return JSONResponse({"error": f"The filter is not usable: {error}."}, status_code=400)
    except RivyaError as error:
        return _refused(error)
    return _answer(ids, images)


def _answer(ids: list[str], images: bool) -> Response:
    try:
        cassettes = services.shared_lab().cassettes
        pieces = cassettes.pieces(ids, images=images)
        name = exports.file_name("cassette", cassettes.mode_of(ids), "zip", datetime.now().astimezone())
    except RivyaError as error:
        return _refused(error)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


def _refused(error: RivyaError) -> Response:
    return JSONResponse({"error": str(error)}, status_code=409, headers={"Cache-Control": "no-store"})
