"""What a theme token cannot say on History: one thing at a time on a narrow screen, and words that start large.

Constant strings only.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st

NARROW_PX = (
    1023  # below, a table has no room beside the open generation; history_rows/component.css and .js know it too
)


def _hide(*keys: str) -> str:
    """Hide containers together with the gap around them."""
    return ", ".join(f'[data-testid="stLayoutWrapper"]:has(> .st-key-{key})' for key in keys) + " { display: none; }"


def _hide_column(key: str) -> str:
    """Hide a whole column, so that its neighbour takes the width."""
    return f'[data-testid="stColumn"]:has(.st-key-{key}) {{ display: none; }}'


def _narrow(rules: str) -> str:
    return f"@media (max-width: {NARROW_PX}px) {{ {rules} }}"


def _wide(rules: str) -> str:
    return f"@media (min-width: {NARROW_PX}.02px) {{ {rules} }}"


_ALWAYS = (
    ".st-key-state button p::first-letter, .st-key-mode button p::first-letter, .st-key-view button p::first-letter"
    " { text-transform: uppercase; }"
    # pills are lower than the fields beside them, so that the labels would stand at two heights
    ".st-key-history_filters button[data-variant=pills] { min-height: 2.5rem; }"
    '[data-testid="stLayoutWrapper"]:has(> .st-key-undo_bar:empty) { display: none; }'
    # the open generation stays in sight beside a long table, and scrolls in itself when it is taller than the window
    + _wide(
        _hide("history_back")
        + '[data-testid="stColumn"]:has(.st-key-history_detail) { position: sticky; top: 4rem; align-self: flex-start;'
        " max-height: calc(100vh - 4.5rem); overflow-y: auto; scrollbar-width: thin; }"
    )
    + _narrow(_hide("detail_unlisted"))
)
_LIST = _narrow(_hide_column("history_detail"))
_DETAIL = _narrow(_hide_column("history_browse") + _hide("history_filters"))


_NO_FILTERS = _hide("history_filters", "history_count")


def without_filters() -> None:
    """Take the filters out of sight while there is nothing to filter."""
    st.html(f"<style>{_NO_FILTERS}</style>")


def narrow_screen_shows(which: Literal["list", "detail"]) -> None:
    """Let a narrow screen show the list or the open generation; a wide one shows both."""
    st.html(f"<style>{_ALWAYS}{_LIST if which == 'list' else _DETAIL}</style>")
