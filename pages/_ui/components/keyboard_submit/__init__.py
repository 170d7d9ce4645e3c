"""What Streamlit's text area lacks: typed text is committed while typing, and Ctrl+Enter generates with the fresh text.

Without it the counter, the price and the draft would lag until the box loses focus, and a shortcut pressed right after
typing would meet a button that is still disabled.
"""

from __future__ import annotations

from collections.abc import Callable

from pages._ui.components import component

_component = component("keyboard_submit", html='<p class="hint"><span class="keys"></span> generates</p>')


def keyboard_submit(form: str, on_send: Callable[[], None] | None, *, key: str) -> None:
    """Watch the text areas of the keyed container ``form``; ``on_send`` runs when Ctrl+Enter (or ⌘ Enter) is pressed in it.

    Without ``on_send`` nothing is sent by the keyboard, and nothing says so.
    """
    sends = on_send is not None
    _component(key=key, data={"form": form, "sends": sends}, on_send_change=on_send or _nothing, width="content")


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""
