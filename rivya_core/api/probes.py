"""Free requests that check whether a server still follows the contract.

They are all GETs, so none can cost anything. Any answer is accepted: a web page, a redirect, an older format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from rivya_core.api.answers import RawAnswer, error_envelope, error_of, read_anything
from rivya_core.api.contract import (
    API_PREFIX,
    ERROR_CODES,
    PATH_CREDITS,
    PATH_GENERATIONS,
    PATH_MODELS,
    PATH_OPENAPI,
)
from rivya_core.api.endpoints import Call
from rivya_core.api.errors import RivyaError, TransportError, UnreadableAnswerError

Question = Literal["credits", "models", "openapi", "task"]

NO_SUCH_TASK: Final = "task_that_does_not_exist"
PATHS: Final[dict[Question, str]] = {
    "credits": PATH_CREDITS,
    "models": PATH_MODELS,
    "openapi": PATH_OPENAPI,
    "task": f"{PATH_GENERATIONS}/{NO_SUCH_TASK}",
}
"""The paths to request, in this order: first the cheapest check of the key."""

_ABOUT_A_TASK = frozenset({400, 404, 410, 422})  # plausible answers to an unknown id


@dataclass(frozen=True, slots=True)
class Probe(Call[RawAnswer]):
    """A GET that returns any answer, errors included."""

    def answer(self, raw: RawAnswer) -> RawAnswer:
        """Return the raw answer; unlike other calls it does not raise for an error status."""
        return raw


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of a probe. value: JSON, None when it could not be read. trouble: the reason, as a sentence, or empty."""

    question: Question
    http_status: int | None
    value: object
    trouble: str
    simulated: bool = False


def probe(question: Question) -> Probe:
    """Build the call of a probe."""
    return Probe("read", "GET", API_PREFIX + PATHS[question], lambda raw: raw)


def read_probe(question: Question, answer: RawAnswer | RivyaError) -> ProbeResult:
    """Read an answer, or the error that came instead. Never raises."""
    request_line = f"GET {PATHS[question]}"
    if isinstance(answer, TransportError):
        return ProbeResult(question, None, None, f"{request_line}: no answer arrived. {answer.detail}.")
    if isinstance(answer, RivyaError):
        return ProbeResult(question, answer.http_status, None, f"{request_line}: {answer.detail}.")
    value: object = None
    trouble = ""
    try:
        value = read_anything(answer)
    except UnreadableAnswerError as error:
        trouble = f"{request_line}: {error.detail}."
    is_answered = answer.is_success if question != "task" else answer.is_success or answer.status in _ABOUT_A_TASK
    if not is_answered:
        trouble = _refused(request_line, answer)
    return ProbeResult(question, answer.status, value, trouble, answer.headers.get("x-rivya-simulator") == "1")


def _refused(request_line: str, raw: RawAnswer) -> str:
    """Return a sentence on an error answer."""
    if 300 <= raw.status < 400:  # noqa: PLR2004 - HTTP status
        return f"{request_line}: the address answers with a redirect (HTTP {raw.status}), which is not followed with a key. Check RIVYA_BASE_URL."
    error = error_of(raw, "read")
    if raw.status == 404 and error.code in {None, "not_found"}:  # noqa: PLR2004 - HTTP status
        return f"{request_line}: there is nothing at this address (HTTP 404)."
    status = f" (HTTP {raw.status}" + (f", {error.code})" if error.code in ERROR_CODES else ")")
    return f"{request_line}: {error.title}{status}."


def code_of(value: object) -> str | None:
    """Return the error code of an answer, or None."""
    envelope = error_envelope(value)
    code = None if envelope is None else envelope.get("code")
    return code if isinstance(code, str) else None
