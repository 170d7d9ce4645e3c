"""Our own HTTP routes beside Streamlit's: health, clips and pictures from disk, streamed exports, fonts, the simulator.

Reads only: whoever can reach this server can fetch clips by their id, but nothing here starts or changes a generation.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from rivya_core import services
from rivya_core.api.errors import ConfigurationError, RivyaError
from rivya_core.lab.clips import WHOLE
from rivya_core.lab.containers import MP4, container_of_key
from rivya_core.lab.images import small_key
from rivya_core.lab.lab import Lab
from rivya_core.lab.own_key import refuse_key
from rivya_core.lab.records import GenerationRecord
from rivya_core.lab.shows.recipe import recipe_text, write_recipe
from rivya_core.mode_words import mode_word
from rivya_core.settings import Settings
from rivya_core.simulator.http.routes import create_app
from rivya_core.simulator.state.world import World
from rivya_core.web import chat_files, clip_archive, exports, guard, shows
from rivya_core.web.cassette_route import export_cassette
from rivya_core.web.chosen import ids_of, read_chosen
from rivya_core.web.files import PRIVATE_CACHE, SHA256, UnnamedFile, found, kept, missing

log = logging.getLogger(__name__)

ASSETS = Path(__file__).parents[1] / "assets"
UNSURE_CACHE = "private, no-cache"
"""Of a clip that may be fetched again: a browser asks each time whether it is still the same."""


def routes() -> Sequence[BaseRoute]:
    """List the routes that stand beside Streamlit's."""
    return [
        Route("/healthz", health),
        Route("/clips/{id}.mp4", clip),
        Route("/posters/{id}.jpg", poster),
        Route("/ballots/{token}.mp4", ballot_clip),
        Route("/ballots/{id}.html", ballot_file),
        Route("/images/{sha256}", image),
        *shows.routes(),
        Route("/exports/history.{kind}", export),
        Route("/exports/spend.csv", export_spend),
        Route("/exports/clips.zip", export_clips, methods=["GET", "POST"]),
        Route("/exports/contact-sheet.png", chat_file),
        Route("/exports/side-by-side.mp4", chat_file),
        Route("/exports/cassette.zip", export_cassette, methods=["GET", "POST"]),
        Route("/exports/server.csv", export_server),
        Route("/exports/support.zip", export_support),
        Mount("/assets/fonts", StaticFiles(directory=ASSETS / "fonts")),
        Mount("/simulator", app=SimulatorMount()),
    ]


def middleware() -> Sequence[Middleware]:
    """Build the middleware; settings that cannot be read leave this machine's names only."""
    try:
        settings = Settings()
        return guard.middleware(settings.allowed_hosts, settings.origins)
    except ConfigurationError:
        return guard.middleware("")


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, Any]]:
    """Open the lab with the server, so that open generations go on before any browser comes, and close it with the server.

    A lab that cannot be opened does not stop the server: the pages and /healthz say why.
    """
    try:
        await anyio.to_thread.run_sync(services.shared_lab)
    except RivyaError as error:
        log.error("the lab could not be opened: %s", error)  # noqa: TRY400 - its sentence says all, a trace nothing
    try:
        yield {}
    finally:
        await anyio.to_thread.run_sync(services.close_all)


def health(_request: Request) -> Response:
    """Answer the state of the lab's parts; 503 when one is down."""
    try:
        now = services.shared_lab().health()
    except RivyaError as error:
        return JSONResponse(
            {"ok": False, "error": error.title, "detail": error.detail, "hint": error.hint}, status_code=503
        )
    body = {
        "ok": now.ok,
        "version": now.version,
        "mode": now.mode,
        "database": now.database,
        "engine": now.engine,
        "copy": now.copy,
        "unexpected_errors": now.detail.get("unexpected_errors", []),
    }
    return JSONResponse(body, status_code=200 if now.ok else 503, headers={"Cache-Control": "no-store"})


def clip(request: Request) -> Response:
    """Stream an archived clip with Range; ``?download=1`` names the file for saving, ``?download=settings`` adds its recipe."""
    asked = request.query_params.get("download")
    download = asked == "1"

    def answer(lab: Lab) -> Response:
        record = lab.get(request.path_params["id"])
        path = lab.clip(record.id)
        if asked == "settings":
            return _with_settings(lab, record, path)
        return kept(
            path,
            media_type=container_of_key(path.name).media_type,
            filename=clip_archive.clip_name(record) if download else None,
            content_disposition_type="attachment" if download else "inline",
            headers={"Cache-Control": PRIVATE_CACHE if record.clip_check == WHOLE else UNSURE_CACHE},
        )

    return found(answer)


class PassingFile(UnnamedFile):
    """A file made for one answer, and removed after it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, whole or in ranges."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._remove()  # at once: an answer that was broken off is cancelled, and waits for nothing

    def _remove(self) -> None:
        Path(self.path).unlink(missing_ok=True)


def _with_settings(lab: Lab, record: GenerationRecord, path: Path) -> Response:
    """A copy of a clip that carries its recipe; what stands in the archive is not touched."""
    name = f"{Path(clip_archive.clip_name(record)).stem}-with-settings{MP4.suffix}"
    part = lab.archive.part_path(f"clips/{record.id}{MP4.suffix}")
    try:
        text = recipe_text(record)
        refuse_key(lab.settings, text)
        write_recipe(path, part, text)
    except RivyaError as error:
        part.unlink(missing_ok=True)
        return _refused(error)
    return PassingFile(part, media_type=MP4.media_type, filename=name, headers={"Cache-Control": "no-store"})


def ballot_file(request: Request) -> Response:
    """Download a ballot: one HTML file to hand out."""

    def answer(lab: Lab) -> Response:
        made = lab.shows.ballots.file(request.path_params["id"])
        return kept(made.path, filename=f"ballot-{made.id}.html", media_type="text/html")

    return found(answer)


def chat_file(request: Request) -> Response:
    """Make a contact sheet or a side-by-side video and send it; takes some seconds, and refuses in words."""
    kind = request.url.path.rsplit("/", 1)[-1]

    def answer(lab: Lab) -> Response:
        try:
            part, name = chat_files.make(lab, kind, request.query_params)
        except RivyaError as error:
            return _refused(error)
        headers = {"Cache-Control": "no-store"}
        return PassingFile(part, media_type=chat_files.KINDS[kind], filename=name, headers=headers)

    return found(answer)


def ballot_clip(request: Request) -> Response:
    """Stream one side of a pair in a blind vote, under an address that is good for that pair until its round ends."""

    def answer(lab: Lab) -> Response:
        side = lab.ballots.file(request.path_params["token"])
        media_type = container_of_key(side.name).media_type
        return kept(side, UnnamedFile, media_type=media_type, headers={"Cache-Control": "no-store"})

    return found(answer)


def poster(request: Request) -> Response:
    """Serve the poster of an archived clip."""

    def answer(lab: Lab) -> Response:
        path = lab.poster(request.path_params["id"])
        if path is None:
            return missing()
        return kept(path, media_type="image/jpeg", headers={"Cache-Control": PRIVATE_CACHE})

    return found(answer)


def image(request: Request) -> Response:
    """Serve a reference image by the hash of its bytes; with ``?small=1`` its small copy, where there is one."""
    sha256 = request.path_params["sha256"]
    if not SHA256.fullmatch(sha256):
        return missing()

    def answer(lab: Lab) -> Response:
        asset = lab.ledger.asset(sha256)
        if asset is None:
            return missing()
        small = lab.archive.path(small_key(sha256))
        if request.query_params.get("small") == "1" and small.is_file():
            return kept(small, media_type="image/jpeg", headers={"Cache-Control": PRIVATE_CACHE})
        return kept(lab.image(sha256), media_type=asset.mime, headers={"Cache-Control": PRIVATE_CACHE})

    return found(answer)


def export(request: Request) -> Response:
    """Stream the filtered history as CSV or JSON."""
    kind = request.path_params["kind"]
    writers: dict[str, tuple[Callable[[Iterator[exports.Marked]], Iterator[str]], str]] = {
        "csv": (exports.csv_lines, "text/csv; charset=utf-8"),
        "json": (exports.json_lines, "application/json"),
    }
    if kind not in writers:
        return missing()
    try:
        query = exports.parse_filter(request.query_params.multi_items())
    except ValueError as error:
        return JSONResponse({"error": f"The filter is not usable: {error}."}, status_code=400)
    write, media_type = writers[kind]

    def answer(lab: Lab) -> Response:
        name = exports.file_name("history", mode_word(query.mode, lab.connection), kind, datetime.now().astimezone())
        return _file(write(lab.history.marked(lab.history.export_rows(query))), media_type, name)

    return found(answer)


def export_spend(request: Request) -> Response:
    """Stream the credit movements of a mode and of some days as CSV."""
    try:
        mode, days = exports.parse_days(request.query_params.multi_items())
    except ValueError as error:
        return JSONResponse({"error": f"The filter is not usable: {error}."}, status_code=400)

    def answer(lab: Lab) -> Response:
        name = exports.file_name("spend", mode_word(mode, lab.connection), "csv", datetime.now().astimezone())
        return _file(exports.movement_lines(lab.spending.movements(mode, days)), "text/csv; charset=utf-8", name)

    return found(answer)


async def export_clips(request: Request) -> Response:
    """Stream the clips of the generations that ``id`` names, each once, as a ZIP; a form may name more than an address holds."""
    chosen = await read_chosen(request)
    if isinstance(chosen, Response):
        return chosen
    ids = ids_of(chosen)
    if not 0 < len(ids) <= clip_archive.CLIPS_MAX:
        return JSONResponse({"error": f"Choose 1 to {clip_archive.CLIPS_MAX} clips."}, status_code=400)

    def answer(lab: Lab) -> Response:
        rows = lab.history.some(ids)
        if not rows:
            return missing()
        name = exports.file_name("clips", clip_archive.mode_of(rows), "zip", datetime.now().astimezone())
        return _file(clip_archive.pack(lab, rows), "application/zip", name)

    return await anyio.to_thread.run_sync(found, answer)


def export_server(_request: Request) -> Response:
    """Stream what was observed of the server as CSV."""

    def answer(lab: Lab) -> Response:
        name = exports.file_name("server", lab.mode_word, "csv", datetime.now().astimezone())
        return _file(exports.observation_lines(lab.server.observations()), "text/csv; charset=utf-8", name)

    return found(answer)


def export_support(request: Request) -> Response:
    """Serve a support bundle of one generation, or of the last hours."""
    try:
        generation_id, hours, prompts = exports.parse_support(request.query_params.multi_items())
    except ValueError as error:
        return JSONResponse({"error": f"The choice is not usable: {error}."}, status_code=400)

    def answer(lab: Lab) -> Response:
        data = lab.support_bundle(generation_id, hours=hours, prompts=prompts)
        name = exports.file_name("support", lab.mode_word, "zip", datetime.now().astimezone())
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(data, media_type="application/zip", headers=headers)

    return found(answer)


def _file(pieces: Iterator[str] | Iterator[bytes], media_type: str, name: str) -> Response:
    return StreamingResponse(
        pieces,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


class SimulatorMount:
    """Hand requests to the embedded simulator, so that a copied cURL works against this address too.

    The world is known only once the lab is open; its controls are not served here.
    """

    def __init__(self) -> None:
        self._served: tuple[World, ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 404 when no simulator runs."""
        app = await anyio.to_thread.run_sync(self._app) or JSONResponse(
            {"error": "No simulator is served here: a key is set, or this server is read-only."}, status_code=404
        )
        await app(scope, receive, send)

    def _app(self) -> ASGIApp | None:
        try:
            server = services.shared_lab().simulator
        except RivyaError:
            return None
        if server is None:
            return None
        if self._served is None or self._served[0] is not server.world:
            self._served = (server.world, create_app(server.world, server.clips))
        return self._served[1]


def _refused(error: RivyaError) -> Response:
    return JSONResponse({"error": str(error)}, status_code=409, headers={"Cache-Control": "no-store"})
