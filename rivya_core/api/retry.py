"""The retry table: decides what follows a failed attempt. Pure: no clock, no sleep, no network.

The clients and the lab's jobs use the same table. Callers repeat a POST that may cost only with the same key and the same bytes.
Exception classes of libraries decide nothing: the async transport reports a POST that was accepted and then dropped as a connect
timeout, so every transport error on a create means that the outcome is unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from rivya_core.api.contract import ERROR_CODES, Effect
from rivya_core.api.errors import ApiError, DownloadError, RivyaError, TransportError, UnreadableAnswerError

Phase = Literal["read", "upload", "create", "poll", "fetch"]


class Action(StrEnum):
    """What to do after a failed attempt."""

    AGAIN = "again"
    """Send the same request again after a delay."""
    REFUSED = "refused"
    """Never send this request again as it stands."""
    PAUSE = "pause"
    """Send it again once the cause that stops every request is gone (key, credits, rate limit, API disabled)."""


class Situation(StrEnum):
    """The kind of a failure: a row of the table."""

    TRANSPORT = "transport"
    UNREADABLE = "unreadable"
    SERVER = "server"
    RATE = "rate"
    WALLET = "wallet"
    KEY = "key"
    OFF = "off"
    CONFLICT = "conflict"
    MISSING = "missing"
    REFUSAL = "refusal"
    FLAWED = "flawed"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Rule:
    """The decision on one failed attempt.

    outcome_known: False when the attempt was a create that the server may have accepted. effect: what else the failure stops
    (see ``Effect``).
    """

    action: Action
    outcome_known: bool
    effect: Effect


_A, _R, _P = Action.AGAIN, Action.REFUSED, Action.PAUSE

TABLE: dict[Situation, dict[Phase, Action]] = {
    # situation:            read         upload        create        poll        fetch
    Situation.TRANSPORT: {"read": _A, "upload": _A, "create": _A, "poll": _A, "fetch": _A},
    Situation.UNREADABLE: {"read": _A, "upload": _A, "create": _A, "poll": _A, "fetch": _A},
    Situation.SERVER: {"read": _A, "upload": _A, "create": _A, "poll": _A, "fetch": _A},
    Situation.RATE: {"read": _P, "upload": _P, "create": _P, "poll": _P, "fetch": _A},
    Situation.WALLET: {"read": _P, "upload": _P, "create": _P, "poll": _A, "fetch": _R},
    Situation.KEY: {"read": _P, "upload": _P, "create": _P, "poll": _P, "fetch": _R},
    Situation.OFF: {"read": _P, "upload": _P, "create": _P, "poll": _P, "fetch": _A},
    Situation.CONFLICT: {"read": _A, "upload": _A, "create": _A, "poll": _A, "fetch": _A},
    Situation.MISSING: {"read": _R, "upload": _R, "create": _R, "poll": _A, "fetch": _R},
    Situation.REFUSAL: {"read": _R, "upload": _R, "create": _R, "poll": _A, "fetch": _R},
    Situation.FLAWED: {"read": _A, "upload": _A, "create": _A, "poll": _A, "fetch": _A},  # a broken download
    Situation.LOCAL: {"read": _R, "upload": _R, "create": _R, "poll": _A, "fetch": _R},
}
"""A poll is never refused: no answer to a read may end a generation that is paid for."""

UNKNOWN_OUTCOME = frozenset({Situation.TRANSPORT, Situation.UNREADABLE, Situation.SERVER, Situation.CONFLICT})
"""After these a create may have been accepted. A 409 means "in flight or conflict", so it proves neither."""

_BY_EFFECT = {
    Effect.KEY: Situation.KEY,
    Effect.WALLET: Situation.WALLET,
    Effect.RATE: Situation.RATE,
    Effect.OFF: Situation.OFF,
    Effect.CONFLICT: Situation.CONFLICT,
    Effect.MISSING: Situation.MISSING,
}
# Statuses of answers without a known code. 408 and 425 (RFC 9110, section 15.5.9; RFC 8470, section 5.2) say that the request
# was not processed, but proxies send them too, so they are treated like server errors.
_BY_STATUS = {
    401: Situation.KEY,
    402: Situation.WALLET,
    403: Situation.KEY,
    404: Situation.MISSING,
    408: Situation.SERVER,
    409: Situation.CONFLICT,
    410: Situation.MISSING,
    425: Situation.SERVER,
    429: Situation.RATE,
}
_EFFECTS = {situation: effect for effect, situation in _BY_EFFECT.items()}


def rule(phase: Phase, error: RivyaError) -> Rule:
    """Return the decision on ``error`` in ``phase``."""
    met = situation(error)
    outcome_known = phase != "create" or met not in UNKNOWN_OUTCOME
    return Rule(TABLE[met][phase], outcome_known, _EFFECTS.get(met, Effect.ROW))


def situation(error: RivyaError) -> Situation:
    """Return the row of an error: by its code, else by its status, else by its class."""
    if isinstance(error, DownloadError):
        return Situation.FLAWED if error.retryable else Situation.REFUSAL
    if isinstance(error, TransportError):
        return Situation.TRANSPORT
    if isinstance(error, UnreadableAnswerError):
        return Situation.UNREADABLE
    if not isinstance(error, ApiError):
        return Situation.LOCAL
    return situation_of(error.code, error.http_status)


def situation_of(code: str | None, http_status: int | None) -> Situation:
    """Return the row of an error answer by code and status (docs/api-errors-and-limits, docs/api-credits)."""
    documented = ERROR_CODES.get(code or "")
    if documented is not None and documented.effect in _BY_EFFECT:
        return _BY_EFFECT[documented.effect]
    status = http_status or 0
    # A documented code decides over a status that is wrong for it, except where the status asks for another try.
    if documented is not None and documented.http is not None and status not in {408, 409, 425, 429}:
        return Situation.CONFLICT if documented.http == 409 else Situation.REFUSAL  # noqa: PLR2004 - HTTP status
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Situation.REFUSAL if 300 <= status < 500 else Situation.SERVER  # noqa: PLR2004 - HTTP status


_DELAYS_S: dict[Phase, tuple[float, float]] = {  # first delay, longest delay
    "read": (0.5, 8.0),
    "upload": (1.0, 15.0),
    "create": (1.0, 30.0),
    "poll": (5.0, 60.0),
    "fetch": (1.0, 30.0),
}
_LIMITS: dict[Phase, tuple[int, float]] = {  # attempts, seconds in all
    "read": (5, 60.0),
    "upload": (4, 180.0),
    "create": (6, 180.0),
    "poll": (1_000_000, math.inf),  # unlimited: only the caller's deadline ends a wait
    "fetch": (4, 180.0),
}
RETRY_AFTER_MAX_S = 3600.0
_DOUBLINGS_MAX = 30


def delay_s(phase: Phase, attempt: int, retry_after_s: float | None, jitter: float) -> float:
    """Return the seconds to wait after failed attempt number ``attempt`` (the first is 1).

    The delay doubles from the phase's first up to its longest; ``jitter`` (0 to 1) picks from its upper half, so that clients do
    not retry in step. The server's ``retry_after_s`` is a lower bound, with up to a tenth added.
    """
    first, longest = _DELAYS_S[phase]
    jitter = min(max(jitter, 0.0), 1.0)
    own = min(longest, first * 2.0 ** min(max(attempt - 1, 0), _DOUBLINGS_MAX)) * (0.5 + jitter / 2)
    if retry_after_s is None or not math.isfinite(retry_after_s):
        return own
    # Capped: a wrong header must not park a paid row for days.
    server_delay_s = min(max(retry_after_s, 0.0), RETRY_AFTER_MAX_S)
    return max(own, server_delay_s * (1 + jitter / 10))


def limits(phase: Phase) -> tuple[int, float]:
    """Return the maximum number of attempts and of seconds in total for one call of a plain client."""
    return _LIMITS[phase]


def parse_retry_after(value: str | None, now: datetime, *, date: str | None = None) -> float | None:
    """Parse a ``Retry-After`` header (RFC 9110, section 10.2.3); return seconds, at most an hour, or None if unreadable.

    date: the ``Date`` header of the same answer. Both dates come from the server's clock, so their difference is right even if
    that clock is wrong. now: timezone-aware, used when ``Date`` is absent or unreadable.
    """
    words = (value or "").strip()
    if not words:
        return None
    try:
        seconds = float(words)
    except ValueError:
        moment = _http_date(words)
        if moment is None:
            return None
        seconds = (moment - (_http_date(date or "") or now)).total_seconds()
    if math.isinf(seconds) and words.isdecimal():  # more digits than a float can hold
        return RETRY_AFTER_MAX_S
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S) if math.isfinite(seconds) else None


def _http_date(words: str) -> datetime | None:
    """Parse an HTTP date, in UTC if it has no zone; None for anything else."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - rarely needed

    try:
        moment = parsedate_to_datetime(words)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
