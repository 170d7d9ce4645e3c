"""The async client: the same as ``client`` with ``await``. It loads aiohttp, so no other module imports it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import SecretStr

from rivya_core.api import endpoints, media
from rivya_core.api.async_media import AsyncMediaClient
from rivya_core.api.async_wire import AsyncWire, LoopGuard
from rivya_core.api.client import Client
from rivya_core.api.contract import Balance, Generation, UploadedFile
from rivya_core.api.endpoints import UploadSource
from rivya_core.api.errors import RivyaError
from rivya_core.api.flows import Fetch, Flow, Send, Sleep
from rivya_core.api.request import GenerationRequest
from rivya_core.api.specs import ModelSpec
from rivya_core.settings import Settings

T = TypeVar("T")


class AsyncRivya(Client):
    """Async client of Rivya Public API v1: the methods of :class:`Rivya` with ``await``. Bound to the event loop of its first use.

    Raises:
        LabError: it is used in another event loop, such as that of a second ``asyncio.run``; nothing was sent.
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        *,
        base_url: str | None = None,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(api_key, base_url, settings, clock)
        self._sleep = sleep
        self._loop = LoopGuard()
        self._wire = AsyncWire(self._address)
        self._media: AsyncMediaClient | None = None

    async def models(self) -> list[ModelSpec]:
        """List the models that Rivya offers now, callable or not (docs/api-models)."""
        return await self._run(self._flows.persist(endpoints.list_models(), "read"))

    async def create(self, request: GenerationRequest, *, idempotency_key: str) -> Generation:
        """Upload the request's image, if any, and create one task (docs/api-generations). This may cost credits.

        Every retry sends the same bytes with the same key, also when the caller calls again with the same request and key.
        Raises InvalidRequestError for a key that was used with another request.

        Raises:
            RivyaError: ``charged`` is "unknown" when any attempt may have been accepted; the hint names the key.
        """
        return await self._run(self._flows.create(request, idempotency_key))

    async def generate(
        self,
        request: GenerationRequest,
        *,
        wait: bool = False,
        timeout_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Generation:
        """Create one task, with the given idempotency key or a new one. wait: return only when the task has finished.

        Raises:
            GenerationFailedError: the task failed. WaitTimeoutError: ``timeout_s`` (default 600) passed; the detail
            names the task, which goes on.
        """
        return await self._run(
            self._flows.generate(request, wait=wait, timeout_s=timeout_s, idempotency_key=idempotency_key)
        )

    async def wait(self, task_id: str, timeout_s: float | None = None) -> Generation:
        """Poll a task on the documented schedule until it ends (docs/api-generation-status).

        Failed reads and unknown states do not end the wait. timeout_s: default 600.

        Raises:
            GenerationFailedError: the task failed. WaitTimeoutError: the time is over; the task goes on.
        """
        return await self._run(self._flows.wait(task_id, timeout_s))

    async def retrieve(self, task_id: str) -> Generation:
        """Read a task, with retries (docs/api-generation-status)."""
        return await self._run(self._flows.persist(endpoints.retrieve_generation(task_id), "read"))

    async def upload(
        self,
        source: UploadSource,
        *,
        kind: str = "image",
        name: str | None = None,
        mime_type: str | None = None,
        model: str | None = None,
        client_request_id: str | None = None,
    ) -> UploadedFile:
        """Upload a file unchanged (docs/api-files); free. A path is streamed from disk.

        kind: "image", "video" or "audio". model: check against this model's limits in place of the general ones.

        Raises:
            InvalidRequestError: kind, size or content are not allowed; nothing was sent.
        """
        return await self._run(
            self._flows.upload(
                source, kind=kind, name=name, mime_type=mime_type, model=model, client_request_id=client_request_id
            )
        )

    async def file(self, file_id: str) -> UploadedFile:
        """Read the metadata of an uploaded file (docs/api-files)."""
        return await self._run(self._flows.persist(endpoints.retrieve_file(file_id), "read"))

    async def credits(self) -> Balance:
        """Read the balance (docs/api-credits); also the documented way to check a key."""
        return await self._run(self._flows.persist(endpoints.read_credits(), "read"))

    async def download(self, source: Generation | str, path: str | Path) -> Path:
        """Download a finished clip to a path or into a folder, and return its path. No credentials are sent.

        The file gets its name only when it is complete and checked. An expired URL is replaced once when a Generation is given.

        Raises:
            DownloadError: the clip cannot be fetched. StorageError: it cannot be written.
        """
        return await self._run(self._flows.download(source, path))

    async def post_generation(self, body: bytes, *, idempotency_key: str) -> Generation:
        """Send these bytes with this key exactly once, for callers that retry themselves."""
        return await self._once(endpoints.create_generation(body, idempotency_key))

    async def read_generation(self, task_id: str) -> Generation:
        """Read a task exactly once."""
        return await self._once(endpoints.retrieve_generation(task_id))

    async def post_file(self, source: UploadSource, **fields: Any) -> UploadedFile:
        """Upload a file exactly once; fields as in :meth:`upload`."""
        return await self._once(endpoints.create_file(endpoints.plan_upload(source, **fields)))

    async def aclose(self) -> None:
        """Close the connections."""
        self._closed = True
        await self._wire.aclose()
        if self._media is not None:
            await self._media.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _check_open(self) -> None:
        super()._check_open()
        self._loop.check()

    async def _once(self, call: endpoints.Call[T]) -> T:
        self._check_open()
        return await self._wire.exchange(call)

    async def _run(self, flow: Flow[T]) -> T:
        self._check_open()
        try:
            step = next(flow)
            while True:
                try:
                    outcome = await self._do(step)
                except RivyaError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _do(self, step: Send | Sleep | Fetch) -> object:
        if isinstance(step, Send):
            return await self._wire.exchange(step.call, step.within_s)
        if isinstance(step, Sleep):
            await self._sleep(step.seconds)
            return None
        part = media.part_name(step.path)
        if self._media is None:
            self._media = AsyncMediaClient(self.base_url, self._address.timeouts)
        await self._media.fetch(step.url, part)
        await asyncio.to_thread(media.put_in_place, part, step.path)
        return None
