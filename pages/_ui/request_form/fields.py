"""One widget for each kind of model parameter; what it shows and holds comes from the catalogue."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui.components.prompt_counter import prompt_counter
from pages._ui.request_form import contract_drift, parameter_note
from rivya_core.api import DEFAULT_MODEL, ParamSpec

SLIDER_STEP = 0.05
"""Step of a knob between 0 and 1 where the page states none."""

NEGATIVE_PROMPT = "negative_prompt"

ENDS = {"cfg_scale": ("0 freer motion", "1 closer to the prompt")}
SHAPES = {
    "16:9": "landscape",
    "9:16": "portrait",
    "1:1": "square",
    "4:3": "landscape",
    "3:4": "portrait",
    "21:9": "wide",
}


FORM = "form"
"""Name of the Generate form; a page with a form of its own gives another one, so that their values stay apart."""


def key_of(param: ParamSpec, form: str = FORM) -> str:
    """The widget key of a parameter; the same for all models, so that a value survives a change of model."""
    return f"{form}_{param.key}"


def value(param: ParamSpec, form: str = FORM) -> Any:
    """The value in the form, by the API's own type; None when nothing is to be sent."""
    found = st.session_state.get(key_of(param, form))
    if param.type == "number" and isinstance(found, float) and is_whole(param):
        return int(found)
    return found if found != "" else None


def start(param: ParamSpec) -> Any:
    """The value a fresh form shows."""
    if param.type == "text":
        return param.default or ""
    if param.type == "number":
        return None if param.default is None else _number(param, param.default)
    return param.default if param.default is not None else None


def mend(param: ParamSpec, form: str = FORM) -> None:
    """Replace a value that this model does not take (after a change of model, or from an old draft) by its default."""
    key = key_of(param, form)
    found = st.session_state.get(key)
    if param.type == "select":
        fits = found in param.options or (found is None and param.default is None)
    elif param.type == "number":
        fits = _fits_number(param, found)
        if fits and found is not None:
            st.session_state[key] = _number(param, found)
    else:
        fits = isinstance(found, str)
    if not fits:
        st.session_state[key] = start(param)


def text(param: ParamSpec, form: str = FORM) -> None:
    """Draw a text parameter; a negative prompt is counted as the prompt is."""
    key = key_of(param, form)
    if param.key != NEGATIVE_PROMPT:
        st.text_area(param.label or param.key, key=key, height=72)
        _server_says(param, form)
        return
    with st.container(gap="xxsmall"):
        st.text_area(
            param.label or param.key,
            key=key,
            height=72,
            placeholder="What should not appear, for example: text, watermark, extra limbs",
        )
        prompt_counter(key, str(st.session_state.get(key) or ""), None, key=f"{key}_counter")
    _server_says(param, form)


def select(param: ParamSpec, form: str = FORM) -> None:
    """Draw a choice."""
    st.selectbox(
        param.label or param.key,
        list(param.options),
        key=key_of(param, form),
        format_func=lambda option: option_label(param, option),
        placeholder="Not sent",
    )
    _server_says(param, form)


def number(param: ParamSpec, form: str = FORM) -> None:
    """Draw a number: a slider for a knob between two ends, a box for everything else."""
    if param.minimum == 0 and param.maximum == 1 and param.default is not None:
        _knob(param, form)
        _server_says(param, form)
        return
    whole = is_whole(param)
    st.number_input(
        param.label or param.key,
        min_value=_number(param, param.minimum) if param.minimum is not None else None,
        max_value=_number(param, param.maximum) if param.maximum is not None else None,
        step=_number(param, param.step or 1),
        format="%d" if whole else None,
        key=key_of(param, form),
        placeholder="Not sent",
    )
    _server_says(param, form)


def _server_says(param: ParamSpec, form: str) -> None:
    contract_drift.beside(st.session_state.get(f"{form}_model", DEFAULT_MODEL), param.key, form)


def _knob(param: ParamSpec, form: str) -> None:
    with st.container(gap=None, key=f"knob_{param.key}"):
        st.slider(
            param.label or param.key,
            min_value=0.0,
            max_value=1.0,
            step=param.step or SLIDER_STEP,
            format="%.2f",
            key=key_of(param, form),
        )
        ends = ENDS.get(param.key)
        if ends is not None:
            with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
                for end in ends:
                    st.caption(end, width="content")
        parameter_note.draw(st.session_state.get(f"{form}_model", DEFAULT_MODEL), param.key, form)


def option_label(param: ParamSpec, option: str) -> str:
    """Write an option so that it reads well and still holds the API's own value."""
    if param.key in {"duration", "n_frames"}:
        return f"{option} seconds"
    if option in SHAPES:
        return f"{option} · {SHAPES[option]}"
    return option


def is_whole(param: ParamSpec) -> bool:
    """Tell whether a number parameter takes whole numbers only, as far as its documented range tells."""
    known = [
        bound for bound in (param.minimum, param.maximum, param.step, param.default) if isinstance(bound, int | float)
    ]
    return bool(known) and all(float(bound).is_integer() for bound in known)


def _number(param: ParamSpec, found: object) -> int | float:
    number = float(str(found))
    return int(number) if is_whole(param) else number


def _fits_number(param: ParamSpec, found: object) -> bool:
    if found is None:
        return param.default is None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    return (param.minimum is None or found >= param.minimum) and (param.maximum is None or found <= param.maximum)
