"""The right side of Generate: what runs (the only part that ticks), what failed, what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages._ui import failure_cards, formatting, fragments, generation_actions, layout, mode_marks
from pages._ui.components.notify_me import notify_me
from pages._ui.generate import clips, sweep_troubles
from pages._ui.generation_progress import MAX_ROWS, generation_progress
from pages._ui.mode_marks import Marks
from pages._ui.request_form.form import STARTED
from rivya_core import GenerationRecord, Lab, State
from rivya_core.lab.ledger.history.history import SweepTrouble
from rivya_core.lab.ledger.records import BalanceRecord, Pause
from rivya_core.settings import Mode

TICK_S = 2.0
IDLE_TICK_S = 12.0
"""How soon a tab that only stands open shows what was started elsewhere."""
MAX_FAILURES = 2
MAX_DISMISSED = 100
TROUBLED_IN_HISTORY = {"state": ["failed", "attention"]}
"""History's own filter words for what the cards here are about."""

_RUNNING = "_running"


@dataclass(frozen=True, slots=True)
class Look:
    """One snapshot of the ledger, shared by everything that the right side draws."""

    running: Sequence[GenerationRecord]
    failures: Sequence[GenerationRecord]
    sweeps: Sequence[SweepTrouble]
    pause: Pause | None
    balance_credits: int | None

    @property
    def signature(self) -> tuple[Any, ...]:
        """What the parts outside the ticking fragment show; when it changes, the page is drawn again."""
        return (
            tuple(record.id for record in self.running),
            tuple((record.id, record.state) for record in self.failures),
            tuple(self.sweeps),
            None if self.pause is None else (self.pause.effect, self.pause.since),
            self.balance_credits,
        )

    @property
    def moves(self) -> bool:
        """Whether anything shown may change without a person."""
        fetching = any(record.state is State.UNSAVED for record in self.failures) or any(
            sweep.waiting for sweep in self.sweeps
        )
        return bool(self.running) or fetching or self.pause is not None


def draw(lab: Lab) -> None:
    """Draw the column.

    Every part has a container of its own that is always there: what comes and goes above a playing clip must not change
    its place in the page, or the browser makes a new player.
    """
    look = _look(lab, lab.balance())
    rows = clips.finished(lab)
    marks = mode_marks.marks(lab.mode, (record.mode for record in (*look.running, *look.failures, *rows)))
    _announce(lab, look)
    with st.container(key="slot_answer"):
        generation_actions.repeat_answer(lab)
    with st.container(key="slot_progress"):
        _in_progress(lab, look, marks)
    with st.container(key="slot_pause"):
        if look.pause is not None:
            failure_cards.pause_card(look.pause)
    with st.container(key="slot_failures"):
        _failures(lab, look, marks)
    with st.container(key="slot_clips"):
        clips.draw(lab, clips.presses(rows, look.running), marks)
    with st.container(key="slot_watch"):
        _quiet_watch(lab, look)


def _look(lab: Lab, balance: BalanceRecord) -> Look:
    return Look(
        running=lab.history.running(MAX_ROWS),
        failures=lab.history.failures(MAX_FAILURES + 1),
        sweeps=lab.history.sweep_troubles(),
        pause=lab.pause(),
        balance_credits=balance.credits,
    )


def _announce(lab: Lab, look: Look) -> None:
    """Show toasts for what was started and what has ended since the last run; the cards stay."""
    for key in (STARTED, generation_actions.REPEATED):
        started = st.session_state.pop(key, None)
        if started is not None:
            _say_started(*started)
            clips.make_way()
    running = {record.id for record in look.running}
    for generation_id in sorted(st.session_state.get(_RUNNING, set()) - running):
        _say_ended(lab.get(generation_id))
    st.session_state[_RUNNING] = running


def _in_progress(lab: Lab, look: Look, marks: Marks) -> None:
    """Draw the generations under way, in a fragment of their own that ticks."""
    if not look.running:
        return
    with st.container(border=True, key="in_progress", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header("In progress", anchor=False, width="content")
            with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
                st.caption("You can close this tab.", width="content")
                notify_me()
        fragments.live_part(_tick, look.signature, TICK_S)(marks)
        if len(look.running) == MAX_ROWS:
            st.caption(f"The newest {MAX_ROWS} of {lab.history.running_count()}; all of them are in History.")


def _quiet_watch(lab: Lab, look: Look) -> None:
    """Poll for changes while no row is drawn: every ``TICK_S`` where something proceeds by itself, else every ``IDLE_TICK_S``."""
    if look.running:
        return
    if look.moves:
        fragments.watch(lambda: _look(lab, lab.balance()).signature, look.signature, TICK_S)
    else:  # with the balance that is known: nobody is asked for it because a tab stands open
        fragments.watch(
            lambda: _look(lab, lab.ledger.key_value.balance(lab.connection)).signature, look.signature, IDLE_TICK_S
        )


def _tick(marks: Marks) -> tuple[Any, ...]:
    """Draw the rows; what the rest of the page shows, by now."""
    lab = layout.lab()
    look = _look(lab, lab.balance())
    generation_progress(
        lab,
        look.running,
        look.pause,
        lambda record: _typical(lab, record),
        key="live_list",
        marks=marks,
        on_act=_act,
    )
    return look.signature


def _act(name: str, generation_id: str) -> None:
    lab = layout.lab()
    if name == "cancel" and not lab.cancel(generation_id):
        st.toast("Too late to cancel: it has left already.", icon=":material/info:")
    elif name == "check":
        lab.check_now(generation_id)
    elif name in {"watch", "unwatch"}:
        generation_actions.watch(lab, generation_id, again=name == "watch")


@st.cache_data(ttl=20, show_spinner=False, max_entries=200)
def _typical_words(_lab: Lab, key: tuple[str, str, Mode, str]) -> str:
    """Cache the sentence: many rows and tabs ask for the same one at every tick."""
    _folder, model, mode, duration = key
    return formatting.typical(_lab.history.typical_s(model, mode, duration))


def _typical(lab: Lab, record: GenerationRecord) -> str:
    return str(_typical_words(lab, (lab.settings.place, record.model, record.mode, record.length)))


def _failures(lab: Lab, look: Look, marks: Marks) -> None:
    """Draw the newest cards that need a person, the others are in History; a line for each sweep."""
    sweep_troubles.draw(look.sweeps)
    if len(look.failures) > 1:
        _failures_bar(lab)
    for record in look.failures[:MAX_FAILURES]:
        failure_cards.failure_card(lab, record, marks=marks)


def _failures_bar(lab: Lab) -> None:
    """Offer one way past many cards; what may have been charged, or is still to be fetched, is put away one by one."""
    count = lab.history.failures_count()
    failed = [record.id for record in lab.history.failures(MAX_DISMISSED) if record.state is State.FAILED]
    with st.container(horizontal=True, vertical_alignment="center", key="failures_bar", gap="small"):
        st.text(f"{count} generations need attention", width="stretch")
        if count > MAX_FAILURES:
            st.page_link(
                str(layout.page_file("history")),
                label=f"{count - MAX_FAILURES} more in History",
                icon=":material/history:",
                query_params=TROUBLED_IN_HISTORY,
            )
        if len(failed) > 1:
            st.button(
                f"Dismiss all {len(failed)}",
                icon=":material/clear_all:",
                type="tertiary",
                on_click=generation_actions.dismiss,
                args=(failed,),
                key="dismiss_all",
                help="Puts the failed ones away; they stay in History.",
            )


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
        case State.FAILED:
            st.toast("A generation failed: its card says what you can do.", icon=":material/error:")
        case State.UNCONFIRMED | State.UNSAVED:
            st.toast("A generation needs you: see its card.", icon=":material/help:")
        case _:
            pass
