"""All errors that the library raises, as one tree.

RivyaError
├── ConfigurationError        a setting is missing or not usable; nothing was sent
├── InvalidRequestError       refused here, before anything was sent; ``field`` names the input
├── ApiError                  the server answered with an error envelope or an error status
│   ├── KeyRefusedError       api_key_* and api_scope_denied: every request of this key will fail
│   ├── InsufficientCreditsError
│   ├── RateLimitedError      carries ``retry_after_s`` when the server said it
│   ├── ApiDisabledError
│   ├── NotFoundError
│   ├── IdempotencyConflictError
│   ├── RequestRefusedError   any other 4xx: the request as it stands will never be accepted
│   └── ServerFaultError      any other 5xx: what happened at the server is unknown
├── TransportError            no answer arrived, whatever exception the HTTP library raised
├── UnreadableAnswerError     an answer arrived that is not of the contract's form
├── GenerationFailedError     the task ended as failed
├── DownloadError             the clip could not be fetched or is not a usable video
├── WaitTimeoutError          the caller's deadline passed; the generation goes on
├── BudgetError               a cap or the balance does not allow the submission; nothing was sent
├── StorageError              the data folder cannot hold or find what is needed
│   └── DamagedValueError     one value of the database cannot be read; the file as a whole can be used
└── LabError                  the lab cannot do this now (unknown id, wrong state, second folder)

Exceptions of other libraries are converted to one of these, and kept as its cause.
"""

from __future__ import annotations

from typing import Any, Literal

Charged = Literal["no", "yes", "unknown"]


class RivyaError(Exception):
    """Base of all errors: says what went wrong in words that a user can act on.

    title: what happened, one short phrase. detail: the facts, one or two sentences. hint: what is safe to do now.
    charged: whether credits were taken. retryable: whether the same call may succeed later, unchanged.
    request_id: Rivya's ``requestId``, for support. code: Rivya's error code. http_status: status of the answer.
    field: the input at fault, by the API's own name.
    """

    default_charged: Charged = "no"

    def __init__(
        self,
        title: str,
        detail: str = "",
        hint: str = "",
        *,
        charged: Charged | None = None,
        retryable: bool = False,
        request_id: str | None = None,
        code: str | None = None,
        http_status: int | None = None,
        field: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(title, detail)
        self.title = title
        self.detail = detail
        self.hint = hint
        self.charged: Charged = charged or self.default_charged
        self.retryable = retryable
        self.request_id = request_id
        self.code = code
        self.http_status = http_status
        self.field = field
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return ". ".join(part.rstrip(".") for part in (self.title, self.detail, self.hint) if part) + "."


class ConfigurationError(RivyaError):
    """Report a setting that is missing or not usable."""


class InvalidRequestError(RivyaError):
    """Refuse a request before anything is sent; ``field`` names the input and the detail the rule."""


class ApiError(RivyaError):
    """Report an error answer of the server."""


class KeyRefusedError(ApiError):
    """Report that the key is missing, unknown, revoked, expired or lacks a scope."""


class InsufficientCreditsError(ApiError):
    """Report that the wallet is too low for the request."""


class RateLimitedError(ApiError):
    """Report that too many requests were sent in the current window."""


class ApiDisabledError(ApiError):
    """Report that the public API is switched off for now."""


class NotFoundError(ApiError):
    """Report that the id is unknown to the server, or belongs to another account."""


class IdempotencyConflictError(ApiError):
    """Report a 409: the key is in flight, or was used with another body."""

    default_charged = "unknown"


class RequestRefusedError(ApiError):
    """Report that the server refuses the request as it stands."""


class ServerFaultError(ApiError):
    """Report a server-side fault; whether the request took effect is unknown."""

    default_charged = "unknown"


class TransportError(RivyaError):
    """Report that no usable answer arrived; a create may have been accepted."""

    default_charged = "unknown"


class UnreadableAnswerError(RivyaError):
    """Report an answer that is not of the contract's form; a create may have been accepted."""

    default_charged = "unknown"


class GenerationFailedError(RivyaError):
    """Report that the task ended as failed."""


class DownloadError(RivyaError):
    """Report that the clip could not be fetched, or that what arrived is not a usable video."""

    default_charged = "yes"


class WaitTimeoutError(RivyaError):
    """Report that the caller's deadline passed; the generation itself goes on."""

    default_charged = "unknown"


class BudgetError(RivyaError):
    """Refuse a submission that a cap or the balance does not allow; nothing was stored or sent.

    fits: how many of the new generations, in their order, would be allowed; None when that was not computed.
    """

    def __init__(self, title: str, detail: str = "", hint: str = "", *, fits: int | None = None, **facts: Any) -> None:
        super().__init__(title, detail, hint, **facts)
        self.fits = fits


class StorageError(RivyaError):
    """Report that the data folder is full, missing or not writable."""


class DamagedValueError(StorageError, ValueError):
    """Report that a single value is damaged. It is not replaced by a default, which might lift a cap or a pause."""

    def __init__(self) -> None:
        super().__init__(
            "A value in the database cannot be read",
            "It was damaged. Nothing was sent or changed.",
            "Stop the program and put the newest copy of the database in its place.",
            field="value",
        )


class LabError(RivyaError):
    """Report that the lab cannot do this in its present state."""


def unusable_setting(field: str, rule: str, hint: str = "") -> ConfigurationError:
    """Build the error of a setting. rule: continues its name. hint: default where the setting is made."""
    where = f"Change the argument {field}= or the variable RIVYA_{field.upper()}."
    return ConfigurationError("A setting is not usable", f"{field}: {rule.rstrip('.')}.", hint or where, field=field)
