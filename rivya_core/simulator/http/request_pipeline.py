"""The steps of every request: log it, apply faults, check the key, check the rate limit, call the route, apply faults, answer.

The answer is sent only after everything it says is committed. A dropped connection is a closed TCP connection, not an error
status: clients must see what a network failure really looks like.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import Message, Receive, Scope, Send

from rivya_core.api.contract import HEADER_IDEMPOTENCY_KEY
from rivya_core.simulator.http.rate_limit import RateLimiter, retry_after
from rivya_core.simulator.state.faults import Fault
from rivya_core.simulator.state.keys import Key
from rivya_core.simulator.state.refusal import RefusedError
from rivya_core.simulator.state.request_log import RecordedRequest, without_keys
from rivya_core.simulator.state.world import World

HTML = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"

HELD_LOOK_S = 0.05
"""How often a slow answer checks whether its fault was cleared meanwhile."""

_SLOW = frozenset({"slow"})
_ACCEPTED = range(200, 300)


@dataclass
class Answer:
    """A response before it is sent. body: a JSON value, or bytes that are sent as they are."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    def payload(self) -> bytes:
        """Return the bytes of the body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, separators=(",", ":")).encode()


@dataclass
class Exchange:
    """One request with its ASGI callables, its world, and what is known of it so far. key: set once it was checked."""

    world: World
    route: str
    scope: Scope
    receive: Receive
    send: Send
    record: RecordedRequest
    key: Key | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The request headers, names in lower case."""
        found: dict[str, str] = self.scope["rivya.headers"]
        return found

    @property
    def base_url(self) -> str:
        """The address that the client used: its Host header and the prefix that the app is mounted under."""
        host = self.headers.get("host") or "127.0.0.1"
        return f"{self.scope.get('scheme', 'http')}://{host}{self.scope.get('root_path', '').rstrip('/')}"

    @property
    def path_params(self) -> dict[str, str]:
        """The variable parts of the path."""
        return dict(self.scope.get("path_params", {}))

    async def body(self, most: int) -> bytes:
        """Return the request body, cut after ``most`` + 1 bytes; the rest is read and discarded, so that the client gets an answer.

        Raises:
            ConnectionError: the client hung up.
        """
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            chunk = message.get("body", b"")
            if size <= most:
                parts.append(chunk)
            size += len(chunk)
            if not message.get("more_body", False):
                return b"".join(parts)[: most + 1]

    async def still_there(self, delay_s: float) -> bool:
        """Wait ``delay_s`` and return True, or False as soon as the client hangs up. The body must have been read before."""
        try:
            async with asyncio.timeout(delay_s):
                while (await self.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return True
        return False

    async def reply(self, answer: Answer, *, cut_after: int | None = None) -> None:
        """Send an answer. cut_after: close the connection after this many bytes of the body."""
        payload = answer.payload()
        headers = {
            "content-type": answer.media_type,
            "content-length": str(len(payload)),
            "x-request-id": self.record.request_id,
            **answer.headers,
        }
        # RFC 9110, section 8.6: no Content-Length with 204, and none that is wrong with 304.
        if answer.status in {204, 304}:
            del headers["content-length"]
        await self.start(answer.status, headers)
        sent = payload if cut_after is None else payload[:cut_after]
        empty = self.scope["method"] == "HEAD"
        await self.send(
            {"type": "http.response.body", "body": b"" if empty else sent, "more_body": cut_after is not None}
        )
        if cut_after is not None:
            await self.drop(flush=True)

    async def start(self, status: int, headers: dict[str, str]) -> None:
        """Send the status line and the headers."""
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def drop(self, *, flush: bool = False) -> None:
        """Close the TCP connection. flush: only after the bytes that were already written; otherwise they are lost too."""
        # uvicorn passes a bound method of its request cycle as `send`; the cycle holds the asyncio transport
        transport = getattr(self.scope.get("rivya.send", self.send), "__self__", None)
        transport = getattr(transport, "transport", None)
        if transport is None:
            raise ConnectionAbortedError("dropped on purpose by a scripted fault")
        if flush:
            transport.close()
        else:
            transport.abort()
        # Returning without a response makes uvicorn send a 500; after the disconnect it does not.
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await self.receive()


Handler = Callable[[Exchange], Awaitable[Answer | None]]


class Endpoint:
    """One route as an ASGI app.

    route: its name in the log and in faults. handler: returns the answer, or None when it has sent one itself.
    scope_needed: the scope that the key must have; None for a public route (docs/api-authentication).
    """

    def __init__(
        self, world: World, limiter: RateLimiter, route: str, handler: Handler, scope_needed: str | None = None
    ) -> None:
        self._world, self._limiter, self._route, self._handler = world, limiter, route, handler
        self._scope_needed = scope_needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange = self._arrive(scope, receive, send)
        log = self._world.log
        try:
            answer, fault = await self._process(exchange)
            if answer is not None:
                exchange.record.status = answer.status
                if isinstance(answer.body, dict) and isinstance(answer.body.get("error"), dict):
                    exchange.record.code = answer.body["error"].get("code")
            log.answered(exchange.record)
            await self._finish(exchange, answer, fault)
        except ConnectionError:
            log.answered(exchange.record)
            await exchange.drop()

    def _arrive(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        scope["rivya.headers"] = headers
        query = scope.get("query_string", b"").decode("latin-1")
        url = unquote(scope["path"]) + (f"?{query}" if query else "")
        clean, url, key_in = without_keys(headers, url)
        self._world.refresh()
        record = RecordedRequest(
            number=0,
            at=self._world.now(),
            method=scope["method"],
            path=url,
            route=self._route,
            request_id=f"req_{secrets.token_hex(10)}",
            headers=clean,
            key_in=key_in,
            idempotency_key=headers.get(HEADER_IDEMPOTENCY_KEY.lower()),
        )
        self._world.log.arrived(record)
        return Exchange(self._world, self._route, scope, receive, send, record)

    async def _process(self, exchange: Exchange) -> tuple[Answer | None, Fault | None]:
        try:
            fault = await self._fault_before(exchange)
            if fault is not None:
                return (None, fault) if fault.kind == "drop_before" else (scripted(fault, exchange), None)
            self._admit(exchange)
            answer = await self._handler(exchange)
        except RefusedError as refusal:
            return envelope(refusal, exchange), None
        # "After accept" means accepted: a refused request does not use up the fault.
        fault = self._fault_after(exchange) if answer is not None and answer.status in _ACCEPTED else None
        if fault is None or answer is None:
            return answer, None
        if fault.kind in {"error", "server_error"}:
            return scripted(fault, exchange), None
        return (None if fault.kind == "drop_after_accept" else answer), fault

    async def _fault_before(self, exchange: Exchange) -> Fault | None:
        # Slow comes first and apart, so that it can be combined with any other fault.
        slow = self._world.fire_fault("before", self._route, kinds=_SLOW)
        if slow is not None:
            exchange.record.fault = slow.kind
            await self._hold(slow)
        fault = self._world.fire_fault("before", self._route, skip=_SLOW)
        if fault is not None:
            exchange.record.fault = fault.kind
        return fault

    async def _hold(self, slow: Fault) -> None:
        """Wait for the delay of a slow answer, or until its fault is cleared."""
        ends_s = time.monotonic() + slow.detail["delay_s"]
        while (left_s := ends_s - time.monotonic()) > 0 and self._world.is_declared(slow):  # noqa: ASYNC110 - another process may clear it
            await asyncio.sleep(min(HELD_LOOK_S, left_s))

    def _fault_after(self, exchange: Exchange) -> Fault | None:
        fault = self._world.fire_fault("after", self._route)
        if fault is not None:
            exchange.record.fault = fault.kind
        return fault

    def _admit(self, exchange: Exchange) -> None:
        # Media is not part of the API: finished clips stay downloadable.
        if self._world.behaviour.api_disabled and self._route != "media":
            raise RefusedError("public_api_disabled", "The public API is switched off for now.")
        if self._scope_needed is None:
            return
        exchange.key = self._world.check_key(exchange.headers.get("authorization"), self._scope_needed)
        self._limiter.admit(exchange.key.sha256, self._world.now(), self._world.behaviour)

    async def _finish(self, exchange: Exchange, answer: Answer | None, fault: Fault | None) -> None:
        if answer is None:
            if fault is not None:
                await exchange.drop()
            return
        if fault is None:
            await exchange.reply(answer)
        elif fault.kind == "timeout_after_accept":
            if await exchange.still_there(fault.detail["delay_s"]):
                await exchange.reply(answer)
        elif fault.kind == "truncated_body":
            await exchange.reply(answer, cut_after=len(answer.payload()) // 2)
        elif fault.kind == "empty_body":
            await exchange.reply(Answer(answer.status, b""))
        else:
            await exchange.reply(Answer(fault.detail["status"], HTML, media_type="text/html; charset=utf-8"))


def envelope(refusal: RefusedError, exchange: Exchange) -> Answer:
    """Return the documented error envelope of a refusal (docs/api-errors-and-limits)."""
    error = {"code": refusal.code, "message": refusal.message, "requestId": exchange.record.request_id}
    return Answer(refusal.status, {"error": error}, refusal.headers)


def scripted(fault: Fault, exchange: Exchange) -> Answer:
    """Return the error answer that a fault asks for."""
    detail = fault.detail
    world = exchange.world
    if fault.kind == "redirect":
        return Answer(detail["status"], b"", {"location": detail["location"] or exchange.scope["path"]})
    if fault.kind == "rate_limited":
        headers = retry_after(detail["retry_after"], detail["seconds"])
        return envelope(RefusedError("rate_limited", "Too many requests in this window.", headers=headers), exchange)
    if fault.kind == "insufficient_credits":
        status = world.behaviour.insufficient_status
        return envelope(RefusedError("insufficient_credits", "Not enough credits.", status=status), exchange)
    message = detail.get("message") or "Scripted by the simulator."
    return envelope(RefusedError(detail["code"], message, status=detail["status"]), exchange)


def body_sha256(body: bytes) -> str:
    """Return the hash under which a body is recorded and compared."""
    return hashlib.sha256(body).hexdigest()
