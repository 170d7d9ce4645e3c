"""The answer of ``/healthz``, of a dashboard and of a worker."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rivya_core import services
from rivya_core.api.errors import RivyaError
from rivya_core.lab.ledger.workers import WORKER
from rivya_core.lab.people import asking
from rivya_core.web.files import NO_STORE


def health(_request: Request) -> Response:
    """Return the state of the lab's parts as JSON; 503 when one is down. Where people sign in, others learn only whether all is well."""
    is_stranger = asking.is_required() and asking.who_asks() is None
    try:
        now = services.shared_lab().health()
    except RivyaError as error:
        if is_stranger:
            return JSONResponse({"ok": False}, status_code=503, headers=NO_STORE)
        return unwell(error)
    if is_stranger:
        return JSONResponse({"ok": now.ok}, status_code=200 if now.ok else 503, headers=NO_STORE)
    body: dict[str, Any] = {
        "ok": now.ok,
        "version": now.version,
        "mode": now.mode,
        "database": now.database,
        "engine": now.engine,
        "copy": now.copy,
        "archive": now.archive,
        "unexpected_errors": now.detail.get("unexpected_errors", []),
    }
    if now.processes is not None:
        body["workers"] = [one for one in now.processes.as_dicts() if one["role"] == WORKER]
        body["dashboards"] = [one for one in now.processes.as_dicts() if one["role"] != WORKER]
        body["settings_differ"] = now.processes.differences
        body["keys_differ"] = now.processes.keys
        body["warnings"] = now.processes.warnings
        body["given_up"] = [one.as_dict() for one in now.processes.given_up]
    return JSONResponse(body, status_code=200 if now.ok else 503, headers=NO_STORE)


def unwell(error: RivyaError) -> Response:
    """Answer that there is no lab to ask, and why."""
    told = {"ok": False, "error": error.title, "detail": error.detail, "hint": error.hint}
    return JSONResponse(told, status_code=503, headers=NO_STORE)
