"""The head of an open experiment: its question, where it stands, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages._ui import cards, frame, words
from pages._ui.cap_editor import cap_editor
from pages._ui.paid_button import paid_button
from pages._ui.sweep import address as sweep_address
from pages._ui.sweep import form as sweep_form
from pages._ui.sweep import grid
from pages._ui.sweep import words as sweep_words
from rivya_core import Lab, State
from rivya_core.api.errors import RivyaError
from rivya_core.lab import sweep_drafts
from rivya_core.lab.experiments.records import SweepStatus

_REFUSED = "_sweep_act_refused"


def draw(lab: Lab, status: SweepStatus) -> None:
    """Draw the card, and below it the one card of a queue that stands still."""
    experiment = status.experiment
    with st.container(border=True, key="sweep_head", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header(experiment.name, anchor=False, width="content")
            with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
                if experiment.kind in sweep_words.KINDS:
                    frame.badge(sweep_words.KINDS[experiment.kind])
                frame.mode_badge(experiment.mode)
                frame.badge(sweep_words.state(lab, status))
        if experiment.question:
            st.text(experiment.question)
        with st.container(key="muted_sweep_facts"):
            st.text(_facts(lab, status))
        with st.container(horizontal=True, vertical_alignment="bottom", key="sweep_acts"):
            if frame.can_spend() and experiment.connection == lab.connection:
                _steer(lab, status)
            _vote(status)
        refused: tuple[str, RivyaError] | None = st.session_state.get(_REFUSED)
        if refused is not None and refused[0] == status.id:
            frame.error_card(refused[1])
    pause = lab.pause()
    if pause is not None and sweep_words.open_takes(status) and frame.can_spend():
        cards.pause_card(pause)


def _facts(lab: Lab, status: SweepStatus) -> str:
    experiment = status.experiment
    return " · ".join(
        part
        for part in (
            sweep_words.shape(experiment),
            experiment.model,
            f"varies {', '.join(sweep_words.axis(axis.name) for axis in experiment.axes)}" if experiment.axes else "",
            "" if sweep_words.moves(lab, status) else grid.money_of(status),
            f"{status.reused:,} reused" if status.reused else "",
            f"started {words.clock(experiment.created_at)}",
        )
        if part
    )


def _steer(lab: Lab, status: SweepStatus) -> None:
    """Draw what can be done now, and nothing that cannot."""
    id_, waiting = status.id, status.states.get(State.WAITING, 0)
    if status.planned:
        label = f"Start the rest · {status.planned:,} · {words.credits(status.planned_credits)}"
        paid_button(
            lab, label, status.planned_credits, key="sweep_rest", act=_do, args=("start_rest", id_), kind="primary"
        )
    if status.experiment.paused_at is not None:
        if sweep_words.open_takes(status):
            _button("Go on", "play_arrow", "resume", id_)
    elif waiting:
        _button("Pause", "pause", "pause", id_)
    if waiting:
        _button("Cancel what waits", "block", "cancel_waiting", id_)
    if status.failed:
        amount = _retry_price(lab, status)
        label = f"Retry {status.failed:,} failed · {words.credits(amount)}"
        paid_button(
            lab, label, amount, key="sweep_retry", act=_do, args=("retry_failed", id_), icon=":material/replay:"
        )
    if status.planned:
        _button(f"Drop {status.planned:,} planned", "delete_sweep", "drop_planned", id_)
    cap = status.experiment.cap_credits
    with st.popover("Cap" if cap is None else f"Cap {cap:,}", icon=":material/data_thresholding:", key="sweep_cap_box"):
        cap_editor("Cap for the whole experiment", cap, _cap_saver(id_), key=f"sweep_cap_{id_}")
    st.button(
        "Extend",
        icon=":material/add_box:",
        key="sweep_extend",
        on_click=_extend,
        args=(id_,),
        help="Puts this sweep into the form; what exists is reused, so a longer axis pays only for what is missing.",
    )


def _cap_saver(experiment_id: str) -> Callable[[int | None, str], None]:
    def save(wanted: int | None, why: str) -> None:
        frame.lab().sweeps.set_cap(experiment_id, wanted, why)

    return save


def _retry_price(lab: Lab, status: SweepStatus) -> int:
    """What the takes that failed or were taken back would cost once more, each as its cell was priced."""
    again = {State.FAILED, State.CANCELLED}
    cells = lab.sweeps.page(status.id)
    return sum(cell.expected_credits * sum(take.state in again for take in cell.takes) for cell in cells)


def _vote(status: SweepStatus) -> None:
    if status.states.get(State.SUCCEEDED, 0) < 2:  # noqa: PLR2004 - a vote is between two clips
        return
    if st.button("Vote blind", icon=":material/how_to_vote:", key="sweep_vote"):
        st.switch_page(frame.page_file("vote"), query_params={"experiment": status.id})


def _button(label: str, icon: str, name: str, experiment_id: str) -> None:
    st.button(label, icon=f":material/{icon}:", key=f"sweep_{name}", on_click=_do, args=(name, experiment_id))


def _do(name: str, experiment_id: str) -> None:
    sweeps = frame.lab().sweeps
    acts: dict[str, Callable[[str], Any]] = {
        "start_rest": sweeps.start_rest,
        "retry_failed": sweeps.retry_failed,
        "pause": sweeps.pause,
        "resume": sweeps.resume,
        "cancel_waiting": sweeps.cancel_waiting,
        "drop_planned": sweeps.drop_planned,
    }
    st.session_state.pop(_REFUSED, None)
    try:
        acts[name](experiment_id)
    except RivyaError as error:
        st.session_state[_REFUSED] = (experiment_id, error)


def _extend(experiment_id: str) -> None:
    lab = frame.lab()
    status = lab.sweep(experiment_id)
    sweep_form.show(lab, sweep_drafts.of_experiment(status.experiment, status.cells), undo=True)
    sweep_address.to_form()
