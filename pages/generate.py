"""Generate: write a request on the left, follow and play what comes of it on the right."""

from __future__ import annotations

import streamlit as st

from pages._ui import double_click, replay_card
from pages._ui.app_shell.open_page import open_page
from pages._ui.generate import results
from pages._ui.request_form import form

lab = open_page("Generate", "Describe the shot. It keeps rendering if you close this tab.", spends=True)

replay_card.draw(lab)
left, right = st.columns([5, 7], gap="medium")
with left:
    form.request_form(lab)
with right:
    results.draw(lab)
double_click.drawn()
