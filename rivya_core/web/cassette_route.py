"""The route that exports finished work as a cassette, written while it is sent."""

from __future__ import annotations

from itertools import islice

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from rivya_core import services
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows.cassette.cassette import ENTRIES_MAX
from rivya_core.local_time import local_now
from rivya_core.web import export_queries, exports
from rivya_core.web.files import attachment, bad_request, refused
from rivya_core.web.selection import ids_of, read_selection


async def export_cassette(request: Request) -> Response:
    """Stream a cassette of generations and sweeps: those that ``id`` names or, with ``matching=1``, those of a history filter.

    ``images=1`` includes their reference images. 400 when nothing or too much is selected, 409 when it cannot be exported.
    """
    selection = await read_selection(request)
    if isinstance(selection, Response):
        return selection
    images = ("images", "1") in selection
    if ("matching", "1") in selection:
        return await anyio.to_thread.run_sync(_matching, selection, images)
    ids = ids_of(selection)
    if not 0 < len(ids) <= ENTRIES_MAX:
        return bad_request(f"Choose 1 to {ENTRIES_MAX} generations.")
    return await anyio.to_thread.run_sync(_answer, ids, images)


def _matching(selection: list[tuple[str, str]], images: bool) -> Response:
    try:
        query = export_queries.parse_filter(selection)
        rows = services.shared_lab().history.export_rows(query)
        ids = [row.id for row in islice(rows, ENTRIES_MAX + 1)]
    except ValueError as error:
        return bad_request(f"The filter is not usable: {error}.")
    except RivyaError as error:
        return refused(error)
    return _answer(ids, images)


def _answer(ids: list[str], images: bool) -> Response:
    try:
        cassettes = services.shared_lab().cassettes
        pieces = cassettes.pieces(ids, images=images)
        name = exports.file_name("cassette", cassettes.mode_of(ids), "zip", local_now())
    except RivyaError as error:
        return refused(error)
    return attachment(pieces, "application/zip", name)
