"""The review wall: two to nine clips on one clock, with what people say of them.

Nothing that is said may stop a clip: the elements are kept by the clips' ids and changed in place. Its parts, each
with a script and a style: ``controls`` (icons, buttons, stars), ``video_grid`` (the clips), ``wipe``, ``transport`` (the bar
under them), ``acts`` (what goes to the server), ``panels``, ``notes``, ``differences``, ``shortcuts``.

In:
    ``clips`` (each with ``id``, ``src``, ``poster``, ``title``, ``word``, ``mark``, ``fps``, ``duration_s``, ``ratio``,
    ``chips``, ``stars`` by criterion), ``base`` (the id of the baseline), ``rows`` and ``same`` (what differs and what does
    not), ``notes``, ``criteria``, ``sweep`` (``name`` and ``href``, or None), ``read_only``, ``person`` (who is signed in, or empty), ``can_spend``, ``done`` (the last
    act that was carried out, by tab) and ``failed`` (acts that were not, with the words for it).
Out:
    The trigger ``acts``: ``uid`` of the browser's tab and all ``acts`` that are not in ``done`` yet, numbered by ``seq``. An
    act is sent again until it is in ``done``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pages._ui.components import component

_PARTS = ("controls", "video_grid", "wipe", "transport", "acts", "panels", "notes", "differences", "shortcuts")

_component = component(
    "review_wall", shared=("addresses", "dom", "sync_clock", *(f"review_wall/{part}" for part in _PARTS))
)


def review_wall(data: Mapping[str, Any], on_acts: Callable[[], None], *, key: str) -> None:
    """Draw the wall; ``on_acts`` is called before the next run, when the browser says what was done."""
    _component(key=key, data=dict(data), on_acts_change=on_acts)
