"""The navigation: all pages in their order, in the bar and in one row on a phone; ``app.py`` runs every page in it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from pages._ui import fragments, layout, outage, sign_in
from pages._ui.app_shell import streamlit_patches
from pages._ui.layout import ROOT, can_spend, page_file
from rivya_core.api.errors import RivyaError

LOGO = ROOT / "rivya_core" / "assets" / "logo.svg"
FAVICON = ROOT / "rivya_core" / "assets" / "favicon.png"

PAGES = (
    ("generate", "Generate", ":material/auto_awesome:"),
    ("sweep", "Sweep", ":material/grid_view:"),
    ("compare", "Compare", ":material/view_column_2:"),
    ("vote", "Vote", ":material/how_to_vote:"),
    ("history", "History", ":material/history:"),
    ("shows", "Shows", ":material/slideshow:"),
    ("spend", "Spend", ":material/receipt_long:"),
    ("connection", "Connection", ":material/cable:"),
)
"""File and address, title and icon of each page, in the order of the navigation."""

_STYLE = Path(__file__).with_name("navigation.css")
_FRAMED = "_framed_by_app"
_KNOWN_PAGES = "_pages"
_TRIED = "_frame_tried"
streamlit_patches.carry_out()

_ROOT_PAGE = "start"  # Streamlit shows it nowhere; two pages may not share one


def navigate() -> None:
    """Draw the navigation and run the page that was asked for; called by ``app.py`` only."""
    st.session_state[_FRAMED] = True
    try:
        page = _navigation()
        outage.put_back()
        try:
            page.run()
        except RivyaError as error:
            # what a page could not foresee is said in words, below what it has drawn
            if not outage.is_one(error):
                layout.error_card(error)
            else:
                outage.card(error)
                outage.keep_inputs()
                fragments.come_back(lambda: layout.lab().changes())
    finally:
        st.session_state.pop(_FRAMED, None)


def run_inside() -> None:
    """Run a page again through ``app.py`` when Streamlit ran its file alone.

    The first visit to a page's own address on a cold server runs the page file alone; once navigation was called,
    ``app.py`` comes first. Tried once, so that a page tested alone still draws.
    """
    if st.session_state.get(_FRAMED) or st.session_state.get(_TRIED):
        return
    st.session_state[_TRIED] = True
    _navigation()
    st.rerun()


def _navigation() -> Page:
    # First, because the window's icon would otherwise be the page's Material icon, fetched from a font server.
    st.set_page_config(page_icon=str(FAVICON), layout="wide")
    may_spend = _may_spend()
    st.logo(str(LOGO), size="medium", link=None)
    inside = not sign_in.is_on() or sign_in.person() is not None
    return st.navigation(_pages(may_spend), position="top" if inside else "hidden")


def _pages(may_spend: bool) -> list[Page]:
    """All pages, made once a session: Streamlit looks for the file of each one that is made."""
    known: tuple[bool, list[Page]] | None = st.session_state.get(_KNOWN_PAGES)
    if known is None or known[0] is not may_spend:
        known = st.session_state[_KNOWN_PAGES] = (may_spend, _made_pages(may_spend))
    return known[1]


def _made_pages(may_spend: bool) -> list[Page]:
    first = "generate" if may_spend else "history"
    pages = [
        st.Page(
            page_file(name),
            title=title,
            icon=icon,
            url_path=_ROOT_PAGE if name == first else name,
            default=name == first,
            # hidden, not missing: to an old link the page says why, where Streamlit would say "Page not found"
            visibility="visible" if may_spend or name != "generate" else "hidden",
        )
        for name, title, icon in PAGES
    ]
    # The first page's only address is "/"; without this one a link to it by name would open below "Page not found".
    title = next(title for name, title, _ in PAGES if name == first)
    return [*pages, st.Page(page_file(first), title=title, url_path=first, visibility="hidden")]


def phone_navigation() -> None:
    """Draw all pages in one row, shown where the bar has no room for them; the open page is marked.

    The row is a pixel high until its style gives it its height on a phone: a busy browser draws it before it has the style.
    """
    st.html(_STYLE)
    known: tuple[bool, list[Page]] | None = st.session_state.get(_KNOWN_PAGES)
    pages = {} if known is None else {page.title: page for page in reversed(known[1])}
    may_spend = _may_spend()
    with st.container(key="phone_nav", horizontal=True, gap=None, height=1, border=False):
        for name, title, icon in PAGES:
            if may_spend or name != "generate":
                st.page_link(pages.get(title) or page_file(name), label=title, icon=icon)


def _may_spend() -> bool:
    try:
        return can_spend()
    except RivyaError:
        return True  # the page itself draws why the lab cannot be opened
