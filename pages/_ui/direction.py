"""Right-to-left texts of people: drawn in their own direction wherever they stand, in a page that keeps its own."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final

import streamlit as st

_FOLDER: Final = Path(__file__).parent
_PAGE: Final = _FOLDER / "direction.css"
COMPONENT_CSS: Final = (_FOLDER / "components_direction.css").read_text(encoding="utf-8")
"""For components of ours that draw texts of people; a page's rules do not reach into them."""

_RIGHT_TO_LEFT: Final = ("R", "AL")
_TURNING: Final = frozenset({*_RIGHT_TO_LEFT, "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI"})
_OPEN, _CLOSE = "\N{RIGHT-TO-LEFT ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_OPEN_BY_ITSELF = "\N{FIRST STRONG ISOLATE}"


def apply() -> None:
    """Add the rules to the page."""
    st.html(_PAGE)


def isolated(text: str) -> str:
    """Mark a right-to-left text for a table that is painted and knows no rules of style; others stay as they are."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    first = next((kind for kind in kinds if kind in {"L", *_RIGHT_TO_LEFT}), "L")
    return f"{_OPEN}{text}{_CLOSE}" if first in _RIGHT_TO_LEFT else text


def within(text: str) -> str:
    """Keep a person's text together inside a line of ours: what stands before or after it is not drawn among its words."""
    if not any(unicodedata.bidirectional(character) in _TURNING for character in text):
        return text
    return f"{_OPEN_BY_ITSELF}{text}{_CLOSE}"
