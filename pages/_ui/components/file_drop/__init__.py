"""A file that is dropped anywhere on the page goes into an uploader of that page.

Without it a browser leaves the page to show the file, and takes the form with it. So a clip that carries its settings needs
no aim, also while the uploader is hidden behind a chosen image.

In: ``slot`` and ``hint``. Out: nothing; the file goes to the uploader.
"""

from __future__ import annotations

from pages._ui.components import component

_component = component("file_drop", shared=("hand_over",))


def file_drop(slot: str, *, key: str, hint: str = "") -> None:
    """Hand dropped files to the uploader in the keyed container ``slot``; ``hint``: what to say of it."""
    _component(key=key, data={"slot": slot, "hint": hint}, width="stretch")
