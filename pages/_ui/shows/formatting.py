"""The wording of shows: layouts, modes and counts."""

from __future__ import annotations

from pages._ui import formatting
from pages._ui.formatting import Badge
from rivya_core.lab.shows.show import Layout
from rivya_core.mode_words import ShownMode

LAYOUTS: dict[Layout, str] = {
    "title": "Title",
    "clip": "Clip",
    "pair": "Side by side",
    "grid": "Grid",
    "finding": "Finding",
    "decision": "Decision",
}

MODES: dict[ShownMode, tuple[Badge, ...]] = {
    "simulated": (formatting.SIMULATED_SHORT,),
    "live": (formatting.LIVE,),
    "replay": (formatting.REPLAY,),
    "mixed": (formatting.LIVE, formatting.SIMULATED_SHORT),
}


def counted(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")
