"""Who may talk to this server, and what a browser may load from it: host names, origins, security headers.

Streamlit checks neither on routes of our own. Nothing here reads a request body: that would break uploads.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from rivya_core.settings.base_url import LOOPBACK_HOSTS
from rivya_core.settings.origins import Origin, at_host, read_origin

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_POLICY_VIOLATION = 1008
_REFUSED = "Requests from another origin are refused."

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; "
    # Streamlit's page has one inline script; components are loaded from blob: addresses.
    "script-src 'self' 'unsafe-inline' blob:; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' blob:; "
    "font-src 'self' data:; "
    "connect-src 'self'; "
    "worker-src 'self' blob:; "
    "object-src 'none'; "
    "base-uri 'self'; "
    "form-action 'self'; "
    "frame-ancestors 'self'"
)

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Add the security headers to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the headers join the start of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


class OwnPagesOnly:
    """Refuse what a page of another origin started: every WebSocket, since it carries whole sessions, and every write.

    Ours is the origin whose host and port are those of the ``Host`` header, with the default port of the origin's scheme
    filled in, and whatever ``allowed`` names; a name of this machine alone is not enough, as any program here may serve a
    page under it. ``X-Forwarded-*`` is not read: whoever sends a request can write it. A request without ``Origin`` comes
    from a program, not from a page, and passes: it cannot ride on a visitor's browser.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[Origin] = frozenset()) -> None:
        self.app = app
        self.allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, answer 403, or close the WebSocket before it is open."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            if self._is_foreign(headers):
                await WebSocketClose(code=_POLICY_VIOLATION, reason=_REFUSED)(scope, receive, send)
            else:
                await self.app(_as_our_own(scope, headers), receive, send)
        elif scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, _without_sharing(send) if self._is_foreign(headers) else send)
        elif self._is_foreign(headers) or self._is_fetched_from_elsewhere(headers):
            await JSONResponse({"error": _REFUSED}, status_code=403)(scope, receive, send)
        else:
            await self.app(_as_our_own(scope, headers), receive, send)

    def _is_foreign(self, headers: Headers) -> bool:
        told = headers.getlist("origin")
        if not told:
            return False
        origin = read_origin(told[0]) if len(told) == 1 else None
        if origin is None:
            return True
        hosts = headers.getlist("host")
        return origin not in self.allowed and (len(hosts) != 1 or origin != at_host(hosts[0], origin.scheme))

    def _is_fetched_from_elsewhere(self, headers: Headers) -> bool:
        """What the browser says of the way the request was made; it does not for WebSockets, which always have an origin."""
        if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
            return False
        origin = read_origin(headers.get("origin", ""))
        return origin not in self.allowed


def _as_our_own(scope: Scope, headers: Headers) -> Scope:
    """Name the server's own origin in place of the one that was judged: Streamlit has rules of its own and knows no proxy."""
    origin = read_origin(headers.get("origin", ""))
    if origin is None:
        return scope
    ours = f"{origin.scheme}://{headers.get('host', '')}".encode("latin-1")
    return {
        **scope,
        "headers": [(name, ours if name.lower() == b"origin" else value) for name, value in scope["headers"]],
    }


def _without_sharing(send: Send) -> Send:
    """Drop the headers by which Streamlit lets any page of this machine read an answer."""

    async def unshared(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", [])
                if not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        await send(message)

    return unshared


def allowed_hosts(setting: str) -> list[str]:
    """List the host names this server answers to: this machine's, and those of ``RIVYA_ALLOWED_HOSTS`` (comma separated)."""
    named = [name.strip().lower() for name in setting.split(",") if name.strip()]
    return [*sorted(LOOPBACK_HOSTS), "[::1]", *named]


def middleware(allowed_hosts_setting: str, allowed_origins: frozenset[Origin] = frozenset()) -> list[Middleware]:
    """Build the middleware, outermost first: headers on every answer, then host names, then origins."""
    return [
        Middleware(SecurityHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(allowed_hosts_setting), www_redirect=False),
        Middleware(OwnPagesOnly, allowed=allowed_origins),
    ]
