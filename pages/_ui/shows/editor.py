"""One show, being edited: its title, what can be done with it, the chosen slide, and all slides beside it."""

from __future__ import annotations

import streamlit as st

from pages._ui import direction, formatting, layout
from pages._ui.components.slide_list import Press, SlideRow, slide_list
from pages._ui.shows import actions, changing, download, formatting as show_formatting, query_params, share, slide
from pages._ui.shows.field import field, trouble
from rivya_core import Lab
from rivya_core.lab.shows import slides
from rivya_core.lab.shows.edits import check_title
from rivya_core.lab.shows.show import Show, Slide

PICTURED_MAX = 9

_CHOSEN = "_shows_slide"


def draw(lab: Lab, show: Show) -> None:
    """Draw the editor, or, on a read-only server, what there is to see."""
    may_edit = not lab.settings.read_only
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="shows_bar"):
        back()
        if may_edit:
            changing.row()
    if may_edit:
        share.draw(lab, show.id)
    _head(show, may_edit=may_edit)
    chosen = _chosen(show)
    if not show.slides:
        st.text("No slide is left. Undo, or add clips from History, Compare or a clip.")
        return
    if not may_edit:
        _slides(show, chosen, may_edit=False)
        return
    left, right = st.columns([5, 6], gap="medium")
    with left, st.container(key="show_slide", border=True, gap="small"):
        if chosen is not None:
            slide.draw(show, chosen)
    with right:
        _slides(show, chosen, may_edit=True)


def back() -> None:
    """Draw the way back to the list."""
    st.button(
        "All shows", icon=":material/arrow_back:", type="tertiary", key="shows_back", on_click=query_params.to_list
    )


def _head(show: Show, *, may_edit: bool) -> None:
    with st.container(border=True, key="show_head", gap="small"):
        if may_edit:
            _title(show)
        else:
            st.header(direction.within(show.title), anchor=False)
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="muted_show_facts"
        ):
            told = [
                show_formatting.counted(len(show.slides), "slide"),
                show_formatting.counted(len(show.clips), "clip"),
                f"facts as of {formatting.clock(show.facts.made_at)}",
            ]
            st.text(" · ".join(told), width="content")
            with st.container(horizontal=True, gap="small", width="content"):
                for badge in show_formatting.MODES[show.mode]:
                    layout.badge(badge)
        actions.draw(show, may_edit=may_edit)
        download.draw(show, may_edit=may_edit)


def _title(show: Show) -> None:
    key = f"show_title_{show.id}"
    field(
        key,
        show.title,
        lambda name, default: st.text_input(
            "Title", value=default, key=name, live="400ms", on_change=_rename, args=(show.id, key)
        ),
        check=check_title,
        store=lambda: _rename(show.id, key),
    )


def _slides(show: Show, chosen: Slide | None, *, may_edit: bool) -> None:
    slide_list(
        [_row(show, one) for one in show.slides],
        chosen=None if chosen is None else chosen.number,
        may_edit=may_edit,
        on_press=lambda press: _pressed(show.id, press),
        key=f"show_slides_{show.id}",
    )


def _row(show: Show, one: Slide) -> SlideRow:
    told = slides.tell(show, one)
    marked = show.mode == "mixed"
    return {
        "id": str(one.number),
        "heading": told.heading,
        "caption": one.caption,
        "lines": [line for line in told.text[:2] if line],
        "kind": show_formatting.LAYOUTS[one.layout],
        "posters": [
            {
                "src": query_params.poster_link(show.id, key),
                "label": show.clips[key].label,
                "mark": show.clips[key].mode.upper() if marked else "",
            }
            for key in one.clips[:PICTURED_MAX]
        ],
        "more": max(0, len(one.clips) - PICTURED_MAX),
    }


def _chosen(show: Show) -> Slide | None:
    """The slide that is edited: the one that was chosen, else the first."""
    found = show.slide(int(st.session_state.get(_CHOSEN, {}).get(show.id, 0)))
    return found or next(iter(show.slides), None)


def _pressed(show_id: str, press: Press) -> None:
    st.session_state[_CHOSEN] = {show_id: press.number}
    if press.act == "choose":
        return
    by = -1 if press.act == "up" else 1
    changing.change("Slide moved.", lambda: layout.lab().shows.move(show_id, press.number, by))


def _rename(show_id: str, key: str) -> None:
    title = str(st.session_state.get(key) or "")
    if not trouble(title, check_title):  # else its field says why
        changing.change("Title changed.", lambda: layout.lab().shows.rename(show_id, title), about=key, typed=title)
