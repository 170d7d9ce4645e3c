"""What every page starts with: window title, theme, the header with mode, balance and cap.

A page calls :func:`open_page` first and works alone: on a cold server, by direct link, in a second tab.
"""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from pages._ui import formatting, fragments, layout, outage, sign_in
from pages._ui.app_shell import damage_page, ended_generations, navigation, sign_in_page, style
from pages._ui.components.browser_history import browser_history
from pages._ui.formatting import Badge
from rivya_core.api.errors import RivyaError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.backup.damage import DamagedError
from rivya_core.mode_words import UNITS
from rivya_core.settings import Settings

TROUBLE_TICK_S = 5.0


def open_page(title: str, caption: str = "", *, spends: bool = False) -> Lab:
    """Open a page: window title, theme, header. Returns the lab.

    A page that ``spends`` is refused on a read-only server. When the lab cannot be opened, the reason is drawn and the run
    ends here.
    """
    navigation.run_inside()
    st.set_page_config(page_title=f"{title} · Rivya Lab", page_icon=str(navigation.FAVICON), layout="wide")
    style.apply()
    if sign_in.is_on() and sign_in.person() is None:
        sign_in_page.draw()
        st.stop()
    try:
        opened = layout.lab()
    except DamagedError as error:
        st.title(error.title, anchor=False)
        damage_page.draw(error.damage, to_visitors=Settings().read_only or sign_in.is_on())
        st.stop()
    except RivyaError as error:
        st.title(title, anchor=False)
        if not outage.is_one(error):
            layout.error_card(error)
        else:
            outage.card(error)
            outage.keep_inputs()
            fragments.come_back(layout.lab)
        st.stop()
    browser_history()
    navigation.phone_navigation()
    _header(opened, title, caption)
    ended_generations.watch(opened)
    troubles = opened.troubles()
    for trouble in troubles:
        st.error(trouble, icon=":material/error:")
    if troubles:
        fragments.watch(opened.troubles, troubles, TROUBLE_TICK_S)
    if spends and opened.settings.read_only:
        _read_only(opened)
    return opened


def _read_only(opened: Lab) -> NoReturn:
    """Say why a page that spends is not offered, show the way to what is, and end the run."""
    why = (
        "This server is read-only: it shows finished work and cannot start generations."
        if opened.may("Lab.submit")
        else "You are signed in as a viewer: you can look at everything. To start generations, ask an admin to make you a maker."
    )
    st.info(why, icon=":material/lock:")
    st.page_link(str(layout.page_file("history")), label="All generations", icon=":material/history:")
    st.stop()


def _header(opened: Lab, title: str, caption: str) -> None:
    with st.container(
        key="page_header", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        with st.container(width="content", gap=None):
            st.title(title, anchor=False)
            if caption:
                st.caption(caption)
        with st.container(width="content", gap="small"):
            if opened.person is None:
                _standing(opened)
            else:  # one line for both: signed in, the page begins where it began before
                with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header_signed_in"):
                    _standing(opened)
                    sign_in_page.signed_in(opened)
            _cap_bar(opened)


def _standing(opened: Lab) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="muted_header"):
        layout.badge(formatting.mode_of(opened))
        pause = opened.pause()
        if pause is not None:
            layout.badge(Badge("Queue paused", ":material/pause_circle:", "orange"))
        st.text(_balance_line(opened), width="content")


def _balance_line(opened: Lab) -> str:
    balance = opened.balance()
    if balance.credits is None:
        return "Balance not known yet" if balance.error is None else "Balance could not be read"
    unit = UNITS[opened.mode_word]
    stale = "" if balance.error is None else ", not refreshed since"
    return f"{balance.credits:,} {unit} · updated {formatting.clock(balance.asked_at, today=False)}{stale}"


def _cap_bar(opened: Lab) -> None:
    if opened.settings.daily_cap_credits is None and opened.cap() is None and opened.person is None:
        return  # the usual case, without adding up the day
    budget = opened.budget()
    if budget.person_cap_credits is not None:
        own = budget.person_cap_credits
        share = 1.0 if own == 0 else min(1.0, budget.person_spent_credits / own)
        st.progress(share, text=f"You today {budget.person_spent_credits:,} of {own:,} credits (your cap)")
    if budget.cap_credits is None:
        return
    share = 1.0 if budget.cap_credits == 0 else min(1.0, budget.spent_today_credits / budget.cap_credits)
    st.progress(share, text=f"Today {budget.spent_today_credits:,} of {budget.cap_credits:,} credits (daily cap)")
