"""The queries of export URLs: parse them, and format the one of a history filter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from rivya_core.lab.ledger.history.param_columns import PARAM_KEYS, plain
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.states import State
from rivya_core.lab.spending.spending_records import Days
from rivya_core.settings import Mode

SUPPORT_HOURS_MAX = 24 * 31
"""The longest time that a support bundle covers: a month."""


def filter_query(query: HistoryFilter) -> str:
    """Format a filter as the query of an export URL; the inverse of :func:`parse_filter`."""
    pairs: list[tuple[str, str]] = [("state", str(state)) for state in sorted(query.states)]
    if query.mode is not None:
        pairs.append(("mode", query.mode))
    if query.since is not None:
        pairs.append(("since", query.since.isoformat()))
    if query.until is not None:
        pairs.append(("until", query.until.isoformat()))
    if query.text:
        pairs.append(("q", query.text))
    if query.starred:
        pairs.append(("starred", "1"))
    pairs += [("model", model) for model in sorted(query.models)]
    pairs += [("param", f"{name}:{value}") for name, value in sorted(query.params)]
    if query.sweep is not None:
        pairs.append(("sweep", query.sweep))
    pairs += [("label", label) for label in sorted(query.labels)]
    return urlencode(pairs)


def parse_filter(pairs: Iterable[tuple[str, str]]) -> HistoryFilter:
    """Parse a filter from the query of an export URL.

    Raises:
        ValueError: a state, mode, time or parameter is invalid; the sentence names it.
    """
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    states = {_parse_state(part) for value in values.get("state", []) for part in value.split(",") if part}
    return HistoryFilter(
        states=frozenset(states),
        mode=_parse_mode((values.get("mode") or [""])[-1]),
        since=_parse_moment((values.get("since") or [""])[-1]),
        until=_parse_moment((values.get("until") or [""])[-1]),
        text=(values.get("q") or [""])[-1],
        starred=(values.get("starred") or [""])[-1] in {"1", "true"},
        models=frozenset(values.get("model", [])),
        params=frozenset(_parse_param(value) for value in values.get("param", [])),
        sweep=(values.get("sweep") or [""])[-1] or None,
        labels=frozenset(values.get("label", [])),
    )


def parse_days(pairs: Iterable[tuple[str, str]]) -> tuple[Mode | None, Days]:
    """Parse mode and local calendar days (``since`` and ``until``, both inclusive) from the query of an export URL.

    Raises:
        ValueError: a mode or day is invalid; the sentence names it.
    """
    values = dict(pairs)
    first, last = (_parse_day(values.get(name, "")) for name in ("since", "until"))
    return _parse_mode(values.get("mode", "")), Days(first, last)


def _parse_state(value: str) -> State:
    try:
        return State(value)
    except ValueError:
        raise ValueError(f"'{value}' is not a state") from None


def _parse_param(value: str) -> tuple[str, str]:
    name, separator, param_value = value.partition(":")
    if not separator or name not in PARAM_KEYS:
        raise ValueError(f"'{value}' is not a parameter and its value, such as cfg_scale:0.5")
    return name, plain(param_value)


def _parse_day(value: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise ValueError(f"'{value}' is not a day, such as 2026-11-23") from None


def _parse_mode(value: str) -> Mode | None:
    if value not in {"", "live", "simulated"}:
        raise ValueError(f"'{value}' is not a mode")
    return "live" if value == "live" else "simulated" if value == "simulated" else None


def _parse_moment(value: str) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)  # fails for the first and the last day of the calendar, which no other zone can express
    except (ValueError, OverflowError):
        raise ValueError(f"'{value}' is not a time, such as 2026-11-23T09:30:00+00:00") from None
    return moment


def parse_support(pairs: Iterable[tuple[str, str]]) -> tuple[str | None, float, bool]:
    """Parse the query of a support bundle: generation id or None, hours, whether prompts are included.

    Raises:
        ValueError: the hours are not a number from 0 to ``SUPPORT_HOURS_MAX``.
    """
    values = dict(pairs)
    try:
        hours = float(values.get("hours") or 1)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= SUPPORT_HOURS_MAX:
        raise ValueError(f"hours is not a number from 0 to {SUPPORT_HOURS_MAX}")
    return values.get("generation") or None, hours, values.get("prompts") == "1"
