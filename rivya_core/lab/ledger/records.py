"""The ledger's read models: frozen records, never rows or connections."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from rivya_core.api.errors import Charged, RivyaError
from rivya_core.api.specs import DURATION_KEYS
from rivya_core.lab.ledger.states import TERMINAL, State
from rivya_core.mode_words import ModeWord, mode_word
from rivya_core.settings import Mode

if TYPE_CHECKING:
    from rivya_core.lab.ledger.processes import Processes

Settlement = Literal["reserved", "provisional", "settled", "released"]
Phase = Literal["submit", "upload", "create", "poll", "fetch", "settle"]


@dataclass(frozen=True, slots=True)
class ErrorCard:
    """A failure as it is shown: what happened, whether it was charged, what is safe to do now, the request id."""

    title: str
    detail: str
    hint: str
    charged: Charged
    phase: Phase
    code: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    retryable: bool = False

    @classmethod
    def of(cls, error: RivyaError, phase: Phase, *, charged: Charged | None = None) -> ErrorCard:
        """Build the card of an error that happened in a phase of a generation."""
        return cls(
            title=error.title,
            detail=error.detail,
            hint=error.hint,
            charged=charged or error.charged,
            phase=phase,
            code=error.code,
            http_status=error.http_status,
            request_id=error.request_id,
            retryable=error.retryable,
        )


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """One generation as the ledger knows it. Times are aware UTC, credits whole numbers."""

    seq: int
    id: str
    intent_id: str
    take: int
    parent_id: str | None
    experiment_id: str | None
    source: str
    state: State
    mode: Mode
    connection: str
    key_fingerprint: str | None
    model: str
    prompt: str
    negative_prompt: str
    request: Mapping[str, Any]
    request_sha256: str
    reuse_sha256: str | None
    asset_sha256: str | None
    idempotency_key: str
    client_request_id: str | None
    file_url: str | None
    file_id: str | None
    body: bytes | None
    body_sha256: str | None
    attempts: int
    open_attempts: int
    first_attempt_at: datetime | None
    task_id: str | None
    task_status: str | None
    duplicate_of: str | None
    unwatched_at: datetime | None
    result_url: str | None
    request_id: str | None
    error: ErrorCard | None
    runs: int
    expected_credits: int
    reserved_credits: int | None
    final_credits: int | None
    held_credits: int
    settlement: Settlement
    cap_day: str
    clip_key: str | None
    poster_key: str | None
    clip_sha256: str | None
    clip_bytes: int | None
    clip_width_px: int | None
    clip_height_px: int | None
    clip_duration_s: float | None
    clip_fps: float | None
    clip_check: str | None
    clip_fault: str | None
    created_at: datetime
    submitted_at: datetime | None
    processing_at: datetime | None
    ready_at: datetime | None
    finished_at: datetime | None
    next_action_at: datetime | None
    starred: bool
    dismissed_at: datetime | None
    deleted_at: datetime | None
    person: str | None = None

    @property
    def is_terminal(self) -> bool:
        """True when no job will change the row any more."""
        return self.state in TERMINAL

    @property
    def mark(self) -> str:
        """Label of the clip for everything that leaves the lab: LIVE, SIMULATED or REPLAY."""
        return self.mode_word.upper()

    @property
    def mode_word(self) -> ModeWord:
        """Label of the clip on screens; ``mode`` is what it is counted as."""
        return mode_word(self.mode, self.connection)

    @property
    def params(self) -> Mapping[str, Any]:
        """The model parameters as they are sent."""
        params = self.request.get("params", {})
        return params if isinstance(params, Mapping) else {}

    @property
    def length(self) -> str:
        """The requested length as it is sent, in seconds or frames by model; "" when the model has none."""
        return next((str(self.params[key]) for key in DURATION_KEYS if self.params.get(key)), "")

    @property
    def sent_trace_id(self) -> str | None:
        """The ``client_request_id`` in the committed body; None while nothing was committed, or when it held none."""
        try:
            body = json.loads(self.body or b"null")
        except ValueError:
            return None
        trace = body.get("client_request_id") if isinstance(body, dict) else None
        return trace if isinstance(trace, str) else None

    @property
    def has_clip(self) -> bool:
        """True when the clip is archived."""
        return self.clip_key is not None

    def elapsed_s(self, now: datetime) -> float:
        """Seconds since the task id arrived, or before that since the submission."""
        return (now - (self.submitted_at or self.created_at)).total_seconds()


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One line of a generation's timeline."""

    at: datetime
    kind: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MovementRecord:
    """One credit movement: reserve, adjust, settle or release."""

    generation_id: str
    at: datetime
    mode: Mode
    kind: str
    credits: int
    provisional: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BalanceRecord:
    """The balance as last reported by the server.

    ``asked_at``: when the request was sent whose answer ``credits`` is. ``tried_at``: when the last request was sent,
    answered or not. ``error``: why that one failed.
    """

    credits: int | None
    asked_at: datetime | None
    error: ErrorCard | None = None
    simulated: bool = False
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of one connection's whole queue. ``effect``: key, wallet, rate, off or person; ``person``: whose, with sign-in."""

    effect: str
    since: datetime
    card: ErrorCard
    retry_at: datetime | None = None
    key_fingerprint: str | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class PauseState:
    """What is paused: the connection's whole queue, and single experiments by their ids."""

    pause: Pause | None = None
    experiments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still be spent on a connection now.

    ``promised_credits``: reservations that the last known balance cannot include yet. ``available_credits``: balance less
    those; None when the balance is unknown. ``cap_credits``: today's cap, None without one. ``spent_today_credits``: held or
    settled by generations submitted today. ``remaining_credits``: the smallest of what balance and caps leave, None when
    none is known. ``person_cap_credits``, ``person_spent_credits``: today's cap of the person who asks, and what they have
    spent of it; None and 0 without one.
    """

    mode: Mode
    balance_credits: int | None
    balance_asked_at: datetime | None
    promised_credits: int
    available_credits: int | None
    cap_credits: int | None
    spent_today_credits: int
    remaining_credits: int | None
    person_cap_credits: int | None = None
    person_spent_credits: int = 0

    def refuses(self, needed_credits: int) -> Literal["person_cap", "daily_cap", "balance"] | None:
        """Which limit does not allow so many more credits; None when all do. An unknown balance refuses nothing."""
        if self.person_cap_credits is not None and self.person_spent_credits + needed_credits > self.person_cap_credits:
            return "person_cap"
        if self.cap_credits is not None and self.spent_today_credits + needed_credits > self.cap_credits:
            return "daily_cap"
        if self.available_credits is not None and needed_credits > self.available_credits:
            return "balance"
        return None


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """The filters of History; an empty field filters nothing.

    ``since``/``until``: aware UTC, half open. ``text``: full-text query. ``params``: pairs of a parameter's name
    (``cfg_scale``, ``duration``, ``aspect_ratio``) and a value, values of one name being alternatives. ``sweep``: its id.
    ``labels``: any of them. ``hidden_sweeps``: False leaves out what was made for sweeps that a person hid.
    """

    states: frozenset[State] = frozenset()
    mode: Mode | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    starred: bool = False
    models: frozenset[str] = frozenset()
    params: frozenset[tuple[str, str]] = frozenset()
    sweep: str | None = None
    labels: frozenset[str] = frozenset()
    hidden_sweeps: bool = True

    def __post_init__(self) -> None:
        """Convert sets and lists that scripts pass to frozensets: a filter is a cache key and must be hashable."""
        for name in ("states", "models", "params", "labels"):
            object.__setattr__(self, name, frozenset(getattr(self, name) or ()))


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One server-side page in the order that was asked for. ``total`` is exact up to 10,000; ``total_is_exact`` says whether it is."""

    rows: tuple[GenerationRecord, ...]
    page: int
    pages: int
    total: int
    total_is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """State of the lab's parts, for /healthz and the Connection page. ``processes``: who shares the database; None on one machine."""

    ok: bool
    version: str
    mode: Mode
    database: str
    engine: str
    copy: str = "ok"
    processes: Processes | None = None
    archive: str = "ok"
    detail: Mapping[str, Any] = field(default_factory=dict)
