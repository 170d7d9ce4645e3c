"""The page of a show and its files, below one URL: whoever has it can read that show and nothing else of the lab.

Files are requested by SHA-256, and only those of the show are served.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rivya_core import services
from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.lab import Lab
from rivya_core.lab.media.containers import container_of_key
from rivya_core.lab.shows.room.app import ballot_answer, vote_answer
from rivya_core.local_time import local_now
from rivya_core.mode_words import ModeWord
from rivya_core.web import exports
from rivya_core.web.files import PRIVATE_CACHE, SHA256, answer_with_lab, archived_file, attachment, not_found, refused


def routes() -> Sequence[Route]:
    """Return the routes of shows."""
    return [
        Route("/show/{id}", show),
        Route("/show/{id}/clips/{sha256}.mp4", clip),
        Route("/show/{id}/posters/{sha256}.jpg", poster),
        Route("/show/{id}/ballot", ballot),
        Route("/show/{id}/vote", vote, methods=["POST"]),
        Route("/show/{id}/one-file.html", download),
        Route("/show/{id}/show.zip", download),
    ]


def show(request: Request) -> Response:
    """Serve the page of a show; 404 or 409 with a page that says why it cannot be shown."""
    from rivya_core.lab.shows.page import page  # noqa: PLC0415 - loads Jinja2, which only shows need

    try:
        html = services.shared_lab().shows.page(
            request.path_params["id"], below=quote(request.scope.get("root_path", ""))
        )
    except RivyaError as error:
        if error.field == "id":
            return HTMLResponse(page.render_missing(), status_code=404, headers=page.headers())
        why = f"{error.detail} {error.hint}"
        return HTMLResponse(page.render_missing(error.title, why), status_code=409, headers=page.headers())
    return HTMLResponse(html, headers=page.headers())


def clip(request: Request) -> Response:
    """Stream a clip of the show, with Range."""
    id_, sha256 = request.path_params["id"], request.path_params["sha256"]
    if not SHA256.fullmatch(sha256):
        return not_found()

    def answer(lab: Lab) -> Response:
        served = lab.shows.serve(id_, sha256)
        if served is None:
            return not_found()
        return archived_file(
            served, media_type=container_of_key(served.name).media_type, headers={"Cache-Control": PRIVATE_CACHE}
        )

    return answer_with_lab(answer)


def poster(request: Request) -> Response:
    """Serve the poster of a clip of the show."""
    id_, sha256 = request.path_params["id"], request.path_params["sha256"]
    if not SHA256.fullmatch(sha256):
        return not_found()

    def answer(lab: Lab) -> Response:
        served = lab.shows.serve(id_, sha256, poster=True)
        if served is None:
            return not_found()
        return archived_file(served, media_type="image/jpeg", headers={"Cache-Control": PRIVATE_CACHE})

    return answer_with_lab(answer)


def ballot(request: Request) -> Response:
    """Serve the ballot of a show, with the content security policy that is written in the file."""

    def answer(lab: Lab) -> Response:
        info = lab.shows.made_ballot(request.path_params["id"])
        return not_found() if info is None else ballot_answer(info.path)

    return answer_with_lab(answer)


async def vote(request: Request) -> Response:
    """Accept the line of votes that the ballot of a show sends."""

    def count(line: str) -> str:
        lab = services.shared_lab()
        info = lab.shows.made_ballot(request.path_params["id"])
        if info is None:
            raise LabError("This vote is not counted", "This show has no ballot.")
        return lab.votes.accept(line, ballot=info.id).sentence

    return await vote_answer(request, count)


def _slug(title: str) -> str:
    """Reduce a title to ASCII letters and digits, which are safe in file names on every system and in headers."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:40].strip("-")


def download(request: Request) -> Response:
    """Stream a show as one HTML file or as a ZIP. ``?originals=1``: do not re-encode the clips in the HTML file."""
    is_zip = request.url.path.endswith(".zip")
    kind: Literal["file", "zip"] = "zip" if is_zip else "file"
    originals = request.query_params.get("originals") == "1"

    def answer(lab: Lab) -> Response:
        show = lab.shows.get(request.path_params["id"])
        try:
            pieces = lab.shows.files.pieces(show.id, kind, originals=originals)
        except RivyaError as error:
            return refused(error)
        mode: ModeWord | None = None if show.mode == "mixed" else show.mode
        name = exports.file_name(
            "-".join(filter(None, ("show", _slug(show.title)))),
            mode,
            "zip" if is_zip else "html",
            local_now(),
        )
        return attachment(pieces, "application/zip" if is_zip else "text/html", name)

    return answer_with_lab(answer)
