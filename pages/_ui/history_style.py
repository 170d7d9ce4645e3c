"""What a theme token cannot say on History: one thing at a time on a narrow screen, and words that start large.

Constant strings only; the breakpoint is the one at which Streamlit stacks columns.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st

_ALWAYS = """
.st-key-state button p::first-letter, .st-key-mode button p::first-letter { text-transform: uppercase; }
.st-key-history_cards, [data-testid="stLayoutWrapper"]:has(> .st-key-history_back) { display: none; }
@media (max-width: 640px) {
  .st-key-history_table { display: none; }
  .st-key-history_cards { display: flex; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-history_back) { display: block; }
}
"""

_LIST = "@media (max-width: 640px) { .st-key-history_detail { display: none; } }"
_DETAIL = "@media (max-width: 640px) { .st-key-history_browse, .st-key-history_filters { display: none; } }"


def narrow_screen_shows(which: Literal["list", "detail"]) -> None:
    """Let a narrow screen show the list or the open generation; a wide one shows both."""
    st.html(f"<style>{_ALWAYS}{_LIST if which == 'list' else _DETAIL}</style>")
