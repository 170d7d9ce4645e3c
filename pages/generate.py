"""Generate: write a request on the left, follow and play what comes of it on the right."""

from __future__ import annotations

import streamlit as st

from pages._ui import actions, cards, request_form, results
from pages._ui.frame import open_page

lab = open_page(
    "Generate", "Describe the shot. You can close this tab: the work goes on and the clips are kept here.", spends=True
)

left, right = st.columns([5, 7], gap="medium")
with left:
    request_form.request_form(lab)
with right:
    results.announce(lab)
    actions.repeat_answer(lab)
    results.in_progress(lab)
    pause = lab.pause()
    if pause is not None:
        cards.pause_card(pause)
    results.failures(lab)
    results.clips(lab)
