"""Before money moves: what a sweep would cost and take, why it cannot start, and the button that starts it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.formatting import Badge
from pages._ui.request_form import contract_drift
from pages._ui.spend_button import spend_button
from pages._ui.sweep import form as sweep_form, launch as sweep_launch, planned as sweep_planned, probes as sweep_probes
from rivya_core import Lab
from rivya_core.api.differences import PRICE
from rivya_core.lab.drafts.sweep_drafts import SweepDraft
from rivya_core.lab.experiments.parameter_notes import IN_DOUBT
from rivya_core.lab.experiments.sweep import Sweep

NOTHING_NEW = "Nothing new: everything asked for is there already. Change a variable or the takes."


def start(lab: Lab, draft: SweepDraft) -> Sweep | None:
    """Draw quote, warnings, reasons and button; the sweep as it would start, or None."""
    sweep, problem = sweep_planned.planned(lab, draft)
    with st.container(border=True, key="sweep_start", gap="small"):
        layout.card_head("Price")
        if sweep is None:
            sweep_planned.not_yet([sweep_planned.sentence(problem)], "sweep_reasons")
            spend_button(lab, "Start", 0, key="sweep_go", act=_start, kind="primary", disabled=True, stretch=True)
        else:
            _priced(lab, draft, sweep)
        sweep_launch.refusal()
    return sweep


def _priced(lab: Lab, draft: SweepDraft, sweep: Sweep) -> None:
    quote = lab.quote(sweep)
    with st.container(key="sweep_quote"):
        st.text(quote.sentence)
    for at, model in enumerate(dict.fromkeys(cell.request.model for cell in sweep.cells)):
        contract_drift.beside(model, PRICE, f"{sweep_form.FORM}_{at}")
    for at, warning in enumerate(quote.warnings):
        with st.container(key=f"muted_warn_{at}", gap="xxsmall"):
            layout.badge(Badge("Note", ":material/warning:", "orange"))
            st.text(warning)
    for knob in _doubted(sweep):
        sweep_probes.offer(lab, sweep, knob)
    reasons = [] if draft.name else ["Give the sweep a name."]
    if quote.shortage:
        reasons.append(quote.shortage)
    if not quote.new and draft.parent_id is not None:
        reasons.append(NOTHING_NEW)
    sweep_planned.not_yet(reasons, "sweep_reasons")
    count = f"{quote.new:,} new" if quote.new else "nothing new"
    if not quote.shortage:
        label = f"Start · {count} · {formatting.credits(quote.credits)}"
        _button(lab, draft, label, quote.credits, False, disabled=bool(reasons))
    elif quote.fits and draft.name:
        amount = quote.fits_credits
        clips = f"{quote.fits:,} {'combination' if draft.takes == 1 else 'clip'}{'' if quote.fits == 1 else 's'}"
        _button(lab, draft, f"Start what fits ({clips}) · {formatting.credits(amount)}", amount, True)
        with st.container(key="muted_fits"):
            st.text("The others stay planned; start the rest later, from the sweep itself.")
    else:
        _button(
            lab, draft, f"Start · {count} · {formatting.credits(quote.credits)}", quote.credits, False, disabled=True
        )


def _doubted(sweep: Sweep) -> list[str]:
    """The varied parameters of which nobody knows that they do anything, and that a probe can measure."""
    aspect = sweep.base.spec.aspect_param
    shaped = aspect.key if aspect is not None and any(cell.request.image for cell in sweep.cells) else None
    varied = [plan.name for plan in sweep.plans if plan.target == "param" and len(plan.values) > 1]
    return [name for name in varied if (sweep.base.model, name) in IN_DOUBT or name == shaped]


def _button(
    lab: Lab, draft: SweepDraft, label: str, amount: int, only_what_fits: bool, *, disabled: bool = False
) -> None:
    spend_button(
        lab,
        label,
        amount,
        key="sweep_go",
        act=_start,
        args=(draft, only_what_fits),
        kind="primary",
        icon=":material/grid_view:",
        disabled=disabled,
        stretch=True,
    )


def _start(draft: SweepDraft, only_what_fits: bool = False) -> None:
    """Start the sweep of the form; the form is empty then, but for what the next one will share."""
    lab = layout.lab()
    sweep, problem = sweep_planned.planned(lab, draft)
    if sweep is None:
        sweep_launch.refuse(problem)
    elif sweep_launch.launch(sweep, draft.id, only_what_fits=only_what_fits):
        sweep_form.show(lab, SweepDraft(base=replace(draft.base, prompt="", image=None)))
