"""Generations under way: one element draws all rows, so that a tick costs a few messages whatever their number.

A row alone is drawn with all its steps; several are drawn a line each, so that the clip below stays in sight. Elapsed times
count in the browser, from ``age_s`` at the moment the rows arrived.

In: ``rows``, see :class:`Row`. Out: the trigger ``act``, with the ``name`` of the action and the ``id`` of its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

import streamlit as st

from pages._ui.components import component

_component = component("progress_list", shared=("dom",))


class Step(TypedDict):
    """One step of a row; ``at``: when it began, in words, or "" when it has not."""

    name: str
    phase: Literal["done", "now", "todo"]
    at: str


class Note(TypedDict):
    """A sentence below a row. ``warn``: in the colour of a warning; ``aside``: left out where rows are a line each."""

    text: str
    warn: NotRequired[bool]
    aside: NotRequired[bool]


class Act(TypedDict):
    """A button of a row; ``doing`` stands on it from the press until the server has heard of it."""

    name: str
    label: str
    doing: str


class Row(TypedDict):
    """A generation under way. ``facts`` and ``brief``: what stands below its title, alone and among others."""

    id: str
    title: str
    facts: str
    brief: str
    age_s: float
    steps: Sequence[Step]
    notes: Sequence[Note]
    acts: Sequence[Act]


def progress_list(
    rows: Sequence[Row], *, key: str, on_act: Callable[[str, str], None] | None = None
) -> tuple[str, str] | None:
    """Draw the rows; the action and the id of the row that a button was pressed for just now, or None.

    ``on_act``: called with both instead, before the page is drawn again.
    """

    def pressed() -> None:
        act = st.session_state[key].act
        if on_act is not None and isinstance(act, Mapping):
            on_act(str(act["name"]), str(act["id"]))

    result = _component(key=key, data={"rows": list(rows)}, on_act_change=pressed)
    chosen = result.act if on_act is None else None
    return (str(chosen["name"]), str(chosen["id"])) if isinstance(chosen, Mapping) else None
