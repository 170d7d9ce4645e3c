"""The blocking client. Like ``async_client`` it runs the flows of ``flows``; the two differ only in ``await``."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import SecretStr

from rivya_core.api import endpoints, media
from rivya_core.api.contract import Balance, Generation, UploadedFile
from rivya_core.api.endpoints import UploadSource
from rivya_core.api.errors import ConfigurationError, LabError, RivyaError
from rivya_core.api.flows import Fetch, Flow, Flows, Send, Sleep
from rivya_core.api.media import MediaClient
from rivya_core.api.pace import PollPace
from rivya_core.api.request import GenerationRequest
from rivya_core.api.specs import ModelSpec
from rivya_core.api.wire import Address, Timeouts, Wire
from rivya_core.settings import Settings

T = TypeVar("T")


class Client:
    """Base of both clients: address and key, timeouts, flows."""

    def __init__(
        self,
        api_key: str | SecretStr | None,
        base_url: str | None,
        settings: Settings | None,
        clock: Callable[[], float],
    ) -> None:
        chosen = _settings(api_key, base_url, settings)
        if chosen.api_key is None:
            raise ConfigurationError(
                "There is no API key",
                "api_key: neither the argument nor RIVYA_API_KEY is set",
                "Make a key in Rivya's settings, or use open_lab() for the built-in simulator",
                field="api_key",
            )
        timeouts = Timeouts(chosen.connect_timeout_s, chosen.read_timeout_s, chosen.write_timeout_s)
        self._address = Address(chosen.live_base_url, chosen.api_key, timeouts)
        pace = PollPace(chosen.poll_first_s, chosen.poll_min_s, chosen.poll_max_s)
        self._flows = Flows(pace, clock, random.random)
        self._closed = False

    @property
    def base_url(self) -> str:
        """Where the calls go, without a trailing slash."""
        return self._address.base_url

    def _check_open(self) -> None:
        if self._closed:
            raise LabError("This client is closed", "Nothing was sent", "Make a new one")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address!r})"


def _settings(api_key: str | SecretStr | None, base_url: str | None, settings: Settings | None) -> Settings:
    explicit: Mapping[str, Any] = {
        name: value for name, value in (("api_key", api_key), ("base_url", base_url)) if value is not None
    }
    if settings is None:
        return Settings(**explicit)
    # Rebuilt, not copied: only the constructor validates.
    return Settings(**{**dict(settings), **explicit}) if explicit else settings


class Rivya(Client):
    """Blocking client of Rivya Public API v1. Thread-safe; close it, or use it in a ``with`` statement.

    api_key: ``rvya_sk_...``; without one it is read from ``RIVYA_API_KEY``. base_url: default ``https://rivya.ai``.
    settings: timeouts and the poll schedule; default from the environment.

    Methods raise only ``RivyaError``, which says whether credits were taken and what is safe to do next.

    Raises:
        ConfigurationError: there is no key, or the address is not allowed.
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        *,
        base_url: str | None = None,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(api_key, base_url, settings, clock)
        self._sleep = sleep
        self._wire = Wire(self._address)
        self._media: MediaClient | None = None

    def models(self) -> list[ModelSpec]:
        """List the models that Rivya offers now, callable or not (docs/api-models)."""
        return self._run(self._flows.persist(endpoints.list_models(), "read"))

    def create(self, request: GenerationRequest, *, idempotency_key: str) -> Generation:
        """Upload the request's image, if any, and create one task (docs/api-generations). This may cost credits.

        Every retry sends the same bytes with the same key, also when the caller calls again with the same request and key.
        Raises InvalidRequestError for a key that was used with another request.

        Raises:
            RivyaError: ``charged`` is "unknown" when any attempt may have been accepted; the hint names the key.
        """
        return self._run(self._flows.create(request, idempotency_key))

    def generate(
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
        return self._run(self._flows.generate(request, wait=wait, timeout_s=timeout_s, idempotency_key=idempotency_key))

    def wait(self, task_id: str, timeout_s: float | None = None) -> Generation:
        """Poll a task on the documented schedule until it ends (docs/api-generation-status).

        Failed reads and unknown states do not end the wait. timeout_s: default 600.

        Raises:
            GenerationFailedError: the task failed. WaitTimeoutError: the time is over; the task goes on.
        """
        return self._run(self._flows.wait(task_id, timeout_s))

    def retrieve(self, task_id: str) -> Generation:
        """Read a task, with retries (docs/api-generation-status)."""
        return self._run(self._flows.persist(endpoints.retrieve_generation(task_id), "read"))

    def upload(
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
        return self._run(
            self._flows.upload(
                source, kind=kind, name=name, mime_type=mime_type, model=model, client_request_id=client_request_id
            )
        )

    def file(self, file_id: str) -> UploadedFile:
        """Read the metadata of an uploaded file (docs/api-files)."""
        return self._run(self._flows.persist(endpoints.retrieve_file(file_id), "read"))

    def credits(self) -> Balance:
        """Read the balance (docs/api-credits); also the documented way to check a key."""
        return self._run(self._flows.persist(endpoints.read_credits(), "read"))

    def download(self, source: Generation | str, path: str | Path) -> Path:
        """Download a finished clip to a path or into a folder, and return its path. No credentials are sent.

        The file gets its name only when it is complete and checked. An expired URL is replaced once when a Generation is given.

        Raises:
            DownloadError: the clip cannot be fetched. StorageError: it cannot be written.
        """
        return self._run(self._flows.download(source, path))

    def post_generation(self, body: bytes, *, idempotency_key: str) -> Generation:
        """Send these bytes with this key exactly once, for callers that retry themselves."""
        return self._once(endpoints.create_generation(body, idempotency_key))

    def read_generation(self, task_id: str) -> Generation:
        """Read a task exactly once."""
        return self._once(endpoints.retrieve_generation(task_id))

    def post_file(self, source: UploadSource, **fields: Any) -> UploadedFile:
        """Upload a file exactly once; fields as in :meth:`upload`."""
        return self._once(endpoints.create_file(endpoints.plan_upload(source, **fields)))

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        self._wire.close()
        if self._media is not None:
            self._media.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _once(self, call: endpoints.Call[T]) -> T:
        self._check_open()
        return self._wire.exchange(call)

    def _run(self, flow: Flow[T]) -> T:
        self._check_open()
        try:
            step = next(flow)
            while True:
                try:
                    outcome = self._do(step)
                except RivyaError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, step: Send | Sleep | Fetch) -> object:
        if isinstance(step, Send):
            return self._wire.exchange(step.call, step.within_s)
        if isinstance(step, Sleep):
            self._sleep(step.seconds)
            return None
        part = media.part_name(step.path)
        if self._media is None:
            self._media = MediaClient(self.base_url, self._address.timeouts)
        self._media.fetch(step.url, part)
        media.put_in_place(part, step.path)
        return None
