"""The filter bar of History. Every filter lives in the address bar, so that a filtered view can be kept and sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import streamlit as st

from pages._ui import direction, formatting, query_params
from pages._ui.components.history_rows import View
from rivya_core import Lab, RivyaError
from rivya_core.lab.ledger.history.history_query import Sort
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.states import State
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
VIEWS: tuple[View, ...] = ("list", "gallery")
SORTS: dict[str, Sort] = {
    "Newest": "newest",
    "Oldest": "oldest",
    "Most credits": "credits",
    "Took longest": "took",
    "Longest clip": "length",
    "Best rated": "rating",
}
PARAMS = {"cfg_scale": "cfg_scale", "duration": "Duration", "aspect_ratio": "Aspect ratio"}
"""The names of parameters as the form has them."""

EMPTY = HistoryFilter()
_SWEEP = "sweep_of"
_NAME_LETTERS = 60


def draw(lab: Lab) -> HistoryFilter:
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
        mode = None
        if lab.cassettes.playing is None:  # a replay has nothing else
            mode = st.pills("Mode", MODES, key="mode", bind="query-params", on_change=_first_page)
        starred = st.toggle("Favorites", key="starred", bind="query-params", on_change=_first_page)
        more = _more(lab)
    return HistoryFilter(
        states=frozenset().union(*(GROUPS[name] for name in states)),
        mode=mode,
        text=(text or "").strip(),
        starred=starred,
        **more,
    )


def arrangement() -> tuple[Sort, View]:
    """Draw the choice of the order and of the form in which the rows are shown."""
    hidden: Any = {"label_visibility": "collapsed", "bind": "query-params"}
    sort = st.selectbox("Sort", list(SORTS), key="sort", on_change=_first_page, width=150, **hidden)
    view = st.segmented_control("View", VIEWS, default="list", key="view", required=True, width="content", **hidden)
    return SORTS.get(sort, "newest"), view


def _more(lab: Lab) -> dict[str, Any]:
    """Draw the filters that are not needed every day, and say on the outside how many of them are at work."""
    used = sum(bool(st.session_state.get(name)) for name in ("date", "model", "label", *PARAMS, _SWEEP))
    choices = lab.history.choices()
    with st.popover("More filters" + (f" ({used})" if used else ""), icon=":material/tune:", key="more_filters"):
        days = st.date_input(
            "Made between", value=[], key="date", bind="query-params", format="YYYY-MM-DD", on_change=_first_page
        )
        sweep = _sweep(lab)
        labels = _several("Label", lab.labels.all("generation"), "label")
        models = _several("Model", choices.models, "model")
        params = [
            (name, value)
            for name, title in PARAMS.items()
            for value in _several(title, choices.params.get(name, ()), name)
        ]
    since, until = _span(days if isinstance(days, tuple) else (days,))
    return {
        "since": since,
        "until": until,
        "sweep": sweep,
        "labels": frozenset(labels),
        "models": frozenset(models),
        "params": frozenset(params),
    }


def _several(title: str, options: Iterable[str], key: str) -> list[str]:
    """Draw a choice of several; what the address asks for is offered too, also where it is no longer among the usual ones."""
    offered = list(dict.fromkeys([*options, *st.query_params.get_all(key)]))
    return st.multiselect(
        title, offered, key=key, bind="query-params", on_change=_first_page, placeholder="Any", width="stretch"
    )


def _sweep(lab: Lab) -> str | None:
    """Draw the choice of a sweep; the address holds its id, so that two of one name are told apart."""
    asked = st.query_params.get("sweep") or None
    names = {sweep.id: formatting.excerpt(sweep.name, _NAME_LETTERS) for sweep in lab.history.sweep_names()}
    if asked is not None and asked not in names:
        try:
            names[asked] = formatting.excerpt(lab.sweeps.get(asked).name, _NAME_LETTERS)
        except RivyaError:
            names[asked] = "A sweep that is not here"
    titles = {
        id_: name if list(names.values()).count(name) == 1 else f"{direction.within(name)} ({id_})"
        for id_, name in names.items()
    }
    st.session_state[_SWEEP] = asked
    st.selectbox(
        "Sweep",
        list(names),
        format_func=lambda one: titles.get(one, one),
        key=_SWEEP,
        index=None,
        placeholder="Any",
        on_change=_choose_sweep,
    )
    return asked


def _choose_sweep() -> None:
    chosen = st.session_state[_SWEEP]
    if chosen is None:
        st.query_params.pop("sweep", None)
    else:
        st.query_params["sweep"] = chosen
    _first_page()


def clear() -> None:
    """Take every filter back; a callback."""
    several: list[tuple[str, Any]] = [(name, []) for name in ("state", "label", "model", *PARAMS)]
    nothing: list[tuple[str, Any]] = [("q", ""), ("mode", None), ("date", ()), ("starred", False), *several]
    for key, empty in nothing:
        if st.session_state.get(key):
            st.session_state[key] = empty
    st.query_params.pop("sweep", None)
    query_params.turn_to(1)


def _first_page() -> None:
    query_params.turn_to(1)


def _span(days: tuple[date | None, ...]) -> tuple[datetime | None, datetime | None]:
    """Turn local days into a half-open span of UTC moments; one day alone is the start, until its end is picked too."""
    picked = [day for day in days if day is not None]
    if not picked:
        return None, None
    since = _midnight(picked[0])
    return since, _midnight(picked[-1] + timedelta(days=1)) if len(picked) > 1 else None


def _midnight(day: date) -> datetime:
    zone = formatting.local(datetime.now(UTC)).tzinfo
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
