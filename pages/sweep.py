"""Sweep: one question over many clips: what it would cost, the grid that fills in, and what came of it."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout
from pages._ui.app_shell.open_page import open_page
from pages._ui.sweep import (
    clip as sweep_clip,
    form as sweep_form,
    head as sweep_head,
    list as sweep_list,
    live_grid as sweep_grid,
    manage as sweep_manage,
    query_params as sweep_query_params,
    start as sweep_start,
)
from pages._ui.sweep.preview import preview
from pages._ui.sweep.verdict import decision_tab, verdict_tab
from rivya_core import Lab
from rivya_core.api.errors import RivyaError


def main() -> None:
    """Draw the list, the form or the sweep that the address asks for."""
    lab = open_page("Sweep", "One question, many clips. You see the price first.")
    sweep_manage.undo_bar()
    experiment_id = sweep_query_params.opened()
    if experiment_id:
        _experiment(lab, experiment_id)
    elif sweep_query_params.composes() and layout.can_spend():
        _compose(lab)
    else:
        sweep_list.draw(lab)


def _compose(lab: Lab) -> None:
    sweep_list.back()
    left, right = st.columns([5, 7], gap="medium")
    with left:
        draft = sweep_form.sweep_form(lab)
    with right, st.container(key="sweep_price"):  # in sight beside the form, scrolled in itself: it covers nothing
        sweep = sweep_start.start(lab, draft)
        if sweep is not None:
            preview(sweep)


def _experiment(lab: Lab, experiment_id: str) -> None:
    sweep_list.back()
    try:
        status = sweep_grid.status_of(lab, experiment_id)
    except RivyaError as error:
        layout.error_card(error)
        return
    sweep_head.draw(lab, status)
    grid, verdict, decision = st.tabs(sweep_query_params.TABS, key=sweep_query_params.TAB, bind="query-params")
    if verdict.open:
        with verdict:
            verdict_tab.draw(lab, lab.sweep(experiment_id))
    elif decision.open:
        with decision:
            decision_tab.draw(lab, lab.sweep(experiment_id))
    else:
        # First, as the grid may ask for another run: an open dialog that is left out of one is closed by it.
        sweep_clip.draw(lab, sweep_grid.shown_cells())
        with grid:
            sweep_grid.draw(lab, status)


main()
