"""The words in the address that Sweep owns: the experiment that is open, or the form; and which tab is in front."""

from __future__ import annotations

import streamlit as st

TABS = ("Grid", "Verdict", "Decision")
TAB = "view"


def opened() -> str | None:
    """Tell which experiment the address asks for."""
    return st.query_params.get("experiment") or None


def composes() -> bool:
    """Tell whether the address asks for the form."""
    return bool(st.query_params.get("new"))


def to_list() -> None:
    """Go to the list. A callback, like the others here, or called before anything is drawn again."""
    _go()


def to_form() -> None:
    """Go to the form."""
    _go(new="1")


def to_tab(tab: str) -> None:
    """Bring another tab of the open experiment to the front."""
    st.session_state[TAB] = tab


def to_experiment(experiment_id: str) -> None:
    """Open an experiment at its grid."""
    _go(experiment=experiment_id)


def _go(**wanted: str) -> None:
    if TAB in st.session_state:
        st.session_state[TAB] = TABS[0]  # bound to the address, which may not be cleared by hand
    for name in ("experiment", "new"):
        if name in wanted:
            st.query_params[name] = wanted[name]
        else:
            st.query_params.pop(name, None)
