"""Routes below a path: a proxy hands the dashboard one path of its host, and Streamlit has the rest of that path.

Streamlit answers every path below its own that it does not know with the page itself and 200, so ours come before it, and
whatever they do not know is left to it.
"""

from __future__ import annotations

from starlette.routing import Match, Mount
from starlette.types import Scope


def served_below(base_url_path: str) -> str:
    """Read Streamlit's ``server.baseUrlPath`` as Streamlit does: ``/lab`` for ``lab``, ``/lab/`` and the like, "" for none."""
    path = base_url_path.strip("/")
    return f"/{path}" if path else ""


class Below(Mount):
    """Routes below a path. Unlike a plain ``Mount`` it does not take requests that none of its routes is for."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path, then the routes behind it."""
        match, inner = super().matches(scope)
        if match is not Match.NONE:
            seen = {**scope, **inner}
            if all(route.matches(seen)[0] is Match.NONE for route in self.routes):
                return Match.NONE, {}
        return match, inner
