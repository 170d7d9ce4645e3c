"""Mount our routes below a base path, for a dashboard behind a proxy that gives it one path of its host.

Streamlit answers every unknown path below its base path with its page and status 200. So our routes come first, and what they
do not match falls through to it.
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
            child_scope = {**scope, **inner}
            if all(route.matches(child_scope)[0] is Match.NONE for route in self.routes):
                return Match.NONE, {}
        return match, inner
