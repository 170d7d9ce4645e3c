"""Cards that stay until somebody acts: a paused queue, and every generation that failed or needs a decision.

Each says what happened, whether it was charged, what is safe to do now, and the request id for support.
"""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, generation_actions, layout
from pages._ui.formatting import Badge
from pages._ui.generation_progress import is_overdue
from pages._ui.mode_marks import EACH, Marks
from rivya_core import GenerationRecord, Lab, State
from rivya_core.api.errors import RivyaError
from rivya_core.lab.ledger.records import ErrorCard, Pause

REFUSED = "_card_refused"


def pause_card(pause: Pause) -> None:
    """Draw why nothing new is sent, and the way on."""
    with st.container(border=True, key="pause_card", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            layout.badge(Badge("Queue paused", ":material/pause_circle:", "orange"))
            layout.badge(formatting.CHARGED[pause.card.charged])
            with st.container(key="muted_pause", width="content"):
                by = f"paused by {pause.person} · " if pause.person is not None else "since "
                st.text(f"{by}{formatting.clock(pause.since, today=False)}")
        _story(pause.card)
        with st.container(horizontal=True, vertical_alignment="center"):
            if layout.lab().may("Lab.resume"):
                st.button("Resume now", icon=":material/play_arrow:", on_click=_resume, key="resume")
            else:
                st.text("An admin can resume it.")
            if pause.retry_at is not None:
                with st.container(key="muted_retry", width="content"):
                    st.text(
                        f"Will be tried again by itself at {formatting.clock(pause.retry_at, seconds=True, today=False)}"
                    )


def failure_card(lab: Lab, record: GenerationRecord, *, repeats: bool = True, marks: Marks = EACH) -> None:
    """Draw one generation that failed, is unconfirmed, or whose clip is not here yet.

    ``repeats``: offer to repeat what has failed; False where something else does. ``marks``: whether the card says its mode.
    """
    with st.container(border=True, key=f"failure_{record.id}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            layout.state_badge(record)
            layout.badge(formatting.CHARGED[charged(record)])
            if marks.of(record.mode):
                layout.mode_badge(record.mode)
            with st.container(key=f"muted_when_{record.id}", width="content"):
                st.text(formatting.clock(record.finished_at or record.first_attempt_at or record.created_at))
        st.text(formatting.excerpt(record.prompt, 140))
        _story(record.error or _plain_story(record), record)
        generation_actions.earlier_link(record)
        if lab.settings.read_only:
            return
        if record.state is State.UNCONFIRMED:
            _unconfirmed(lab, record)
        elif repeats or record.state is State.UNSAVED:
            with st.container(horizontal=True):
                _ended(lab, record)
            if record.state is not State.UNSAVED:
                generation_actions.repeat_note(lab, record, key="card")
        refused = st.session_state.get(REFUSED)
        if refused is not None and refused[0] == record.id:
            layout.error_card(refused[1])


def _story(card: ErrorCard, record: GenerationRecord | None = None) -> None:
    with st.container(key=f"story_{record.id if record else 'pause'}", gap="xxsmall"):
        st.text(card.title)
        if card.detail:
            st.text(formatting.sentences(card.detail))
        if card.hint:
            st.text(formatting.sentences(f"What you can do: {card.hint}"))
    ids = [
        part
        for part in (
            card.code,
            f"HTTP {card.http_status}" if card.http_status else None,
            f"request id {card.request_id}" if card.request_id else _no_request_id(card),
            f"task {formatting.excerpt(record.task_id, 80)}" if record is not None and record.task_id else None,
        )
        if part
    ]
    if ids:
        with st.container(key=f"ids_{record.id if record else 'pause'}"):
            st.text(" · ".join(ids))


def _no_request_id(card: ErrorCard) -> str:
    """Write that an error has no request id; empty for a pause set here, which had no request."""
    return "" if card.phase == "submit" else "no request id was given"


def charged(record: GenerationRecord) -> str:
    """Tell whether an ended generation was charged: yes, no or unknown."""
    if record.error is not None:
        return record.error.charged
    return {State.UNSAVED: "yes", State.UNCONFIRMED: "unknown"}.get(record.state, "no")


def _plain_story(record: GenerationRecord) -> ErrorCard:
    if record.state is State.UNSAVED:
        return ErrorCard(
            "The clip is ready at Rivya and not here yet",
            "Fetching it is repeated by itself.",
            "Wait, or press Check now. No new task is started for it.",
            "yes",
            "fetch",
        )
    if record.state is State.UNCONFIRMED:
        return ErrorCard(
            "Rivya may have accepted this request",
            "No answer arrived within the time in which the same request may be sent again.",
            "Asking again uses the same key: it cannot start a second task while Rivya remembers the first.",
            "unknown",
            "create",
        )
    return ErrorCard("The generation failed", "No reason was given.", "Nothing more happens by itself.", "no", "poll")


def _ended(lab: Lab, record: GenerationRecord) -> None:
    if record.state is State.UNSAVED:
        _button("Check now", ":material/refresh:", "check", record)
        if record.unwatched_at is not None:
            _button("Watch again", ":material/visibility:", "watch", record)
        elif is_overdue(lab, record):
            _button("Stop watching", ":material/visibility_off:", "unwatch", record)
        return
    generation_actions.repeat_button(lab, record, key="card")
    generation_actions.use_settings_button(record, key="card")
    _button("Dismiss", ":material/close:", "dismiss", record, tertiary=True)


def _unconfirmed(lab: Lab, record: GenerationRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _button("Ask again with the same key", ":material/forward_to_inbox:", "ask", record)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Task id found at Rivya",
            key=f"task_of_{record.id}",
            placeholder="task_…",
            width=260,
            help="If Rivya shows the task, follow it under its id instead of sending anything.",
        )
        _button("Follow this task", ":material/link:", "adopt", record)
    with st.container(key=f"muted_evidence_{record.id}", gap="xxsmall"):
        st.text(_evidence(lab, record))
    if lab.may("Lab.close_unconfirmed"):
        _button("Close as not charged", ":material/money_off:", "close", record)
    else:
        st.caption("An admin can close it as not charged.")


def _evidence(lab: Lab, record: GenerationRecord) -> str:
    """Set the balance before the first attempt beside the balance now; more than the price missing speaks for a charge."""
    before = next(
        (event.detail["balance_credits"] for event in lab.events(record.id) if "balance_credits" in event.detail), None
    )
    now = lab.balance()
    then = "not known" if before is None else f"{before:,} credits"
    later = (
        "not known"
        if now.credits is None
        else f"{now.credits:,} credits (updated {formatting.clock(now.asked_at, today=False)})"
    )
    return (
        f"Balance before: {then}. Balance now: {later}. This request was expected to take {record.expected_credits:,}."
    )


def _button(label: str, icon: str, name: str, record: GenerationRecord, *, tertiary: bool = False) -> None:
    st.button(
        label,
        icon=icon,
        key=f"{name}_{record.id}",
        on_click=_act,
        args=(name, record.id),
        type="tertiary" if tertiary else "secondary",
    )


def _resume() -> None:
    layout.lab().resume()


def _act(name: str, generation_id: str) -> None:
    lab = layout.lab()
    st.session_state.pop(REFUSED, None)
    try:
        match name:
            case "check":
                lab.check_now(generation_id)
            case "watch" | "unwatch":
                generation_actions.watch(lab, generation_id, again=name == "watch")
            case "dismiss":
                lab.dismiss(generation_id)
            case "ask":
                lab.ask_again(generation_id)
            case "adopt":
                task_id = str(st.session_state.get(f"task_of_{generation_id}") or "").strip()
                if task_id:
                    lab.adopt(generation_id, task_id)
            case "close":
                lab.close_unconfirmed(generation_id)
    except RivyaError as error:
        st.session_state[REFUSED] = (generation_id, error)
