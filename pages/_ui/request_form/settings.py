"""What Generate's form and the baseline of a sweep ask for alike: the model, the prompt, the model's own parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from pages._ui import formatting
from pages._ui.request_form import contract_drift, fields
from rivya_core import Lab
from rivya_core.api import ModelSpec, ParamSpec
from rivya_core.api.differences import MODEL
from rivya_core.lab.drafts.drafts import Draft

PROMPT_PX = 118


def choose_model(lab: Lab, form: str) -> ModelSpec:
    """Draw the choice of the model; values that the chosen one does not take become its defaults."""
    specs = {spec.id: spec for spec in lab.models()}
    key = f"{form}_model"
    if st.session_state.get(key) not in specs:
        st.session_state[key] = Draft().model
    chosen = st.selectbox(
        "Model",
        list(specs),
        key=key,
        format_func=lambda model: f"{specs[model].display_name} · {formatting.credits(specs[model].base_credits)}",
    )
    for param in specs[chosen].params:
        fields.mend(param, form)
    contract_drift.beside(chosen, MODEL, form)
    return specs[chosen]


def prompt_box(form: str, *, placeholder: str, help: str | None = None) -> str:  # noqa: A002 - Streamlit's word
    """Draw the box of the prompt; what is committed in it."""
    st.text_area("Prompt", key=f"{form}_prompt", height=PROMPT_PX, help=help, placeholder=placeholder)
    return str(st.session_state[f"{form}_prompt"] or "")


def parameters(
    params: Sequence[ParamSpec],
    form: str,
    *,
    columns: int,
    below_texts: Callable[[], None] | None = None,
    last_choice: Callable[[], None] | None = None,
) -> None:
    """Draw a widget for each parameter: texts, then choices side by side in at most ``columns``, then numbers.

    ``below_texts`` draws below the texts, ``last_choice`` one more choice beside the others.
    """
    for param in (param for param in params if param.type == "text"):
        fields.text(param, form)
    if below_texts is not None:
        below_texts()
    choices: list[Callable[[], None]] = [
        partial(fields.select, param, form) for param in params if param.type == "select"
    ]
    choices += [] if last_choice is None else [last_choice]
    row = st.columns(max(1, min(columns, len(choices))), gap="small")
    for at, draw in enumerate(choices):
        with row[at % len(row)]:
            draw()
    for param in (param for param in params if param.type == "number"):
        fields.number(param, form)
