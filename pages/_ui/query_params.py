"""Query parameters that pages share or link to, and those of History beside its filters: its page and the open generation."""

from __future__ import annotations

import streamlit as st

from pages._ui import addresses

CAP_OF = "cap_of"
"""Parameter of the sweep whose cap is to be changed; Sweep links with it, Spend reads it."""
SHOW = "show"
"""Parameter of the open show; pages link with it, Shows reads it."""


def opened() -> str | None:
    """The id of the open generation, or None."""
    return st.query_params.get("id") or None


def open_row(generation_id: str | None) -> None:
    """Set the open generation, or None; a callback."""
    if generation_id is None:
        st.query_params.pop("id", None)
    else:
        st.query_params["id"] = generation_id


PAGE_MAX = 1_000_000


def wanted_page() -> int:
    """The page of the list, from 1; an invalid one is 1."""
    try:
        return min(max(1, int(st.query_params.get("page", "1"))), PAGE_MAX)
    except ValueError:
        return 1


def turn_to(page: int) -> None:
    """Set the page of the list; the first one has no parameter. A callback."""
    if page > 1:
        st.query_params["page"] = str(page)
    else:
        st.query_params.pop("page", None)


def sweep_link(experiment_id: str) -> str:
    """The address of a sweep on this host."""
    return addresses.page("sweep", experiment=experiment_id)


def permanent_link(generation_id: str) -> str:
    """The absolute URL that opens one generation, on the host by which this page was reached."""
    return addresses.absolute(addresses.page("history", id=generation_id))
