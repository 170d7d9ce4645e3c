"""More takes of a sweep: what they would really cost, by the planner that would buy them, and the button that plans them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.sweep import form as sweep_form, formatting as sweep_formatting, query_params as sweep_query_params
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.drafts.sweep_drafts import SweepDraft
from rivya_core.lab.evaluation.axis_analysis import Further
from rivya_core.lab.experiments.quote import Quote
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.experiments.sweep import MAX_TAKES


def button(lab: Lab, status: SweepStatus, further: Further | None, *, key: str) -> None:
    """Offer to plan the takes that would do; nothing where they cannot be bought here, and nothing starts yet."""
    if further is None or further.takes > MAX_TAKES or not layout.can_spend():
        return
    if status.experiment.kind != "sweep" or status.experiment.connection != lab.connection:
        return  # a probe has this button in its head
    quote = _quote(lab, status, further.takes)
    if quote is None or not quote.new:
        return
    st.button(
        f"Plan {sweep_formatting.counted(quote.new, 'more clip')} · {formatting.credits(quote.credits)}",
        icon=":material/library_add:",
        key=key,
        on_click=_plan,
        args=(status.id, further.takes),
        help="Puts this sweep into the form with that many takes; what exists is reused. Nothing starts yet.",
    )


def _quote(lab: Lab, status: SweepStatus, takes: int) -> Quote | None:
    """What the purchase planner says now; None where it refuses."""
    try:
        return lab.quote(sweep_drafts.to_sweep(lab, _draft(status, takes)))
    except RivyaError:
        return None


def _draft(status: SweepStatus, takes: int) -> SweepDraft:
    return replace(sweep_drafts.of_experiment(status.experiment, status.cells), takes=takes)


def _plan(experiment_id: str, takes: int) -> None:
    lab = layout.lab()
    sweep_form.show(lab, _draft(lab.sweep(experiment_id), takes), undo=True)
    sweep_query_params.to_form()
