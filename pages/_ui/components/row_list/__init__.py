"""Rows that open one thing each, in a single element: a name, chips, a sentence, a bar of progress, facts.

In: ``rows``, see :func:`row_list`. Out: the trigger ``open``, a row's id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui.components import component

_component = component("row_list", shared=("dom",))


def row_list(rows: Sequence[Mapping[str, Any]], on_open: Callable[[str], None], *, key: str) -> None:
    """Draw the rows; ``on_open`` is called with the id of the row that was opened, before the page is drawn again.

    A row: ``id`` and ``href`` (for a new tab), ``name``, ``chips`` (text and color), ``question``, ``winner``, ``parts`` and
    ``total`` (counts by kind, for the bar, which is left out without any), ``facts``, and where it has a picture ``poster``.
    """

    def opened() -> None:
        chosen = st.session_state[key].open
        if chosen:
            on_open(str(chosen))

    _component(key=key, data={"rows": [dict(row) for row in rows]}, on_open_change=opened)
