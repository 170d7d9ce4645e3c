"""The clip player. It keeps playing over ticks and reruns: one element for as long as its key stays.

``st.video`` refuses root-relative addresses, has no poster and restarts when an element is inserted before it.

In: ``name``, ``clip`` (see :func:`playable`), ``believed`` (the clip that Python takes to be playing), ``autoplay`` and
``answered`` (a moment). Out: the state ``playing``, the id of the clip that is watched, or "".
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages._ui import addresses, formatting, layout, mode_marks
from pages._ui.components import component
from rivya_core import GenerationRecord
from rivya_core.lab.media.video_probe import DAMAGED, UNOPENED

_component = component("player")


def player(
    record: GenerationRecord, *, key: str, mark: str | None = None, autoplay: bool = False, choice_ms: int | None = None
) -> bool:
    """Draw the player of an archived clip in a container of its own, and what is wrong with the clip; True while it is watched.

    A clip that nobody could open safely is not handed to the browser either.

    Args:
        record: The generation whose clip it is.
        key: Names the player; each clip has an element of its own under it.
        mark: SIMULATED, LIVE or nothing, as :func:`modes.marks` decides for all that is on the screen; None: for this clip
            alone.
        autoplay: Play muted, in a loop, while in sight. Not watched until a person takes the player in hand.
        choice_ms: One element plays whatever clip is shown, and :func:`poster_grid` may change it at once; the moment of the
            last choice that this drawing knows.
    """
    steady = choice_ms is not None
    name = f"player_{key}" if steady else f"player_{key}_{record.id}"
    if record.clip_check == UNOPENED:
        st.text(fault(record))
        return False
    if mark is None:
        mark = mode_marks.marks(layout.lab().mode, [record.mode]).of(record.mode)
    with st.container(key=f"{key}_player" if steady else f"{key}_{record.id}"):
        result = _component(
            key=name,
            data={
                "name": name,
                "believed": _believed_playing(name),
                "clip": playable(record, mark),
                "autoplay": autoplay,
                "answered": choice_ms or 0,
            },
            default={"playing": ""},
            on_playing_change=_nothing,
        )
        if record.clip_check == DAMAGED:
            st.text(fault(record))
    return bool(result.playing == record.id)


def playable(record: GenerationRecord, mark: str) -> dict[str, str]:
    """What the browser needs of a clip to play it."""
    return {
        "id": record.id,
        "src": addresses.clip(record.id),
        "download": addresses.clip(record.id, download="1"),
        "poster": addresses.poster(record.id) if record.poster_key else "",
        "mark": mark,
        "label": f"Clip: {record.prompt[:200]}",
        "ratio": f"{record.clip_width_px or 16} / {record.clip_height_px or 9}",
    }


def fault(record: GenerationRecord) -> str:
    """What is wrong with a clip that is damaged or was not opened, and what can be done."""
    what = "This clip was not opened." if record.clip_check == UNOPENED else "This clip is damaged."
    return formatting.sentences(what, record.clip_fault or "", "You can download the file.")


def _believed_playing(name: str) -> str:
    """Tell which clip of this player the server last heard of, so that one made anew can correct it."""
    state = st.session_state.get(name)
    return str(state.get("playing") or "") if isinstance(state, Mapping) else ""


def _nothing() -> None:
    """Streamlit offers a state value only together with a callback."""
