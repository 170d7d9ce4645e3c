"""The grid of a sweep in the browser, filled in place: a combination whose data did not change is not touched.

So pictures do not flicker, clips play on and the keyboard stays where it is. Which takes of a combination are in front, which clip
is open and which are ticked is the browser's own knowledge; Python is told of the ticked ones, and asked for what it alone knows of
the open one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui.components import component

_HTML = """
<div class="strip" hidden>
  <div class="bar" role="img"></div>
  <p class="line"><span class="count"></span><span class="money"></span></p>
</div>
<div class="tools"><button type="button" class="play-all" aria-pressed="false" hidden><span class="said">Play all</span></button></div>
<div class="frame"><div class="board"></div></div>
<div class="picked" role="region" aria-label="Selected clips" hidden>
  <span class="many" aria-live="polite"></span>
  <a class="compare"></a>
  <button type="button" class="clear">Clear</button>
</div>
<dialog aria-labelledby="open-clip">
  <div class="top"><h2 class="title" id="open-clip"></h2><button type="button" class="close" aria-label="Close">\N{MULTIPLICATION SIGN}</button></div>
  <video controls playsinline tabindex="0"></video>
  <div class="steer">
    <span class="takes-of"><button type="button" class="take-back" aria-label="Previous take">\u2039</button>
      <span class="take-at"></span><button type="button" class="take-next" aria-label="Next take">\u203a</button></span>
    <span class="cells-of"><button type="button" class="cell-back" aria-label="Previous combination">\u2039</button>
      <span>Combination <span class="cell-at"></span></span>
      <button type="button" class="cell-next" aria-label="Next combination">\u203a</button></span>
    <label class="loop"><input type="checkbox" checked> Loop</label>
  </div>
  <p class="fault"></p>
  <dl class="labels"></dl>
  <p class="prompt"></p>
  <p class="facts"></p>
  <div class="onward">
    <button type="button" class="use">Use these settings</button>
    <a class="download" download>Download</a>
    <a class="carrying" download hidden title="Dropped on Generate, it fills the form">Download with its settings</a>
    <a class="history">Open in History</a>
  </div>
</dialog>
"""

_component = component(
    "experiment_grid",
    html=_HTML,
    shared=("dom", "hover_play", "experiment_grid/dialog", "experiment_grid/play_all"),
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
