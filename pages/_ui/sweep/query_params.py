"""Query parameters of Sweep: the open experiment or the form, and the selected tab."""

from __future__ import annotations

import streamlit as st

TABS = ("Grid", "Verdict", "Decision")
TAB = "view"


def opened() -> str | None:
    """The id of the open experiment, or None."""
    return st.query_params.get("experiment") or None


def composes() -> bool:
    """Whether the form is open."""
    return bool(st.query_params.get("new"))


def to_list() -> None:
    """Go to the list. A callback, like the others here, or called before anything is drawn again."""
    _go()


def to_form() -> None:
    """Go to the form."""
    _go(new="1")


def to_tab(tab: str) -> None:
    """Select another tab of the open experiment."""
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
