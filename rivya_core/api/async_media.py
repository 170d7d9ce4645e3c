"""Fetch clips without credentials, async: line for line the client of ``media``, with ``await``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from rivya_core.api import media_rules as rules
from rivya_core.api.async_wire import ASYNC_FAULTS, OneLoop, make_transport
from rivya_core.api.media import DEFAULT_TIMEOUTS, WHOLE_S, Fetched, MediaRules, Resolver, Sink, resolve
from rivya_core.api.media_rules import MEDIA_MAX_BYTES, Target
from rivya_core.api.wire import Timeouts


class AsyncMediaClient(MediaRules):
    """The async form of :class:`MediaClient`; files are written and names resolved in worker threads."""

    def __init__(self, base_url: str, timeouts: Timeouts = DEFAULT_TIMEOUTS, resolver: Resolver = resolve) -> None:
        super().__init__(base_url, timeouts, resolver)
        self._loop = OneLoop()
        self._transport = make_transport(base_url)

    async def fetch(self, url: str, path: Path, *, max_bytes: int = MEDIA_MAX_BYTES) -> Fetched:
        """Stream the clip at ``url`` to ``path``; see :meth:`MediaClient.fetch`."""
        self._loop.check()
        for _ in range(rules.REDIRECTS_MAX + 1):
            target = self._target(url)
            response = await self._connect(target)
            try:
                following = rules.redirect_of(target, response)
                if following is None:
                    return await self._receive(target, response, path, max_bytes)
            finally:
                await response.aclose()
            url = following
        raise rules.too_many_redirects()

    async def _connect(self, target: Target) -> httpx.Response:
        fault: Exception | None = None
        for address in await asyncio.to_thread(self._addresses, target):
            try:
                return await self._transport.handle_async_request(rules.request_for(target, address, self._timeouts))
            except ASYNC_FAULTS as error:
                fault = error
        raise rules.network_fault(target, fault or OSError()) from fault

    async def _receive(self, target: Target, response: httpx.Response, path: Path, max_bytes: int) -> Fetched:
        announced = rules.check_head(response, max_bytes)
        ends = time.monotonic() + WHOLE_S
        sink, fetched = Sink(path, max_bytes), None
        await asyncio.to_thread(sink.open)
        chunks = response.aiter_bytes()
        try:
            while chunk := await self._next(chunks, target):
                if sink.take(chunk):
                    await asyncio.to_thread(sink.flush)
                if time.monotonic() > ends:
                    raise rules.network_fault(target, TimeoutError())
            fetched = await asyncio.to_thread(sink.finish, announced, rules.content_type_of(response))
        finally:
            sink.close(keep=fetched is not None)
        return fetched

    async def _next(self, chunks: AsyncIterator[bytes], target: Target) -> bytes:
        try:
            return await anext(chunks, b"")
        except ASYNC_FAULTS as error:
            raise rules.network_fault(target, error) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
