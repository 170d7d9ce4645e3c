"""The small switch for notifications of what ended; the browser's permission is asked for when it is pressed, never before.

In: nothing. Out: nothing; the browser keeps what was chosen.
"""

from __future__ import annotations

from pages._ui.components import component

_component = component("notify_me", shared=("notifications",))


def notify_me() -> None:
    """Draw the switch; nothing where the browser has no notifications."""
    _component(key="notify_me", data={}, width="content")
