"""What varies: the axes of a sweep, each with its values, and how they are combined."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout
from pages._ui.request_form import fields
from pages._ui.sweep import formatting as sweep_formatting, images as sweep_images, planned as sweep_planned
from rivya_core import Lab
from rivya_core.api import ModelSpec, ParamSpec
from rivya_core.api.errors import RivyaError
from rivya_core.lab.drafts import drafts
from rivya_core.lab.drafts.sweep_drafts import AxisDraft, SweepDraft, named_values
from rivya_core.lab.experiments.axes import INPUTS
from rivya_core.lab.experiments.sweep import MAX_TAKES

GRID, PAIRED = "Full grid", "Paired"

_AXES = "_sweep_axes"
_COMBINE = "sweep_combine"
_ADD = "sweep_add_axis"

EXAMPLES = {
    "prompt": "e.g.\nfox = A red fox crossing a frozen lake at dawn\nheron = A grey heron crossing a frozen lake at dawn",
    "negative_prompt": "e.g.\nnone =\nno text = text, watermark, logo",
    "cfg_scale": "e.g. 0, 0.5, 1",
}


def axes_card(draft: SweepDraft, spec: ModelSpec, form: str, problem: RivyaError | None) -> None:
    """Draw the card of the axes; their values are in the session. ``problem``: why the draft is no sweep yet."""
    with st.container(border=True, key="sweep_axes_card", gap="small"):
        layout.card_head("Variables")
        for axis in _kept():
            _axis(axis, spec, problem)
        _add(draft, spec)
        if len(_kept()) > 1:
            st.segmented_control(
                "Combine",
                [GRID, PAIRED],
                key=_COMBINE,
                required=True,
                help="A full grid makes every combination. Paired takes the first value of each variable, then the second.",
            )
        _takes_and_cap(form)


def put(lab: Lab, draft: SweepDraft) -> None:
    """Show the axes of a draft."""
    st.session_state[_AXES] = tuple(AxisDraft(axis.kind, axis.key) for axis in draft.axes)
    st.session_state[_COMBINE] = PAIRED if draft.paired else GRID
    for axis in draft.axes:
        st.session_state[_key(axis, "text")] = axis.text
        st.session_state[_key(axis, "options")] = list(axis.options)
        st.session_state[_key(axis, "bare")] = axis.bare
        sweep_images.put(axis.id, tuple(image for image in axis.images if drafts.is_here(lab, image)))


def collect() -> tuple[AxisDraft, ...]:
    """Read the axes from the session."""
    state = st.session_state
    return tuple(
        AxisDraft(
            axis.kind,
            axis.key,
            text=state.get(_key(axis, "text")) or "",
            options=tuple(state.get(_key(axis, "options")) or ()),
            images=sweep_images.kept(axis.id) if axis.kind == "image" else (),
            bare=bool(state.get(_key(axis, "bare"))),
        )
        for axis in _kept()
    )


def is_paired() -> bool:
    """Tell whether the axes go side by side instead of crossing."""
    return len(_kept()) > 1 and st.session_state.get(_COMBINE) == PAIRED


def title(name: str, spec: ModelSpec | None = None) -> str:
    """Write an axis for people: an input by its label, as everywhere, and a variable as it stands in the prompt."""
    known = name in INPUTS or (spec is not None and spec.param(name) is not None)
    return sweep_formatting.axis(name) if known else f"{{{{{name}}}}}"


def _kept() -> tuple[AxisDraft, ...]:
    found: tuple[AxisDraft, ...] = st.session_state.get(_AXES, ())
    return found


def _key(axis: AxisDraft, part: str) -> str:
    return f"sweep_axis_{axis.id}_{part}"


def _axis(axis: AxisDraft, spec: ModelSpec, problem: RivyaError | None) -> None:
    values = f"Values of {sweep_formatting.axis(axis.name) if axis.kind != 'variable' else axis.name}"
    with st.container(border=True, key=f"sweep_axis_{axis.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header(title(axis.name, spec), anchor=False, width="content")
            st.button(
                "Remove",
                icon=":material/close:",
                type="tertiary",
                key=_key(axis, "remove"),
                on_click=_remove,
                args=(axis.id,),
                help=f"Stop varying {title(axis.name, spec)}.",
            )
        param = spec.param(axis.key) if axis.kind == "param" else None
        if axis.kind == "image":
            sweep_images.images_field(values, axis.id, several=True)
            st.checkbox("Also without an image", key=_key(axis, "bare"))
        elif axis.kind == "model" or (param is not None and param.type == "select"):
            st.multiselect(
                values,
                [model.id for model in layout.lab().models()] if param is None else list(param.options),
                key=_key(axis, "options"),
                format_func=lambda option: option if param is None else fields.option_label(param, option),
                placeholder="Choose two or more",
            )
        else:
            _typed(axis, param, values)
        if problem is not None and problem.field == axis.name:
            sweep_planned.not_yet([sweep_planned.sentence(problem)], f"sweep_problem_{axis.id}")


def _typed(axis: AxisDraft, param: ParamSpec | None, label: str) -> None:
    number = param is not None and param.type == "number"
    text = st.text_area(
        label,
        key=_key(axis, "text"),
        height=72 if number else 118,
        placeholder=EXAMPLES.get(
            axis.name, "e.g. 1, 2, 3" if number else "e.g.\na red fox\nheron = a grey heron on one leg"
        ),
    )
    many = len(named_values(text or "", commas=number))
    bounds = f", {param.minimum:g} to {param.maximum:g}" if number and param is not None and _bounded(param) else ""
    parted = "One per line, or comma-separated" if number else "One per line; write name = value to name it"
    st.caption(f"{parted}{bounds}. {many} so far." if many else f"{parted}{bounds}.")


def _bounded(param: ParamSpec) -> bool:
    return param.minimum is not None and param.maximum is not None


def _add(draft: SweepDraft, spec: ModelSpec) -> None:
    taken = {axis.id for axis in _kept()}
    offers = [axis for axis in _offers(draft, spec) if axis.id not in taken]
    names = {axis.id: title(axis.name, spec) for axis in offers}
    _variables([axis for axis in offers if axis.kind == "variable"])
    st.selectbox(
        "Add another variable" if taken else "Add a variable",
        list(names),
        index=None,
        key=_ADD,
        format_func=lambda id_: names.get(id_, id_),
        placeholder="Prompt, cfg_scale, {{subject}} …",
        help="A variable is one thing that changes from clip to clip, with its values.",
        on_change=_added,
    )


def _variables(missing: list[AxisDraft]) -> None:
    """Offer an axis for each variable that stands in the prompt without values: nothing can start before it has some."""
    if not missing:
        return
    with st.container(horizontal=True, key="sweep_variables", gap="small"):
        for axis in missing:
            st.button(
                f"Add values for {{{{{axis.name}}}}}",
                icon=":material/add:",
                key=_key(axis, "add"),
                on_click=_put,
                args=(axis.id,),
            )


def _offers(draft: SweepDraft, spec: ModelSpec) -> list[AxisDraft]:
    """All that may vary, variables of the prompt first."""
    offers = [AxisDraft("variable", name) for name in draft.variables]
    offers.append(AxisDraft("prompt"))
    offers += [AxisDraft("param", param.key) for param in spec.params]
    if spec.reference is not None and "image" in spec.reference.kinds:
        offers.append(AxisDraft("image"))
    return [*offers, AxisDraft("model")]


def _added() -> None:
    chosen = st.session_state.get(_ADD)
    st.session_state[_ADD] = None
    if chosen is not None:
        _put(str(chosen))


def _put(axis_id: str) -> None:
    kind, _, key = axis_id.partition(":")
    st.session_state[_AXES] = (*_kept(), AxisDraft(kind, key))  # type: ignore[arg-type]  # an id that _offers made


def _remove(axis_id: str) -> None:
    for axis in _kept():
        if axis.id == axis_id:
            for part in ("text", "options", "bare"):
                st.session_state.pop(_key(axis, part), None)
            sweep_images.put(axis.id, ())
    st.session_state[_AXES] = tuple(axis for axis in _kept() if axis.id != axis_id)


def _takes_and_cap(form: str) -> None:
    left, right = st.columns(2, gap="small")
    with left:
        st.number_input(
            "Takes per combination",
            min_value=1,
            max_value=MAX_TAKES,
            step=1,
            key=f"{form}_takes",
            help="The model has no seed: two takes of the same request differ. Four are the fewest that can show a clear difference.",
        )
    with right:
        st.number_input(
            "Credit cap",
            min_value=0,
            step=160,
            value=None,
            key=f"{form}_cap",
            placeholder="No limit",
            help="The most this sweep may ever hold or spend, repairs included.",
        )
