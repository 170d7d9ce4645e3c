"""What can be done with one generation from its panel in History. Money is spent by "Repeat" only, as a new intent."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, generation_actions, layout, support_link
from pages._ui.add_to_show import menu as show_menu, outcome as show_outcome
from pages._ui.history import deletion
from rivya_core import GenerationRecord, Lab
from rivya_core.lab.ledger.records import ErrorCard


def draw(lab: Lab, record: GenerationRecord) -> None:
    """Draw the buttons of a generation; what is not possible now is not there."""
    with st.container(horizontal=True, gap="small", key="detail_acts"):
        if record.has_clip:
            generation_actions.download_menu(record, key="detail")
            generation_actions.compare_button(record, key="detail")
        if record.is_terminal:
            generation_actions.repeat_button(lab, record, key="detail")
        generation_actions.use_settings_button(record, key="detail", go_to_form=True)
        generation_actions.use_part_menu(record, key="detail", go_to_form=True)
        generation_actions.copy_menu(lab, record, key="detail")
        if record.has_clip:
            show_menu.add_menu(lab, [record.id], key="detail")
        if not lab.settings.read_only:
            _star(lab, record)
        with st.popover("More", icon=":material/more_horiz:", type="tertiary", key=f"more_{record.id}"):
            support_link.draw(generation_id=record.id)
            if not lab.settings.read_only and lab.may("Lab.delete"):
                _delete(lab, record)
    show_outcome.draw(show_menu.place("detail", [record.id]))
    if record.is_terminal:
        generation_actions.repeat_note(lab, record, key="detail")
    with st.container(key="detail_answer"):
        generation_actions.repeat_answer(lab)


def act(lab: Lab, name: str, generation_id: str) -> None:
    """Carry out what a button of a row under way asks for."""
    if lab.settings.read_only:
        st.toast("This server is read-only.", icon=":material/lock:")
    elif name == "cancel":
        gone = lab.cancel(generation_id)
        st.toast("Cancelled; nothing was charged." if gone else "Too late to cancel: it has left already.")
        st.rerun()
    elif name == "check":
        lab.check_now(generation_id)
        st.toast("Asked now; the answer appears here.")
    elif name in {"watch", "unwatch"}:
        generation_actions.watch(lab, generation_id, again=name == "watch")
        st.rerun()


def announce() -> None:
    """Show a toast that a repeat has started, or was a double click."""
    started = st.session_state.pop(generation_actions.REPEATED, None)
    if started is None:
        return
    deletion.forget()
    if started[1]:
        st.toast("Already started: the same click came twice, so it is one task.", icon=":material/done_all:")
    else:
        st.toast("Started; it is the newest row now.", icon=":material/rocket_launch:")


def trouble(card: ErrorCard) -> None:
    """Draw why a generation ended as failed, whether it was charged, and what is safe now."""
    with st.container(key="detail_trouble", gap="small"):
        layout.badge(formatting.CHARGED[card.charged])
        with st.container(key="story_detail", gap="xxsmall"):
            for line in (card.title, card.detail, card.hint and f"What you can do: {card.hint}"):
                if line:
                    st.text(line)
        ids = [card.code, card.http_status and f"HTTP {card.http_status}"]
        ids.append(f"request id {card.request_id}" if card.request_id else "no request id was given")
        st.caption("What Rivya said:")
        st.code(" · ".join(str(part) for part in ids if part), language=None, wrap_lines=True)


def lost(lab: Lab, record: GenerationRecord, card: ErrorCard) -> None:
    """Say that the kept file is gone, and offer to fetch it again while Rivya has it."""
    with st.container(key="detail_lost", gap="xsmall"):
        for line in (card.title, card.detail, card.hint):
            st.text(line)
        st.button(
            "Check now", icon=":material/refresh:", key=f"fetch_{record.id}", on_click=lab.check_now, args=(record.id,)
        )


def _delete(lab: Lab, record: GenerationRecord) -> None:
    if record.is_terminal and record.deleted_at is None:
        st.button(
            "Delete",
            icon=":material/delete:",
            key=f"delete_{record.id}",
            on_click=deletion.delete,
            args=(lab, record),
        )


def _star(lab: Lab, record: GenerationRecord) -> None:
    st.button(
        "★ Favorite" if record.starred else "☆ Favorite",
        key=f"star_{record.id}",
        on_click=_set_star,
        args=(lab, record),
        type="tertiary",
    )


def _set_star(lab: Lab, record: GenerationRecord) -> None:
    lab.star(record.id, not record.starred)
    deletion.forget()
