"""The HTTP routes beside Streamlit's: health, clips and pictures from disk, streamed exports, fonts, the simulator.

Read-only: whoever can reach this server can download clips by id, but nothing here starts or changes a generation.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from rivya_core import services
from rivya_core.api.errors import ConfigurationError, RivyaError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.assets import small_key
from rivya_core.lab.media.containers import container_of_key
from rivya_core.lab.media.video_probe import WHOLE
from rivya_core.lab.people.asking import require
from rivya_core.local_time import local_now
from rivya_core.mode_words import mode_word
from rivya_core.settings import Settings
from rivya_core.web import clip_archive, export_queries, exports, guard, made_files, shows
from rivya_core.web.below import Below, served_below
from rivya_core.web.cassette_route import export_cassette
from rivya_core.web.come_back import ComeBack, Own
from rivya_core.web.files import (
    NO_STORE,
    PRIVATE_CACHE,
    SHA256,
    answer_with_lab,
    archived_file,
    attachment,
    bad_request,
    not_found,
)
from rivya_core.web.health import health
from rivya_core.web.selection import ids_of, read_selection
from rivya_core.web.signed_in import STREAMLITS, SignedIn, SignedInBelow, Who
from rivya_core.web.simulator_mount import SimulatorMount

log = logging.getLogger(__name__)

ASSETS = Path(__file__).parents[1] / "assets"
UNSURE_CACHE = "private, no-cache"
"""For a clip that may be downloaded again from Rivya: the browser revalidates it each time."""


def routes(base_url_path: str = "", who: Who | None = None) -> Sequence[BaseRoute]:
    """Return the routes beside Streamlit's.

    ``base_url_path``: Streamlit's ``server.baseUrlPath``, the path of the host below which all of them answer. ``/healthz``
    answers at the root as well, where whoever watches the process asks without knowing of a proxy. ``who``: what the signed
    cookie of a request claims; given where people sign in, and then asked for each request but those for ``_public``.
    """
    below = served_below(base_url_path)
    public, ours = _public(), _ours()
    if who is not None:
        require()
        public = [Below("", routes=public, middleware=[Middleware(SignedIn, who=who, optional=True)])]
        ours = [Below("", routes=ours, middleware=[Middleware(SignedIn, who=who)])]
    return [Route("/healthz", health), Below(below, routes=[*public, *ours])] if below else [*public, *ours]


def _public() -> list[BaseRoute]:
    """Return the routes that need no sign-in: health, and the fonts of the sign-in page."""
    return [Route("/healthz", health), Mount("/assets/fonts", StaticFiles(directory=ASSETS / "fonts"))]


def _ours() -> list[BaseRoute]:
    return [
        Route("/clips/{id}.mp4", clip),
        Route("/posters/{id}.jpg", poster),
        Route("/ballots/{token}.mp4", ballot_clip),
        Route("/ballots/{id}.html", ballot_file),
        Route("/images/{sha256}", image),
        *shows.routes(),
        Route("/exports/history.{kind}", export),
        Route("/exports/spend.csv", export_spend),
        Route("/exports/clips.zip", export_clips, methods=["GET", "POST"]),
        Route("/exports/contact-sheet.png", made_files.chat_file),
        Route("/exports/side-by-side.mp4", made_files.chat_file),
        Route("/exports/cassette.zip", export_cassette, methods=["GET", "POST"]),
        Route("/exports/server.csv", export_server),
        Route("/exports/support.zip", export_support),
        Mount("/simulator", app=SimulatorMount()),
    ]


def middleware(base_url_path: str = "", who: Who | None = None, own: Own = lambda _: None) -> Sequence[Middleware]:
    """Return the middleware; with unusable settings only loopback host names are accepted, so that the page can say why.

    The first two arguments are those of ``routes``: where people sign in, what Streamlit serves without its login is theirs
    alone, too. ``own``: tells the addresses of the dashboard to which people come back after it.
    """
    below = served_below(base_url_path)
    signed_in = (
        [
            Middleware(SignedInBelow, who=who, paths=[below + one for one in STREAMLITS]),
            Middleware(ComeBack, below=below, own=own),
        ]
        if who
        else []
    )
    try:
        settings = Settings()
        return [*guard.middleware(settings.allowed_hosts, settings.origins), *signed_in]
    except ConfigurationError:
        return [*guard.middleware(""), *signed_in]


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, Any]]:
    """Open the lab when the server starts, so that open generations resume without a browser, and close it with the server.

    If the lab cannot be opened the server runs all the same: the pages and /healthz say why.
    """
    try:
        await anyio.to_thread.run_sync(services.shared_lab)
    except RivyaError as error:
        log.error("the lab could not be opened: %s", error)  # noqa: TRY400 - the sentence is written for people, a traceback adds nothing
    try:
        yield {}
    finally:
        await anyio.to_thread.run_sync(services.close_all)


def clip(request: Request) -> Response:
    """Stream an archived clip with Range. ``?download=1``: as an attachment; ``?download=settings``: with its recipe inside."""
    download_name = request.query_params.get("download")
    download = download_name == "1"

    def answer(lab: Lab) -> Response:
        record = lab.get(request.path_params["id"])
        if download_name == "settings":
            return made_files.clip_with_settings(lab, record, lab.clip(record.id))
        if record.clip_key is None:
            return not_found()
        return archived_file(
            lab.archive.serve(record.clip_key),
            media_type=container_of_key(record.clip_key).media_type,
            filename=clip_archive.clip_name(record) if download else None,
            content_disposition_type="attachment" if download else "inline",
            # A damaged clip is replaced under the same URL, so it must not be cached.
            headers={"Cache-Control": PRIVATE_CACHE if record.clip_check == WHOLE else UNSURE_CACHE},
        )

    return answer_with_lab(answer)


def ballot_file(request: Request) -> Response:
    """Download a ballot: one HTML file to hand out."""

    def answer(lab: Lab) -> Response:
        ballot = lab.shows.ballots.file(request.path_params["id"])
        return archived_file(ballot.path, filename=f"ballot-{ballot.id}.html", media_type="text/html")

    return answer_with_lab(answer)


def ballot_clip(request: Request) -> Response:
    """Stream one clip of a pair in a blind vote. The token in the URL is valid for that pair until its round ends.

    Neither URL nor headers tell which clip it is, so that nobody can recognise one across pairs.
    """

    def answer(lab: Lab) -> Response:
        key = lab.ballots.copy_key(request.path_params["token"])
        media_type = container_of_key(key).media_type
        return archived_file(lab.archive.serve(key), anonymous=True, media_type=media_type, headers=NO_STORE)

    return answer_with_lab(answer)


def poster(request: Request) -> Response:
    """Serve the poster of an archived clip."""

    def answer(lab: Lab) -> Response:
        key = lab.get(request.path_params["id"]).poster_key
        if key is None:
            return not_found()
        return archived_file(lab.archive.serve(key), media_type="image/jpeg", headers={"Cache-Control": PRIVATE_CACHE})

    return answer_with_lab(answer)


def image(request: Request) -> Response:
    """Serve a reference image by SHA-256; with ``?small=1`` its thumbnail, if there is one."""
    sha256 = request.path_params["sha256"]
    if not SHA256.fullmatch(sha256):
        return not_found()

    def answer(lab: Lab) -> Response:
        asset = lab.ledger.assets.find(sha256)
        if asset is None:
            return not_found()
        small = small_key(sha256)
        is_small = request.query_params.get("small") == "1" and lab.archive.exists(small)
        key, mime = (small, "image/jpeg") if is_small else (asset.archive_key, asset.mime)
        return archived_file(lab.archive.serve(key), media_type=mime, headers={"Cache-Control": PRIVATE_CACHE})

    return answer_with_lab(answer)


def export(request: Request) -> Response:
    """Stream the filtered history as CSV or JSON."""
    kind = request.path_params["kind"]
    writers: dict[str, tuple[Callable[[Iterator[exports.Marked]], Iterator[str]], str]] = {
        "csv": (exports.csv_lines, "text/csv; charset=utf-8"),
        "json": (exports.json_lines, "application/json"),
    }
    if kind not in writers:
        return not_found()
    try:
        query = export_queries.parse_filter(request.query_params.multi_items())
    except ValueError as error:
        return bad_request(f"The filter is not usable: {error}.")
    write, media_type = writers[kind]

    def answer(lab: Lab) -> Response:
        name = exports.file_name("history", mode_word(query.mode, lab.connection), kind, local_now())
        return attachment(write(lab.history.marked(lab.history.export_rows(query))), media_type, name)

    return answer_with_lab(answer)


def export_spend(request: Request) -> Response:
    """Stream credit movements as CSV, filtered by mode and days."""
    try:
        mode, days = export_queries.parse_days(request.query_params.multi_items())
    except ValueError as error:
        return bad_request(f"The filter is not usable: {error}.")

    def answer(lab: Lab) -> Response:
        name = exports.file_name("spend", mode_word(mode, lab.connection), "csv", local_now())
        return attachment(exports.movement_lines(lab.spending.movements(mode, days)), "text/csv; charset=utf-8", name)

    return answer_with_lab(answer)


async def export_clips(request: Request) -> Response:
    """Stream the clips of the generations that ``id`` names as a ZIP. POST takes the ids as a form, as a URL holds too few."""
    chosen = await read_selection(request)
    if isinstance(chosen, Response):
        return chosen
    ids = ids_of(chosen)
    if not 0 < len(ids) <= clip_archive.CLIPS_MAX:
        return bad_request(f"Choose 1 to {clip_archive.CLIPS_MAX} clips.")

    def answer(lab: Lab) -> Response:
        rows = lab.history.some(ids)
        if not rows:
            return not_found()
        name = exports.file_name("clips", clip_archive.mode_of(rows), "zip", local_now())
        return attachment(clip_archive.pack(lab, rows), "application/zip", name)

    return await anyio.to_thread.run_sync(answer_with_lab, answer)


def export_server(_request: Request) -> Response:
    """Stream the observations of the server as CSV."""

    def answer(lab: Lab) -> Response:
        name = exports.file_name("server", lab.mode_word, "csv", local_now())
        return attachment(exports.observation_lines(lab.server.observations()), "text/csv; charset=utf-8", name)

    return answer_with_lab(answer)


def export_support(request: Request) -> Response:
    """Serve a support bundle of one generation, or of the last hours."""
    try:
        generation_id, hours, prompts = export_queries.parse_support(request.query_params.multi_items())
    except ValueError as error:
        return bad_request(f"The choice is not usable: {error}.")

    def answer(lab: Lab) -> Response:
        data = lab.support_bundle(generation_id, hours=hours, prompts=prompts)
        name = exports.file_name("support", lab.mode_word, "zip", local_now())
        headers = {"Content-Disposition": f'attachment; filename="{name}"', **NO_STORE}
        return Response(data, media_type="application/zip", headers=headers)

    return answer_with_lab(answer)
