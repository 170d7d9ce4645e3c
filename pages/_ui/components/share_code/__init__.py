"""An address to be read from a distance: its QR code, and beside it, where there is room, the address in large type.

In: ``address``, ``label``, and the code's ``size`` and ``path``. Out: nothing.
"""

from __future__ import annotations

from pages._ui.components import component
from rivya_core.lab.shows.room.qr_code import qr_code

_component = component("share_code")


def share_code(address: str, *, opens: str, key: str) -> None:
    """Draw the code of a whole address; ``opens``: what is found there, as in "the show", for those who hear the page."""
    code = qr_code(address)
    data = {"address": address, "size": code.size, "path": code.path, "label": f"QR code: opens {opens}"}
    _component(key=key, data=data)
