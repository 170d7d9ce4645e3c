"""What can be done with a whole show, in one row: open it, hand it over, bring its facts up to date, delete it."""

from __future__ import annotations

import streamlit as st

from pages._ui import chat_files, layout, undo
from pages._ui.shows import changing, list as show_list, query_params, share
from pages._ui.undo import Done
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows.show import Show


def draw(show: Show, *, may_edit: bool) -> None:
    """Draw the row; each way to hand a show over stands in a module of its own."""
    with st.container(horizontal=True, vertical_alignment="center", key="show_actions"):
        st.link_button(
            "Open the show",
            query_params.page_link(show.id),
            icon=":material/open_in_new:",
            type="primary",
            help="In a new tab. Press F there to fill the screen.",
        )
        if may_edit:
            share.button(layout.lab(), show.id)
        chat_files.of_show(show.id, key="show_sheet")
        if may_edit and show.sweep_id is not None:
            st.page_link(
                layout.page_file("vote"),
                label="Ballot and votes",
                icon=":material/ballot:",
                query_params={"experiment": show.sweep_id},
                help="A file with blind pairs for people elsewhere, and where their votes come back.",
            )
        if may_edit:
            st.button(
                "Update the facts",
                icon=":material/sync:",
                key="show_update",
                on_click=_update,
                args=(show.id,),
                help="Votes, decision and cost as they are now. Captions, order and layouts stay.",
            )
        if may_edit and layout.lab().may("Shows.delete"):
            st.button(
                "Delete",
                icon=":material/delete:",
                type="tertiary",
                key="show_delete",
                on_click=show_list.delete,
                args=(show.id,),
            )


def _update(show_id: str) -> None:
    shows = layout.lab().shows
    try:
        updated = shows.update_facts(show_id)
    except RivyaError as error:
        changing.refuse(error)
        return
    if not updated.changes:
        undo.put(changing.BAR, Done("The facts are up to date: nothing has changed.", None))
        return
    changing.offer("\n".join(["Facts updated.", *updated.changes]), updated.before)
