"""Start an experiment, once per draft however often it is pressed, and show why a start was refused."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout
from pages._ui.sweep import query_params as sweep_query_params
from rivya_core.api.errors import RivyaError
from rivya_core.lab.experiments.sweep import Sweep

_REFUSED = "_sweep_refused"
_STARTED = "_sweep_started"


def launch(sweep: Sweep, experiment_id: str, *, only_what_fits: bool = False) -> bool:
    """Start an experiment once and open it: its id was made before the press, so a second press changes nothing.

    False when it was refused (see :func:`refusal`) or was started already.
    """
    refuse(None)
    if st.session_state.get(_STARTED) == experiment_id:
        return False
    try:
        layout.lab().start(sweep, experiment_id=experiment_id, only_what_fits=only_what_fits)
    except RivyaError as error:
        refuse(error)
        return False
    st.session_state[_STARTED] = experiment_id
    sweep_query_params.to_experiment(experiment_id)
    return True


def refuse(error: RivyaError | None) -> None:
    """Keep why a start was refused, or (None) forget it."""
    if error is None:
        st.session_state.pop(_REFUSED, None)
    else:
        st.session_state[_REFUSED] = error


def refusal() -> None:
    """Draw why the last start was refused."""
    refused: RivyaError | None = st.session_state.get(_REFUSED)
    if refused is not None:
        layout.error_card(refused)
