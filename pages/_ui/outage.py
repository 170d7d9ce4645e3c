"""What a page does while the database does not answer: it says so, keeps what was typed, and comes back by itself."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, time

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages._ui import formatting, layout
from rivya_core.api.errors import RivyaError
from rivya_core.lab.ledger.database import is_outage

LOOK_EVERY_S = 2.0
OUT = formatting.Badge("Cannot be shown now", ":material/cloud_off:", "red")
NOT_SHOWN = "What stands here cannot be read now"
WORDS = "The database does not answer. This part comes back by itself."
_KEPT = "_kept_in_an_outage"
_TYPED = (str, int, float, list, tuple, date, time)


def is_one(error: RivyaError) -> bool:
    """Tell an outage that passes by itself from an error of the page."""
    return is_outage(error)


def card(error: RivyaError) -> None:
    """Draw why a page cannot be shown. It was only read, so nothing is said of charges; of a lost commit the error says all."""
    if error.charged != "no":
        layout.error_card(error)
        return
    with st.container(border=True):
        layout.badge(OUT)
        st.text(error.title)
        st.text(formatting.sentences(NOT_SHOWN, error.hint))


def keep_inputs() -> None:
    """Keep what stands in the widgets until ``put_back``: Streamlit drops what a run does not draw.

    What was pressed or ticked is left out, since Streamlit refuses a value of a button's key.
    """
    found = st.session_state.to_dict().items()
    st.session_state[_KEPT] = {
        key: value for key, value in found if isinstance(value, _TYPED) and not isinstance(value, bool) and key != _KEPT
    }


def put_back() -> None:
    """Put what was kept into the widgets of this run; only a value that is set in the run that draws reaches the browser."""
    for key, value in st.session_state.pop(_KEPT, {}).items():
        with suppress(StreamlitAPIException):
            st.session_state[key] = value


def is_part_of_a_page() -> bool:
    """Tell whether only a part of the page runs now."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and bool(context.fragment_ids_this_run)
