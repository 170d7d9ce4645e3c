"""The slides of a show as small pictures in their order; one is chosen, and buttons move it up and down.

In: ``slides`` (:class:`SlideRow`), ``chosen`` and ``mayEdit``. Out: the trigger ``act`` (``act``, ``number``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypedDict

import streamlit as st

from pages._ui.components import component

_component = component("slide_list", shared=("dom",))


class Poster(TypedDict):
    """The picture of a clip; ``mark``: SIMULATED or LIVE where a show holds both."""

    src: str
    label: str
    mark: str


class SlideRow(TypedDict):
    """One slide, in words. ``id``: its number in the show; ``more``: clips beyond those that are pictured."""

    id: str
    heading: str
    caption: str
    lines: Sequence[str]
    kind: str
    posters: Sequence[Poster]
    more: int


class Press(NamedTuple):
    """What was asked for: a slide was chosen, or is to move."""

    act: Literal["choose", "up", "down"]
    number: int


def slide_list(
    slides: Sequence[SlideRow], *, chosen: int | None, may_edit: bool, on_press: Callable[[Press], None], key: str
) -> None:
    """Draw the slides; ``on_press`` is called before the page is drawn again."""

    def pressed() -> None:
        asked = getattr(st.session_state.get(key), "act", None)
        if isinstance(asked, dict) and asked.get("act") in {"choose", "up", "down"}:
            on_press(Press(asked["act"], int(asked.get("number", 0))))

    data = {"slides": list(slides), "chosen": "" if chosen is None else str(chosen), "mayEdit": may_edit}
    _component(key=key, data=data, on_act_change=pressed)
