"""What is known of one take: of an open clip, as data for the grid; of one without a clip, its card in a dialog above the grid.

The dialog stands outside the ticking part of the page, so that no tick closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages._ui import clip_card, failure_cards, formatting, generation_actions
from pages._ui.components.player import fault, player
from pages._ui.sweep import formatting as sweep_formatting
from rivya_core import Lab
from rivya_core.lab.experiments.records import CellRecord
from rivya_core.lab.media.video_probe import DAMAGED, UNOPENED

_SHOWN = "_sweep_clip"


def detail(lab: Lab, cells: Sequence[CellRecord], generation_id: str) -> dict[str, Any] | None:
    """Write what the dialog of an open clip shows beside it; None when nothing was asked for, or the clip is of no cell here."""
    cell = _cell_of(cells, generation_id) if generation_id else None
    if cell is None:
        return None
    record = lab.get(generation_id)
    return {
        "id": record.id,
        "labels": [[sweep_formatting.axis(axis), label] for axis, label in cell.labels.items()],
        "prompt": record.prompt,
        "facts": clip_card.facts(record),
        "carries": generation_actions.can_carry_settings(record),
        "fault": fault(record) if record.clip_check in {DAMAGED, UNOPENED} else "",
    }


def show(generation_id: str) -> None:
    """Ask for the card; the next run of the page draws it."""
    st.session_state[_SHOWN] = generation_id


def is_open() -> bool:
    """Tell whether a card is shown above the grid."""
    return _SHOWN in st.session_state


def draw(lab: Lab, cells: Sequence[CellRecord]) -> None:
    """Draw the card when it was asked for and its take is of a combination on the screen."""
    shown = st.session_state.get(_SHOWN)
    if shown is None:
        return
    cell = _cell_of(cells, shown)
    if cell is None:
        _close()
        return
    st.dialog(_title(cell), width="medium", on_dismiss=_close)(_card)(lab)


def _cell_of(cells: Sequence[CellRecord], generation_id: str) -> CellRecord | None:
    return next((cell for cell in cells if any(take.generation_id == generation_id for take in cell.takes)), None)


def _title(cell: CellRecord) -> str:
    """Name the combination; a value alone, as "0.5", says too little."""
    pairs = list(cell.labels.items())
    if len(pairs) == 1:
        return formatting.excerpt(sweep_formatting.value(*pairs[0]), 80)
    return formatting.excerpt(cell.title, 80) or "Baseline"


def _close() -> None:
    st.session_state.pop(_SHOWN, None)


def _card(lab: Lab) -> None:
    record = lab.get(str(st.session_state.get(_SHOWN)))
    if record.has_clip:
        player(record, key=f"sweep_card_{record.id}")
        st.text(record.prompt)
    else:
        failure_cards.failure_card(lab, record, repeats=False)
