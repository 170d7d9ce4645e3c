"""What a theme token cannot say on History: one thing at a time on a narrow screen, and words that start large.

The rules stand in the style sheets of this folder, never built from data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st

NARROW_PX = 1023
"""Below, a table has no room beside the open generation. The style sheets here and ``history_rows`` know it too."""

_FOLDER = Path(__file__).parent
_ALWAYS = _FOLDER / "style.css"
_NARROW = {"list": _FOLDER / "narrow_list.css", "detail": _FOLDER / "narrow_detail.css"}
_NO_FILTERS = _FOLDER / "no_filters.css"


def without_filters() -> None:
    """Take the filters out of sight while there is nothing to filter."""
    st.html(_NO_FILTERS)


def narrow_screen_shows(which: Literal["list", "detail"]) -> None:
    """Let a narrow screen show the list or the open generation; a wide one shows both."""
    st.html(_ALWAYS)
    st.html(_NARROW[which])
