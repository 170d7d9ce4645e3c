"""What is known of a parameter, below its field: what a probe measured here, else that its effect is in doubt."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, layout
from rivya_core.lab.evaluation.verdicts import ParameterNote
from rivya_core.lab.experiments.parameter_notes import IN_DOUBT
from rivya_core.mode_words import ModeWord

DOUBT = "May have no effect on this model."
HERE = "May have no effect on this model. Add it as a variable to get a quick test beside the price."
SWEEP = "sweep"
WHERE: dict[ModeWord, str] = {
    "live": "Measured here",
    "simulated": "Measured here in the simulator",
    "replay": "Measured here in a replay",
}


def draw(model: str, param: str, form: str) -> None:
    """Draw one muted line below a parameter; nothing where its effect is neither doubted nor measured."""
    lab = layout.lab()
    found = lab.verdicts.knob(model, param)
    if found is None and (model, param) not in IN_DOUBT:
        return
    with st.container(key=f"muted_knob_{form}_{param}", gap=None):
        if found is None:
            _doubt(form)
            return
        st.text(sentence(found, lab.mode_word))
        st.page_link(
            layout.page_file("sweep"),
            label="How it was measured",
            icon=":material/straighten:",
            query_params={"experiment": found.experiment_id, "view": "Verdict"},
        )


def _doubt(form: str) -> None:
    """Say that the effect of the parameter is unknown, and link to a test of it."""
    if form == SWEEP:
        st.text(HERE)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"doubt_{form}"):
        st.text(DOUBT, width="content")
        st.page_link(layout.page_file("sweep"), label="Test it in a sweep", width="content")


def sentence(found: ParameterNote, word: ModeWord) -> str:
    """Say what was measured, when, and that it was only simulated where it was."""
    return f"{WHERE[word]} on {formatting.day(formatting.local(found.at).date())}: {found.words}."
