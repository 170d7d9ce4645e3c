"""Ready-made probes of a knob that may do nothing: what each can show, what it costs, and its start."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.spend_button import spend_button
from pages._ui.sweep import formatting as sweep_formatting, launch as sweep_launch
from rivya_core import Lab
from rivya_core.api import DEFAULT_MODEL
from rivya_core.api.errors import RivyaError
from rivya_core.lab.experiments import probes
from rivya_core.lab.experiments.probes import ProbePlan
from rivya_core.lab.experiments.service import new_experiment_id
from rivya_core.lab.experiments.sweep import Sweep

KNOB = "cfg_scale"
PROMPT_MAX = 400
NAMES = {"hint": "Quick test", "verdict": "Full test"}


def ready_made(lab: Lab) -> None:
    """Draw the probes of the knob that is in doubt on the default model."""
    for column, plan in zip(st.columns(2, gap="medium"), probes.plans(lab, DEFAULT_MODEL, KNOB), strict=True):
        with column, st.container(border=True, key=f"probe_{plan.kind}", gap="small"):
            st.header(f"Does {KNOB} do anything? {NAMES[plan.kind]}", anchor=False)
            _one(lab, plan, f"ready_{plan.kind}")


def offer(lab: Lab, sweep: Sweep, knob: str) -> None:
    """Offer to probe a knob before a sweep over it is paid for."""
    try:
        plans = probes.plans(lab, sweep.base.model, knob, sweep.cells[0].request)
    except RivyaError:
        return
    with st.popover(f"Test {knob} first", icon=":material/experiment:", key=f"offer_{knob}"):
        for plan in plans:
            with st.container(border=True, key=f"offer_{knob}_{plan.kind}", gap="small"):
                st.header(NAMES[plan.kind], anchor=False)
                _one(lab, plan, f"offer_{knob}_{plan.kind}")


def _one(lab: Lab, plan: ProbePlan, key: str) -> None:
    quote = lab.quote(plan.sweep)
    said = f"{quote.new:,} new" if quote.new else "nothing new"
    st.text(plan.promise)
    _sent(plan, key)
    with st.container(key=f"muted_{key}"):
        st.text(quote.sentence)
        if quote.shortage:
            st.text(quote.shortage)
    spend_button(
        lab,
        f"{NAMES[plan.kind]} ({sweep_formatting.counted(plan.clips, 'clip')}) · {said} · {formatting.credits(quote.credits)}",
        quote.credits,
        key=f"start_{key}",
        act=_start,
        args=(plan.sweep, key, _id(key)),
        icon=":material/experiment:",
        disabled=bool(quote.shortage),
    )


def _sent(plan: ProbePlan, key: str) -> None:
    """Draw what would be sent: the prompt, the two values, and what both share."""
    [axis], request = plan.sweep.axis_names, plan.sweep.cells[0].request
    shared = sweep_formatting.settings(request.wire_params(), {axis.name})
    image = "" if request.image is None else f"Reference image {request.image.original_name or request.image.name}"
    with st.container(key=f"muted_sent_{key}", gap="xxsmall"):
        st.text(f"Prompt: {formatting.excerpt(request.prompt, PROMPT_MAX)}")
        st.text(f"{sweep_formatting.axis(axis.name)}: {' vs '.join(axis.labels)}, {plan.sweep.takes} takes each")
        st.text(f"Both: {' · '.join(part for part in (shared, image) if part)}")


def _id(key: str) -> str:
    name = f"_probe_id_{key}"
    if name not in st.session_state:
        st.session_state[name] = new_experiment_id()
    return str(st.session_state[name])


def _start(sweep: Sweep, key: str, experiment_id: str) -> None:
    if layout.can_spend() and sweep_launch.launch(sweep, experiment_id):
        st.session_state.pop(f"_probe_id_{key}", None)
