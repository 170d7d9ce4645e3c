"""What is done with the rows that were ticked in History: compare, favorite, label, delete. The browser keeps what is ticked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.add_to_show import menu as show_menu
from pages._ui.history import deletion
from rivya_core import Lab, RivyaError

CHOSEN_MAX = 1000
SHOWS = "selection"
"""Where it is said what became of clips that were added to a show."""

_GO = "_history_go"
_TOLD = "_history_told"


def act(asked: Mapping[str, Any]) -> None:
    """Carry out what the action bar asks for; a callback. What a browser sends is checked like any other input."""
    ids = [one for one in asked.get("ids", []) if isinstance(one, str)][:CHOSEN_MAX]
    name, label = asked.get("act"), str(asked.get("label", ""))
    if not ids:
        return
    if name == "compare":
        st.session_state[_GO] = ("compare", {"ids": ",".join(ids)})
        return
    if name == "sweep":
        st.session_state[_GO] = ("sweep", {"experiment": ids[0]})
        return
    if name == "show":
        show_menu.add_chosen(ids, label, SHOWS)
        return
    try:
        said = _change(layout.lab(), str(name), ids, label)
    except RivyaError as error:
        said = formatting.sentences(error.title, error.detail, error.hint)
    if said:
        st.session_state[_TOLD] = said


def follow() -> None:
    """Follow the last action to its page and show its toast; called before the page is drawn."""
    show_menu.follow()
    told = st.session_state.pop(_TOLD, None)
    if told is not None:
        st.toast(told)
    go = st.session_state.pop(_GO, None)
    if go is not None:
        page, query = go
        st.switch_page(layout.page_file(page), query_params=query)


def gone() -> Sequence[str]:
    """Ids that cannot be selected any more."""
    return deletion.deleted()


def _change(lab: Lab, name: str, ids: list[str], label: str) -> str:
    rows = lab.history.some(ids)
    known = [row.id for row in rows]
    if not known:
        return "None of them is here any more."
    if name == "favorite":
        deletion.forget()
        on = not all(row.starred for row in rows)
        lab.star_all(known, on)
        return f"{_clips(len(known))} {'added to' if on else 'removed from'} favorites."
    if name == "label":
        deletion.forget()
        added = lab.labels.add("generation", known, label)
        return f"Label given to {_clips(len(added))}." if added else "They carry this label already."
    if name == "unlabel":
        deletion.forget()
        taken = lab.labels.remove("generation", known, label.strip())
        return f"Label taken from {_clips(len(taken))}." if taken else "None of them carries this label."
    if name == "delete":
        return deletion.delete_all(lab, rows)
    return ""


def _clips(count: int) -> str:
    return f"{count:,} generation" + ("" if count == 1 else "s")
