"""The grid of a sweep in the browser, filled in place: a combination whose data did not change is not touched.

So pictures do not flicker, clips play on and the keyboard stays where it is. Which takes of a combination are in front, which clip
is open and which are ticked is the browser's own knowledge; Python is told of the ticked ones, and asked for what it alone knows of
the open one.

In: what ``sweep.live_grid`` draws of a sweep. Out: the state ``picked`` (ids) and the trigger ``act`` (``name``, ``id``, ``on``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui.components import component

_PARTS = ("progress", "combinations", "keys", "dialog", "play_all")
_component = component(
    "experiment_grid", shared=("addresses", "dom", "hover_play", *(f"experiment_grid/{part}" for part in _PARTS))
)

OnAct = Callable[[str, str, bool], None]


def experiment_grid(data: Mapping[str, Any], picked: Sequence[str], on_act: OnAct, *, key: str) -> tuple[str, ...]:
    """Draw the grid; the clips that are ticked. ``on_act`` is called before the next run with what was pressed.

    Acts, each with a generation's id: ``detail`` (the open clip wants what is known of it), ``card`` (a take without a clip was
    opened), ``star`` (with what it shall be), ``use`` (its settings), ``history``; and ``compare`` with ids parted by commas.
    """

    def acted() -> None:
        act = st.session_state[key].act
        if isinstance(act, Mapping):
            on_act(str(act.get("name", "")), str(act.get("id", "")), bool(act.get("on")))

    result = _component(
        key=key,
        data=dict(data),
        default={"picked": list(picked)},
        on_act_change=acted,
        on_picked_change=_nothing,
    )
    return tuple(str(id_) for id_ in result.picked or ())


def _nothing() -> None:
    """Streamlit offers a state value only together with a callback."""
