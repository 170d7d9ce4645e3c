"""A reference image from the archive, small, by the address of our own route, with words for those who do not see it.

In: ``src`` and ``alt``. Out: nothing.
"""

from __future__ import annotations

from pages._ui import addresses
from pages._ui.components import component

_component = component("thumbnail")


def thumbnail(sha256: str, alt: str, *, key: str) -> None:
    """Draw a kept image."""
    _component(key=key, data={"src": addresses.image(sha256), "alt": alt})
