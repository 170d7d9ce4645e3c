"""A row of small pictures to choose from.

In: ``label`` and ``images`` (``id``, ``src``, ``name``). Out: the trigger ``choose``, an image's id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pages._ui.components import component

_component = component("image_shelf")


@dataclass(frozen=True, slots=True)
class ShelfImage:
    """One picture: ``src`` is root-relative, ``name`` what it is called."""

    id: str
    src: str
    name: str


def image_shelf(label: str, images: Sequence[ShelfImage], on_choose: Callable[[], None], *, key: str) -> None:
    """Draw the pictures; ``on_choose`` runs with the chosen one's id as ``choose`` in the component's state."""
    data = {"label": label, "images": [{"id": one.id, "src": one.src, "name": one.name} for one in images]}
    _component(key=key, data=data, on_choose_change=on_choose, width="stretch")
