"""What can be done with a finished generation: download, repeat, put its settings into the form, copy as code."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from pages._ui import addresses, double_click, formatting, layout, spend_button
from pages._ui.request_form import existing, form
from rivya_core import GenerationRecord, Lab
from rivya_core.api import as_curl, as_json, as_python
from rivya_core.api.errors import RivyaError
from rivya_core.lab.drafts import drafts
from rivya_core.lab.drafts.drafts import Draft, Intent
from rivya_core.lab.media.containers import MP4, container_of_key
from rivya_core.lab.media.video_probe import DAMAGED, UNOPENED
from rivya_core.settings import is_built_in

REFUSED = "_repeat_refused"
REPEAT = "repeat"
REPEATED = "_repeated"
_INTENTS = "_repeat_intents"
_COPY_KEYS = "_copy_keys"


def download_menu(record: GenerationRecord, *, key: str) -> None:
    """Draw the download of the archived clip: as delivered, or where possible a copy with its settings embedded."""
    if not can_carry_settings(record):
        st.link_button("Download", addresses.clip(record.id, download="1"), icon=":material/download:")
        return
    with st.popover("Download", icon=":material/download:", key=f"download_{key}_{record.id}"):
        as_it_is, with_settings = (
            addresses.clip(record.id, download="1"),
            addresses.clip(record.id, download="settings"),
        )
        st.link_button("As delivered", as_it_is, icon=":material/movie:", width="stretch")
        st.link_button("With its settings", with_settings, icon=":material/tune:", width="stretch")
        with st.container(key=f"muted_download_{key}"):
            st.text("With its settings: dropped on Generate, it fills the form.")


def can_carry_settings(record: GenerationRecord) -> bool:
    """Tell whether a copy of the clip can have its settings in it."""
    return record.clip_check not in {UNOPENED, DAMAGED} and container_of_key(record.clip_key or "") is MP4


def repeat_button(lab: Lab, record: GenerationRecord, *, key: str) -> None:
    """Draw the button that submits the same request once more, as a new intent with its own credits."""
    if lab.settings.read_only:
        return
    cost = _cost(record)
    st.button(
        f"Repeat · {formatting.credits(cost)}",
        icon=":material/replay:",
        key=f"repeat_{key}_{record.id}",
        on_click=_repeat,
        args=(record.id,),
        help="Submits exactly this request again, as a new task.",
    )


def repeat_note(lab: Lab, record: GenerationRecord, *, key: str) -> None:
    """Show what exists of exactly this request beside the button; nothing where nothing can be repeated."""
    if not lab.settings.read_only:
        existing.note(lab.existing(record), key=f"{key}_{record.id}", shown_id=record.id)


def use_settings_button(record: GenerationRecord, *, key: str, go_to_form: bool = False) -> None:
    """Draw the button that puts a generation's settings into the form; nothing is sent."""
    if not layout.can_spend():
        return
    pressed = st.button(
        "Use these settings",
        icon=":material/tune:",
        key=f"use_{key}_{record.id}",
        on_click=use_settings,
        args=(record.id,),
    )
    if pressed and go_to_form:
        st.switch_page(
            layout.page_file("generate"), query_params={}
        )  # without them, bound filters in the address forbid it


def use_part_menu(record: GenerationRecord, *, key: str, go_to_form: bool = False) -> None:
    """Draw the menu that puts one part of a generation into the form and leaves the others as they are; nothing is sent."""
    if not layout.can_spend():
        return
    name = f"use_part_{key}_{record.id}"
    chosen = st.menu_button(
        "Use only",
        drafts.parts_of(record),
        key=name,
        icon=":material/input:",
        type="tertiary",
        format_func=formatting.part,
        on_click=_use_part,
        args=(record.id, name),
    )
    if chosen is not None and go_to_form and REFUSED not in st.session_state:
        st.switch_page(layout.page_file("generate"), query_params={})


def earlier_link(record: GenerationRecord) -> None:
    """Draw the way to the generation whose task Rivya answered with, for a row that has none of its own."""
    if record.duplicate_of is not None:
        st.page_link(
            layout.page_file("history"),
            label="Open the earlier generation",
            icon=":material/history:",
            query_params={"id": record.duplicate_of},
        )


def dismiss(generation_ids: Sequence[str]) -> None:
    """Dismiss the cards of failed generations; they stay in History. A callback."""
    lab = layout.lab()
    for generation_id in generation_ids:
        lab.dismiss(generation_id)


def watch(lab: Lab, generation_id: str, *, again: bool) -> None:
    """Stop watching an overdue generation, or watch it again, and say what follows from it."""
    try:
        if again:
            lab.watch_again(generation_id)
            st.toast("Watched again.", icon=":material/visibility:")
        else:
            lab.stop_watching(generation_id)
            st.toast("Not watched any more; it stays in History.", icon=":material/visibility_off:")
    except RivyaError as error:
        st.toast(formatting.sentences(error.title, error.detail), icon=":material/info:")


def compare_button(record: GenerationRecord, *, key: str) -> None:
    """Draw the way to the review wall, where others join the clip; none for a clip that cannot be shown there.

    A link that looks like the buttons beside it: one step in the browser's history, so that one Back returns here.
    """
    if record.clip_check == UNOPENED:
        return
    with st.container(key=f"link_button_{key}", width="content"):
        st.page_link(
            layout.page_file("compare"),
            label="Compare",
            icon=":material/view_column_2:",
            query_params={"ids": record.id},
        )


def copy_menu(lab: Lab, record: GenerationRecord, *, key: str) -> None:
    """Draw the menu that shows the request as cURL, Python and JSON; the key stands in none of them."""
    with st.popover("Copy as", icon=":material/code:", key=f"copy_{key}_{record.id}"):
        curl, python, json = st.tabs(["cURL", "Python", "JSON"])
        request, address = dict(record.request), _base_url(lab, record)
        once_key = _copy_key(record)
        with curl:
            st.code(as_curl(request, address, idempotency_key=f"{once_key}-curl"), language="bash", wrap_lines=True)
        with python:
            script = as_python(request, address, idempotency_key=f"{once_key}-python")
            st.code(script, language="python", wrap_lines=True)
        with json:
            st.code(as_json(request), language="json", wrap_lines=True)
        _say_which_key(lab, record)


def _say_which_key(lab: Lab, record: GenerationRecord) -> None:
    """Say where the snippet's key comes from; the built-in simulator's is no secret, so it can be copied here."""
    if record.mode == "simulated" and not is_built_in(record.connection):
        st.caption(
            "The key is read from the environment variable RIVYA_API_KEY. When this was made, a simulator answered at its "
            "address and nothing real was spent."
        )
    elif not _is_for_simulator(lab, record):
        st.caption(
            "The key is read from the environment variable RIVYA_API_KEY. Make one in Rivya's settings; "
            "running this spends real credits."
        )
    elif lab.settings.read_only:
        st.caption("This asks the built-in simulator. A read-only server does not hand out its key.")
    else:
        st.caption("This asks the built-in simulator of this dashboard. Its key is no secret; set it first:")
        st.code(f"export RIVYA_API_KEY={lab.simulator.api_key}", language="bash", wrap_lines=True)


def _copy_key(record: GenerationRecord) -> str:
    """Give each generation a key of its own for what is copied; it stays while the page is open, so no copy pays twice."""
    keys: dict[str, str] = st.session_state.setdefault(_COPY_KEYS, {})
    return keys.setdefault(record.id, f"copy-{uuid.uuid4()}")


def repeat_answer(lab: Lab) -> None:
    """Draw what the last press of a repeat button led to: a refusal, or a question about the amount."""
    refused: RivyaError | None = st.session_state.get(REFUSED)
    if refused is not None:
        layout.error_card(refused)
    waiting: str | None = spend_button.asked(REPEAT)
    if waiting is None:
        return
    record = lab.get(waiting)
    cost = _cost(record)
    spends = f"Repeating spends {formatting.credits(cost)} of the live wallet."
    said = formatting.sentences(spends, lab.existing(record).sentence)
    spend_button.question(REPEAT, cost, place="confirm_repeat", act=_repeat, args=(waiting, True), said=said)


def _cost(record: GenerationRecord) -> int:
    return record.final_credits or record.reserved_credits or record.expected_credits


def _is_for_simulator(lab: Lab, record: GenerationRecord) -> bool:
    """Tell whether the request was made for the built-in simulator and one runs now."""
    return is_built_in(record.connection) and lab.simulator is not None


def _base_url(lab: Lab, record: GenerationRecord) -> str:
    if not is_built_in(record.connection):
        return record.connection
    if lab.simulator is None:
        return lab.connection
    return addresses.simulator()


def _repeat(generation_id: str, confirmed: bool = False) -> None:
    lab = layout.lab()
    st.session_state.pop(REFUSED, None)
    spend_button.withdraw(REPEAT)
    record = lab.get(generation_id)
    if not confirmed and spend_button.must_confirm(lab, _cost(record)):
        spend_button.ask(REPEAT, generation_id)
        return
    try:
        request = drafts.repeat_request(lab, record)
        now = datetime.now(UTC)
        intents: dict[str, Intent] = st.session_state.setdefault(_INTENTS, {})
        intent = drafts.intent_for(intents.get(generation_id), request.sha256, now, unseen=double_click.is_unseen())
        lab.submit_takes(request, 1, intent_id=intent.id, parent_id=generation_id)
    except RivyaError as error:
        st.session_state[REFUSED] = error
        return
    repeated = intent.accepted_at is not None
    intents[generation_id] = intent if repeated else Intent(intent.id, intent.fingerprint, now)
    st.session_state[REPEATED] = (1, repeated)
    if not repeated:
        double_click.taken()


def _use_part(generation_id: str, name: str) -> None:
    lab = layout.lab()
    st.session_state.pop(REFUSED, None)
    try:
        form.load_part(lab, lab.get(generation_id), st.session_state[name])
    except RivyaError as error:
        st.session_state[REFUSED] = error


def use_settings(generation_id: str) -> None:
    """Put a generation's settings into the form; a callback."""
    lab = layout.lab()
    form.load(lab, Draft.of_record(lab.get(generation_id)))
