"""History: every generation, newest first, findable, each with its own link."""

from __future__ import annotations

import streamlit as st

from pages._ui import address, card, frame, once, undo
from pages._ui.history import detail, detail_acts
from pages._ui.history import filters as history_filters
from pages._ui.history import style as history_style
from pages._ui.history import table as history_table
from rivya_core import GenerationRecord, Lab
from rivya_core.lab.records import HistoryFilter, HistoryPage
from rivya_core.web.exports import filter_query

PAGE_ROWS = 25

_NEWEST = "_history_newest"


def main() -> None:
    """Draw the page."""
    lab = frame.open_page("History", "Every generation, newest first. The address keeps the view you see.")
    asked_for = address.opened()
    history_style.narrow_screen_shows("detail" if asked_for else "list")
    detail_acts.announce()
    undo.bar(lab)
    query = history_filters.draw()
    page, shown = _page(lab, query)
    browse, panel = st.columns([3, 2], gap="medium")
    with browse, st.container(key="history_browse"):
        _table(lab, query, page, shown)
    with panel, st.container(key="history_detail"):
        if shown is not None:
            detail.draw(lab, shown, listed=any(row.id == shown.id for row in page.rows))
        elif asked_for is not None:
            detail.missing(asked_for)
    once.drawn()


def _page(lab: Lab, query: HistoryFilter) -> tuple[HistoryPage, GenerationRecord | None]:
    """Read the page that is asked for and the row to show beside it."""
    page = lab.history.page(query, page=address.wanted_page(), size=PAGE_ROWS)
    asked_for = address.opened()
    if asked_for is not None:
        st.session_state.pop(_NEWEST, None)
        return page, detail.find(lab, asked_for)
    return page, _newest(page)


def _newest(page: HistoryPage) -> GenerationRecord | None:
    """Show the newest row when none was chosen, and stay with it while it is in sight: a playing clip is not taken away."""
    kept = next((row for row in page.rows if row.id == st.session_state.get(_NEWEST)), None)
    chosen = kept or (page.rows[0] if page.rows else None)
    st.session_state[_NEWEST] = None if chosen is None else chosen.id
    return chosen


def _table(lab: Lab, query: HistoryFilter, page: HistoryPage, shown: GenerationRecord | None) -> None:
    if page.rows:
        _count_and_export(query, page)
    else:
        _nothing(query)
    history_table.draw(lab, page.rows, shown)
    if page.pages > 1:
        key = f"pages_{filter_query(query)}_{page.pages}"
        st.pagination(page.pages, default=page.page, key=key, on_change=_turn, args=(key,), width="stretch")


def _turn(key: str) -> None:
    address.turn_to(st.session_state[key])


def _count_and_export(query: HistoryFilter, page: HistoryPage) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="history_count"
    ):
        total = f"{page.total:,}" + ("" if page.total_is_exact else " or more")
        first = (page.page - 1) * PAGE_ROWS + 1
        st.caption(f"{first:,} to {first + len(page.rows) - 1:,} of {total}", width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            asked = filter_query(query)
            for kind in ("csv", "json"):
                st.link_button(
                    kind.upper(),
                    f"/exports/history.{kind}" + (f"?{asked}" if asked else ""),
                    icon=":material/download:",
                    help=f"Every row that matches the filters, as {kind.upper()}",
                    key=f"export_{kind}",
                )


def _nothing(query: HistoryFilter) -> None:
    with st.container(border=True, key="history_empty"):
        if query != history_filters.EMPTY:
            card.head("Nothing matches")
            st.text("No generation fits these filters.")
            st.button(
                "Clear the filters",
                icon=":material/filter_alt_off:",
                key="clear_filters",
                on_click=history_filters.clear,
            )
            return
        history_style.without_filters()
        card.head("Nothing here yet")
        st.text("Each generation gets a row here the moment you press Generate, and keeps it.")
        if frame.can_spend():
            st.page_link(
                str(frame.ROOT / "pages" / "generate.py"), label="Make the first clip", icon=":material/auto_awesome:"
            )


main()
