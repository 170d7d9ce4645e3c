"""The shows of this data folder, newest first, and the way to a first one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import direction, formatting, layout, undo
from pages._ui.add_to_show import menu
from pages._ui.components.row_list import row_list
from pages._ui.shows import changing, formatting as show_formatting, query_params, share
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.shows.show import Listed

PAGE_ROWS = 20
LOOKED_AT = 5
"""Among so many of the newest sweeps one is looked for of which a first show can be made."""


def draw(lab: Lab) -> None:
    """Draw the list, or what to begin with when it is empty."""
    shows = lab.shows.list()
    if not shows:
        _empty(lab)
        return
    page = min(max(1, int(st.session_state.get("shows_page", 1))), -(-len(shows) // PAGE_ROWS))
    rows = shows[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    row_list([_row(one) for one in rows], query_params.to_show, key="shows_rows")
    if len(shows) > PAGE_ROWS:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(-(-len(shows) // PAGE_ROWS), key="shows_page")


def delete(show_id: str) -> None:
    """Take a show out of the list, with a way back; a callback."""
    shows = layout.lab().shows
    query_params.to_list()
    try:
        title = shows.get(show_id).title
        was_shared = shows.room.current(show_id) is not None
        shows.delete(show_id)
    except RivyaError as error:  # it was deleted elsewhere
        changing.refuse(error)
        return
    ended = " It is no longer shared." if was_shared else ""
    said = f"Deleted: {direction.within(formatting.excerpt(title, menu.TITLE_SHOWN))}. Its clips stay.{ended}"
    undo.put(changing.BAR, undo.Done(said, lambda: shows.undelete(show_id)))


def _row(one: Listed) -> dict[str, Any]:
    return {
        "id": one.id,
        "href": query_params.editor_link(one.id),
        "name": one.title,
        "poster": "" if one.poster is None else query_params.poster_link(one.id, one.poster),
        "chips": [[badge.label, badge.color] for badge in (*show_formatting.MODES[one.mode], *share.badges(one.id))],
        "parts": {},
        "total": 0,
        "facts": [
            f"{show_formatting.counted(one.slides, 'slide')} · {show_formatting.counted(one.clips, 'clip')}",
            f"made {formatting.clock(one.created_at)}{formatting.by(one.person)}",
            *([f"changed {formatting.clock(one.changed_at)}{formatting.by(one.changed_by)}"] if one.changed_by else []),
        ],
    }


def _empty(lab: Lab) -> None:
    with st.container(border=True, key="shows_empty", gap="small"):
        layout.card_head("Show others what you found")
        st.text(
            "A show holds clips with captions and what came of a sweep: question, votes, decision, cost. It opens full screen "
            "here, and can be handed over. What it says stays as it was when you made it."
        )
        if lab.settings.read_only:
            st.text("No show has been made yet.")
            layout.only_for("Shows.create", "make shows")
            return
        status = _first(lab)
        if status is not None:
            name = direction.within(formatting.excerpt(status.experiment.name, menu.TITLE_SHOWN))
            st.button(
                f"Make a show of {name}",
                icon=":material/slideshow:",
                type="primary",
                key="make_show_first",
                on_click=menu.of_sweep,
                args=(status.id,),
            )
        st.text("Or press “Add to show” on a clip, on a selection in History, or on Compare.")
        with st.container(horizontal=True):
            st.page_link(layout.page_file("history"), label="Choose clips in History", icon=":material/history:")
            st.page_link(layout.page_file("sweep"), label="All sweeps", icon=":material/grid_view:")


def _first(lab: Lab) -> SweepStatus | None:
    """The newest sweep of which a show can be made, a decided one before others."""
    statuses = [lab.sweeps.brief(one.id) for one in lab.sweeps.list(limit=LOOKED_AT)]
    fit = [status for status in statuses if menu.can_make(status)]
    decided = [status for status in fit if status.experiment.decided_at is not None]
    return next(iter(decided or fit), None)
