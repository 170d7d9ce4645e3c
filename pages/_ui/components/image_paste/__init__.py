"""An image that is pasted anywhere on the page goes into an uploader of that page, as if it had been dropped there.

So it meets the same checks as every other file, and nothing is sent by it. Streamlit's own uploader takes a paste only while
it has the focus.

In: ``slot`` and ``hint``. Out: nothing; the image goes to the uploader.
"""

from __future__ import annotations

from pages._ui.components import component

_component = component("image_paste", shared=("hand_over",))


def image_paste(slot: str, *, key: str, hint: bool = True) -> None:
    """Hand pasted images to the uploader in the keyed container ``slot``; ``hint``: say so."""
    _component(key=key, data={"slot": slot, "hint": hint}, width="stretch")
