"""Which clips the address of the wall asks for, and in words what is wrong with those that cannot be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import streamlit as st

from pages._ui.compare_limits import LEAST, MOST
from rivya_core import GenerationRecord, HistoryFilter, Lab, RivyaError, State
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.media.video_probe import UNOPENED

PAGE_CLIPS = 24
ID_SHOWN = 60

_BEFORE = "_compare_before"


@dataclass(frozen=True, slots=True)
class Choice:
    """``records``: clips that can be shown, in the address's order. ``pending``: ids that may get a clip yet."""

    asked: bool
    records: tuple[GenerationRecord, ...] = ()
    problems: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    @property
    def is_wall(self) -> bool:
        """True when there are enough clips to compare."""
        return len(self.records) >= LEAST


@dataclass(frozen=True, slots=True)
class Shelf:
    """One page of clips to choose from."""

    rows: Sequence[GenerationRecord]
    page: int
    pages: int
    total: int


def read(lab: Lab) -> Choice:
    """Read ``ids`` from the address; what cannot be shown is left out and said."""
    asked = [part.strip() for part in st.query_params.get("ids", "").split(",")]
    wanted = [part for part in asked if part]
    if not wanted:
        return Choice(asked=False)
    unique = list(dict.fromkeys(wanted))
    problems = [] if len(unique) == len(wanted) else ["A clip named twice is shown once."]
    found: list[GenerationRecord] = []
    pending: list[str] = []
    for generation_id in unique[: 4 * MOST]:
        record, problem = _clip(lab, generation_id)
        if record is not None:
            found.append(record)
        elif problem:
            problems.append(problem)
            if problem.endswith(_JOINS):
                pending.append(generation_id)
    if len(found) > MOST or len(unique) > 4 * MOST:
        problems.append(f"The wall holds {MOST} clips at most: the first {MOST} of {len(unique)} are shown.")
    if len(found) == 1:
        problems.append("Select at least one more clip.")
    return Choice(True, tuple(found[:MOST]), tuple(problems), tuple(pending))


_JOINS = "it joins by itself."


def _clip(lab: Lab, generation_id: str) -> tuple[GenerationRecord | None, str]:
    name = generation_id if len(generation_id) <= ID_SHOWN else generation_id[:ID_SHOWN] + "…"
    try:
        record = lab.get(generation_id)
    except RivyaError:
        return None, f"{name} is not in this data folder; it may belong to another one."
    if record.deleted_at is not None:
        return None, f"{name} was deleted; History can restore it."
    if record.has_clip:
        return (
            (None, f"{name} was not opened, so it cannot be shown.") if record.clip_check == UNOPENED else (record, "")
        )
    if record.state in {State.FAILED, State.CANCELLED}:
        return None, f"{name} {'failed' if record.state is State.FAILED else 'was cancelled'}, so it has no clip."
    if record.state in {State.UNCONFIRMED, State.UNSAVED}:
        return None, f"{name} has no clip here yet; its card in History says what it needs."
    return None, f"{name} is still being made; {_JOINS}"


def compare(ids: Sequence[str]) -> None:
    """Put the ids of clips into the query parameters."""
    st.session_state.pop(_BEFORE, None)
    st.query_params["ids"] = ",".join(ids)


def choose_anew() -> None:
    """Return to the selection, with the clips of the wall selected; a callback."""
    st.session_state[_BEFORE] = st.query_params.get("ids", "")
    st.query_params.pop("ids", None)
    st.query_params.pop("base", None)


def before(lab: Lab) -> tuple[GenerationRecord, ...]:
    """The clips that were on the wall before one went back to the posters."""
    ids = str(st.session_state.get(_BEFORE, ""))
    found = (_clip(lab, one)[0] for one in dict.fromkeys(ids.split(",")) if one)
    return tuple(record for record in islice(found, MOST) if record is not None)


def experiment(lab: Lab, records: Sequence[GenerationRecord] = ()) -> SweepStatus | None:
    """The experiment that the address names, else the one that most of the clips were made for, or None."""
    made_for = Counter(record.experiment_id for record in records if record.experiment_id)
    asked = st.query_params.get("experiment") or next((name for name, _ in made_for.most_common(1)), None)
    if not asked:
        return None
    try:
        return lab.sweep(asked)
    except RivyaError:
        return None


def cell_names(status: SweepStatus | None) -> dict[str, str]:
    """Names of an experiment's clips: the cell's labels, and the take where there are several."""
    names: dict[str, str] = {}
    if status is None:
        return names
    for cell in status.cells:
        for take in cell.takes:
            if take.generation_id is not None:
                several = f" · take {take.take}" if len(cell.takes) > 1 else ""
                names[take.generation_id] = cell.title + several
    return names


def shelf(lab: Lab, status: SweepStatus | None, text: str, page: int) -> Shelf:
    """One page of clips: those of the experiment in its grid's order, else all finished ones of no hidden sweep, newest first."""
    if status is None:
        wanted = HistoryFilter(states=frozenset({State.SUCCEEDED}), text=text, hidden_sweeps=False)
        found = lab.history.page(wanted, page=page, size=PAGE_CLIPS)
        return Shelf([row for row in found.rows if row.has_clip], found.page, found.pages, found.total)
    ids = [take.generation_id for cell in status.cells for take in cell.takes if take.generation_id and take.has_clip]
    pages = max(1, -(-len(ids) // PAGE_CLIPS))
    page = min(max(1, page), pages)
    rows = [lab.get(one) for one in islice(ids, (page - 1) * PAGE_CLIPS, page * PAGE_CLIPS)]
    return Shelf(rows, page, pages, len(ids))
