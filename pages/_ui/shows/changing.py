"""Changes of a show, each with undo in the line above; further typing in one field is the same change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from pages._ui import formatting, layout, undo
from pages._ui.undo import Done
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows.show import Show

BAR = "shows"

_LAST = "_shows_last"


@dataclass(frozen=True, slots=True)
class _Step:
    """The last change: ``about`` tells which field, "" for none; the show before and after."""

    about: str
    before: Show
    after: Show


def change(said: str, act: Callable[[], Show], *, about: str = "", typed: str = "") -> None:
    """Change a show, and offer to take it back; what cannot be done is said, with what was ``typed`` when its field is gone."""
    try:
        before = act()
        offer(said, before, about=about)
    except RivyaError as error:
        refuse(error, f"You had typed: {typed}" if typed and error.field in {"slide", "id"} else "")


def offer(said: str, before: Show, *, about: str = "") -> None:
    """Say what was done to a show that was ``before``, and offer to take it back; nothing where it did not change."""
    after = layout.lab().shows.get(before.id)
    if after == before:
        return
    last: _Step | None = st.session_state.get(_LAST)
    if about and last is not None and last.about == about and last.after == before:
        before = last.before
    st.session_state[_LAST] = _Step(about, before, after)
    undo.put(BAR, Done(said, lambda: _take_back(before, after, "Redo")))


def row() -> None:
    """Draw what was done last and its way back, in one line that is always there: nothing below it moves."""
    done = undo.told(BAR)
    with st.container(key="muted_shows_done"):
        st.text("Changes are saved as you make them." if done is None else done.said)
    label = "Undo" if done is None else done.label
    st.button(
        label,
        icon=f":material/{label.lower()}:",
        key="shows_manage_undo",
        disabled=done is None or done.undo is None,
        on_click=undo.undo,
        args=(BAR,),
    )


def refuse(error: RivyaError, more: str = "") -> None:
    """Say what could not be done."""
    undo.put(BAR, Done(formatting.sentences(error.title, error.detail, error.hint, more), None))


def _take_back(before: Show, after: Show, again: Literal["Undo", "Redo"]) -> None:
    """Take back what led from one to the other; what was done elsewhere since stays. ``again``: the word for the other way."""
    shows = layout.lab().shows
    st.session_state.pop(_LAST, None)
    try:
        found = shows.put_back(before, after)
        now = shows.get(before.id)
    except RivyaError as error:
        refuse(error)
        return
    said = "Undone." if again == "Redo" else "Done again."
    other: Literal["Undo", "Redo"] = "Undo" if again == "Redo" else "Redo"
    undo.put(BAR, Done(said, lambda: _take_back(found, now, other), again))
