"""The form of a sweep: what is asked, the baseline, what varies. The widgets are the draft while the page is open.

What changed is written to the lab at the end of a run, so a reload, a restart or another page finds it again. Nothing here
starts anything: see ``sweep_start``.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.components.keyboard_submit import keyboard_submit
from pages._ui.components.prompt_counter import prompt_counter
from pages._ui.request_form import contract_drift, fields, settings
from pages._ui.sweep import axes as sweep_axes, images as sweep_images, planned as sweep_planned
from rivya_core import Lab
from rivya_core.api import ModelSpec
from rivya_core.api.differences import PROMPT, REFERENCE_IMAGE
from rivya_core.lab.drafts import drafts, sweep_drafts
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.drafts.sweep_drafts import SweepDraft

FORM = "sweep"
BASE = "base"
MAX_COLUMNS = 2
_SAVED = "_sweep_saved"
_BEFORE = "_sweep_before"
_INSTEAD = "_sweep_model_instead"
MODEL_REPLACED = formatting.Badge("Another model", ":material/warning:", "orange")

PROMPT_HELP = (
    "`{{subject}}` stands for a variable: give its values under Variables. `{dawn|noon|dusk}` lists alternatives in place. "
    "Write a backslash before a brace that is part of the text."
)


def sweep_form(lab: Lab) -> SweepDraft:
    """Draw the form and keep its draft; the draft as it stands now."""
    _open(lab)
    with st.container(key="sweep_form", gap="small"):
        _question()
        spec = _baseline(lab)
        draft = _collect(spec)
        sweep_axes.axes_card(draft, spec, FORM, sweep_planned.planned(lab, draft)[1])
    draft = _collect(spec)
    _keep(lab, draft)
    return draft


def show(lab: Lab, draft: SweepDraft, *, undo: bool = False) -> None:
    """Put a draft into the form and keep it; ``undo``: the present one can be brought back once."""
    before = sweep_drafts.load(lab)
    if undo and not before.is_empty:
        st.session_state[_BEFORE] = before
    else:
        st.session_state.pop(_BEFORE, None)
    st.session_state[_INSTEAD] = formatting.replaced_model(draft.base)
    draft = replace(draft, base=draft.base.in_catalogue())
    sweep_drafts.save(lab, draft)
    _write(lab, draft)


def is_open() -> bool:
    """Tell whether the form's widgets are in the session."""
    return f"{FORM}_prompt" in st.session_state


def _open(lab: Lab) -> None:
    if not is_open():
        _write(lab, sweep_drafts.load(lab))
    if st.session_state.get(_INSTEAD):
        layout.remark(MODEL_REPLACED, st.session_state[_INSTEAD])
    if _BEFORE in st.session_state:
        with st.container(horizontal=True, vertical_alignment="center", key="muted_sweep_undo"):
            st.text("Another sweep was put into the form.", width="content")
            st.button("Undo", icon=":material/undo:", type="tertiary", on_click=_undo, key="sweep_undo")


def _undo() -> None:
    before = st.session_state.get(_BEFORE)
    if before is not None:
        show(layout.lab(), before)


def _write(lab: Lab, draft: SweepDraft) -> None:
    state, base = st.session_state, draft.base
    state[f"{FORM}_name"], state[f"{FORM}_question"] = draft.name, draft.question
    state[f"{FORM}_model"], state[f"{FORM}_prompt"] = base.model, base.prompt
    state[f"{FORM}_takes"], state[f"{FORM}_cap"] = draft.takes, draft.cap_credits
    for param in base.spec.params:
        state[fields.key_of(param, FORM)] = base.values.get(param.key, fields.start(param))
    image = base.image if base.image is not None and drafts.is_here(lab, base.image) else None
    sweep_images.put(BASE, () if image is None else (image,))
    sweep_axes.put(lab, draft)
    state[_SAVED] = replace(draft, base=replace(base, image=image))


def _question() -> None:
    with st.container(border=True, key="sweep_question_card", gap="small"):
        layout.card_head("Question")
        st.text_input("Name", key=f"{FORM}_name", placeholder="Fox: how much guidance?", live=True)
        st.text_input(
            "What do you want to find out?",
            key=f"{FORM}_question",
            placeholder="Does more guidance keep the fox on the path?",
        )


def _baseline(lab: Lab) -> ModelSpec:
    with st.container(border=True, key="sweep_base_card", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header("Baseline", anchor=False, width="content")
            st.button(
                "Copy from Generate",
                icon=":material/content_paste_go:",
                type="tertiary",
                key="sweep_take",
                on_click=_take_from_generate,
                help="Puts the settings of Generate's draft here.",
            )
        spec = settings.choose_model(lab, FORM)
        _prompt(spec)
        _settings(spec)
        if spec.reference is not None and "image" in spec.reference.kinds:
            sweep_images.images_field("Reference image", BASE, several=False)
            contract_drift.beside(spec.id, REFERENCE_IMAGE, FORM)
    return spec


def _settings(spec: ModelSpec) -> None:
    """Draw the parameters that all cells share; what varies keeps its value in case it varies no more."""
    varied = {axis.key for axis in sweep_axes.collect() if axis.kind == "param"}
    for key in (fields.key_of(param, FORM) for param in spec.params if param.key in varied):
        st.session_state[key] = st.session_state.get(key)
    shared = [param for param in spec.params if param.key not in varied]
    settings.parameters(shared, FORM, columns=MAX_COLUMNS)


def _prompt(spec: ModelSpec) -> None:
    with st.container(gap="xxsmall"):
        text = settings.prompt_box(
            FORM,
            help=PROMPT_HELP,
            placeholder="{{subject}} crossing a frozen lake at {dawn|noon}, handheld, soft back light",
        )
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            replaced = any(axis.kind == "prompt" for axis in sweep_axes.collect())
            st.caption(
                "Not used: the prompts listed under Variables stand in its place."
                if replaced
                else "Write {{subject}} for a variable, {dawn|noon} for alternatives.",
                width="content",
            )
            prompt_counter(f"{FORM}_prompt", text, spec.max_prompt_length, key="sweep_prompt_counter")
        contract_drift.beside(spec.id, PROMPT, FORM)
        answers = ["muted_sweep_reasons"]
        keyboard_submit(f"{FORM}_form", None, key="sweep_typed", texts={f"{FORM}_prompt": text}, answers=answers)


def _collect(spec: ModelSpec) -> SweepDraft:
    """Read the form from the session."""
    state = st.session_state
    saved: SweepDraft = state[_SAVED]
    images = sweep_images.kept(BASE)
    base = Draft(
        model=spec.id,
        prompt=state.get(f"{FORM}_prompt") or "",
        values={param.key: fields.value(param, FORM) for param in spec.params},
        image=images[0] if images and spec.reference is not None else None,
    )
    cap = state.get(f"{FORM}_cap")
    return SweepDraft(
        id=saved.id,
        name=(state.get(f"{FORM}_name") or "").strip(),
        question=(state.get(f"{FORM}_question") or "").strip(),
        base=base,
        axes=sweep_axes.collect(),
        paired=sweep_axes.is_paired(),
        takes=int(state.get(f"{FORM}_takes") or 1),
        cap_credits=None if cap is None else int(cap),
        parent_id=saved.parent_id,
        kind=saved.kind,
    )


def _keep(lab: Lab, draft: SweepDraft) -> None:
    """Write the draft when this session changed it; a tab that only looks never overwrites another tab's draft."""
    if draft.same_form(st.session_state[_SAVED]):
        return
    st.session_state[_SAVED] = draft
    sweep_drafts.save(lab, draft)


def _take_from_generate() -> None:
    lab = layout.lab()
    saved: SweepDraft = st.session_state[_SAVED]
    show(lab, replace(saved, base=replace(Draft.from_mapping(lab.draft()), intent=None, takes=1)), undo=True)
