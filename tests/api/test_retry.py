"""The one table that decides whether a request is sent again."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, get_args

import pytest
from hypothesis import given, strategies as st

from rivya_core.api import (
    Action,
    ApiError,
    ConfigurationError,
    DownloadError,
    Effect,
    InvalidRequestError,
    RivyaError,
    TransportError,
    UnreadableAnswerError,
    delay_s,
    limits,
    parse_retry_after,
    rule,
)
from rivya_core.api.contract import ERROR_CODES
from rivya_core.api.retry import TABLE, UNKNOWN_OUTCOME, Phase, Situation

PHASES: tuple[Phase, ...] = get_args(Phase)
NOW = datetime(2026, 5, 11, 12, tzinfo=UTC)


def api(code: str | None, status: int) -> ApiError:
    """An error answer."""
    return ApiError("x", code=code, http_status=status)


AGAIN, PAUSE, REFUSED = Action.AGAIN, Action.PAUSE, Action.REFUSED
CREATE: dict[str, tuple[RivyaError, Action, bool, Effect]] = {
    "no answer": (TransportError("x"), AGAIN, False, Effect.ROW),
    "unreadable": (UnreadableAnswerError("x"), AGAIN, False, Effect.ROW),
    "500": (api(None, 500), AGAIN, False, Effect.ROW),
    "502": (api(None, 502), AGAIN, False, Effect.ROW),
    "503 unknown code": (api("busy", 503), AGAIN, False, Effect.ROW),
    "408": (api(None, 408), AGAIN, False, Effect.ROW),
    "425": (api(None, 425), AGAIN, False, Effect.ROW),
    "599": (api(None, 599), AGAIN, False, Effect.ROW),
    "409": (api(None, 409), AGAIN, False, Effect.CONFLICT),
    "idempotency_conflict": (api("idempotency_conflict", 409), AGAIN, False, Effect.CONFLICT),
    "idempotency_conflict as 400": (api("idempotency_conflict", 400), AGAIN, False, Effect.CONFLICT),
    "409 unknown code": (api("in_flight", 409), AGAIN, False, Effect.CONFLICT),
    "409 of chat": (api("chat_session_conflict", 409), AGAIN, False, Effect.CONFLICT),
    "429": (api(None, 429), PAUSE, True, Effect.RATE),
    "rate_limited": (api("rate_limited", 429), PAUSE, True, Effect.RATE),
    "rate_limited as 503": (api("rate_limited", 503), PAUSE, True, Effect.RATE),
    "402": (api(None, 402), PAUSE, True, Effect.WALLET),
    "insufficient_credits 402": (api("insufficient_credits", 402), PAUSE, True, Effect.WALLET),
    "insufficient_credits 400": (api("insufficient_credits", 400), PAUSE, True, Effect.WALLET),
    "insufficient_credits 409": (api("insufficient_credits", 409), PAUSE, True, Effect.WALLET),
    "insufficient_credits 500": (api("insufficient_credits", 500), PAUSE, True, Effect.WALLET),
    "401": (api(None, 401), PAUSE, True, Effect.KEY),
    "403": (api(None, 403), PAUSE, True, Effect.KEY),
    "api_key_missing": (api("api_key_missing", 401), PAUSE, True, Effect.KEY),
    "api_key_invalid": (api("api_key_invalid", 401), PAUSE, True, Effect.KEY),
    "api_key_revoked": (api("api_key_revoked", 401), PAUSE, True, Effect.KEY),
    "api_key_expired as 400": (api("api_key_expired", 400), PAUSE, True, Effect.KEY),
    "api_scope_denied": (api("api_scope_denied", 403), PAUSE, True, Effect.KEY),
    "public_api_disabled": (api("public_api_disabled", 503), PAUSE, True, Effect.OFF),
    "400": (api(None, 400), REFUSED, True, Effect.ROW),
    "422": (api(None, 422), REFUSED, True, Effect.ROW),
    "400 unknown code": (api("new", 400), REFUSED, True, Effect.ROW),
    "validation_failed": (api("validation_failed", 400), REFUSED, True, Effect.ROW),
    "validation_failed as 500": (api("validation_failed", 500), REFUSED, True, Effect.ROW),
    "404": (api(None, 404), REFUSED, True, Effect.MISSING),
    "not_found": (api("not_found", 404), REFUSED, True, Effect.MISSING),
    "413": (api(None, 413), REFUSED, True, Effect.ROW),
    "302": (api(None, 302), REFUSED, True, Effect.ROW),
    "refused here": (InvalidRequestError("x"), REFUSED, True, Effect.ROW),
    "not configured": (ConfigurationError("x"), REFUSED, True, Effect.ROW),
}


@pytest.mark.parametrize(("error", "action", "known", "effect"), CREATE.values(), ids=CREATE)
def test_a_failed_create(error: RivyaError, action: Action, known: bool, effect: Effect) -> None:
    """Code first, then status; whatever may have been accepted is unknown."""
    verdict = rule("create", error)
    assert (verdict.action, verdict.outcome_known, verdict.effect) == (action, known, effect)


@pytest.mark.parametrize("error", [row[0] for row in CREATE.values()], ids=CREATE)
def test_a_failed_poll_never_ends_a_row(error: RivyaError) -> None:
    """No answer to a read of a task refuses it."""
    assert rule("poll", error).action is not REFUSED


def test_the_table_is_whole() -> None:
    """Every situation has a ruling for every phase, and only a create can have an unknown outcome."""
    assert set(TABLE) == set(Situation)
    assert all(set(row) == set(PHASES) for row in TABLE.values())
    assert {Situation.TRANSPORT, Situation.SERVER} <= UNKNOWN_OUTCOME
    for phase, case in itertools.product(PHASES, CREATE.values()):
        assert rule(phase, case[0]).outcome_known or phase == "create"


@pytest.mark.parametrize(("retryable", "action"), [(True, AGAIN), (False, REFUSED)])
def test_a_failed_download_says_itself_whether_to_try_again(retryable: bool, action: Action) -> None:
    """An expired address is not fetched again; a broken one is."""
    assert rule("fetch", DownloadError("x", retryable=retryable)).action is action


@given(st.text(max_size=30) | st.none(), st.integers(100, 999), st.sampled_from(PHASES))
def test_every_code_and_status_has_a_ruling(code: str | None, status: int, phase: Phase) -> None:
    """New codes are announced as non-breaking; none raises, none ends a poll, no 5xx of another code counts as a clear no."""
    verdict = rule(phase, api(code, status))
    assert phase != "poll" or verdict.action is not REFUSED
    if phase == "create" and status >= 500 and code not in ERROR_CODES:
        assert verdict.action is AGAIN
        assert not verdict.outcome_known


@given(st.sampled_from(PHASES), st.integers(-5, 10**9), st.none() | st.floats(allow_nan=True), st.floats(-1, 2))
def test_a_delay_is_positive_finite_and_capped(phase: Phase, attempt: int, asked: float | None, jitter: float) -> None:
    """Whatever goes in, a client never sleeps for ever and never spins."""
    assert 0.2 < delay_s(phase, attempt, asked, jitter) < 3961


@pytest.mark.parametrize("phase", PHASES)
def test_delays_grow_and_spread(phase: Phase) -> None:
    """Each attempt waits longer, up to a cap; jitter spreads clients over the upper half."""
    longest = [delay_s(phase, attempt, None, 1.0) for attempt in range(1, 12)]
    assert longest == sorted(longest)
    assert longest[-1] == longest[-2]
    assert delay_s(phase, 3, None, 0.0) == pytest.approx(delay_s(phase, 3, None, 1.0) / 2)
    assert limits(phase)[0] >= 1


@pytest.mark.parametrize("asked", [0.0, 3.0, 120.0])
def test_the_server_s_delay_is_a_lower_bound(asked: float) -> None:
    """Nobody comes back before the server said."""
    assert delay_s("create", 1, asked, 0.0) >= asked
    assert delay_s("create", 1, asked, 1.0) <= max(1.0, asked * 1.1)


DATE = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
AFTER: dict[str, tuple[str | None, float | None]] = {
    "absent": (None, None),
    "empty": ("  ", None),
    "seconds": ("120", 120.0),
    "part of a second": ("1.5", 1.5),
    "zero": ("0", 0.0),
    "negative": ("-5", 0.0),
    "a day": ("86400", 3600.0),
    "date": (DATE, 90.0),
    "date without zone": (DATE.replace("GMT", ""), 90.0),
    "date that has passed": ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    "old form of date": ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
    "words": ("soon", None),
    "not a number": ("nan", None),
    "infinite": ("inf", None),
    "more digits than a number holds": ("9" * 400, 3600.0),
    "more digits below zero": ("-" + "9" * 400, None),
    "the last date there is": ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
    "a date with an odd zone": ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    "broken date": ("Wed, 99 Xyz 2015 99:99:99 GMT", None),
}


@pytest.mark.parametrize(("value", "seconds"), AFTER.values(), ids=AFTER)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    """Seconds or an HTTP date, at most an hour; anything else counts as not said."""
    assert parse_retry_after(value, NOW) == pytest.approx(seconds)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001 - given its zone below
    st.integers(-5000, 5000),
)
def test_a_date_counts_from_the_answer_s_own_date(server_now: datetime, ahead_s: int) -> None:
    """However wrong the server's clock is: both of its dates are, by the same."""
    there = server_now.replace(microsecond=0, tzinfo=UTC)
    date, after = (format_datetime(there + timedelta(seconds=s), usegmt=True) for s in (0, ahead_s))
    assert parse_retry_after(after, NOW, date=date) == min(max(ahead_s, 0), 3600)


@pytest.mark.parametrize("date", [None, "", "garbage", "Wed, 99 Xyz 2015 99:99:99 GMT", "120", "\x00"])
def test_without_a_usable_date_our_own_clock_counts(date: str | None) -> None:
    """A header that cannot be read is as good as none."""
    assert parse_retry_after(DATE, NOW, date=date) == pytest.approx(90.0)


@given(st.text(max_size=40))
def test_no_retry_after_crashes(value: str) -> None:
    """A header is a stranger's text."""
    seconds: Any = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 3600
