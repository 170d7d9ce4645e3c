"""The request form, built from the model's entry in the catalogue.

The widgets are the draft while the page is open; what changed is written to the lab at the end of a run, so a reload, a
restart or another page finds it again. Nothing here sends: the button stores an intent, jobs do the rest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from pages._ui import double_click, formatting, layout, spend_button
from pages._ui.components.keyboard_submit import keyboard_submit
from pages._ui.components.prompt_counter import prompt_counter
from pages._ui.request_form import clip_settings, contract_drift, existing, fields, settings
from pages._ui.request_form.image_field import IMAGE, REFUSED as IMAGE_REFUSED, image_field, refusal, take_in
from rivya_core import GenerationRecord, Lab
from rivya_core.api import ModelSpec, prompt_counts, shared_words
from rivya_core.api.differences import PRICE, PROMPT
from rivya_core.api.errors import RivyaError
from rivya_core.lab.drafts import draft_images, drafts, quotes
from rivya_core.lab.drafts.drafts import Draft, DraftImage
from rivya_core.lab.drafts.quotes import Price
from rivya_core.lab.experiments.reuse import Existing
from rivya_core.lab.jobs.submission import MAX_TAKES
from rivya_core.lab.ledger.records import Budget

FORM = "request_form"
CONFIRM = "confirm"
REFUSED = "_refused"
STARTED = "_started"
_SAVED = "_draft_saved"
_BEFORE = "_draft_before"
_SAID = "_draft_loaded"
_PARENT = "_draft_parent"
_UNSEEN = "_draft_unseen"
"""Set while the form holds settings of a clip that nobody can have seen there yet: they came with the press that sends."""
MAX_COLUMNS = 3


def request_form(lab: Lab) -> None:
    """Draw the form card and keep its draft."""
    _open_draft(lab)
    st.session_state.pop(_UNSEEN, None)
    with st.container(border=True, key=FORM, gap="small"):
        with st.container(key="muted_settings"):  # always there: what comes and goes in it must not remount the form
            _loaded_bar()
            _parent_line(lab)
        spec = settings.choose_model(lab, fields.FORM)
        _prompt(spec)
        settings.parameters(spec.params, fields.FORM, columns=MAX_COLUMNS, below_texts=_said_twice, last_choice=_takes)
        aspect = spec.aspect_param
        image_field(spec, None if aspect is None else fields.value(aspect), _take_clip)
        draft = _collect()
        price, budget = quotes.price(lab, draft), lab.budget()
        with st.container(key="send_row", gap="small"):
            _send_row(lab, draft, price, budget)
        with st.container(key="muted_price", gap="xxsmall"):
            st.text(f"{price.words} {_balance_after(lab, budget, price)}".rstrip())
            contract_drift.beside(spec.id, PRICE, fields.FORM)
            st.text("Draft saved. Shared by all open tabs.")
    _keep(lab, draft)


def load(lab: Lab, draft: Draft) -> None:
    """Put other settings into the form; the present ones can be brought back once."""
    _load(lab, draft, "Settings loaded.")


def load_part(lab: Lab, record: GenerationRecord, part: str) -> None:
    """Put one part of a generation into the form; the present settings can be brought back once.

    Raises:
        InvalidRequestError: the form's model does not take it; nothing was changed.
    """
    said = formatting.part(part)
    _load(lab, drafts.with_part(_current(lab), record, part), f"{said[:1].upper()}{said[1:]} loaded.")


def _load(lab: Lab, draft: Draft, said: str) -> None:
    st.session_state[_BEFORE] = _current(lab)
    st.session_state[_SAID] = formatting.sentences(said, formatting.replaced_model(draft))
    spend_button.withdraw(CONFIRM)  # asked about other settings
    _write(lab, _with_kept_facts(lab, draft.in_catalogue()))


def _take_clip(data: bytes) -> None:
    """Put the settings that a clip carries into the form; a callback, and nothing is sent by it or with it."""
    lab = layout.lab()
    found = clip_settings.read(lab, data)
    st.session_state[_UNSEEN] = True
    if found is not None:
        _load(lab, *found)
        st.toast("Settings loaded from the clip. Nothing was sent.", icon=":material/tune:")
    else:  # what is wrong stands below the image, which may be out of sight
        st.toast(
            "Nothing was loaded from this clip. Below the reference image it says why.", icon=":material/movie_off:"
        )


def _current(lab: Lab) -> Draft:
    """What the form holds, also where it was not saved yet; on another page, what was saved."""
    return _collect() if "form_prompt" in st.session_state else Draft.from_mapping(lab.draft())


def _with_kept_facts(lab: Lab, draft: Draft) -> Draft:
    """Complete the draft's image with facts that a generation does not store: all of them for the form's own image, else its size."""
    if draft.image is None:
        return draft
    sha256 = draft.image.sent.sha256
    shown: DraftImage | None = st.session_state.get(IMAGE) or Draft.from_mapping(lab.draft()).image
    if shown is not None and shown.sent.sha256 == sha256:
        return replace(draft, image=shown)
    return replace(draft, image=draft_images.known_facts(lab, draft.image))


def _open_draft(lab: Lab) -> None:
    if "form_prompt" not in st.session_state:
        _show(Draft.from_mapping(lab.draft()), lab)


def _loaded_bar() -> None:
    if _BEFORE not in st.session_state:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.text(st.session_state.get(_SAID) or "", width="content")
        st.button("Undo", icon=":material/undo:", type="tertiary", on_click=_undo, key="settings_undo")
        st.button("Close", icon=":material/close:", type="tertiary", on_click=_keep_loaded, key="settings_keep")


def _parent_line(lab: Lab) -> None:
    """Say what the form's settings come from: what is made from them is kept as its child."""
    parent = _parent(lab)
    if parent is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(f"Based on the clip of {formatting.clock(parent.created_at)}", width="content")
        st.page_link(layout.page_file("history"), label="See it", query_params={"id": parent.id}, width="content")
        st.button("Not based on it", type="tertiary", on_click=_forget_parent, key="parent_forget")


def _parent(lab: Lab) -> GenerationRecord | None:
    parent_id: str | None = st.session_state.get(_PARENT)
    try:
        return None if parent_id is None else lab.get(parent_id)
    except RivyaError:
        return None


def _forget_parent() -> None:
    st.session_state.pop(_PARENT, None)


def _keep_loaded() -> None:
    st.session_state.pop(_BEFORE, None)


def _show(draft: Draft, lab: Lab) -> None:
    st.session_state["form_model"] = draft.model
    st.session_state["form_prompt"] = draft.prompt
    st.session_state["form_takes"] = draft.takes
    for param in draft.spec.params:
        st.session_state[fields.key_of(param)] = draft.values.get(param.key, fields.start(param))
    image = draft.image if draft.image is not None and drafts.is_here(lab, draft.image) else None
    st.session_state[IMAGE] = image
    st.session_state[_PARENT] = draft.parent_id
    st.session_state.pop(IMAGE_REFUSED, None)
    st.session_state[_SAVED] = replace(draft, image=image)


def _write(lab: Lab, draft: Draft) -> None:
    _save(lab, draft)
    _show(draft, lab)


def _undo() -> None:
    before = st.session_state.pop(_BEFORE, None)
    if before is not None:
        _write(layout.lab(), before)


def _prompt(spec: ModelSpec) -> None:
    with st.container(gap="xxsmall"):
        text = settings.prompt_box(
            fields.FORM,
            placeholder="A red fox crossing a frozen lake at dawn, breath visible in the cold air, handheld, soft back light",
        )
        count, utf16 = prompt_counts(text)
        cap = spec.max_prompt_length
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            keyboard_submit(FORM, _send, key="prompt_box", texts=_texts(spec), answers=["muted_exists_form"])
            prompt_counter("form_prompt", text, cap, key="prompt_counter")
        if cap and count <= cap < utf16:
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="muted_utf16"):
                st.badge(f"{utf16} of {cap} when counted in UTF-16", icon=":material/warning:", color="orange")
                st.text("How Rivya counts is not documented; it may refuse this.")
        contract_drift.beside(spec.id, PROMPT, fields.FORM)


def _texts(spec: ModelSpec) -> dict[str, str]:
    """The committed text of each text area, by its widget key."""
    keys = ["form_prompt", *(fields.key_of(param) for param in spec.params if param.type == "text")]
    return {key: str(st.session_state.get(key) or "") for key in keys}


def _said_twice() -> None:
    """Point out words that the request asks for and asks to leave out at once."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="muted_said_twice"):
        words_ = shared_words(
            *(str(st.session_state.get(key) or "") for key in ("form_prompt", "form_negative_prompt"))
        )
        if words_:
            st.badge("Note", icon=":material/info:", color="orange")
            st.text(f"Both prompts say: {', '.join(words_)}", width="content")


def _takes() -> None:
    # a choice, because a typed number may be one that the button does not mean
    st.selectbox("Takes", list(range(1, MAX_TAKES + 1)), key="form_takes")


def _collect() -> Draft:
    """Read the form from the session."""
    draft = Draft(model=st.session_state["form_model"])
    return replace(
        draft,
        prompt=st.session_state.get("form_prompt") or "",
        values={param.key: fields.value(param) for param in draft.spec.params},
        takes=int(st.session_state.get("form_takes") or 1),
        image=st.session_state.get(IMAGE) if draft.spec.reference is not None else None,
        parent_id=st.session_state.get(_PARENT),
    )


def _keep(lab: Lab, draft: Draft) -> None:
    """Write the draft when this session changed it; a tab that only looks never overwrites another tab's draft."""
    saved: Draft = st.session_state[_SAVED]
    if draft.same_form(saved):
        return
    st.session_state.pop(REFUSED, None)
    spend_button.withdraw(CONFIRM)
    st.session_state[_SAVED] = draft
    _save(lab, draft)


def _save(lab: Lab, draft: Draft) -> None:
    """Keep the form, and the intent that is stored: a click of another tab may have put it there this very moment."""
    lab.change_draft(lambda kept: replace(draft, intent=Draft.from_mapping(kept).intent).to_mapping())


def _send_row(lab: Lab, draft: Draft, price: Price, budget: Budget) -> None:
    reasons = _reasons(budget, draft, price)
    st.button(
        f"Generate · {formatting.credits(price.total)}",
        key="generate",
        type="primary",
        icon=":material/auto_awesome:",
        width="stretch",
        disabled=bool(reasons),
        on_click=_send,
    )
    if reasons:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="muted_reasons"):
            st.badge("Before you can start", icon=":material/info:", color="orange")
            st.text(" ".join(reasons))
    existing.note(_existing(lab, draft), key="form")
    refused: RivyaError | None = st.session_state.get(REFUSED)
    if refused is not None:
        layout.error_card(refused)
    if spend_button.asked(CONFIRM) and not reasons:
        spend_button.question(CONFIRM, price.total, place="confirm", act=_confirmed, args=())


def _reasons(budget: Budget, draft: Draft, price: Price) -> list[str]:
    """List in words why the form cannot be sent now: what the core says, and a file that only the form knows of."""
    refused = refusal(draft.spec)
    return quotes.reasons(budget, draft, price) + ([refused] if refused else [])


def _existing(lab: Lab, draft: Draft) -> Existing:
    """What there is of exactly this; nothing while a file that was chosen is not part of the request."""
    return Existing() if refusal(draft.spec) else drafts.existing(lab, draft)


def _balance_after(lab: Lab, budget: Budget, price: Price) -> str:
    word = "simulated" if lab.mode_word == "live" and lab.balance().simulated else lab.mode_word
    return quotes.balance_after(budget, price, word)


def _confirmed() -> None:
    spend_button.withdraw(CONFIRM)
    if not _is_unseen():
        _submit(layout.lab(), _collect())


def _is_unseen() -> bool:
    """Tell whether the form was filled by the same press that would send it, and say so."""
    unseen = bool(st.session_state.get(_UNSEEN))
    if unseen:
        st.toast("A clip came with this press. Look at the form first.", icon=":material/info:")
    return unseen


def _send() -> None:
    """Answer the button and Ctrl+Enter; the fresh text is in the session already."""
    take_in(_collect().spec, _take_clip)
    if _is_unseen():
        return
    lab, draft = layout.lab(), _collect()
    price = quotes.price(lab, draft)
    reasons = _reasons(lab.budget(), draft, price)
    if reasons:
        st.toast(" ".join(reasons), icon=":material/info:")
        return
    if spend_button.must_confirm(lab, price.total):
        spend_button.ask(CONFIRM)
        return
    _submit(lab, draft)


def _submit(lab: Lab, draft: Draft) -> None:
    st.session_state.pop(REFUSED, None)
    try:
        rows, repeated = drafts.submit(lab, draft, datetime.now(UTC), unseen=double_click.is_unseen())
    except RivyaError as error:
        st.session_state[REFUSED] = error
        return
    st.session_state.pop(_BEFORE, None)
    st.session_state[_SAVED] = draft
    st.session_state[STARTED] = (len(rows), repeated)
    if not repeated:
        double_click.taken()
