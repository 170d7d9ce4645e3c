"""Files for chats, where pages do not play: a side-by-side video and a contact sheet, made when the link is pressed."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st

from pages._ui import addresses
from rivya_core.lab.shows.show import SIDE_BY_SIDE_MAX

_VIDEO, _SHEET = "side-by-side.mp4", "contact-sheet.png"


def of_clips(ids: Sequence[str], *, key: str) -> None:
    """Draw what chosen clips can be downloaded as."""
    query = [("id", id_) for id_ in ids]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        if len(ids) <= SIDE_BY_SIDE_MAX:
            st.link_button("Side-by-side MP4", addresses.export(_VIDEO, urlencode(query)), icon=":material/movie:")
        st.link_button("Contact sheet", addresses.export(_SHEET, urlencode(query)), icon=":material/grid_on:")
        _note(f"muted_{key}", "For chats; a picture takes a second, a video up to about 15.")


def of_show(show_id: str, *, key: str) -> None:
    """Draw the link to a show's contact sheet."""
    help_ = "One picture of all its clips, for chats."
    st.link_button(
        "Contact sheet",
        addresses.export(_SHEET, urlencode({"show": show_id})),
        icon=":material/grid_on:",
        key=key,
        help=help_,
    )


def of_slide(show_id: str, number: int, clips: int, *, key: str) -> None:
    """Draw the link to the video of a slide, where it has two to four clips."""
    if 1 < clips <= SIDE_BY_SIDE_MAX:
        href = addresses.export(_VIDEO, urlencode({"show": show_id, "slide": str(number)}))
        help_ = "For chats, with labels burned in. Takes up to about 15 seconds."
        st.link_button("Side-by-side MP4", href, icon=":material/movie:", key=key, help=help_)


def _note(key: str, text: str) -> None:
    with st.container(key=key, width="content"):
        st.text(text, width="content")
