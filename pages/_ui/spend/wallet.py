"""The wallet beside the ledger: what moved without us, in words that say how sure that is."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.formatting import Badge
from pages._ui.spend.view import View
from rivya_core import Lab
from rivya_core.lab.ledger.reconciliation import Unexplained
from rivya_core.lab.spending.spending_records import WalletStory

SHOWN_MAX = 12
FINE = Badge("Nothing unexplained", ":material/check:", "green")
UNKNOWN = Badge("Not known yet", ":material/help:", "gray")


def wallet_card(lab: Lab, view: View) -> None:
    """Say whether the balance moved as our generations say it did."""
    stories = lab.spending.wallets(view.mode, view.days)
    with st.container(border=True, key="spend_wallet", gap="small"):
        layout.card_head("Wallet and ledger", _chip(view, stories))
        if not stories:
            st.text(f"No balance of {view.unit} was read {view.words}.")
        for story in stories:
            _story(view, story, named=len(stories) > 1 or story.connection != lab.connection)


def _chip(view: View, stories: list[WalletStory]) -> Badge:
    changes = [change for story in stories for change in story.changes]
    if not any(story.reads > 1 for story in stories):
        return UNKNOWN
    if not changes:
        return FINE
    missing = -sum(change.least_credits for change in changes if change.high < 0)
    if not missing:
        return Badge("Topped up", ":material/add_card:", "blue")
    sure = all(change.is_exact for change in changes if change.high < 0)
    return Badge(f"{'' if sure else 'at least '}{missing:,} {view.unit} unexplained", ":material/warning:", "orange")


def _story(view: View, story: WalletStory, *, named: bool) -> None:
    if named:
        st.text(story.connection)
    last = story.last
    st.text(
        f"{last.credits:,} {view.unit} when last asked at {formatting.clock(last.asked_at, seconds=True, today=False)}."
    )
    if story.reads == 1:
        st.text("A second answer is needed before the two can be compared.")
        return
    for number, change in enumerate(reversed(story.changes[-SHOWN_MAX:])):
        with st.container(key=f"change_{number}_{abs(hash(story.connection))}", gap=None):
            st.text(told(change, view.unit))
    if len(story.changes) > SHOWN_MAX:
        st.caption(f"{len(story.changes) - SHOWN_MAX:,} older changes are not shown.")
    if not story.changes:
        st.text("Between the answers it moved as the generations here say.")
    if last.open_credits:
        st.caption(
            f"Up to {last.open_credits:,} credits are on their way, or may still come back, so the wallet is known within "
            "that only. A smaller change shows once they are settled."
        )
    if any(change.high < 0 for change in story.changes):
        st.caption(
            "Rivya does not tell who took them. It may have been another program or person on this account, a generation "
            "that was closed here as not charged, or a price that was settled late."
        )


def told(change: Unexplained, unit: str) -> str:
    """Say one change in a sentence."""
    between = f"between {formatting.clock(change.after, seconds=True, today=False)} and {formatting.clock(change.until, seconds=True, today=False)}"
    amount = f"{abs(change.least_credits):,} {unit}"
    if not change.is_exact:
        amount = f"at least {amount}"
    if change.high < 0:
        return f"{_upper(amount)} unexplained {between}: gone from the wallet, but taken by no generation here."
    return f"{_upper(amount)} added to the wallet {between}."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
