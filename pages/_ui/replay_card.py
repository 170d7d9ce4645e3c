"""The card of a lab that plays a cassette: what was recorded, and the one button that starts it."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, layout
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.lab.experiments.service import new_experiment_id
from rivya_core.lab.shows.cassette.replay import Replay, play

_ID = "_replay_id"
_OPEN = "_replay_open"
_REFUSED = "_replay_refused"


def draw(lab: Lab) -> None:
    """Draw the card; nothing where no cassette is played, or nothing may be started."""
    replay = lab.cassettes.playing
    if replay is None or not layout.can_spend():
        return
    started = st.session_state.pop(_OPEN, None)
    if started is not None:
        st.switch_page(layout.page_file("sweep"), query_params={"experiment": started})
    st.session_state.setdefault(_ID, new_experiment_id())
    is_playing = lab.history.running_count() > 0
    before = not lab.ledger.is_empty()
    with st.container(border=True, key="replay_card", gap="small"):
        layout.card_head("Recorded work")
        st.text(_told(replay))
        with st.container(horizontal=True, vertical_alignment="center", key="replay_acts"):
            st.button(
                "Playing…" if is_playing else "Play again" if before else "Play the recording",
                icon=":material/play_arrow:",
                type="primary",
                key="replay_play",
                on_click=_play,
                disabled=is_playing,
                help="Takes what was played out of the lists and starts over." if before else None,
            )
            st.caption("Nothing real is spent. Only what was recorded can be generated.", width="content")
        refused: RivyaError | None = st.session_state.get(_REFUSED)
        if refused is not None:
            layout.error_card(refused)


def _told(replay: Replay) -> str:
    recorded = replay.cassette
    count = len(recorded.entries)
    failed = sum(1 for entry in recorded.entries if entry.clip is None)
    said = [
        f"{count:,} generation{'' if count == 1 else 's'}" + (f", {failed:,} of them failed" if failed else ""),
        f"{formatting.credits(sum(entry.final_credits for entry in recorded.entries))} when recorded",
    ]
    if recorded.sweeps:
        said.insert(0, ", ".join(formatting.excerpt(sweep.name, 60) for sweep in recorded.sweeps[:3]))
    if recorded.left_out:
        said.append(f"{recorded.left_out:,} left out: not ended, or without a clip")
    if replay.without_image:
        said.append(f"{replay.without_image:,} not played: their reference image is not in the recording")
    return " · ".join(said)


def _play() -> None:
    """Start it; a press while it plays does nothing."""
    lab = layout.lab()
    st.session_state.pop(_REFUSED, None)
    if lab.history.running_count():
        return
    try:
        started = play(lab, st.session_state[_ID])
    except RivyaError as error:
        st.session_state[_REFUSED] = error
        return
    st.session_state[_ID] = new_experiment_id()
    if started.sweeps:
        st.session_state[_OPEN] = started.sweeps[0]
