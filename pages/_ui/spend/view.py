"""What Spend shows: the mode and the days, both in the address; and the words that all its parts use."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple
from urllib.parse import urlencode

import streamlit as st

from pages._ui import addresses, formatting
from rivya_core import Lab, local_time
from rivya_core.lab.spending.spending_records import Days
from rivya_core.mode_words import ModeWord, mode_word
from rivya_core.settings import Mode

MODES: Final[tuple[Mode, ...]] = ("live", "simulated")
LENGTHS: Final = {"today": 1, "7 days": 7, "30 days": 30, "all": None}
USUAL: Final = "30 days"


class View(NamedTuple):
    """One mode, what it is called here, and some days."""

    mode: Mode
    word: ModeWord
    days: Days
    words: str

    @property
    def unit(self) -> str:
        """What is counted: a figure is never without it."""
        return f"{self.word} credits"


def choose(lab: Lab) -> View:
    """Draw the two switches and the export, and say what was chosen."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="spend_filters", gap="medium"):
        mode = lab.mode
        if lab.cassettes.playing is None:  # a replay has nothing else
            mode = st.segmented_control(
                "Credits", MODES, default=lab.mode, key="mode", bind="query-params", required=True, width="content"
            )
        length = st.segmented_control(
            "Days", list(LENGTHS), default=USUAL, key="days", bind="query-params", required=True, width="content"
        )
        chosen = _view(mode, mode_word(mode, lab.connection), length)
        st.link_button(
            "CSV",
            export_address(chosen),
            icon=":material/download:",
            help="Every credit movement of these days, one a line",
            key="export_spend",
        )
    return chosen


def _view(mode: Mode, word: ModeWord, length: str) -> View:
    count = LENGTHS.get(length, LENGTHS[USUAL])
    today = local_time.today()
    first = None if count is None else today - timedelta(days=count - 1)
    said = {"today": "today", "all": "so far"}.get(length, f"in the last {length}")
    return View(mode, word, Days(first), said)


def export_address(view: View) -> str:
    """Write the address of the movements of a view."""
    pairs: list[tuple[str, str]] = [("mode", view.mode)]
    if view.days.first is not None:
        pairs.append(("since", view.days.first.isoformat()))
    return addresses.export("spend.csv", urlencode(pairs))


def number(credits: int) -> str:  # noqa: A002 - Rivya's word
    """Write a bare figure, with nothing for none."""
    return f"{credits:,}"


def day_words(day: date) -> str:
    """Write a day of a list."""
    today = local_time.today()
    return "Today" if day == today else formatting.day(day)
