"""Middleware: allowed host names (DNS rebinding), allowed origins (CSRF), security headers.

Streamlit does not check these on routes of our own. Nothing here reads a request body: that would break uploads.
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

_POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1
_REFUSED = "Requests from another origin are refused."

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; "
    # Streamlit's page has an inline script, and loads components from blob: URLs.
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
    # Streamlit shows components in frames of its own origin; other sites may not frame the dashboard (clickjacking).
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
    """Add the security headers to every HTTP response that does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to the start of its response."""
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
    """Refuse cross-origin WebSockets and cross-origin requests that may write (CSRF, cross-site WebSocket hijacking).

    Own origins are the one whose host and port are those of the ``Host`` header (default ports filled in by the origin's scheme),
    and those in ``allowed``. A loopback host alone is not enough: any program on this machine may serve a page there.
    ``X-Forwarded-*`` is not read, as any client can set it. Requests without ``Origin`` pass: browsers send it with every
    WebSocket and cross-origin write, so these come from programs, which cannot abuse a visitor's session.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[Origin] = frozenset()) -> None:
        self.app = app
        self.allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, answer 403, or reject the WebSocket before it is accepted."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            if self._is_foreign(headers):
                await WebSocketClose(code=_POLICY_VIOLATION, reason=_REFUSED)(scope, receive, send)
            else:
                await self.app(_with_own_origin(scope, headers), receive, send)
        elif scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, _without_cors(send) if self._is_foreign(headers) else send)
        elif self._is_foreign(headers) or self._is_fetched_from_elsewhere(headers):
            await JSONResponse({"error": _REFUSED}, status_code=403)(scope, receive, send)
        else:
            await self.app(_with_own_origin(scope, headers), receive, send)

    def _is_foreign(self, headers: Headers) -> bool:
        origins = headers.getlist("origin")
        if not origins:
            return False
        # Two Origin or Host headers: a proxy and the server may each read another one, so neither is trusted.
        origin = read_origin(origins[0]) if len(origins) == 1 else None
        if origin is None:
            return True
        hosts = headers.getlist("host")
        return origin not in self.allowed and (len(hosts) != 1 or origin != at_host(hosts[0], origin.scheme))

    def _is_fetched_from_elsewhere(self, headers: Headers) -> bool:
        """Return whether the browser says that another site made the request (Fetch Metadata: Sec-Fetch-Site)."""
        if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
            return False
        origin = read_origin(headers.get("origin", ""))
        return origin not in self.allowed


def _with_own_origin(scope: Scope, headers: Headers) -> Scope:
    """Replace an accepted origin by the server's own: Streamlit checks it again, by rules that know no proxy."""
    origin = read_origin(headers.get("origin", ""))
    if origin is None:
        return scope
    ours = f"{origin.scheme}://{headers.get('host', '')}".encode("latin-1")
    return {
        **scope,
        "headers": [(name, ours if name.lower() == b"origin" else value) for name, value in scope["headers"]],
    }


def _without_cors(send: Send) -> Send:
    """Drop the CORS headers with which Streamlit lets every page on this machine read a response."""

    async def send_without_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (name, value)
                for name, value in message.get("headers", [])
                if not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": headers}
        await send(message)

    return send_without_cors


def allowed_hosts(setting: str) -> list[str]:
    """Return the accepted host names: loopback, and those of ``RIVYA_ALLOWED_HOSTS`` (comma separated)."""
    named = [name.strip().lower() for name in setting.split(",") if name.strip()]
    return [*sorted(LOOPBACK_HOSTS), "[::1]", *named]


def middleware(allowed_hosts_setting: str, allowed_origins: frozenset[Origin] = frozenset()) -> list[Middleware]:
    """Return the middleware, outermost first, so that refusals get the security headers too."""
    return [
        Middleware(SecurityHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(allowed_hosts_setting), www_redirect=False),
        Middleware(OwnPagesOnly, allowed=allowed_origins),
    ]
