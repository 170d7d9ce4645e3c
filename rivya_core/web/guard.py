"""Who may talk to this server, and what a browser may load from it: host names, origins, security headers.

Streamlit checks neither on routes of our own. Nothing here reads a request body: that would break uploads.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rivya_core.api.base_url import LOOPBACK_HOSTS

STREAMLIT_PREFIX = "/_stcore/"
"""Streamlit's own routes; they carry their own XSRF token."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; "
    # Streamlit's page has one inline script; components are loaded from blob: addresses.
    "script-src 'self' 'unsafe-inline' blob:; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "media-src 'self' blob:; "
    "font-src 'self' data:; "
    "connect-src 'self' ws: wss:; "
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


class SameOriginWrites:
    """Refuse a write to our routes that a page of another origin started.

    A request without ``Origin`` comes from a program, not from a page, and passes: it cannot ride on a visitor's browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] == "http" and _is_foreign_write(scope):
            refusal = JSONResponse({"error": "Requests from another origin are refused."}, status_code=403)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_foreign_write(scope: Scope) -> bool:
    if scope["method"] in SAFE_METHODS or scope["path"].startswith(STREAMLIT_PREFIX):
        return False
    headers = Headers(scope=scope)
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def allowed_hosts(setting: str) -> list[str]:
    """List the host names this server answers to: this machine's, and those of ``RIVYA_ALLOWED_HOSTS`` (comma separated)."""
    named = [name.strip().lower() for name in setting.split(",") if name.strip()]
    return [*sorted(LOOPBACK_HOSTS), "[::1]", *named]


def middleware(allowed_hosts_setting: str) -> list[Middleware]:
    """Build the middleware, outermost first: headers on every answer, then host names, then origins."""
    return [
        Middleware(SecurityHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(allowed_hosts_setting), www_redirect=False),
        Middleware(SameOriginWrites),
    ]
