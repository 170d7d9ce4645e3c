"""The part of the address bar that History owns beside its filters: which generation is open, and the link to it."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import streamlit as st


def opened() -> str | None:
    """Tell which generation the address asks for."""
    return st.query_params.get("id") or None


def open_row(generation_id: str | None) -> None:
    """Put a generation into the address, or take it out; a callback."""
    if generation_id is None:
        st.query_params.pop("id", None)
    else:
        st.query_params["id"] = generation_id


def permanent_link(generation_id: str) -> str:
    """Write the address that opens one generation, on whatever host this page was reached by."""
    here = urlsplit(st.context.url or "")
    root = f"{here.scheme}://{here.netloc}" if here.netloc else ""
    return f"{root}/history?id={quote(generation_id, safe='')}"
