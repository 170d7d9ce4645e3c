"""Authentication middleware of our own routes: Streamlit's login covers its pages only, so each request is checked here.

The core knows nothing of the cookie: ``app.py`` hands over a callable that reads it (``pages/_ui/sign_in.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rivya_core.api.errors import LabError
from rivya_core.lab.people.asking import asked_by
from rivya_core.lab.people.person import Person
from rivya_core.web.come_back import start_page
from rivya_core.web.files import NO_STORE

Who = Callable[[HTTPConnection], Mapping[str, Any] | None]
"""What the signed cookie of a request claims; None without one, or when it is forged or expired."""

NOBODY: Final = LabError(
    "Nobody is signed in", "This is shown to people who are signed in.", "Sign in, then try again."
)
STREAMLITS: Final = ("/media/", "/_stcore/upload_file/", "/_stcore/metrics", "/_stcore/agent/")
"""What Streamlit serves and takes without its login: pictures and files of sessions, by an address that is hard to guess; how
often what was computed; and, were it switched on, its way for programs."""


class SignedIn:
    """Answer requests of people who are signed in, each as theirs; refuse all others, or with ``optional`` answer nobody."""

    def __init__(self, app: ASGIApp, who: Who, *, optional: bool = False) -> None:
        self.app = app
        self.who = who
        self.optional = optional

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate the request, and pass it on in the person's context."""
        person, refusal = self._look(HTTPConnection(scope))
        if person is None and not self.optional:
            await _refused(scope, refusal)(scope, receive, send)
            return
        with asked_by(person):
            await self.app(scope, receive, send)

    def _look(self, connection: HTTPConnection) -> tuple[Person | None, LabError]:
        claims = self.who(connection)
        if claims is None:
            return None, NOBODY
        try:
            return Person.of_claims(claims), NOBODY
        except LabError as error:
            return None, error


class SignedInBelow(SignedIn):
    """The same for some paths of Streamlit's alone; all others are passed on as they are."""

    def __init__(self, app: ASGIApp, who: Who, paths: Sequence[str]) -> None:
        super().__init__(app, who)
        self.paths = tuple(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check what is below one of the paths."""
        if scope["type"] == "http" and scope["path"].startswith(self.paths):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _refused(scope: Scope, error: LabError) -> Response:
    """Say 401 in words; send a browser that wants to show a page to the one where people sign in, and from there back."""
    asked = HTTPConnection(scope)
    headers = asked.headers
    if scope["method"] in {"GET", "HEAD"} and headers.get("sec-fetch-mode") == "navigate":
        return RedirectResponse(
            start_page(scope.get("root_path", ""), _address(asked)), status_code=303, headers=NO_STORE
        )
    return JSONResponse({"error": str(error)}, status_code=401, headers=NO_STORE)


def _address(asked: HTTPConnection) -> str:
    return quote(asked.url.path) + (f"?{asked.url.query}" if asked.url.query else "")
