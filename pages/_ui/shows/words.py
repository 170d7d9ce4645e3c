"""The words of shows, so that list, editor and the ways into a show say the same thing."""

from __future__ import annotations

from pages._ui import words
from pages._ui.words import Badge
from rivya_core.lab.shows.show import Layout, ShownMode

LAYOUTS: dict[Layout, str] = {
    "title": "Title",
    "clip": "Clip",
    "pair": "Side by side",
    "grid": "Grid",
    "finding": "Finding",
    "decision": "Decision",
}

MODES: dict[ShownMode, tuple[Badge, ...]] = {
    "simulated": (words.SIMULATED_SHORT,),
    "live": (words.LIVE,),
    "replay": (words.REPLAY,),
    "mixed": (words.LIVE, words.SIMULATED_SHORT),
}


def counted(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")
