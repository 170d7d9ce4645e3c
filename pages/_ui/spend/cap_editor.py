"""The field that changes a cap, on Spend alone; other pages link there. Lowering takes effect at once, raising or removing asks why first."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import formatting, layout
from rivya_core.api.errors import RivyaError
from rivya_core.lab.ledger.cap_log import MAX_CAP_CREDITS, WHY_MAX, is_raise

CAP_STEP = 160

Save = Callable[[int | None, str], None]


def cap_editor(label: str, current: int | None, save: Save, *, key: str) -> None:
    """Draw the field of a cap; ``save`` takes the new cap (None: no cap) and the reason."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            label,
            min_value=0,
            max_value=MAX_CAP_CREDITS,
            step=CAP_STEP,
            value=current,
            key=key,
            placeholder="No limit",
            on_change=_changed,
            args=(key, current, save),
            width=240,
        )
        if current is not None:
            st.button("Remove the cap", key=f"remove_{key}", on_click=_ask, args=(key, None))
    asked = st.session_state.get(_asked(key))
    refused: RivyaError | None = st.session_state.get(_refused(key))
    if asked is not None and is_raise(current, asked[0]):
        _reason(key, current, asked[0], save, refused)
    elif refused is not None:
        layout.error_card(refused)


def _reason(key: str, current: int | None, wanted: int | None, save: Save, refused: RivyaError | None) -> None:
    with st.container(border=True, key=f"why_box_{key}", gap="small"):
        st.text(
            f"The cap of {current:,} credits holds until you say why it is "
            + ("removed." if wanted is None else f"raised to {wanted:,}.")
        )
        st.text_input("Why", key=_why(key), max_chars=WHY_MAX, placeholder="kept in the log of caps")
        if refused is not None:
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"why_not_{key}"):
                st.badge("Not changed", icon=":material/info:", color="orange")
                st.text(formatting.sentences(refused.title, refused.hint))
        with st.container(horizontal=True):
            label = "Remove it" if wanted is None else f"Raise it to {wanted:,}"
            st.button(label, key=f"confirm_{key}", type="primary", on_click=_raise, args=(key, wanted, save))
            st.button("Leave it as it is", key=f"keep_{key}", on_click=_keep, args=(key, current))


def _changed(key: str, current: int | None, save: Save) -> None:
    value = st.session_state[key]
    wanted = None if value is None else int(value)
    if is_raise(current, wanted):
        _ask(key, wanted)
        return
    _forget(key)
    _try(key, wanted, "", save)


def _ask(key: str, wanted: int | None) -> None:
    st.session_state[_asked(key)] = (wanted,)


def _raise(key: str, wanted: int | None, save: Save) -> None:
    if _try(key, wanted, str(st.session_state.get(_why(key)) or ""), save):
        _forget(key)
        st.session_state[key] = wanted


def _keep(key: str, current: int | None) -> None:
    _forget(key)
    st.session_state[key] = current


def _try(key: str, wanted: int | None, why: str, save: Save) -> bool:
    st.session_state.pop(_refused(key), None)
    try:
        save(wanted, why)
    except RivyaError as error:
        st.session_state[_refused(key)] = error
        return False
    return True


def _forget(key: str) -> None:
    for name in (_asked(key), _refused(key), _why(key)):
        st.session_state.pop(name, None)


def _asked(key: str) -> str:
    return f"_asked_{key}"


def _refused(key: str) -> str:
    return f"_refused_{key}"


def _why(key: str) -> str:
    return f"why_{key}"
