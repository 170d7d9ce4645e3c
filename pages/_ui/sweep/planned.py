"""What the draft of a sweep would become: expanded once for each form of it, or the sentence that says why not."""

from __future__ import annotations

import re

import streamlit as st

from pages._ui import formatting
from pages._ui.sweep import formatting as sweep_formatting, launch as sweep_launch
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.drafts.sweep_drafts import SweepDraft
from rivya_core.lab.experiments.sweep import Sweep

_PLAN = "_sweep_plan"
_RULE = re.compile(r"(must|has|have|is|are|holds?|stands|needs?|takes?|makes|goes)\b")

FIELDS = {
    "prompt": "The prompt",
    "negative_prompt": "The negative prompt",
    "reference_image": "The reference image",
    "name": "The name",
    "question": "The question",
    "takes": "Takes per combination",
    "cap_credits": "The credit cap",
    "axes": "The variables",
}
"""What a sentence calls an input that has no label of its own."""


def planned(lab: Lab, draft: SweepDraft) -> tuple[Sweep | None, RivyaError | None]:
    """Expand the draft: the sweep, or why there is none."""
    known: tuple[SweepDraft, Sweep | None, RivyaError | None] | None = st.session_state.get(_PLAN)
    if known is not None and known[0] == draft:
        return known[1], known[2]
    sweep_launch.refuse(None)
    try:
        found: tuple[Sweep | None, RivyaError | None] = (sweep_drafts.to_sweep(lab, draft), None)
    except RivyaError as error:
        found = (None, error)
    st.session_state[_PLAN] = (draft, *found)
    return found


def sentence(problem: RivyaError | None) -> str:
    """Write a refusal for people: its input by the name it has on the page."""
    if problem is None:
        return ""
    said, field = problem.detail or problem.title, problem.field or ""
    rule = said.removeprefix(f"{field}: ")
    if field and rule != said:
        name = FIELDS.get(field) or sweep_formatting.axis(field)
        said = f"{name} {rule}" if _RULE.match(rule) else f"{name}: {rule}"
    return formatting.sentences(said, problem.hint)


def not_yet(reasons: list[str], key: str) -> None:
    """Draw why something cannot start; nothing without a reason."""
    if reasons:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"muted_{key}"):
            st.badge("Before you can start", icon=":material/info:", color="orange")
            st.text(" ".join(reasons))
