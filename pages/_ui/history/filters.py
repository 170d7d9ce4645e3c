"""The filter bar of History. Every filter lives in the address bar, so that a filtered view can be kept and sent."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from pages._ui import address, words
from rivya_core.lab.records import HistoryFilter
from rivya_core.lab.states import State
from rivya_core.settings import Mode

GROUPS: dict[str, frozenset[State]] = {
    "waiting": frozenset({State.WAITING}),
    "running": frozenset({State.SUBMITTING, State.RUNNING, State.SAVING}),
    "attention": frozenset({State.UNCONFIRMED, State.UNSAVED}),
    "succeeded": frozenset({State.SUCCEEDED}),
    "failed": frozenset({State.FAILED}),
    "cancelled": frozenset({State.CANCELLED}),
}
"""What a person looks for; the words stand in the address as they are, and are capitalised by the page's style."""

MODES: tuple[Mode, ...] = ("live", "simulated")
EMPTY = HistoryFilter()


def draw() -> HistoryFilter:
    """Draw the filters and return what they ask for; each change starts at page 1 again."""
    with st.container(key="history_filters", horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search prompts",
            key="q",
            bind="query-params",
            type="search",
            icon=":material/search:",
            placeholder="Words of the prompt",
            live="400ms",
            on_change=_first_page,
            width=250,
        )
        states = st.pills(
            "State",
            list(GROUPS),
            selection_mode="multi",
            key="state",
            bind="query-params",
            on_change=_first_page,
            help="'Attention' shows what waits for you: outcomes that are unknown, and finished clips not fetched yet.",
        )
        mode = st.pills("Mode", MODES, key="mode", bind="query-params", on_change=_first_page)
        days = st.date_input(
            "Made between",
            value=[],
            key="date",
            bind="query-params",
            format="YYYY-MM-DD",
            on_change=_first_page,
            width=248,
        )
        starred = st.toggle("Starred", key="starred", bind="query-params", on_change=_first_page)
    since, until = _span(days if isinstance(days, tuple) else (days,))
    return HistoryFilter(
        states=frozenset().union(*(GROUPS[name] for name in states)),
        mode=mode,
        since=since,
        until=until,
        text=(text or "").strip(),
        starred=starred,
    )


def clear() -> None:
    """Take every filter back; a callback."""
    for key, nothing in (("q", ""), ("state", []), ("mode", None), ("date", ()), ("starred", False)):
        if st.session_state.get(key):
            st.session_state[key] = nothing
    address.turn_to(1)


def _first_page() -> None:
    address.turn_to(1)


def _span(days: tuple[date | None, ...]) -> tuple[datetime | None, datetime | None]:
    """Turn local days into a half-open span of UTC moments; one day alone is the start, until its end is picked too."""
    picked = [day for day in days if day is not None]
    if not picked:
        return None, None
    since = _midnight(picked[0])
    return since, _midnight(picked[-1] + timedelta(days=1)) if len(picked) > 1 else None


def _midnight(day: date) -> datetime:
    zone = words.local(datetime.now(UTC)).tzinfo
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
