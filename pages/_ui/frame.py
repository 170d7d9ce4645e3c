"""What every page starts with: the navigation, the one way to the lab, the header with mode, balance and cap.

A page calls :func:`open_page` first and works alone: on a cold server, by direct link, in a second tab.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import Page

from pages._ui import damaged, ended, formatting, fragments, mode_marks, presses, style
from pages._ui.components.browser_history import browser_history
from pages._ui.formatting import Badge
from rivya_core.api.errors import RivyaError
from rivya_core.lab.damage import DamagedError
from rivya_core.lab.lab import Lab
from rivya_core.lab.records import GenerationRecord
from rivya_core.mode_words import UNITS, ModeWord, mode_word
from rivya_core.services import shared_lab
from rivya_core.settings import Mode, Settings

ROOT = Path(__file__).resolve().parents[2]
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

_STYLE = Path(__file__).with_name("frame.css")
_FRAMED = "_framed_by_app"
_KNOWN_PAGES = "_pages"
_TRIED = "_frame_tried"
presses.carry_out()

_ROOT_PAGE = "start"  # Streamlit shows it nowhere; two pages may not share one


def lab() -> Lab:
    """Reach the lab of this process; a page never builds or keeps one."""
    return shared_lab()


@cache
def page_file(name: str) -> Path:
    """Where the file of a page is, for the navigation and for links to it."""
    return ROOT / "pages" / f"{name}.py"


def can_spend() -> bool:
    """Tell whether this server may start generations at all (``RIVYA_READ_ONLY`` is off)."""
    return not lab().settings.read_only


def navigate() -> None:
    """Draw the navigation and run the page that was asked for; called by ``app.py`` only."""
    st.session_state[_FRAMED] = True
    fragments.begin()
    try:
        page = _navigation()
        try:
            page.run()
        except RivyaError as error:
            error_card(error)  # what a page could not foresee is said in words, below what it has drawn
        fragments.end()
    finally:
        st.session_state.pop(_FRAMED, None)


def open_page(title: str, caption: str = "", *, spends: bool = False) -> Lab:
    """Open a page: window title, theme, header. Returns the lab.

    A page that ``spends`` is refused on a read-only server. When the lab cannot be opened, the reason is drawn and the run
    ends here.
    """
    _come_back_through_the_frame()
    st.set_page_config(page_title=f"{title} · Rivya Lab", page_icon=str(FAVICON), layout="wide")
    style.apply()
    try:
        opened = lab()
    except DamagedError as error:
        st.title(error.title, anchor=False)
        damaged.draw(error.damage, to_visitors=Settings().read_only)
        st.stop()
    except RivyaError as error:
        st.title(title, anchor=False)
        error_card(error)
        st.stop()
    browser_history()
    _phone_navigation()
    _header(opened, title, caption)
    ended.watch(opened)
    for trouble in opened.troubles():
        st.error(trouble, icon=":material/error:")
    if spends and opened.settings.read_only:
        _read_only()
    return opened


def _read_only() -> NoReturn:
    """Say why a page that spends is not offered, show the way to what is, and end the run."""
    st.info("This server is read-only: it shows finished work and cannot start generations.", icon=":material/lock:")
    st.page_link(str(page_file("history")), label="All generations", icon=":material/history:")
    st.stop()


def badge(chip: Badge) -> None:
    """Draw one chip."""
    st.badge(chip.label, icon=chip.icon, color=chip.color)


def mode_badge(mode: Mode) -> None:
    """Draw the short mode chip: simulated work never looks real. What it means stands in the header of every page."""
    badge(formatting.MODE_BADGES[word_of(mode)])


def word_of(mode: Mode) -> ModeWord:
    """What work of a mode is to people here: where a cassette is played, all of it is a replay."""
    return mode_word(mode, lab().connection)


def credit_unit(mode: Mode) -> str:
    """What credits of a mode are called beside a figure."""
    return UNITS[word_of(mode)]


def mode_chip(mode: Mode) -> Badge | None:
    """The chip of a card that is all of one mode; None where the header of the page has said it."""
    if not mode_marks.marks(lab().mode, [mode]).mixed:
        return None
    return formatting.MODE_BADGES[word_of(mode)]


def state_badge(record: GenerationRecord) -> None:
    """Draw the chip of a generation's state."""
    badge(formatting.state_of(record))


def error_card(error: RivyaError) -> None:
    """Draw an error in full: what happened, whether it was charged, what is safe now, the request id."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            badge(Badge("Problem", ":material/error:", "red"))
            badge(formatting.CHARGED[error.charged])
        st.text(error.title)
        for line in (error.detail, error.hint):
            if line:
                st.text(formatting.sentences(line))
        if error.request_id:
            st.text(f"Request id {error.request_id}")


def _navigation() -> Page:
    # First, because the window's icon would otherwise be the page's Material icon, fetched from a font server.
    st.set_page_config(page_icon=str(FAVICON), layout="wide")
    may_spend = _may_spend()
    st.logo(str(LOGO), size="medium", link=None)
    return st.navigation(_pages(may_spend), position="top")


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


def _phone_navigation() -> None:
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


def _come_back_through_the_frame() -> None:
    """Make a page that Streamlit ran without ``app.py`` run again inside the frame.

    The first visit to a page's own address on a cold server runs the page file alone; once navigation was called,
    ``app.py`` comes first. Tried once, so that a page tested alone still draws.
    """
    if st.session_state.get(_FRAMED) or st.session_state.get(_TRIED):
        return
    st.session_state[_TRIED] = True
    _navigation()
    st.rerun()


def _header(opened: Lab, title: str, caption: str) -> None:
    with st.container(
        key="page_header", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        with st.container(width="content", gap=None):
            st.title(title, anchor=False)
            if caption:
                st.caption(caption)
        with st.container(width="content", gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key="muted_header"):
                badge(formatting.mode_of(opened))
                pause = opened.pause()
                if pause is not None:
                    badge(Badge("Queue paused", ":material/pause_circle:", "orange"))
                st.text(_balance_line(opened), width="content")
            _cap_bar(opened)


def _balance_line(opened: Lab) -> str:
    balance = opened.balance()
    if balance.credits is None:
        return "Balance not known yet" if balance.error is None else "Balance could not be read"
    unit = UNITS[opened.mode_word]
    stale = "" if balance.error is None else ", not refreshed since"
    return f"{balance.credits:,} {unit} · updated {formatting.clock(balance.asked_at, today=False)}{stale}"


def _cap_bar(opened: Lab) -> None:
    if opened.settings.daily_cap_credits is None and opened.cap() is None:
        return  # the usual case, without adding up the day
    budget = opened.budget()
    if budget.cap_credits is None:
        return
    share = 1.0 if budget.cap_credits == 0 else min(1.0, budget.spent_today_credits / budget.cap_credits)
    st.progress(share, text=f"Today {budget.spent_today_credits:,} of {budget.cap_credits:,} credits (daily cap)")
