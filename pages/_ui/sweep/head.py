"""The head of an open sweep: its question, where it stands, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import streamlit as st

from pages._ui import direction, failure_cards, formatting, fragments, layout
from pages._ui.add_to_show import menu as show_menu
from pages._ui.components.copy_link import copy_link
from pages._ui.query_params import CAP_OF, sweep_link
from pages._ui.spend_button import spend_button
from pages._ui.sweep import (
    baseline as sweep_baseline,
    cassette as sweep_cassette,
    clip as sweep_clip,
    form as sweep_form,
    formatting as sweep_formatting,
    grid,
    manage as sweep_manage,
    query_params as sweep_query_params,
)
from pages._ui.sweep.verdict import progress as verdict_progress, votes as verdict_votes
from rivya_core import Lab, State
from rivya_core.api.errors import RivyaError
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.experiments.records import ExperimentRecord, SweepStatus
from rivya_core.lab.experiments.sweep import MAX_TAKES

TWO = 2  # a vote is between two clips
TICK_S = 2.0
_REFUSED = "_sweep_act_refused"


def draw(lab: Lab, status: SweepStatus) -> None:
    """Draw the card, and below it the one card of a queue that stands still."""
    experiment = status.experiment
    labels = lab.labels.of("sweep", [experiment.id]).get(experiment.id, ())
    with st.container(border=True, key="sweep_head", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header(experiment.name, anchor=False, width="content")
            with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
                if experiment.kind in sweep_formatting.KINDS:
                    layout.badge(sweep_formatting.KINDS[experiment.kind])
                if experiment.mode != lab.mode:
                    layout.mode_badge(experiment.mode)
                layout.badge(sweep_formatting.state(lab, status))
                sweep_manage.badges(experiment, labels)
                copy_link(sweep_link(experiment.id), key="sweep_link")
        if experiment.question:
            st.text(experiment.question)
        sweep_baseline.draw(experiment)
        with st.container(key="muted_sweep_facts"):
            st.text(_facts(lab, status))
        sweep_baseline.origin(lab, experiment)
        with st.container(horizontal=True, vertical_alignment="bottom", key="sweep_acts"):
            _onward(lab, status)
            if layout.can_spend() and experiment.connection == lab.connection:
                _steer(lab, status)
            if layout.can_spend():
                sweep_manage.menu(lab, experiment, labels)
            sweep_cassette.draw(lab, status)
        if status.damaged:
            with st.container(key="muted_damaged"):
                st.text("A damaged clip was paid for and is kept. A repair buys a new one.")
        show_menu.refusal()
        refused: tuple[str, RivyaError] | None = st.session_state.get(_REFUSED)
        if refused is not None and refused[0] == status.id:
            layout.error_card(refused[1])
    pause = lab.pause()
    with st.container(key="slot_pause"):  # always there: what stands below it keeps its place, and a clip plays on
        if pause is not None and sweep_formatting.open_takes(status) and layout.can_spend():
            failure_cards.pause_card(pause)


def _facts(lab: Lab, status: SweepStatus) -> str:
    experiment = status.experiment
    return " · ".join(
        part
        for part in (
            sweep_formatting.shape(experiment),
            experiment.model,
            f"varies {', '.join(direction.within(sweep_formatting.axis(axis.name)) for axis in experiment.axes)}"
            if experiment.axes
            else "",
            "" if sweep_formatting.moves(lab, status) else grid.money_of(status),
            f"{status.reused:,} reused" if status.reused else "",
            f"started {formatting.clock(experiment.created_at)}{formatting.by(experiment.person)}",
            *_changes(experiment),
        )
        if part
    )


def _changes(experiment: ExperimentRecord) -> list[str]:
    """What people did to it that others wonder about."""
    changed = formatting.by(experiment.changed_by)
    told = []
    if experiment.paused_at is not None and experiment.paused_by is not None:
        told.append(f"paused{formatting.by(experiment.paused_by)} · {formatting.clock(experiment.paused_at)}")
    if experiment.deleted_at is not None:
        told.append(f"deleted {formatting.clock(experiment.deleted_at)}")
    elif experiment.hidden_at is not None:
        told.append(f"hidden {formatting.clock(experiment.hidden_at)}")
    if changed:
        told.append(f"last changed{changed}")  # the person of the last change, whichever it was
    return told


def _steer(lab: Lab, status: SweepStatus) -> None:
    """Draw what can be done now, and nothing that cannot."""
    id_, waiting = status.id, status.states.get(State.WAITING, 0)
    if status.planned or status.failed:
        _repair(lab, status)
    if status.experiment.paused_at is not None:
        if sweep_formatting.open_takes(status):
            _button("Resume", "play_arrow", "resume", id_)
    elif waiting:
        _button("Pause", "pause", "pause", id_)
    if waiting:
        _button("Cancel queued", "block", "cancel_waiting", id_)
    if status.planned:
        _button(f"Drop {status.planned:,} planned", "delete_sweep", "drop_planned", id_)
    cap = status.experiment.cap_credits
    with st.container(key="link_button_sweep_cap", width="content"):
        st.page_link(
            layout.page_file("spend"),
            label="Cap" if cap is None else f"Cap {cap:,}",
            icon=":material/data_thresholding:",
            query_params={CAP_OF: id_},
        )
    st.button(
        "Extend",
        icon=":material/add_box:",
        key="sweep_extend",
        on_click=_extend,
        args=(id_,),
        help="Puts this sweep into the form; what exists is reused, so further values pay only for what is missing.",
    )
    _further(lab, status)


def _further(lab: Lab, status: SweepStatus) -> None:
    """Offer the takes that an unclear probe asks for; the form says their price, and nothing starts here."""
    if status.experiment.kind == "sweep" or not _is_done(status):
        return
    standing = lab.verdicts.look(status.id)
    if standing.is_awaited:
        fragments.live_part(_progress, shown=True, every_s=TICK_S)(status.id)
        return
    verdicts = standing.axes
    further = verdicts[0].to_clear if verdicts and verdicts[0].finding.word in {"unclear", "too few"} else None
    if further is None or not further.clips or further.takes > MAX_TAKES:
        return
    st.button(
        f"Plan {sweep_formatting.counted(further.clips, 'more clip')} · {formatting.credits(further.credits)}",
        icon=":material/library_add:",
        key="sweep_further",
        on_click=_extend,
        args=(status.id, further.takes),
        help="Puts this test into the form with that many takes; what exists is reused. Nothing starts yet.",
    )


def _progress(experiment_id: str) -> bool:
    """Say how far the verdict is; whether to wait on: for the verdict, or while an open clip plays, which would begin again."""
    lab = layout.lab()
    standing = lab.verdicts.look(experiment_id)
    if standing.is_awaited:
        verdict_progress.line(lab, standing)
    return standing.is_awaited or sweep_clip.is_open()


def _onward(lab: Lab, status: SweepStatus) -> None:
    """Draw where it goes on: the next step of what is done is the loud one."""
    step = _next_step(lab, status)
    if step in {"Verdict", "Decision"}:
        label, icon = ("See the verdict", "straighten") if step == "Verdict" else ("Decide", "flag")
        st.button(
            label,
            icon=f":material/{icon}:",
            type="primary",
            key="sweep_next",
            on_click=sweep_query_params.to_tab,
            args=(step,),
        )
    decided = status.experiment.decided_at is not None
    show_menu.make_button(lab, status, key="sweep", kind="primary" if decided else "secondary")
    if status.states.get(State.SUCCEEDED, 0) < TWO or not lab.may("Ballots.start"):
        return
    kind: Literal["primary", "secondary"] = "primary" if step == "Vote" else "secondary"
    if st.button("Vote blind", icon=":material/how_to_vote:", key="sweep_vote", type=kind):
        st.switch_page(layout.page_file("vote"), query_params={"experiment": status.id})


def _next_step(lab: Lab, status: SweepStatus) -> Literal["", "Vote", "Verdict", "Decision"]:
    if not _is_done(status) or status.experiment.decided_at is not None:
        return ""
    if status.experiment.kind != "sweep":
        return "Verdict"
    votes = verdict_votes.read(lab, status.id)
    return "Vote" if votes is None or not votes.has_winner else "Decision"


def _is_done(status: SweepStatus) -> bool:
    """Tell whether all takes have ended, some of them with a clip."""
    return status.is_done and not status.planned and status.states.get(State.SUCCEEDED, 0) > 0


def _button(label: str, icon: str, name: str, experiment_id: str) -> None:
    st.button(label, icon=f":material/{icon}:", key=f"sweep_{name}", on_click=_do, args=(name, experiment_id))


def _repair(lab: Lab, status: SweepStatus) -> None:
    """Draw the one button that gives every take a clip that lacks one, or as many of them as caps and balance allow."""
    quote = lab.sweeps.repair_quote(status.id)
    in_part = 0 < quote.fits < quote.new
    amount = quote.fits_credits if in_part else quote.credits
    spend_button(
        lab,
        sweep_formatting.repair_label(status, quote),
        amount,
        key="sweep_repair",
        act=_buy,
        args=(status.id, amount, in_part),
        kind="primary" if status.planned else "secondary",
        icon=":material/play_arrow:" if not status.failed else ":material/build:",
    )


def _buy(experiment_id: str, shown_credits: int, in_part: bool) -> None:
    """Buy what the button said, and never more than it said: more may have failed since it was drawn."""
    repair = layout.lab().sweeps.repair
    _try(experiment_id, lambda: repair(experiment_id, only_what_fits=in_part, expected_credits=shown_credits))


def _do(name: str, experiment_id: str) -> None:
    sweeps = layout.lab().sweeps
    acts: dict[str, Callable[[str], Any]] = {
        "pause": sweeps.pause,
        "resume": sweeps.resume,
        "cancel_waiting": sweeps.cancel_waiting,
        "drop_planned": sweeps.drop_planned,
    }
    _try(experiment_id, lambda: acts[name](experiment_id))


def _try(experiment_id: str, act: Callable[[], object]) -> None:
    st.session_state.pop(_REFUSED, None)
    try:
        act()
    except RivyaError as error:
        st.session_state[_REFUSED] = (experiment_id, error)


def _extend(experiment_id: str, takes: int | None = None) -> None:
    lab = layout.lab()
    status = lab.sweep(experiment_id)
    draft = sweep_drafts.of_experiment(status.experiment, status.cells)
    sweep_form.show(lab, draft if takes is None else replace(draft, takes=takes), undo=True)
    sweep_query_params.to_form()
