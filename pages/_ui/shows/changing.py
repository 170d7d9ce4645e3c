"""Changes of a show, each with its way back in the bar above."""

from __future__ import annotations

from collections.abc import Callable

from pages._ui import done_bar, frame, words
from pages._ui.done_bar import Done
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows.show import Show

BAR = "shows"


def change(said: str, act: Callable[[], Show]) -> None:
    """Change a show, and offer to take it back; what cannot be done is said in the bar."""
    shows = frame.lab().shows
    try:
        before = act()
    except RivyaError as error:
        refuse(error)
        return
    if shows.get(before.id) != before:
        done_bar.put(BAR, Done(said, lambda: shows.put_back(before)))


def refuse(error: RivyaError) -> None:
    """Say in the bar what could not be done."""
    done_bar.put(BAR, Done(words.sentences(error.title, error.detail, error.hint), None))
