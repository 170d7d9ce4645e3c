"""Download clips without credentials, async: the same as ``media`` with ``await``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from rivya_core.api import media_rules as rules
from rivya_core.api.async_wire import ASYNC_FAULTS, AsyncTransport, LoopGuard
from rivya_core.api.media import DEFAULT_TIMEOUTS, Fetched, MediaRules, Resolver, Sink, allowed_s, resolve
from rivya_core.api.media_rules import MEDIA_MAX_BYTES, Target
from rivya_core.api.network import NetworkRoute
from rivya_core.api.wire import Timeouts, kind_of, through


class AsyncMediaClient(MediaRules):
    """Async form of :class:`MediaClient`. Worker threads write files and resolve names, so the event loop never blocks."""

    def __init__(self, base_url: str, timeouts: Timeouts = DEFAULT_TIMEOUTS, resolver: Resolver = resolve) -> None:
        super().__init__(base_url, timeouts, resolver)
        self._loop = LoopGuard()
        self._transport = AsyncTransport()

    async def fetch(self, url: str, path: Path, *, max_bytes: int = MEDIA_MAX_BYTES) -> Fetched:
        """Stream the clip at ``url`` to ``path``; see :meth:`MediaClient.fetch`."""
        self._loop.check()
        started = asyncio.get_running_loop().time()
        for _ in range(rules.REDIRECTS_MAX + 1):
            target, route = self._target(url)
            response = await self._connect(target, route, started)
            try:
                following = rules.redirect_of(target, response)
                if following is None:
                    sink = Sink(path, max_bytes, self._unpacker(response))
                    return await self._receive(target, response, sink, started, rules.check_head(response, max_bytes))
            finally:
                await response.aclose()
            url = following
        raise rules.too_many_redirects()

    async def _connect(self, target: Target, route: NetworkRoute, started: float) -> httpx.Response:
        fault: Exception | None = None
        try:
            async with asyncio.timeout_at(started + allowed_s(self._timeouts, 0)):
                for address in await asyncio.to_thread(self._addresses, target):
                    try:
                        return await self._transport.send(self._request(target, address), route)
                    except ASYNC_FAULTS as error:
                        fault = error
        except TimeoutError as error:
            fault = error
        raise rules.network_fault(target, kind_of(fault or OSError()), through(route)) from fault

    async def _receive(
        self, target: Target, response: httpx.Response, sink: Sink, started: float, announced: int | None
    ) -> Fetched:
        fetched = None
        await asyncio.to_thread(sink.open)
        chunks = response.aiter_raw()
        try:
            while True:
                try:
                    async with asyncio.timeout_at(started + allowed_s(self._timeouts, sink.size_bytes)):
                        chunk = await anext(chunks, None)
                except ASYNC_FAULTS as error:
                    raise rules.network_fault(target, kind_of(error)) from error
                if chunk is None:
                    break
                for is_full in sink.take(chunk):
                    if is_full:
                        await asyncio.to_thread(sink.flush)
            fetched = await asyncio.to_thread(sink.finish, announced, rules.content_type_of(response))
        finally:
            sink.close(keep=fetched is not None)
        return fetched

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
