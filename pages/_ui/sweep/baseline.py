"""What all combinations of a sweep share, and which sweep it extends."""

from __future__ import annotations

import streamlit as st

from pages._ui import direction, formatting
from pages._ui.sweep import formatting as sweep_formatting, query_params as sweep_query_params
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.lab.experiments.records import ExperimentRecord

PROMPT_MAX = 400
NAME_MAX = 80


def draw(experiment: ExperimentRecord) -> None:
    """Draw the baseline: its prompt, unless that varies, and the values that stay."""
    base, varied = experiment.spec["base"], {axis.name for axis in experiment.axes}
    image = base.get("reference_image")
    shared = [sweep_formatting.settings(base.get("params") or {}, varied)]
    if image is not None and "reference_image" not in varied:
        shared.append(f"Reference image {direction.within(image['name'])}")
    said = " · ".join(part for part in shared if part)
    with st.container(key="muted_sweep_baseline", gap="xxsmall"):
        if "prompt" not in varied:
            st.text(f"Prompt: {direction.within(formatting.excerpt(base['prompt'], PROMPT_MAX))}")
        if said:
            st.text(f"{'All else' if varied else 'Settings'}: {said}")


def origin(lab: Lab, experiment: ExperimentRecord) -> None:
    """Draw the way to the experiment that this one extends."""
    if experiment.parent_id is None:
        return
    try:
        parent = lab.sweeps.get(experiment.parent_id)
    except RivyaError:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="muted_sweep_parent"):
        st.text(f"Extends: {direction.within(formatting.excerpt(parent.name, NAME_MAX))}", width="content")
        st.button(
            "Open that sweep",
            icon=":material/arrow_forward:",
            type="tertiary",
            key="sweep_parent",
            on_click=sweep_query_params.to_experiment,
            args=(parent.id,),
        )
