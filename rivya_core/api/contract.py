"""The wire contract of Rivya Public API v1: paths, states, limits, error codes, answers.

Every fact is written here once, with the public page it was read from (reviewed by Rivya on 2026-05-10 and 2026-05-11).
Answers are read openly: unknown fields are kept, unknown states and codes never raise. What the pages do not say is marked
"not documented", and other modules must work either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from rivya_core.api.lenient_fields import (
    Address,
    Addresses,
    Amount,
    Moment,
    RequiredText,
    Seconds,
    Text,
    WalletCredits,
    mapping,
    task_result,
)

API_PREFIX = "/api/v1"  # docs/api-quickstart
PATH_MODELS = "/models"  # docs/api-models; public, no key needed
PATH_GENERATIONS = "/generations"  # docs/api-generations
PATH_FILES = "/files"  # docs/api-files
PATH_CREDITS = "/credits"  # docs/api-credits
PATH_OPENAPI = "/openapi.json"  # docs/api-openapi-schema; public

HEADER_IDEMPOTENCY_KEY = "Idempotency-Key"  # docs/api-generations: recommended, not required
REFERENCE_KEY = "referenceMediaItems"  # docs/api-openapi-schema: reference media stand in ``params`` under this key
HEADER_SIMULATOR = "X-Rivya-Simulator"  # ours: in every answer of the simulator
KEY_PREFIX = "rvya_sk_"  # docs/api-authentication

SCOPES = (  # docs/api-authentication
    "models:read",
    "generations:create",
    "generations:read",
    "files:create",
    "files:read",
    "credits:read",
    "webhooks:manage",
    "chat:create",
    "chat:read",
)

CLIENT_REQUEST_ID_MAX = 128  # characters; docs/api-files. Not documented for generations, taken to be the same
DEFAULT_MODEL = "kling-v2-1-master"  # docs/api/models/kling-v2-1-master

MB = 1_000_000  # bytes; whether Rivya means 10^6 or 2^20 is not documented, the stricter reading is used

UPLOAD_KINDS: dict[str, tuple[int, tuple[str, ...]]] = {  # docs/api-files: largest size in bytes, MIME types
    "image": (10 * MB, ("image/jpeg", "image/png", "image/webp")),
    "video": (50 * MB, ("video/mp4", "video/quicktime", "video/webm")),
    "audio": (
        10 * MB,
        ("audio/mpeg", "audio/mp4", "audio/wav", "audio/x-wav", "audio/aac", "audio/ogg"),
    ),
}

POLL_FIRST_S = (2.0, 3.0)  # docs/api-generation-status: first read 2-3 s after submit
POLL_THEN_S = (5.0, 10.0)  # docs/api-generation-status: then every 5-10 s, slower for long video


class TaskStatus(StrEnum):
    """The state of a task at Rivya (docs/api-generation-status). Any other value is read as still running."""

    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Effect(StrEnum):
    """The scope of an error code: what else it stops besides the request that met it.

    ROW: this request only. KEY, WALLET, RATE, OFF: every request, until the key works, credits are there, the window has passed or
    the API is back. CONFLICT: the idempotency key is in use. MISSING: the id is unknown for this account.
    """

    ROW = "row"
    KEY = "key"
    WALLET = "wallet"
    RATE = "rate"
    OFF = "off"
    CONFLICT = "conflict"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One documented error code: HTTP status (None: not documented), title and hint for users, scope."""

    http: int | None
    title: str
    hint: str
    effect: Effect = Effect.ROW


ERROR_CODES: dict[str, ErrorCode] = {  # docs/api-errors-and-limits, rows 1-14, and docs/api-credits
    "public_api_disabled": ErrorCode(
        http=503,
        title="Rivya's public API is switched off for now",
        hint="Nothing was charged. The queue waits and goes on by itself when the API is back.",
        effect=Effect.OFF,
    ),
    "api_key_missing": ErrorCode(
        http=401,
        title="No API key reached Rivya",
        hint="Set RIVYA_API_KEY and restart. Nothing was charged.",
        effect=Effect.KEY,
    ),
    "api_key_invalid": ErrorCode(
        http=401,
        title="Rivya does not know this API key",
        hint="Copy the key again from Rivya's settings, or make a new one, and restart.",
        effect=Effect.KEY,
    ),
    "api_key_revoked": ErrorCode(
        http=401,
        title="This API key was revoked",
        hint="Make a new key in Rivya's settings, set RIVYA_API_KEY and restart.",
        effect=Effect.KEY,
    ),
    "api_key_expired": ErrorCode(
        http=401,
        title="This API key has expired",
        hint="Make a new key in Rivya's settings, set RIVYA_API_KEY and restart.",
        effect=Effect.KEY,
    ),
    "api_scope_denied": ErrorCode(
        http=403,
        title="This API key lacks a permission",
        hint="Make a key with the scopes generations, files and credits; older keys may need re-creating.",
        effect=Effect.KEY,
    ),
    "rate_limited": ErrorCode(
        http=429,
        title="Too many requests in Rivya's current window",
        hint="The queue pauses and goes on by itself.",
        effect=Effect.RATE,
    ),
    "validation_failed": ErrorCode(
        http=400,
        title="Rivya refused the request",
        hint="Compare prompt and parameters with the model's page, change them and generate again.",
    ),
    "not_found": ErrorCode(
        http=404,
        title="Rivya does not find this id for this account",
        hint="Check that the key belongs to the account that made the task.",
        effect=Effect.MISSING,
    ),
    "webhook_url_rejected": ErrorCode(
        http=400, title="Rivya refused the webhook address", hint="Use a public https address."
    ),
    "chat_model_not_supported": ErrorCode(
        http=400, title="This is not a chat model", hint="Pick a model that the models list offers for chat."
    ),
    "chat_session_conflict": ErrorCode(
        http=409, title="This chat session cannot be used here", hint="Use a session made with the same model."
    ),
    "chat_attachment_not_supported": ErrorCode(
        http=400, title="This attachment is not supported", hint="Upload an image and pass its file id."
    ),
    "idempotency_conflict": ErrorCode(
        http=409,
        title="Rivya already knows this request's key",
        hint="The same request is asked for again with the same key; no second task is made.",
        effect=Effect.CONFLICT,
    ),
    "insufficient_credits": ErrorCode(
        http=None,  # not documented, so the code decides
        title="Not enough credits",
        hint="Top up the wallet. The queue waits and goes on by itself; nothing was charged for this clip.",
        effect=Effect.WALLET,
    ),
    "generation_failed": ErrorCode(
        http=None,  # only inside a failed task (docs/api-generation-status)
        title="The generation failed at Rivya",
        hint="Change the prompt or the image, or repeat it as it is.",
    ),
}


class Answer(BaseModel):
    """Base of all answers: extra fields are kept, and a field of an unexpected type is read as absent."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    _simulated: bool = PrivateAttr(default=False)
    _request_id: str | None = PrivateAttr(default=None)
    _http_status: int | None = PrivateAttr(default=None)

    @property
    def simulated(self) -> bool:
        """Whether a simulator sent the answer; its header decides, not the settings."""
        return self._simulated

    @property
    def answer_request_id(self) -> str | None:
        """The ``x-request-id`` header, for support; None when the server sent none."""
        return self._request_id

    @property
    def http_status(self) -> int | None:
        """The HTTP status of the answer; which one a create has is not documented."""
        return self._http_status

    def stamp(self, *, simulated: bool, request_id: str | None, http_status: int | None = None) -> Self:
        """Set where the answer came from, and return it."""
        self._simulated = simulated
        self._request_id = request_id
        self._http_status = http_status
        return self


class TaskError(Answer):
    """Why a task failed: code and message only (docs/api-generation-status)."""

    code: Text = None
    message: Text = None


class TaskResult(Answer):
    """The URLs of the clip (docs/api-generation-status). Whether one may be relative, or an object, is not documented."""

    primary_url: Address = None
    urls: Addresses = Field(default_factory=list)


class Generation(Answer):
    """One task, in the answer of a create and of a status read (docs/api-generations, docs/api-generation-status).

    reserved_credits, final_credits: whole credits, None when absent. ``final_credits`` 0 means "not settled yet" or "failed",
    depending on ``status``.
    """

    id: RequiredText
    status: Text = None
    model: Text = None
    reserved_credits: Amount = None
    final_credits: Amount = None
    created_at: Moment = None
    updated_at: Moment = None
    result: Annotated[TaskResult | None, BeforeValidator(task_result)] = None
    error: Annotated[TaskError | None, BeforeValidator(mapping)] = None

    @property
    def task_status(self) -> TaskStatus | None:
        """The documented state; None for an unknown one, which is read as still running."""
        try:
            return TaskStatus((self.status or "").strip().lower())
        except ValueError:
            return None

    @property
    def is_final(self) -> bool:
        """True when the task succeeded or failed."""
        return self.task_status in {TaskStatus.SUCCEEDED, TaskStatus.FAILED}

    @property
    def primary_url(self) -> str | None:
        """URL of the clip: ``primary_url``, or else the first of ``urls``; may be relative. None when there is none."""
        if self.result is None:
            return None
        return self.result.primary_url or next(iter(self.result.urls), None)


class UploadedFile(Answer):
    """One uploaded file. Only ``url`` and ``duration_token`` are documented by name (docs/api-files, docs/api-generations)."""

    id: Text = None
    url: RequiredText
    kind: Text = None
    name: Text = None
    mime_type: Text = None
    size: Amount = None
    duration_seconds: Seconds = None
    duration_token: Text = None


class Balance(Answer):
    """The wallet, in whole credits (docs/api-credits)."""

    current_credits: WalletCredits


Verb = Literal["GET", "POST"]
