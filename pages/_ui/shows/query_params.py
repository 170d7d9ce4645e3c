"""The query parameter of Shows, and the URLs under which a show is edited, shown and downloaded."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

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
    return f"/shows?{SHOW}={quote(show_id, safe='')}"


def page_link(show_id: str) -> str:
    """Write the address at which a show is shown."""
    return f"/show/{quote(show_id, safe='')}"


def poster_link(show_id: str, sha256: str) -> str:
    """Write the address of the poster of a clip that a show holds."""
    return f"{page_link(show_id)}/posters/{sha256}.jpg"


def file_link(show_id: str, *, originals: bool = False) -> str:
    """Write the address of a show as one file."""
    return f"{page_link(show_id)}/one-file.html" + ("?originals=1" if originals else "")


def zip_link(show_id: str) -> str:
    """Write the address of a show as a ZIP."""
    return f"{page_link(show_id)}/show.zip"
