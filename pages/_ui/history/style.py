"""What a theme token cannot say on History: one thing at a time on a narrow screen, and words that start large.

Constant strings only; the breakpoint is the one at which Streamlit stacks columns.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st


def _hide(*keys: str) -> str:
    """Hide containers together with the gap around them."""
    return ", ".join(f'[data-testid="stLayoutWrapper"]:has(> .st-key-{key})' for key in keys) + " { display: none; }"


def _narrow(rules: str) -> str:
    return f"@media (max-width: 640px) {{ {rules} }}"


_ALWAYS = (
    ".st-key-state button p::first-letter, .st-key-mode button p::first-letter { text-transform: uppercase; }"
    # its download would not be formula-safe and its search would see one page only: the page has both
    '.st-key-history_table [data-testid="stElementToolbar"] { display: none; }'
    '[data-testid="stLayoutWrapper"]:has(> .st-key-undo_bar:empty) { display: none; }'
    f"@media (min-width: 640.02px) {{ {_hide('history_cards', 'history_back')} }}"
    f"{_narrow(_hide('history_table', 'detail_unlisted'))}"
)
_LIST = _narrow(_hide("history_detail"))
_DETAIL = _narrow(_hide("history_browse", "history_filters"))


_NO_FILTERS = _hide("history_filters")


def without_filters() -> None:
    """Take the filters out of sight while there is nothing to filter."""
    st.html(f"<style>{_NO_FILTERS}</style>")


def narrow_screen_shows(which: Literal["list", "detail"]) -> None:
    """Let a narrow screen show the list or the open generation; a wide one shows both."""
    st.html(f"<style>{_ALWAYS}{_LIST if which == 'list' else _DETAIL}</style>")
