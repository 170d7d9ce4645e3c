"""One small button that copies the address of something, and says that it did.

Where the browser keeps its clipboard to itself, as it does on plain http to another computer, the address is shown to be
copied by hand.

In: ``href``. Out: nothing.
"""

from __future__ import annotations

from pages._ui.components import component

_component = component("copy_link")


def copy_link(href: str, *, key: str) -> None:
    """Draw the button; ``href``: a whole address, or one of this dashboard, which the browser makes whole by the host it came to."""
    _component(key=key, data={"href": href}, width="content")
