"""The words in the address that History owns beside its filters: the page turned to, the generation that is open."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import streamlit as st

CAP_OF = "cap_of"
"""The word for the sweep whose cap is to be changed; Sweep links to it, Spend reads it."""
SHOW = "show"
"""The word for the show that is open; pages link to it, Shows reads it."""


def opened() -> str | None:
    """Tell which generation the address asks for."""
    return st.query_params.get("id") or None


def open_row(generation_id: str | None) -> None:
    """Put a generation into the address, or take it out; a callback."""
    if generation_id is None:
        st.query_params.pop("id", None)
    else:
        st.query_params["id"] = generation_id


def wanted_page() -> int:
    """Tell which page of the list the address asks for; nonsense is the first."""
    try:
        return max(1, int(st.query_params.get("page", "1")))
    except ValueError:
        return 1


def turn_to(page: int) -> None:
    """Put a page into the address; the first one needs no word. A callback."""
    if page > 1:
        st.query_params["page"] = str(page)
    else:
        st.query_params.pop("page", None)


def sweep_link(experiment_id: str) -> str:
    """Write the address of a sweep's page."""
    return f"/sweep?experiment={quote(experiment_id, safe='')}"


def permanent_link(generation_id: str) -> str:
    """Write the address that opens one generation, on whatever host this page was reached by."""
    here = urlsplit(st.context.url or "")
    root = f"{here.scheme}://{here.netloc}" if here.netloc else ""
    return f"{root}/history?id={quote(generation_id, safe='')}"
