"""An address to be read from a distance: its QR code, and beside it, where there is room, the address in large type."""

from __future__ import annotations

from pages._ui.components import component
from rivya_core.lab.shows.room.qr_code import qr_code

_HTML = """
<div class="share"><div class="code"><svg xmlns="http://www.w3.org/2000/svg" role="img" shape-rendering="crispEdges"><rect/><path/></svg></div>
<div class="words"><p>Point a phone's camera at the code, or type:</p><p class="address"></p></div></div>
"""
_component = component("share_code", html=_HTML)


def share_code(address: str, *, opens: str, key: str) -> None:
    """Draw the code of a whole address; ``opens``: what is found there, as in "the show", for those who hear the page."""
    code = qr_code(address)
    data = {"address": address, "size": code.size, "path": code.path, "label": f"QR code: opens {opens}"}
    _component(key=key, data=data)
