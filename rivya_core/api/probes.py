"""The free questions that show whether a server still keeps the contract, and what came back in one sentence.

Only GETs, so none of them can cost anything. An answer is taken whatever it is: a web page, a redirect, an older form.
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
"""What is asked, in this order; the cheapest proof of the key first."""

_ABOUT_A_TASK = frozenset({400, 404, 410, 422})  # what a server may say of an id that does not exist


@dataclass(frozen=True, slots=True)
class Probe(Call[RawAnswer]):
    """A GET whose answer is wanted whatever it is."""

    def answer(self, raw: RawAnswer) -> RawAnswer:
        """Return the answer as it came; unlike other calls an error answer is one too."""
        return raw


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer. ``value``: its JSON, None when it could not be read; ``trouble``: why not, in a sentence, or empty."""

    question: Question
    http_status: int | None
    value: object
    trouble: str
    simulated: bool = False


def probe(question: Question) -> Probe:
    """Build the call of a question."""
    return Probe("read", "GET", API_PREFIX + PATHS[question], lambda raw: raw)


def heard(question: Question, answer: RawAnswer | RivyaError) -> Heard:
    """Read an answer, or what came instead of one. Never raises."""
    asked = f"GET {PATHS[question]}"
    if isinstance(answer, TransportError):
        return Heard(question, None, None, f"{asked}: no answer arrived. {answer.detail}.")
    if isinstance(answer, RivyaError):
        return Heard(question, answer.http_status, None, f"{asked}: {answer.detail}.")
    value: object = None
    trouble = ""
    try:
        value = read_anything(answer)
    except UnreadableAnswerError as error:
        trouble = f"{asked}: {error.detail}."
    told = answer.is_success if question != "task" else answer.is_success or answer.status in _ABOUT_A_TASK
    if not told:
        trouble = _refused(asked, answer)
    return Heard(question, answer.status, value, trouble, answer.headers.get("x-rivya-simulator") == "1")


def _refused(asked: str, raw: RawAnswer) -> str:
    """Say what an error answer means here."""
    if 300 <= raw.status < 400:  # noqa: PLR2004 - HTTP status
        return f"{asked}: the address answers with a redirect (HTTP {raw.status}), which is not followed with a key. Check RIVYA_BASE_URL."
    error = error_of(raw, "read")
    if raw.status == 404 and error.code in {None, "not_found"}:  # noqa: PLR2004 - HTTP status
        return f"{asked}: there is nothing at this address (HTTP 404)."
    said = f" (HTTP {raw.status}" + (f", {error.code})" if error.code in ERROR_CODES else ")")
    return f"{asked}: {error.title}{said}."


def code_of(value: object) -> str | None:
    """The error code that an answer names, or None."""
    envelope = error_envelope(value)
    code = None if envelope is None else envelope.get("code")
    return code if isinstance(code, str) else None
