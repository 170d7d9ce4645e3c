"""The counter below a text area: it follows each keystroke in the browser, and over the limit it shows which text is too much.

Characters are counted as Python counts them, so an emoji is one. What the page knows of the committed text comes with a
delay; the counter never waits for it.

In: ``box``, ``limit`` and ``seen`` (the committed text's seal). Out: nothing.
"""

from __future__ import annotations

from pages._ui.components import component, seal

_component = component("prompt_counter", shared=("dom",))


def prompt_counter(box: str, text: str, limit: int | None, *, key: str) -> None:
    """Count the text area whose widget key is ``box``.

    Args:
        box: Widget key of the text area, already drawn.
        text: Its committed text; a change of it has the browser count anew.
        limit: Most characters that may be sent, or None where no limit is documented.
        key: The component's own key.
    """
    _component(key=key, data={"box": box, "limit": limit, "seen": seal(text)}, width="stretch")
