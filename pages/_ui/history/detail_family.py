"""Where a generation comes from and what was made from it, each with what was changed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import formatting, query_params
from pages._ui.components.fact_list import Fact, fact_list
from rivya_core import GenerationRecord, Lab, RivyaError
from rivya_core.lab.ledger.history.differences import changes

MOST = 6
LONGEST = 240


def draw(lab: Lab, record: GenerationRecord) -> None:
    """Draw the parent and the children of a generation; nothing for one that has neither."""
    parent = _parent(lab, record)
    found = _children(lab, (lab.settings.place, record.id, lab.changes()))
    children = lab.history.some(found) if found else []
    with st.container(key="detail_family", gap="small"):
        if parent is not None:
            changed = changes(parent, record)
            _open("Made from" if changed else "Repeats", parent, key="detail_parent")
            _facts(changed, key=f"detail_from_{record.id}")
        if children:
            st.text(f"Made from this ({_many(len(children))})")
        for child in children[:MOST]:
            changed = changes(record, child)
            _open("" if changed else "Repeat,", child, key=f"detail_child_{child.id}")
            _facts(changed, key=f"detail_to_{child.id}")


def _parent(lab: Lab, record: GenerationRecord) -> GenerationRecord | None:
    try:
        return None if record.parent_id is None else lab.get(record.parent_id)
    except RivyaError:
        return None


@st.cache_data(show_spinner=False, max_entries=100)
def _children(_lab: Lab, key: tuple[str, str, int]) -> list[str]:
    """Look the children up once for each change of the ledger: no index names them, so all younger rows are read."""
    return [child.id for child in _lab.history.children(key[1], MOST + 1)]


def _many(count: int) -> str:
    return f"{count}" if count <= MOST else f"the newest {MOST}"


def _open(said: str, record: GenerationRecord, *, key: str) -> None:
    label = f"{said} clip of {formatting.clock(record.created_at)}".strip()
    st.button(
        f"{label[:1].upper()}{label[1:]}",
        icon=":material/subdirectory_arrow_right:" if said != "Made from" else ":material/arrow_upward:",
        type="tertiary",
        key=key,
        on_click=query_params.open_row,
        args=(record.id,),
    )


def _facts(changed: Sequence[tuple[str, str]], *, key: str) -> None:
    """Draw what was changed, a line a field; nothing for a repeat."""
    if changed:
        fact_list([Fact(name, formatting.excerpt(text, LONGEST)) for name, text in changed], key=key)
