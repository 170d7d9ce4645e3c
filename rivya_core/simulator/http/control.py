"""Routes under ``/_simulator`` that read and change a world, for tests whose simulator runs in another process.

They need no key, so they answer only requests from this machine, and are never mounted on the dashboard. The Host header is
checked too, since a web page could reach a loopback address under a host name of its own (DNS rebinding), and a request with
an ``Origin`` is refused, since it comes from a web page.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rivya_core.simulator.state.world import World

CONTROL_PREFIX = "/_simulator"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_Action = Callable[[World, dict[str, Any], Request], Any]


def control_routes(world: World) -> list[Route]:
    """Return the control routes of a world. Errors have status 400 and the sentence of the ValueError."""
    table: list[tuple[str, str, _Action]] = [
        ("", "GET", _state),
        ("/settings", "POST", lambda world, sent, _: world.configure(**sent)),
        ("/faults", "GET", lambda world, *_: {"faults": [fault.as_dict() for fault in world.faults()]}),
        ("/faults", "POST", lambda world, sent, _: world.add_fault(sent.pop("kind", ""), **sent).as_dict()),
        ("/faults", "DELETE", lambda world, *_: world.clear_faults() or {"faults": []}),
        ("/requests", "GET", _requests),
        ("/tasks", "GET", lambda world, *_: {"tasks": [dataclasses.asdict(task) for task in world.tasks()]}),
        ("/files", "GET", lambda world, *_: {"files": [dataclasses.asdict(file) for file in world.uploads()]}),
        ("/advance", "POST", lambda world, sent, _: {"now": world.advance(**sent)}),
        ("/keys", "POST", _keys),
    ]
    return [Route(CONTROL_PREFIX + path, _guarded(world, action), methods=[method]) for path, method, action in table]


def _guarded(world: World, action: _Action) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        client = request.client.host if request.client else ""
        if client not in _LOOPBACK or request.url.hostname not in _LOOPBACK or "origin" in request.headers:
            return _error(403, "control_denied", "The control routes answer to programs on this machine only.")
        try:
            body = await request.body()
            sent = json.loads(body) if body else {}
            if not isinstance(sent, dict):
                return _error(400, "validation_failed", "body: must be a JSON object.")
            return JSONResponse(action(world, sent, request))
        except (ValueError, TypeError) as error:
            return _error(400, "validation_failed", str(error))

    return answer


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "requestId": "req_control"}}, status)


def _state(world: World, _sent: dict[str, Any], _request: Request) -> dict[str, Any]:
    charges = world.charges()
    return {
        "settings": world.settings(),
        "now": world.now(),
        "seed": world.seed,
        "balance": world.balance(),
        "charged": sum(charges.values()),
        "charges": charges,
        "tasks": len(world.tasks()),
        "requests": world.log.counts(),
        "faults": [fault.as_dict() for fault in world.faults()],
    }


def _requests(world: World, _sent: dict[str, Any], request: Request) -> dict[str, Any]:
    return {"requests": [seen.as_dict() for seen in world.requests(request.query_params.get("route"))]}


def _keys(world: World, sent: dict[str, Any], _request: Request) -> dict[str, Any]:
    secret, state = sent.get("secret"), sent.get("state", "valid")
    if sent.get("change"):
        world.set_key_state(sent["change"], state)
        return {"key": sent["change"], "state": state}
    wanted = {name: sent[name] for name in ("scopes", "account", "expires_at") if name in sent}
    return {"key": world.add_key(secret, state=state, **wanted), "state": state}
