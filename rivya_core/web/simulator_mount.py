"""The embedded simulator under this server's own address."""

from __future__ import annotations

import anyio.to_thread
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rivya_core import services
from rivya_core.api.errors import RivyaError
from rivya_core.simulator import World, create_app


class SimulatorMount:
    """Pass requests to the embedded simulator, so that a copied cURL command works at this address.

    The app is made at the first request, as the world exists only once the lab is open. Its control routes are not mounted: they
    need no key, and others may reach this server.
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
        # A lab that was closed and opened again has another world.
        if self._served is None or self._served[0] is not server.world:
            self._served = (server.world, create_app(server.world, server.clips))
        return self._served[1]
