"""The chosen slide of a show: what it says, its caption, its layout, and out with it."""

from __future__ import annotations

import streamlit as st

from pages._ui import chat_files, formatting, layout
from pages._ui.components.keyboard_submit import keyboard_submit
from pages._ui.shows import changing, formatting as show_formatting
from pages._ui.shows.field import field, trouble, was_stored
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows import slides
from rivya_core.lab.shows.edits import CAPTION_MAX, check_caption
from rivya_core.lab.shows.show import Show, Slide


def draw(show: Show, slide: Slide) -> None:
    """Draw the fields of a slide."""
    place = show.slides.index(slide) + 1
    told = slides.tell(show, slide)
    name = f"{show.id}_{slide.number}"
    layout.card_head(f"Slide {place} of {len(show.slides)}")
    with st.container(key="story_slide", gap="xxsmall"):
        for line in (formatting.excerpt(told.heading, 160), *(formatting.excerpt(line, 240) for line in told.text)):
            if line:
                st.text(line)
    caption = f"show_caption_{name}"
    field(
        caption,
        slide.caption,
        lambda key, default: st.text_area(
            "Caption",
            value=default,
            key=key,
            height=96,
            placeholder="What others should see here",
            help=f"At most {CAPTION_MAX} characters. Saved while you type.",
            on_change=_caption,
            args=(show.id, slide.number, caption),
        ),
        check=check_caption,
        store=lambda: _caption(show.id, slide.number, caption),
    )
    layouts = slides.layouts(slide)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        if len(layouts) > 1:
            key = f"show_layout_{name}"
            st.session_state[key] = slide.layout
            st.segmented_control(
                "Layout",
                layouts,
                key=key,
                required=True,
                format_func=lambda one: show_formatting.LAYOUTS[one],
                on_change=_layout,
                args=(show.id, slide.number, key),
            )
        st.button(
            "Remove slide",
            icon=":material/delete:",
            key=f"show_remove_{name}",
            on_click=_remove,
            args=(show.id, slide.number),
        )
    chat_files.of_slide(show.id, slide.number, len(slide.clips), key=f"show_video_{name}")
    keyboard_submit("show_slide", None, key="show_typed")


def _caption(show_id: str, number: int, key: str) -> None:
    text = str(st.session_state.get(key) or "")
    if trouble(text, check_caption):
        return  # the field says why
    shows = layout.lab().shows
    said = "Caption changed."
    there = _now(show_id, number)
    if there and there.caption not in {was_stored(key), check_caption(text)}:
        said = "Caption changed. It was changed elsewhere too: Undo brings that text back."
    changing.change(said, lambda: shows.caption(show_id, number, text), about=key, typed=text)


def _now(show_id: str, number: int) -> Slide | None:
    try:
        return layout.lab().shows.get(show_id).slide(number)
    except RivyaError:
        return None


def _layout(show_id: str, number: int, key: str) -> None:
    layout = st.session_state.get(key)
    if layout is not None:
        changing.change("Layout changed.", lambda: layout.lab().shows.set_layout(show_id, number, layout))


def _remove(show_id: str, number: int) -> None:
    changing.change("Slide removed.", lambda: layout.lab().shows.remove(show_id, number))
