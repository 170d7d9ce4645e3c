"""A reference image from the archive, small, by its root-relative address, with words for those who do not see it.

In: ``src`` and ``alt``. Out: nothing.
"""

from __future__ import annotations

from pages._ui.components import component

_component = component("thumbnail")


def thumbnail(sha256: str, alt: str, *, key: str) -> None:
    """Draw a kept image."""
    _component(key=key, data={"src": f"/images/{sha256}", "alt": alt})
