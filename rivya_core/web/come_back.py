"""After signing in people come back to the address they asked for; Streamlit by itself leads everybody to the start page.

The address is that of the page with the button, which the browser names when it is sent away (Referer). Until the provider sends
it back, it keeps the address in a cookie of the one state that Streamlit gave to this way out and back; the cookie ends
with it. Both are a stranger's word: only what ``own`` calls an address of ours is led to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Own = Callable[[str], str | None]
"""An address as one of ours, without its host; None for every other one."""

BACK: Final = "back"
"""Parameter of the start page: the route of ours from which somebody was sent there to sign in."""

CALLBACK: Final = "/oauth2callback"
_COOKIE: Final = "_rivya_back_"
_ENCODED_MAX: Final = 2000  # three abandoned ways out still fit into the 8 KB that proxies take as one header line
_LIFETIME_S: Final = 600
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


def start_page(below: str, asked: str) -> str:
    """The start page, where people sign in, with the address from which they were sent there."""
    return f"{quote(below)}/?{urlencode({BACK: asked})}"


class ComeBack:
    """Lead who comes from the provider to the address they were sent away from."""

    def __init__(self, app: ASGIApp, below: str, own: Own) -> None:
        self.app = app
        self.below = below
        self.own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change the answers of Streamlit's two routes of sign-in; pass everything else on."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path == f"{self.below}/auth/login":
            send = self._going(HTTPConnection(scope), send)
        elif path == self.below + CALLBACK:
            send = self._coming(HTTPConnection(scope), send)
        await self.app(scope, receive, send)

    def _going(self, connection: HTTPConnection, send: Send) -> Send:
        asked = self._asked(connection.headers.get("referer", ""))
        kept = quote(asked or "", safe="")

        def keep(headers: MutableHeaders) -> None:
            state = _state_of(headers.get("location", ""))
            if state and kept and len(kept) <= _ENCODED_MAX:
                self._set(headers, state, kept, _LIFETIME_S)

        return _changed(send, keep)

    def _coming(self, connection: HTTPConnection, send: Send) -> Send:
        state = _state_of(str(connection.url))
        kept = connection.cookies.get(_COOKIE + state) if state else None

        def lead(headers: MutableHeaders) -> None:
            if state is None or kept is None:
                return
            self._set(headers, state, "", 0)
            address = self.own(unquote(kept))
            if address is not None and "location" in headers:
                headers["location"] = address

        return _changed(send, lead)

    def _asked(self, referer: str) -> str | None:
        """The address to come back to: that of the page, or the one that sent people to the start page."""
        address = self.own(referer)
        sent_here = self._sent_here(address)
        if sent_here is not None:
            address = self.own(sent_here)
        return None if address == f"{quote(self.below)}/" or self._sent_here(address) is not None else address

    def _sent_here(self, address: str | None) -> str | None:
        """The address from which somebody was sent to the start page, which this one must be."""
        asked = urlsplit(address or "")
        if asked.path != f"{quote(self.below)}/":
            return None
        return next(iter(parse_qs(asked.query).get(BACK, [])), None)

    def _set(self, headers: MutableHeaders, state: str, value: str, lifetime_s: int) -> None:
        answer = Response()
        answer.set_cookie(
            _COOKIE + state, value, max_age=lifetime_s, path=quote(self.below) + CALLBACK, httponly=True, samesite="lax"
        )
        headers.append("set-cookie", answer.headers["set-cookie"])


def _state_of(address: str) -> str | None:
    state = parse_qs(urlsplit(address).query).get("state", [""])[0]
    return state if _STATE.fullmatch(state) else None


def _changed(send: Send, change: Callable[[MutableHeaders], None]) -> Send:
    async def send_changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            change(MutableHeaders(scope=message))
        await send(message)

    return send_changed
