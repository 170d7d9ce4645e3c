"""The query parameter of Shows, and the URLs under which a show is edited, shown and downloaded."""

from __future__ import annotations

import streamlit as st

from pages._ui import addresses
from pages._ui.query_params import SHOW


def opened() -> str | None:
    """The id of the open show, or None."""
    return st.query_params.get(SHOW) or None


def to_show(show_id: str) -> None:
    """Open a show; a callback."""
    st.query_params[SHOW] = show_id


def to_list() -> None:
    """Go back to the list; a callback."""
    st.query_params.pop(SHOW, None)


def editor_link(show_id: str) -> str:
    """Write the address at which a show is edited."""
    return addresses.page("shows", **{SHOW: show_id})


def page_link(show_id: str) -> str:
    """Write the address at which a show is shown."""
    return addresses.show(show_id)


def poster_link(show_id: str, sha256: str) -> str:
    """Write the address of the poster of a clip that a show holds."""
    return addresses.show(show_id, f"posters/{sha256}.jpg")


def file_link(show_id: str, *, originals: bool = False) -> str:
    """Write the address of a show as one file."""
    return addresses.show(show_id, "one-file.html") + ("?originals=1" if originals else "")


def zip_link(show_id: str) -> str:
    """Write the address of a show as a ZIP."""
    return addresses.show(show_id, "show.zip")
