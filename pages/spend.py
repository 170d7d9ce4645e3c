"""Spend: where the credits went, what may still go, and whether the wallet agrees."""

from __future__ import annotations

import streamlit as st

from pages._ui import fragments, layout
from pages._ui.app_shell.open_page import open_page
from pages._ui.spend import (
    caps as spend_caps,
    experiments as spend_experiments,
    sums as spend_sums,
    view as spend_view,
    wallet as spend_wallet,
)
from pages._ui.spend.view import View
from rivya_core import Lab
from rivya_core.lab.spending.spending_records import Spent

TICK_S = 3.0


def main() -> None:
    """Draw the page."""
    lab = open_page("Spend", "Where credits went and what is left.")
    view = spend_view.choose(lab)
    spent = lab.spending.spent(view.mode, view.days)
    moving = is_moving(lab, view)
    left, right = st.columns([8, 5], gap="medium")
    with left:
        fragments.live_part(_moving, moving, TICK_S if moving else None)(lab, view)
        if spent.groups:
            spend_sums.by_day(view, spent)
        if spent.groups and lab.person is not None:
            spend_sums.by_person(view, lab.spending.spent(view.mode, view.days, of_persons=True))
        spend_experiments.by_experiment(lab, view, spent)
    with right:
        spend_wallet.wallet_card(lab, view)
        spend_caps.caps_card(lab, view)
        spend_experiments.decision_card(lab, view)
    if spent.groups:
        models, outcomes = st.columns(2, gap="medium")
        with models:
            spend_sums.by_model(view, spent)
        with outcomes:
            spend_sums.by_outcome(view, spent)


def is_moving(lab: Lab, view: View) -> bool:
    """Tell whether a job will change a figure by itself, so that looking again soon is worth it."""
    return lab.history.running_count(view.mode) > 0


def _moving(lab: Lab, view: View) -> bool:
    """Draw what changes while clips run; whether any does."""
    spent = lab.spending.spent(view.mode, view.days)
    if spent.groups:
        spend_sums.totals(view, spent)
    else:
        _nothing(lab, view, spent)
    spend_experiments.forecast_card(lab, view)
    return is_moving(lab, view)


def _nothing(lab: Lab, view: View, spent: Spent) -> None:
    with st.container(border=True, key="spend_totals"):
        layout.card_head(f"Nothing spent {view.words}", layout.mode_chip(view.mode))
        ever = spent if view.days.first is None else lab.spending.spent(view.mode)
        if ever.groups:
            st.text(f"{ever.total.held:,} {view.unit} were held or settled before; choose more days to see them.")
        else:
            st.text(
                f"No generation has used {view.unit} so far. Each credit movement is counted here the moment it happens."
            )


main()
