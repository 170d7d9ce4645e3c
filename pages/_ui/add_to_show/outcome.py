"""The result of Add to show, shown where it was pressed: the show, a link to it, and Undo."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.query_params import SHOW
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows.show import Show

_ADDED = "_shows_added"


@dataclass(frozen=True, slots=True)
class Added:
    """One result. ``said``: its sentence; ``before`` and ``after``: the show that clips went into, None where none did."""

    said: str
    before: Show | None = None
    after: Show | None = None


def put(place: str, added: Added) -> None:
    """Show this result at ``place``, and at no other place any more."""
    st.session_state[_ADDED] = (place, added)


def draw(place: str) -> None:
    """Draw the result of the last press at this place, until it is closed."""
    with st.container(key=f"slot_added_{place}"):
        known, added = st.session_state.get(_ADDED, ("", None))
        if added is None or known != place:
            return
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"added_{place}"):
            st.text(added.said, width="stretch")
            if added.after is not None:
                st.page_link(
                    layout.page_file("shows"),
                    label="Open the show",
                    icon=":material/slideshow:",
                    query_params={SHOW: added.after.id},
                )
                st.button("Undo", icon=":material/undo:", key=f"added_{place}_undo", on_click=_undo, args=(place,))
            st.button("Close", type="tertiary", key=f"added_{place}_close", on_click=_forget)


def _undo(place: str) -> None:
    _, added = st.session_state.get(_ADDED, ("", None))
    if added is None or added.before is None:
        return
    try:
        layout.lab().shows.put_back(added.before, added.after)
        put(place, Added("Taken out of the show again."))
    except RivyaError as error:
        put(place, Added(formatting.sentences(error.title, error.detail, error.hint)))


def _forget() -> None:
    st.session_state.pop(_ADDED, None)
