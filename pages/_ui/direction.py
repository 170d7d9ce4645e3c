"""Right-to-left texts of people: drawn in their own direction wherever they stand, in a page that keeps its own."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final

import streamlit as st

from rivya_core.api.texts import unturned

_FOLDER: Final = Path(__file__).parent
_PAGE: Final = _FOLDER / "direction.css"
COMPONENT_CSS: Final = (_FOLDER / "components_direction.css").read_text(encoding="utf-8")
"""For components of ours that draw texts of people; a page's rules do not reach into them."""

_TURNING: Final = frozenset({"R", "AL", "AN"})
_OPEN, _CLOSE = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def apply() -> None:
    """Add the rules to the page."""
    st.html(_PAGE)


def within(text: str) -> str:
    """Keep a person's text together inside a line of ours: what stands before or after it is not drawn among its words.

    Characters that would turn more than their own text around, or end what keeps it together, are left out.
    """
    text = unturned(text)
    if not any(unicodedata.bidirectional(character) in _TURNING for character in text):
        return text
    return f"{_OPEN}{text}{_CLOSE}"
