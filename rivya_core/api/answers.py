"""Turn a raw HTTP response into a typed answer or a ``RivyaError``. Pure.

Any 2xx is a success: docs/api-generations names no status. The documented object is also found inside envelopes such as
``{"data": {...}}``. A body without it is unreadable, which on a create means that the outcome is unknown. Errors are
classified by code first (docs/api-errors-and-limits), then by status.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from rivya_core.api.contract import ERROR_CODES, HEADER_SIMULATOR, Answer, Balance, Generation, UploadedFile
from rivya_core.api.errors import (
    ApiDisabledError,
    ApiError,
    Charged,
    IdempotencyConflictError,
    InsufficientCreditsError,
    KeyRefusedError,
    NotFoundError,
    RateLimitedError,
    RequestRefusedError,
    RivyaError,
    ServerFaultError,
    UnreadableAnswerError,
)
from rivya_core.api.retry import Action, Phase, Situation, parse_retry_after, rule, situation_of

ANSWER_MAX_BYTES = 4_000_000
"""Our limit: larger answers are not read to their end. Parsed JSON takes about thirty times as much memory as its text."""

_ENVELOPES_MAX = 3
_MESSAGE_MAX = 500
_T = TypeVar("_T", bound=Answer)

_CLASSES: dict[Situation, type[ApiError]] = {
    Situation.KEY: KeyRefusedError,
    Situation.WALLET: InsufficientCreditsError,
    Situation.RATE: RateLimitedError,
    Situation.OFF: ApiDisabledError,
    Situation.CONFLICT: IdempotencyConflictError,
    Situation.MISSING: NotFoundError,
    Situation.REFUSAL: RequestRefusedError,
    Situation.SERVER: ServerFaultError,
}
_STANDARD_CODES = {  # texts for an answer whose code is missing or unknown
    Situation.WALLET: "insufficient_credits",
    Situation.RATE: "rate_limited",
    Situation.CONFLICT: "idempotency_conflict",
    Situation.MISSING: "not_found",
}
_GENERIC = {
    Situation.KEY: (
        "Rivya refuses this API key, or this request",
        "Check the key and its scopes in Rivya's settings; if it works for other requests, change this one.",
    ),
    Situation.REFUSAL: (
        "Rivya refused the request",
        "Change the request; sent again as it stands it will be refused again.",
    ),
    Situation.SERVER: ("Rivya had a fault of its own", "Ask again later, with the same idempotency key."),
    Situation.OFF: ("Rivya's public API is switched off for now", "Ask again later."),
}


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A raw response: status, the headers that are used (names in lower case), body (key redacted)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """True for any 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP status

    @property
    def request_id(self) -> str | None:
        """The ``x-request-id`` header, if any."""
        return self.headers.get("x-request-id") or None


_TASK_WRAPS = ("data", "generation", "task")
_TASK_IDS = ("id", "task_id", "taskId")


def read_generation(raw: RawAnswer, task_id: str | None = None) -> Generation:
    """Read a task (docs/api-generations, docs/api-generation-status). task_id: the one that was requested, if any.

    An answer without an id is taken for the requested task. One with another id is refused: its clip and its price belong to
    another generation.

    Raises:
        UnreadableAnswerError: there is no task in it, or another one.
    """
    value = _json(raw)
    named = [] if task_id is None else [item for item in _nested(value, _TASK_WRAPS, 0) if _names(item, task_id)]
    task = next((item for item in named if item.get("status")), None) or _find(
        value, _TASK_IDS, _TASK_WRAPS, prefer="status"
    )
    if task is None and task_id is not None:
        task = next((item for item in reversed([*_nested(value, _TASK_WRAPS, 0)]) if item.get("status")), None)
    if task is not None:
        ids = [task[key] for key in _TASK_IDS if _is_id(task.get(key))]
        # Ids may have two spellings in one answer; any of them may be the requested one.
        ours = task_id is not None and (not ids or _names(task, task_id))
        task = {**task, "id": task_id if ours else next(iter(ids), None)}
    answer = _typed(Generation, task, raw)
    if task_id is not None and answer.id != task_id:
        raise unreadable(raw, "it is about another task than the one asked for")
    return answer


def read_file(raw: RawAnswer) -> UploadedFile:
    """Read an uploaded file; only ``url`` and ``duration_token`` are documented by name (docs/api-files)."""
    entry = _find(_json(raw), ("url", "file_url"), ("data", "file", "files"), prefer="url")
    if entry is not None:
        spellings = {
            "id": ("id", "file_id", "fileId"),
            "url": ("url", "file_url"),
            "mime_type": ("mime_type", "mimeType", "content_type"),
            "size": ("size", "size_bytes", "bytes"),
            "duration_token": ("duration_token", "durationToken"),
            "duration_seconds": ("duration_seconds", "durationSeconds"),
        }
        documented = {
            name: next((entry[key] for key in keys if entry.get(key)), None) for name, keys in spellings.items()
        }
        entry = {**entry, **documented}
    return _typed(UploadedFile, entry, raw)


def read_balance(raw: RawAnswer) -> Balance:
    """Read the wallet (docs/api-credits)."""
    return _typed(Balance, _find(_json(raw), ("current_credits",), ("data", "credits"), prefer="current_credits"), raw)


def read_anything(raw: RawAnswer) -> object:
    """Parse any JSON. Raises UnreadableAnswerError for anything else."""
    return _json(raw)


def error_of(raw: RawAnswer, phase: Phase, *, now: datetime | None = None) -> RivyaError:
    """Build the error of an error answer.

    phase: of the call; it decides ``charged`` and ``retryable``. now: used to read a ``Retry-After`` date when the answer has no
    ``Date`` header.
    """
    try:
        envelope = error_envelope(_json(raw)) or {}
    except UnreadableAnswerError:
        envelope = {}
    code = _words(envelope.get("code"), 100)
    met = situation_of(code, raw.status)
    documented = ERROR_CODES.get(code or "") or ERROR_CODES.get(_STANDARD_CODES.get(met, ""))
    title, hint = (documented.title, documented.hint) if documented else _GENERIC[met]
    message = _words(envelope.get("message"), _MESSAGE_MAX)
    error = _CLASSES[met](
        title,
        f"Rivya says: {message}"
        if message
        else f"The answer had status {raw.status}" + (f", code {code}" if code else ""),
        _redirect_hint(raw) or hint,
        request_id=_words(envelope.get("requestId") or envelope.get("request_id"), 200) or raw.request_id,
        code=code,
        http_status=raw.status,
        retry_after_s=parse_retry_after(
            raw.headers.get("retry-after"), now or datetime.now(UTC), date=raw.headers.get("date")
        ),
    )
    return classified(error, phase)


def classified(error: RivyaError, phase: Phase) -> RivyaError:
    """Set ``charged`` and ``retryable`` as the retry table says for this phase, and return the error."""
    ruling = rule(phase, error)
    error.charged = charge_of(phase, outcome_known=ruling.outcome_known)
    error.retryable = ruling.action is not Action.REFUSED and not isinstance(error, KeyRefusedError)
    return error


def charge_of(phase: Phase, *, outcome_known: bool) -> Charged:
    """Return whether a failed attempt cost credits; "unknown" for a poll, as a failed read says nothing about the task's price."""
    if phase == "create":
        return "no" if outcome_known else "unknown"
    return "unknown" if phase == "poll" else "no"


def error_envelope(value: object) -> Mapping[str, Any] | None:
    """Find the error object in the documented envelope ``{"error": {...}}`` or in similar ones; None when there is none."""
    if isinstance(value, dict):
        error = value.get("error")
        if isinstance(error, dict):
            return {"requestId": value.get("requestId") or value.get("request_id"), **error}
        if isinstance(error, str):
            return {**value, "message": value.get("message") or error}
        errors = value.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            return errors[0]
        if "code" in value or "message" in value:
            return value
        return error_envelope(value.get("data"))
    return None


def is_error_in_disguise(raw: RawAnswer) -> bool:
    """Return whether a 2xx answer is really an error: an envelope with a documented code, and no task."""
    try:
        value = _json(raw)
    except UnreadableAnswerError:
        return False
    if not isinstance(value, dict) or value.get("id") or not isinstance(value.get("error"), dict):
        return False
    return _words(value["error"].get("code"), 100) in ERROR_CODES


def _find(value: object, keys: Sequence[str], envelopes: Sequence[str], *, prefer: str) -> dict[str, Any] | None:
    candidates = [item for item in _nested(value, envelopes, 0) if any(_is_id(item.get(key)) for key in keys)]
    return next((item for item in candidates if prefer in item), candidates[0] if candidates else None)


def _is_id(value: object) -> bool:
    return not isinstance(value, bool) and (
        isinstance(value, (int, float)) or (isinstance(value, str) and bool(value.strip()))
    )


def _names(item: Mapping[str, Any], task_id: str) -> bool:
    return any(_is_id(item.get(key)) and str(item[key]).strip() == task_id.strip() for key in _TASK_IDS)


def _nested(value: object, envelopes: Sequence[str], depth: int) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and depth <= _ENVELOPES_MAX:
        yield value
        for key in envelopes:
            yield from _nested(value.get(key), envelopes, depth + 1)


def _typed(model: type[_T], fields: dict[str, Any] | None, raw: RawAnswer) -> _T:
    if fields is None:
        raise unreadable(raw, "it lacks what the documentation promises")
    try:
        answer = model.model_validate(fields)
    except ValidationError as error:
        raise unreadable(raw, "it lacks what the documentation promises") from error
    simulated = raw.headers.get(HEADER_SIMULATOR.lower()) == "1"
    return answer.stamp(simulated=simulated, request_id=raw.request_id, http_status=raw.status)


def _json(raw: RawAnswer) -> object:
    if not raw.body.strip():
        raise unreadable(raw, "it is empty")
    try:
        return from_json(raw.body, allow_inf_nan=False)
    except ValueError:
        return _json_leniently(raw)


def _json_leniently(raw: RawAnswer) -> object:
    """Parse what the fast parser refuses: NaN becomes null, lone surrogates become "?"."""
    try:
        value = json.loads(raw.body, parse_constant=lambda _: None)
        return _without_surrogates(value)
    except (ValueError, RecursionError) as error:
        looks_html = raw.body.lstrip()[:1] == b"<"
        raise unreadable(raw, "it is a web page, not JSON" if looks_html else "it is not whole JSON") from error


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {str(_without_surrogates(key)): _without_surrogates(item) for key, item in value.items()}
    return value


def unreadable(raw: RawAnswer, why: str) -> UnreadableAnswerError:
    """Build the error of an answer that is not what the contract promises; ``why`` continues "came, but"."""
    return UnreadableAnswerError(
        "Rivya's answer could not be read",
        f"An answer with status {raw.status} and {len(raw.body)} bytes came, but {why}",
        "Ask again with the same idempotency key; check the address if it stays so",
        http_status=raw.status,
        request_id=raw.request_id,
    )


def _redirect_hint(raw: RawAnswer) -> str:
    if 300 <= raw.status < 400:  # noqa: PLR2004 - HTTP status
        return "The address answers with a redirect, which is not followed with a key. Check RIVYA_BASE_URL"
    return ""


def _words(value: object, longest: int) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = value if isinstance(value, str) else format(value, "d") if abs(value) < 10**18 else ""
    text = " ".join("".join(character if character.isprintable() else " " for character in text[: longest * 2]).split())
    return text[:longest] or None
