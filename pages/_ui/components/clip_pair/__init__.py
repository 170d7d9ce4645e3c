"""Two clips side by side that play together: muted, in a loop, from the moment they are in sight.

They are one picture of a difference, so they share one clock and one button. With reduced motion nothing starts by itself.

In: ``clips`` (``id``, ``name``, ``src``, ``poster``, ``ratio``, ``href``). Out: the trigger ``open``, a clip's id.
"""

from __future__ import annotations

from dataclasses import dataclass

from pages._ui import addresses, query_params
from pages._ui.components import component
from rivya_core import GenerationRecord

_component = component("clip_pair", shared=("dom",))


@dataclass(frozen=True, slots=True)
class PairedClip:
    """One of the two. ``name``: what stands below it."""

    record: GenerationRecord
    name: str


def clip_pair(first: PairedClip, second: PairedClip, *, key: str) -> str | None:
    """Draw two archived clips; the id of the one that was opened just now, or None."""
    result = _component(key=key, data={"clips": [_drawn(first), _drawn(second)]}, on_open_change=_nothing)
    return result.open if isinstance(result.open, str) else None


def _drawn(clip: PairedClip) -> dict[str, str]:
    record = clip.record
    return {
        "id": record.id,
        "name": clip.name,
        "src": addresses.clip(record.id),
        "poster": addresses.poster(record.id) if record.poster_key else "",
        "ratio": f"{record.clip_width_px or 16} / {record.clip_height_px or 9}",
        "href": query_params.permanent_link(record.id),
    }


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""
