"""The card that follows a task id: what the task is, and the button that keeps it here. Nothing is ever sent for it."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, fragments, layout
from pages._ui.components.fact_list import Fact, fact_list
from rivya_core import Lab, State
from rivya_core.api.errors import RivyaError
from rivya_core.lab.server.tasks import TaskLook

TICK_S = 0.7
EXCERPT = 240

_ASKED = "_task_asked"
_KEPT = "_task_kept"


def task_card(lab: Lab) -> None:
    """Draw the field, and what the last look told."""
    with st.container(border=True, key="task_card"):
        layout.card_head("Follow a task id")
        st.text("For a task made elsewhere with this key. It is read, never sent again.")
        with st.container(horizontal=True, vertical_alignment="bottom", key="task_field"):
            st.text_input("Task id", key="task_id", placeholder="task_…", on_change=_ask, args=(lab,))
            st.button("Look up", icon=":material/search:", key="look_up_task", on_click=_ask, args=(lab,))
        asked = st.session_state.get(_ASKED)
        waits = asked is not None and lab.server.task(asked) is None
        fragments.part(_look, TICK_S if waits else None)(lab, asked)
        _kept()


def _ask(lab: Lab) -> None:
    task_id = str(st.session_state.get("task_id") or "").strip()
    st.session_state.pop(_KEPT, None)
    st.session_state.pop(_ASKED, None)
    if task_id:
        st.session_state[_ASKED] = task_id
        lab.server.ask_task(task_id)


def _look(lab: Lab, asked: str | None) -> None:
    if asked is None or st.session_state.get(_ASKED) != asked:
        return
    look = lab.server.task(asked)
    if look is None:
        st.caption("Asking…")
        return
    if look.task is None:
        st.text(look.trouble)
        return
    task = look.task
    fact_list(
        [
            Fact("Task", look.task_id, copy=True),
            Fact("Model", task.model or "Not told"),
            Fact("State", task.status or "Not told", "" if task.error is None else task.error.message or ""),
            Fact("Prompt", formatting.excerpt(look.prompt, EXCERPT) if look.prompt else "Not told by the API"),
            Fact("Credits", _credits(look)),
            Fact("Created", formatting.clock(task.created_at) if task.created_at else "Not told"),
        ],
        key="task_facts",
    )
    if look.generation_id is not None:
        st.text("It is here already.")
        _link(look.generation_id)
    elif not lab.settings.read_only:
        _keep_button(lab, asked)
    else:
        layout.only_for("Server.keep_task", "keep it here")


def _keep_button(lab: Lab, task_id: str) -> None:
    unconfirmed = lab.ledger.counts(lab.connection).get(State.UNCONFIRMED, 0)
    if unconfirmed:
        st.text("A generation here is unconfirmed. If this is its task, adopt the id on its card in History instead.")
    st.button(
        "Keep it here",
        icon=":material/download_done:",
        key="keep_task",
        type="primary",
        on_click=_keep,
        args=(lab, task_id),
        help="Follows it to its end and keeps its clip. It counts with the credits that the task itself states.",
    )


def _keep(lab: Lab, task_id: str) -> None:
    if lab.server.task(task_id) is None:  # forgotten meanwhile: a page does not wait for another read
        _ask(lab)
        st.rerun()
    try:
        st.session_state[_KEPT] = lab.server.keep_task(task_id).id
        st.session_state.pop(_ASKED, None)
    except RivyaError as error:
        st.toast(f"{error.title}. {error.detail}", icon=":material/error:")
        return
    st.rerun()


def _kept() -> None:
    kept = st.session_state.get(_KEPT)
    if kept:
        st.text("Kept. It is followed to its end, and its clip is archived.")
        _link(kept)


def _link(generation_id: str) -> None:
    st.page_link(
        layout.page_file("history"),
        label="Open in History",
        icon=":material/history:",
        query_params={"id": generation_id},
    )


def _credits(look: TaskLook) -> str:
    task = look.task
    reserved = None if task is None else task.reserved_credits
    final = None if task is None else task.final_credits
    parts = [f"{reserved:,} reserved" if reserved is not None else "", f"{final:,} final" if final else ""]
    return ", ".join(part for part in parts if part) or "Not told"
