"""The simulator as one Starlette app: the API under ``/api/v1``, clips under ``/media``, uploads under ``/files``.

It can be served alone or mounted under a prefix; URLs in its answers start with the address that the client used.
"""

from __future__ import annotations

import secrets
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rivya_core.api.contract import (
    API_PREFIX,
    HEADER_SIMULATOR,
    PATH_CREDITS,
    PATH_FILES,
    PATH_GENERATIONS,
    PATH_MODELS,
    PATH_OPENAPI,
    TaskStatus,
)
from rivya_core.simulator.http import signed_urls
from rivya_core.simulator.http.control import control_routes
from rivya_core.simulator.http.downloads import broken_answer, send_file
from rivya_core.simulator.http.model_list import models_answer
from rivya_core.simulator.http.openapi import openapi_document
from rivya_core.simulator.http.rate_limit import RateLimiter
from rivya_core.simulator.http.request_pipeline import Answer, Endpoint, Exchange, Handler, body_sha256
from rivya_core.simulator.http.uploads import receive_upload
from rivya_core.simulator.http.validation import MAX_BODY_BYTES, Checker
from rivya_core.simulator.state.keys import Key
from rivya_core.simulator.state.prices import price_of
from rivya_core.simulator.state.refusal import RefusedError
from rivya_core.simulator.state.request_log import holds_key
from rivya_core.simulator.state.task import NewTask, Task
from rivya_core.simulator.state.world import World
from rivya_core.simulator.video.clips import ClipMaker


def create_app(world: World, clips: ClipMaker, *, control: bool = False) -> Starlette:
    """Return the app that serves a world.

    clips: renders the clips of tasks; the caller closes it.
    control: also serve ``/_simulator``, which changes the world without a key; only for servers that nobody else can reach.
    """
    limiter = RateLimiter()

    def route(path: str, name: str, handler: Handler, scope: str | None, *methods: str) -> Route:
        return Route(path, Endpoint(world, limiter, name, handler, scope), methods=list(methods))

    async def media(exchange: Exchange) -> Answer | None:
        return await _media(exchange, clips)

    routes = [
        route(f"{API_PREFIX}{PATH_GENERATIONS}/{{task_id}}", "retrieve", _retrieve, "generations:read", "GET"),
        route(f"{API_PREFIX}{PATH_GENERATIONS}", "create", _create, "generations:create", "POST"),
        route(f"{API_PREFIX}{PATH_FILES}", "upload", _upload, "files:create", "POST"),
        route(f"{API_PREFIX}{PATH_FILES}/{{file_id}}", "file", _file, "files:read", "GET"),
        route(f"{API_PREFIX}{PATH_CREDITS}", "credits", _credits, "credits:read", "GET"),
        route(f"{API_PREFIX}{PATH_MODELS}", "models", _models, None, "GET"),
        route(f"{API_PREFIX}{PATH_OPENAPI}", "openapi", _openapi, None, "GET"),
        route("/media/{task_id}/{token}.mp4", "media", media, None, "GET"),
        route("/files/{file_id}/{token}/{name}", "source", _source, None, "GET"),
        *(control_routes(world) if control else []),
    ]
    return _App(
        routes=routes,
        middleware=[Middleware(_SimulatorHeader)],
        exception_handlers={HTTPException: _http_error, 500: _crash},
    )


class _App(Starlette):
    """Starlette that hands on the server's own ``send``: middleware wraps it, and a fault needs its transport to cut a connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("rivya.send", send)
        await super().__call__(scope, receive, send)


class _SimulatorHeader:
    """Middleware that sets the simulator's header on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        header = (HEADER_SIMULATOR.lower().encode(), b"1")

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), header]}
            await send(message)

        await self._app(scope, receive, send_with_header)


async def _create(exchange: Exchange) -> Answer:
    body = await exchange.body(MAX_BODY_BYTES)
    record = exchange.record
    record.body_sha256 = body_sha256(body)
    if holds_key(body):
        record.key_in = (*record.key_in, "body")
    assert exchange.key is not None
    task = exchange.world.create_task(_new_task(exchange, exchange.key, body, record.body_sha256))
    record.task_id = task.id
    return Answer(exchange.world.behaviour.create_status, _task_answer(exchange, task, "create"))


def _new_task(exchange: Exchange, key: Key, body: bytes, body_sha256: str) -> NewTask:
    """Check a create request, and say what task it asks for."""
    world, idempotency_key = exchange.world, exchange.record.idempotency_key
    settings = world.behaviour
    checker = Checker(partial(world.file_of, key.account), settings.require_known_files, settings.prompt_unit)
    asked = checker.read(body, exchange.headers.get("content-type"), idempotency_key)
    return NewTask(
        account=key.account,
        model=asked.model.id,
        prompt=asked.prompt,
        params=asked.params,
        price=price_of(asked.model, asked.params, settings.price_10s),
        body_sha256=body_sha256,
        idempotency_key=idempotency_key,
        client_request_id=asked.client_request_id,
        file_id=asked.file.id if asked.file else None,
        file_sha256=asked.file.sha256 if asked.file else None,
    )


async def _retrieve(exchange: Exchange) -> Answer:
    assert exchange.key is not None
    task = exchange.world.read_task(exchange.key, exchange.path_params["task_id"])
    exchange.record.task_id = task.id
    return Answer(200, _task_answer(exchange, task, "retrieve"))


def _task_answer(exchange: Exchange, task: Task, route: str) -> dict[str, object]:
    world = exchange.world
    now = world.now()
    done = task.status(now) is TaskStatus.SUCCEEDED
    url = f"{exchange.base_url}/media/{task.id}/{signed_urls.issue(world, task.id)}.mp4" if done else None
    answer = task.answer(now, url)
    # The task itself stays as it is: only what this answer says of it is false.
    fault = world.fire_fault("state", route)
    if fault is not None:
        answer |= {"status": fault.detail["word"], "result": None, "error": None}
    elif done and (fault := world.fire_fault("success", route)) is not None:
        answer["result"] = {"null": None, "missing": {}, "empty": {"primary_url": "", "urls": []}}[fault.detail["form"]]
    if fault is not None:
        exchange.record.fault = fault.kind
    return answer


async def _upload(exchange: Exchange) -> Answer:
    stored = await receive_upload(exchange)
    behaviour = exchange.world.behaviour
    return Answer(behaviour.upload_status, stored.answer(exchange.base_url, behaviour.file_shape))


async def _file(exchange: Exchange) -> Answer:
    stored = exchange.world.files.get(exchange.path_params["file_id"])
    # 404, not 403: another account must not learn that the file exists.
    if stored is None or exchange.key is None or stored.account != exchange.key.account:
        raise RefusedError("not_found", "There is no such file for this account.")
    return Answer(200, stored.answer(exchange.base_url, exchange.world.behaviour.file_shape))


async def _credits(exchange: Exchange) -> Answer:
    assert exchange.key is not None
    return Answer(200, {"current_credits": exchange.world.balance(exchange.key.account)})


async def _models(_exchange: Exchange) -> Answer:
    return Answer(200, models_answer())


async def _openapi(exchange: Exchange) -> Answer:
    return Answer(200, openapi_document(exchange.base_url))


async def _media(exchange: Exchange, clips: ClipMaker) -> Answer | None:
    world = exchange.world
    task = world.task(exchange.path_params["task_id"])
    if task is None:
        raise RefusedError("not_found", "There is nothing at this address.")
    signed_urls.check(world, task.id, exchange.path_params["token"])
    # The token proves only that it was issued here; a fault may have changed the task since.
    if task.status(world.now()) is not TaskStatus.SUCCEEDED:
        raise RefusedError("not_found", "There is nothing at this address.")
    exchange.record.task_id = task.id
    path = await clips.clip(task)
    fault = world.fire_fault("bytes", "media")
    if fault is not None:
        exchange.record.fault = fault.kind
        if fault.kind == "broken_download" and fault.detail["mode"] != "truncated":
            return broken_answer(fault.detail["mode"], path)
    return await send_file(exchange, path, "video/mp4", path.stem, fault)


async def _source(exchange: Exchange) -> Answer | None:
    parts = exchange.path_params
    stored = exchange.world.files.by_token(parts["file_id"], parts["token"])
    if stored is None:
        raise RefusedError("not_found", "There is nothing at this address.")
    return await send_file(exchange, exchange.world.files.path(stored.sha256), stored.mime_type, stored.sha256)


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "request_failed")
    message = {404: "There is no such route.", 405: "This route does not take this method."}.get(status, "Refused.")
    return _error_response(status, code, message)


async def _crash(_request: Request, _error: Exception) -> Response:
    response = _error_response(500, "internal_error", "The simulator failed; see its log.")
    # Starlette runs the handler of status 500 outside all middleware, so the header is set here.
    response.headers[HEADER_SIMULATOR] = "1"
    return response


def _error_response(status: int, code: str, message: str) -> Response:
    request_id = f"req_{secrets.token_hex(10)}"
    error = {"code": code, "message": message, "requestId": request_id}
    return JSONResponse({"error": error}, status, {"x-request-id": request_id})
