"""The clients' operations as generators without I/O (sans-IO), shared by the blocking and the async client.

A flow yields what to do next (:class:`Send`, :class:`Sleep`, :class:`Fetch`) and receives the result or the error. The clients
differ only in ``await``, so they cannot drift apart. The retry table (``retry``) decides about every failed attempt.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rivya_core.api import endpoints
from rivya_core.api.contract import ERROR_CODES, Effect, Generation, TaskStatus, UploadedFile
from rivya_core.api.endpoints import Call, UploadSource
from rivya_core.api.errors import (
    DownloadError,
    GenerationFailedError,
    InvalidRequestError,
    RivyaError,
    WaitTimeoutError,
)
from rivya_core.api.pace import PollPace
from rivya_core.api.params import invalid
from rivya_core.api.references import reference_item
from rivya_core.api.request import GenerationRequest
from rivya_core.api.retry import Action, Phase, Rule, delay_s, limits, rule

T = TypeVar("T")

WAIT_S = 600.0
"""Default deadline of a wait. It ends the wait, never the generation."""
_LAST_READ_S = 1.0
_BODIES_MAX = 256  # bounds the memory of a client that lives for days
_EXPIRED = {401, 403, 404, 410}  # what object stores answer to an expired signed URL; Rivya's is not documented


@dataclass(frozen=True, slots=True)
class Send:
    """Send a call once, in at most ``within_s`` seconds."""

    call: Call[Any]
    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fetch:
    """Download a URL to a temporary file, check it, and rename it to ``path``."""

    url: str
    path: Path


Flow = Generator[Send | Sleep | Fetch, Any, T]


class Flows:
    """The flows of one client.

    pace: of polling. clock: monotonic seconds. random: uniform in 0..1, for jitter. It remembers the body that was sent with each
    idempotency key: what the server does with another body under the same key is not documented, and might cost twice.
    """

    def __init__(self, pace: PollPace, clock: Callable[[], float], random: Callable[[], float]) -> None:
        self._pace = pace
        self._clock = clock
        self._random = random
        self._bodies: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def persist(self, call: Call[T], phase: Phase) -> Flow[T]:
        """Send a call, and retry the identical call as the retry table and the phase's limits allow."""
        attempts, total_s = limits(phase)
        started = self._clock()
        attempt, in_doubt = 0, False
        while True:
            attempt += 1
            try:
                answer: T = yield Send(call)
            except RivyaError as error:
                ruling = rule(phase, error)
                in_doubt = in_doubt or not ruling.outcome_known
                pause = delay_s(phase, attempt, error.retry_after_s, self._random())
                late = self._clock() - started + pause > total_s
                if not _should_retry(ruling) or attempt >= attempts or late:
                    if in_doubt:
                        error.charged = "unknown"  # an earlier attempt may have been accepted
                    raise
            else:
                return answer
            yield Sleep(pause)

    def upload(self, source: UploadSource, **fields: Any) -> Flow[UploadedFile]:
        """Check a file and upload it."""
        return (yield from self.persist(endpoints.create_file(endpoints.plan_upload(source, **fields)), "upload"))

    def create(self, request: GenerationRequest, idempotency_key: str) -> Flow[Generation]:
        """Upload the request's image, if any, and create the task; the same key always sends the same bytes."""
        key = endpoints.check_idempotency_key(idempotency_key)
        if not isinstance(request, GenerationRequest):
            raise invalid("request", "must be a GenerationRequest", "Make one with GenerationRequest(prompt=...)")
        fingerprint = f"{request.sha256} {request.client_request_id}"
        body = self._body_of(key, fingerprint)
        if body is None:
            items = []
            if request.image is not None:
                uploaded = yield from self.upload(
                    request.image, model=request.model, client_request_id=request.client_request_id
                )
                items.append(reference_item(uploaded, request.image))
            body = self._keep_body(key, fingerprint, request.body(items))
        try:
            return (yield from self.persist(endpoints.create_generation(body, key), "create"))
        except RivyaError as error:
            error.hint = (
                f"{error.hint.rstrip('.')}. To ask again for this very clip, use idempotency_key={key!r}".lstrip(". ")
            )
            raise

    def _body_of(self, key: str, fingerprint: str) -> bytes | None:
        remembered = self._bodies.get(key)
        if remembered is not None and remembered[0] != fingerprint:
            raise invalid("idempotency_key", "was already used with another request", "Use a new key for a new request")
        return remembered[1] if remembered else None

    def _keep_body(self, key: str, fingerprint: str, body: bytes) -> bytes:
        # setdefault: of two threads with the same key the first one decides which bytes are sent.
        self._bodies.setdefault(key, (fingerprint, body))
        while len(self._bodies) > _BODIES_MAX:
            self._bodies.popitem(last=False)
        return self._body_of(key, fingerprint) or body

    def generate(
        self, request: GenerationRequest, *, wait: bool, timeout_s: float | None, idempotency_key: str | None
    ) -> Flow[Generation]:
        """Create a task and, with ``wait``, poll it until it ends."""
        generation = yield from self.create(request, idempotency_key or f"gen-{uuid.uuid4().hex}")
        if not wait:
            return generation
        return (yield from self.wait(generation.id, timeout_s))

    def wait(self, task_id: str, timeout_s: float | None) -> Flow[Generation]:
        """Poll a task on the documented schedule until it ends or the deadline passes; failed reads do not end the wait."""
        call = endpoints.retrieve_generation(task_id)
        began = self._clock()
        schedule = _Schedule(self._pace, began, began + (WAIT_S if timeout_s is None else max(timeout_s, 0.0)))
        failures, last = 0, None
        retry_after_s: float | None = None
        while (pause := schedule.next_pause(self._clock(), failures, retry_after_s, self._random())) is not None:
            yield Sleep(pause)
            try:
                generation: Generation = yield Send(call, max(schedule.remaining_s(self._clock()), _LAST_READ_S))
            except RivyaError as error:
                failures, retry_after_s, last = failures + 1, error.retry_after_s, error
                continue
            failures, retry_after_s, last = 0, None, None
            if generation.task_status is TaskStatus.FAILED:
                raise failed(generation)
            if generation.task_status is TaskStatus.SUCCEEDED:
                return generation
        # The wait lasts as long as the caller asked for, also when the last read failed early.
        yield Sleep(schedule.remaining_s(self._clock()))
        raise _out_of_time(task_id, last)

    def download(self, source: Generation | str, path: str | Path) -> Flow[Path]:
        """Download a clip. An expired URL is replaced once by reading the task again, if ``source`` is a Generation."""
        generation = source if isinstance(source, Generation) else None
        url = generation.primary_url if generation else source if isinstance(source, str) else None
        target = _target(path, generation)
        if url is None:
            raise _no_address(generation)
        try:
            yield from self._fetch(url, target)
        except DownloadError as error:
            if generation is None or error.http_status not in _EXPIRED:
                raise
            fresh = yield from self.persist(endpoints.retrieve_generation(generation.id), "read")
            if fresh.primary_url is None:
                raise _no_address(fresh) from error
            yield from self._fetch(fresh.primary_url, target)
        return target

    def _fetch(self, url: str, path: Path) -> Flow[None]:
        attempts, total_s = limits("fetch")
        started, attempt = self._clock(), 0
        while True:
            attempt += 1
            try:
                yield Fetch(url, path)
            except DownloadError as error:
                pause = delay_s("fetch", attempt, error.retry_after_s, self._random())
                late = self._clock() - started + pause > total_s
                if not _should_retry(rule("fetch", error)) or attempt >= attempts or late:
                    raise
            else:
                return
            yield Sleep(pause)


class _Schedule:
    """The poll schedule of one wait: the client's pace, with one last read just before the deadline."""

    def __init__(self, pace: PollPace, began: float, ends: float) -> None:
        self._pace = pace
        self._began = began
        self._ends = ends
        self._reads = 0
        self._last = False

    def remaining_s(self, now: float) -> float:
        return max(self._ends - now, 0.0)

    def next_pause(self, now: float, failures: int, retry_after_s: float | None, jitter: float) -> float | None:
        """Return the seconds to sleep before the next read, or None when none fits before the deadline."""
        if self._last:
            return None
        pause = self._pace.gap_s(now - self._began, self._reads, jitter)
        self._reads += 1
        if failures:
            pause = max(pause, delay_s("poll", failures, retry_after_s, jitter))
        until_last = self._ends - _LAST_READ_S - now
        if pause >= until_last:
            self._last = True
            return max(until_last, 0.0)
        return pause


def _should_retry(ruling: Rule) -> bool:
    """Return whether to retry. Plain clients wait for a rate limit, but not for a key, credits or a disabled API."""
    return ruling.action is Action.AGAIN or (ruling.action is Action.PAUSE and ruling.effect is Effect.RATE)


def failed(generation: Generation) -> GenerationFailedError:
    """Build the error of a task that ended as failed."""
    words = ERROR_CODES["generation_failed"]
    final = generation.final_credits
    error = generation.error
    return GenerationFailedError(
        words.title,
        f"{error.message if error and error.message else 'Rivya gave no reason'} (task {generation.id})",
        words.hint,
        charged="unknown" if final is None else "yes" if final > 0 else "no",
        code=error.code if error else None,
        request_id=generation.answer_request_id,
    )


def _out_of_time(task_id: str, last: RivyaError | None) -> WaitTimeoutError:
    trouble = f"; the last read failed: {last.title}" if last else ""
    return WaitTimeoutError(
        "The generation is not finished yet",
        f"Task {task_id} still runs at Rivya{trouble}"
        if last is None
        else f"Task {task_id} may still run at Rivya{trouble}",
        f"It goes on by itself: wait for it again with wait({task_id!r})",
        retryable=True,
        code=last.code if last else None,
        http_status=last.http_status if last else None,
        request_id=last.request_id if last else None,
    )


def _no_address(generation: Generation | None) -> RivyaError:
    if generation is None:
        return InvalidRequestError(
            "There is nothing to download", "generation: must be a Generation or an address", field="generation"
        )
    done = generation.task_status is TaskStatus.SUCCEEDED
    return DownloadError(
        "There is no address to download from",
        f"Task {generation.id} is {generation.status or 'in an unknown state'} and names no clip",
        "Read the task again later" if done else "Wait until it has succeeded",
        code="no_url",
        charged="yes" if done else "unknown",
        retryable=True,
    )


def _target(path: str | Path, generation: Generation | None) -> Path:
    target = Path(path)
    if not target.is_dir():
        return target
    name = (
        "".join(character if character.isalnum() or character in "-_" else "_" for character in generation.id)
        if generation
        else "clip"
    )
    return target / f"{name[:100]}.mp4"
