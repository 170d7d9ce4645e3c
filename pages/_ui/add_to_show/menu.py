"""Making a show of a sweep, and adding clips to an existing or a new show, as other pages offer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import streamlit as st

from pages._ui import direction, formatting, layout
from pages._ui.add_to_show import outcome
from pages._ui.add_to_show.outcome import Added
from pages._ui.query_params import SHOW
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.api.texts import one_line
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.shows.show import SIDE_BY_SIDE_MAX

NEW: Final = "new"
OFFERED_MAX: Final = 12
TITLE_SHOWN: Final = 48
CLIPS_MAX: Final = 60

_GO = "_shows_go"
_REFUSED = "_shows_refused"


def follow() -> None:
    """Go to the show that was just made; called where the press was drawn, also in a fragment."""
    show_id = st.session_state.pop(_GO, None)
    if show_id is not None:
        st.switch_page(layout.page_file("shows"), query_params={SHOW: show_id})


def refusal() -> None:
    """Draw why the last show could not be made, once."""
    refused: RivyaError | None = st.session_state.pop(_REFUSED, None)
    if refused is not None:
        layout.error_card(refused)


def can_make(status: SweepStatus) -> bool:
    """Tell whether a show can be made of a sweep: it was decided or has ended, with a clip."""
    has_clip = any(state == "succeeded" and count for state, count in status.states.items())
    return has_clip and (status.experiment.decided_at is not None or not status.open_takes)


def make_button(
    lab: Lab, status: SweepStatus, *, key: str, kind: Literal["primary", "secondary"] = "secondary"
) -> None:
    """Draw the button that makes a show of a sweep and opens it, where one can be made."""
    if not lab.settings.read_only and can_make(status):
        st.button(
            "Make a show",
            icon=":material/slideshow:",
            type=kind,
            key=f"make_show_{key}",
            on_click=of_sweep,
            args=(status.id,),
            help="Question, clips, votes, decision and cost as slides for others. You can change everything afterwards.",
        )
        follow()


def of_sweep(sweep_id: str) -> None:
    """Make a show of a sweep and open it; a callback."""
    try:
        st.session_state[_GO] = layout.lab().shows.of_sweep(sweep_id).id
    except RivyaError as error:
        st.session_state[_REFUSED] = error


def add_menu(lab: Lab, generation_ids: Sequence[str], *, key: str, side_by_side: bool = False) -> None:
    """Draw the menu that adds clips to a show that is there, or to a new one; ``side_by_side``: up to four on one slide.

    What came of it is drawn by ``added.draw(place(key, generation_ids))``.
    """
    if lab.settings.read_only or not generation_ids:
        return
    titles = choices(lab)
    name = f"add_show_{key}"
    st.menu_button(
        "Add to show",
        list(titles),
        key=name,
        icon=":material/slideshow:",
        type="tertiary",
        format_func=lambda one: titles[one],
        on_click=_chosen,
        args=(tuple(generation_ids), key, side_by_side),
    )
    follow()


def choices(lab: Lab) -> dict[str, str]:
    """The shows that clips can go into, by id: a new one, and the newest that are there, each under a name of its own."""
    found = {NEW: "New show"}
    for one in lab.shows.list()[:OFFERED_MAX]:
        title = formatting.excerpt(one.title, TITLE_SHOWN)
        if title in found.values():  # a menu refuses the same name twice
            title = f"{title} · made {formatting.clock(one.created_at)}"
        same = sum(name == title or name.startswith(f"{title} (") for name in found.values())
        found[one.id] = f"{title} ({same + 1})" if same else title
    return found


def place(key: str, generation_ids: Sequence[str]) -> str:
    """The place at which the result for these clips is shown; the result for other clips is not shown there."""
    return f"{key}_{generation_ids[0] if generation_ids else ''}"


def add(generation_ids: Sequence[str], show_id: str, *, side_by_side: bool = False) -> Added:
    """Put clips into a show, or (``new``) make one of them, which is opened then; what happened.

    Raises:
        RivyaError: a clip cannot be shown, or there is no such show.
    """
    lab = layout.lab()
    ids = [row.id for row in lab.history.some(generation_ids) if row.has_clip][:CLIPS_MAX]
    if not ids:
        return Added("There is no clip to show yet.")
    left = len(set(generation_ids)) - len(ids)
    rest = f" {left:,} without a clip, or beyond {CLIPS_MAX}, were left out." if left else ""
    groups = [ids[at : at + SIDE_BY_SIDE_MAX] for at in range(0, len(ids), SIDE_BY_SIDE_MAX)] if side_by_side else ids
    if show_id == NEW:
        title = formatting.excerpt(one_line(lab.get(ids[0]).prompt), TITLE_SHOWN) or "New show"
        st.session_state[_GO] = lab.shows.create(title, groups).id
        return Added("")
    before = lab.shows.add(show_id, groups)
    after = lab.shows.get(show_id)
    into = direction.within(formatting.excerpt(after.title, TITLE_SHOWN))
    again = " Nothing in it is new: it was there already." if len(after.clips) == len(before.clips) else ""
    mixed = " It holds live and simulated clips now." if after.mode == "mixed" != before.mode else ""
    return Added(f"Added to the end of {into}.{again}{mixed}{rest}", before, after)


def add_chosen(generation_ids: Sequence[str], show_id: str, where: str, *, side_by_side: bool = False) -> None:
    """Call ``add`` and show its result at the place ``where``; a callback."""
    try:
        done = add(generation_ids, show_id, side_by_side=side_by_side)
    except RivyaError as error:
        done = Added(formatting.sentences(error.title, error.detail, error.hint))
    if done.said:
        outcome.put(where, done)


def _chosen(generation_ids: Sequence[str], key: str, side_by_side: bool) -> None:
    show_id = str(st.session_state[f"add_show_{key}"])
    add_chosen(generation_ids, show_id, place(key, generation_ids), side_by_side=side_by_side)
