"""The right side of Generate: what runs (the only part that ticks), what failed, what came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages._ui import actions, cards, frame, words
from pages._ui.clip_card import clip_card
from pages._ui.live_list import MAX_ROWS, live_list
from pages._ui.request_form import STARTED
from pages._ui.shelf import shelf
from rivya_core import GenerationRecord, HistoryFilter, Lab, State
from rivya_core.settings import Mode

TICK_S = 2.0
RECENT = 9
MAX_FAILURES = 2

_SEEN = "_seen"
_RUNNING = "_running"
_SHOWN = "_shown_clip"
_PLAYING = "_playing_clip"


def announce(lab: Lab) -> None:
    """Say in passing what was started and what has ended since the last look; the cards below are what stays."""
    for key in (STARTED, actions.REPEATED):
        started = st.session_state.pop(key, None)
        if started is not None:
            _say_started(*started)
    running = {record.id for record in _running(lab)}
    for generation_id in sorted(st.session_state.get(_RUNNING, set()) - running):
        _say_ended(lab.get(generation_id))
    st.session_state[_RUNNING] = running
    st.session_state[_SEEN] = _signature(lab)


def in_progress(lab: Lab) -> None:
    """Draw the generations under way; ticks only while there are any."""
    running = _running(lab)
    if running:
        with st.container(border=True, key="in_progress", gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                st.header("In progress", anchor=False, width="content")
                st.badge(str(len(running)) if len(running) <= MAX_ROWS else f"{MAX_ROWS}+", color="gray")
            st.fragment(_tick, run_every=TICK_S)()
            st.caption("You can close this tab. Each clip is saved here when it is ready.")


def failures(lab: Lab) -> None:
    """Draw the newest cards that need a person; the others are in History."""
    rows = lab.history.failures(MAX_FAILURES + 1)
    for record in rows[:MAX_FAILURES]:
        cards.failure_card(lab, record)
    if len(rows) > MAX_FAILURES:
        st.page_link(
            str(frame.ROOT / "pages" / "history.py"), label="More of them in History", icon=":material/history:"
        )


def clips(lab: Lab) -> None:
    """Draw the latest clip, or the one that was chosen or is being watched, and the recent ones as posters."""
    rows = [record for record in _finished(lab) if record.has_clip]
    if not rows:
        _empty()
        return
    shown = _shown(rows)
    latest = shown.id == rows[0].id
    playing = clip_card(lab, shown, "Latest clip" if latest else "Clip")
    st.session_state[_PLAYING] = shown.id if playing else None
    if not latest:
        st.button("Show the latest clip", icon=":material/skip_next:", on_click=_show_latest, key="show_latest")
    _recent(rows, shown)


def _tick() -> None:
    lab = frame.lab()
    chosen = live_list(lab, _running(lab), lab.pause(), lambda record: _typical(lab, record), key="live_list")
    if chosen is not None:
        _act(lab, *chosen)
    if _signature(lab) != st.session_state.get(_SEEN):
        st.rerun()


def _act(lab: Lab, name: str, generation_id: str) -> None:
    if name == "cancel":
        gone = lab.cancel(generation_id)
        st.toast("Cancelled; nothing was charged." if gone else "Too late to cancel: it has left already.")
    elif name == "check":
        lab.check_now(generation_id)


def _signature(lab: Lab) -> tuple[Any, ...]:
    """What the parts outside the ticking fragment show; when it changes, the page is drawn again."""
    pause = lab.pause()
    return (
        tuple(record.id for record in _running(lab)),
        tuple(record.id for record in lab.history.failures(MAX_FAILURES + 1)),
        None if pause is None else (pause.effect, pause.since),
        lab.balance().credits,
    )


def _running(lab: Lab) -> Sequence[GenerationRecord]:
    return [record for record in lab.history.running(MAX_ROWS + 1) if record.state is not State.UNCONFIRMED]


def _finished(lab: Lab) -> Sequence[GenerationRecord]:
    return lab.history.page(HistoryFilter(states=frozenset({State.SUCCEEDED})), page=1, size=RECENT).rows


@st.cache_data(ttl=20, show_spinner=False, max_entries=200)
def _typical_words(_lab: Lab, key: tuple[str, str, Mode, str]) -> str:
    """Remember the words for a while: many rows and many tabs ask for the same ones at every tick."""
    _folder, model, mode, duration = key
    return words.typical(_lab.history.typical_s(model, mode, duration))


def _typical(lab: Lab, record: GenerationRecord) -> str:
    duration = str(record.params.get("duration") or record.params.get("n_frames") or "")
    return str(_typical_words(lab, (str(lab.settings.data_dir), record.model, record.mode, duration)))


def _shown(rows: Sequence[GenerationRecord]) -> GenerationRecord:
    """Keep the clip that plays or was chosen; otherwise show the newest."""
    wanted = st.session_state.get(_SHOWN) or st.session_state.get(_PLAYING)
    return next((record for record in rows if record.id == wanted), rows[0])


def _show_latest() -> None:
    st.session_state.pop(_SHOWN, None)
    st.session_state.pop(_PLAYING, None)


def _recent(rows: Sequence[GenerationRecord], shown: GenerationRecord) -> None:
    if len(rows) < 2:  # noqa: PLR2004 - one clip is on the card above already
        return
    with st.container(border=True, key="recent", gap="small"):
        with st.container(horizontal=True):
            st.header("Recent clips", anchor=False, width="content")
        picked = shelf(rows, shown=shown.id, key="recent_shelf")
        if any(record.source == "example" for record in rows):
            with st.container(horizontal=True, vertical_alignment="center", key="muted_examples"):
                st.text("Some of these are simulator examples of the first start.", width="content")
                st.button("Remove the examples", type="tertiary", on_click=_remove_examples, key="remove_examples")
    if picked is not None and picked != shown.id:
        st.session_state[_SHOWN] = picked
        st.rerun()


def _remove_examples() -> None:
    frame.lab().remove_examples()


def _empty() -> None:
    with st.container(border=True, key="no_clip", gap="small"):
        with st.container(horizontal=True):
            st.header("Latest clip", anchor=False, width="content")
        st.text("No clip yet. Write a prompt and press Generate; the finished clip plays here.")


def _say_started(count: int, repeated: bool) -> None:
    if repeated:
        st.toast("Already started: the same click came twice, so it is one task.", icon=":material/done_all:")
    elif count == 1:
        st.toast("Started.", icon=":material/rocket_launch:")
    else:
        st.toast(f"{count} takes started.", icon=":material/rocket_launch:")


def _say_ended(record: GenerationRecord) -> None:
    match record.state:
        case State.SUCCEEDED:
            st.toast("A clip is ready.", icon=":material/movie:")
        case State.CANCELLED:
            st.toast("Cancelled; nothing was charged.", icon=":material/block:")
        case State.UNCONFIRMED:
            st.toast("A request needs you: see its card.", icon=":material/help:")
        case _:
            st.toast("A generation failed: its card says what is safe now.", icon=":material/error:")
