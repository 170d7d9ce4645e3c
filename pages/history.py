"""History: every generation, findable, each with its own link."""

from __future__ import annotations

import streamlit as st

from pages._ui import addresses, double_click, layout, mode_marks, query_params
from pages._ui.add_to_show import outcome as show_outcome
from pages._ui.app_shell.open_page import open_page
from pages._ui.history import (
    deletion,
    detail,
    detail_acts,
    filters as history_filters,
    selection,
    style as history_style,
    table as history_table,
)
from rivya_core import GenerationRecord, Lab
from rivya_core.lab.ledger.records import HistoryFilter, HistoryPage
from rivya_core.web.export_queries import filter_query

PAGE_ROWS = 25

_NEWEST = "_history_newest"


def main() -> None:
    """Draw the page."""
    lab = open_page("History", "Every generation. Filters are saved in the URL.")
    selection.follow()
    asked_for = query_params.opened()
    history_style.narrow_screen_shows("detail" if asked_for else "list")
    detail_acts.announce()
    deletion.bar(lab)
    show_outcome.draw(selection.SHOWS)
    query = history_filters.draw(lab)
    browse, panel = st.columns([3, 2], gap="medium")
    with browse, st.container(key="history_browse"):
        page, shown = _list(lab, query)
    with panel, st.container(key="history_detail"):
        if shown is not None:
            said = mode_marks.marks(lab.mode, (row.mode for row in (*page.rows, shown)))
            detail.draw(lab, shown, listed=any(row.id == shown.id for row in page.rows), said=said)
        elif asked_for is not None:
            detail.missing(asked_for)
    double_click.drawn()


def _list(lab: Lab, query: HistoryFilter) -> tuple[HistoryPage, GenerationRecord | None]:
    """Draw the page of rows that is asked for; returns it, and the row to show beside it."""
    head = st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="history_count"
    )
    with head:
        count = st.empty()
        with st.container(horizontal=True, width="content", gap="small"):
            sort, view = history_filters.arrangement()
            _exports(lab, query)
    page = lab.history.page(query, page=query_params.wanted_page(), size=PAGE_ROWS, sort=sort)
    shown = _shown(lab, page)
    if page.rows:
        total = f"{page.total:,}" + ("" if page.total_is_exact else " or more")
        first = (page.page - 1) * PAGE_ROWS + 1
        count.caption(f"{first:,} to {first + len(page.rows) - 1:,} of {total}", width="content")
    else:
        _nothing(query)
    history_table.draw(lab, page.rows, shown, view)
    if page.pages > 1:
        key = f"pages_{filter_query(query)}_{page.pages}"
        st.pagination(page.pages, default=page.page, key=key, on_change=_turn, args=(key,), width="stretch")
    return page, shown


def _shown(lab: Lab, page: HistoryPage) -> GenerationRecord | None:
    """Find the row to show beside a page of them."""
    asked_for = query_params.opened()
    if asked_for is not None:
        st.session_state.pop(_NEWEST, None)
        return detail.find(lab, asked_for)
    return _newest(page)


def _newest(page: HistoryPage) -> GenerationRecord | None:
    """Show the newest row when none was chosen, and stay with it while it is in sight: a playing clip is not taken away."""
    kept = next((row for row in page.rows if row.id == st.session_state.get(_NEWEST)), None)
    chosen = kept or (page.rows[0] if page.rows else None)
    st.session_state[_NEWEST] = None if chosen is None else chosen.id
    return chosen


def _turn(key: str) -> None:
    query_params.turn_to(st.session_state[key])


def _exports(lab: Lab, query: HistoryFilter) -> None:
    asked = filter_query(query)
    for kind in ("csv", "json"):
        st.link_button(
            kind.upper(),
            addresses.export(f"history.{kind}", asked),
            icon=":material/download:",
            help=f"Every row that matches the filters, as {kind.upper()}",
            key=f"export_{kind}",
        )
    if lab.cassettes.playing is None:  # what is played here is on a cassette already
        st.link_button(
            "Cassette",
            addresses.export("cassette.zip", f"matching=1{asked and '&'}{asked}"),
            icon=":material/album:",
            help="Every row that matches the filters and has ended, to be played again without key or network",
            key="export_cassette",
        )


def _nothing(query: HistoryFilter) -> None:
    with st.container(border=True, key="history_empty"):
        if query != history_filters.EMPTY:
            layout.card_head("Nothing matches")
            st.text("No generation fits these filters.")
            st.button(
                "Clear the filters",
                icon=":material/filter_alt_off:",
                key="clear_filters",
                on_click=history_filters.clear,
            )
            return
        history_style.without_filters()
        layout.card_head("Nothing here yet")
        st.text("Each generation gets a row here the moment you press Generate, and keeps it.")
        if layout.can_spend():
            st.page_link(str(layout.page_file("generate")), label="Make the first clip", icon=":material/auto_awesome:")


main()
