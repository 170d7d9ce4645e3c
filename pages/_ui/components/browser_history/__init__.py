"""Back in the browser returns to where one came from, at the place where one was.

Streamlit adds an entry to the browser's history whenever the address changes, for each filter and each letter of a search
as well, and starts every page at its top. Here an entry is added only for what a person would call going somewhere.

In: ``places``. Out: nothing.
"""

from __future__ import annotations

from pages._ui.components import component

PLACES = ("ids", "experiment", "id", "new", "round")
"""Parts of the address that name what is open. All others (filters, order, page, tab) change the entry that is there."""

_component = component("browser_history")


def browser_history() -> None:
    """Mend the history of the browser tab; once on every page."""
    _component(key="browser_history", data={"places": PLACES}, height=0)
