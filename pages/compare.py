"""Compare: two to nine clips on one clock, or the posters to choose them from."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import chat_files, direction, fragments, layout
from pages._ui.add_to_show import menu as show_menu, outcome as show_outcome
from pages._ui.app_shell.open_page import open_page
from pages._ui.compare import choice as wall_choice, wall
from pages._ui.compare.choice import Choice
from pages._ui.compare.picker import picker
from pages._ui.compare_limits import LEAST, MOST
from pages._ui.request_form import form
from rivya_core import Lab
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.experiments.records import SweepStatus

TICK_S = 2.0


def main() -> None:
    """Draw the page."""
    lab = open_page("Compare", f"Play {LEAST}-{MOST} clips in sync.")
    _use_settings(lab)
    choice = wall_choice.read(lab)
    status = wall_choice.experiment(lab, choice.records)
    _problems(choice)
    if st.session_state.pop(wall.SWEEP, False) and status is not None:
        st.switch_page(layout.page_file("sweep"), query_params={"experiment": status.id})
    if choice.is_wall:
        wall.wall(lab, choice.records, wall_choice.cell_names(status), status)
        ids = [record.id for record in choice.records]
        show_menu.add_menu(lab, ids, key="wall", side_by_side=True)
        show_outcome.draw(show_menu.place("wall", ids))
        chat_files.of_clips([record.id for record in choice.records], key="wall_files")
    else:
        _pick(lab, choice, wall_choice.experiment(lab))
    if choice.is_wall or choice.pending:
        _watch(lab, choice)


def _use_settings(lab: Lab) -> None:
    """Go to the form with a clip's settings, when the wall was asked to."""
    asked = st.session_state.pop(wall.USE, None)
    if asked is not None and layout.can_spend():
        form.load(lab, Draft.of_record(lab.get(asked)))
        st.switch_page(layout.page_file("generate"))


def _problems(choice: Choice) -> None:
    with st.container(key="wall_problems"):
        if choice.problems:
            with st.container(border=True, gap="xxsmall"):
                for sentence in choice.problems:
                    st.text(sentence)


def _pick(lab: Lab, choice: Choice, status: SweepStatus | None) -> None:
    chosen = choice.records or wall_choice.before(lab)
    text = ""
    if status is None and "experiment" in st.query_params:
        st.text("The sweep in this address is not in this data folder; these are all clips.")
    if status is None:
        text = st.text_input(
            "Search prompts",
            key="compare_q",
            type="search",
            icon=":material/search:",
            placeholder="Words of the prompt",
            live="400ms",
            width=300,
        )
    page = int(st.session_state.get("compare_page", 1) or 1)
    found = wall_choice.shelf(lab, status, text or "", page)
    if not found.total and not text:
        _nothing(status)
        return
    if status is not None:
        st.text(f"The clips of {direction.within(status.experiment.name)}, in the order of its grid.")
        st.page_link(
            layout.page_file("sweep"),
            label="Open the sweep",
            icon=":material/grid_view:",
            query_params={"experiment": status.id},
        )
    with st.container(key="picker_box"):
        ids = picker(found.rows, chosen, wall_choice.cell_names(status), key="wall_picker")
    if not found.rows:
        st.text("No clip has these words in its prompt.")
    if found.pages > 1:
        with st.container(horizontal=True, horizontal_alignment="center", key="picker_pages"):
            st.pagination(found.pages, key="compare_page")
    if ids is not None:
        wall_choice.compare(ids)
        st.rerun()


def _nothing(status: SweepStatus | None) -> None:
    with st.container(border=True, key="compare_empty"):
        if status is not None:
            layout.card_head("No clip yet")
            st.text("This sweep has no finished clip yet.")
            return
        layout.card_head("No clip yet")
        st.text(f"Finished clips appear here. Select {LEAST} to {MOST} to play them in sync.")
        if layout.can_spend():
            st.page_link(str(layout.page_file("generate")), label="Make the first clip", icon=":material/auto_awesome:")


def _watch(lab: Lab, choice: Choice) -> None:
    """Draw the page again when somebody wrote a note, gave stars, or a clip that was waited for has come."""
    shown, drawn_at = _signature(lab, choice), lab.changes()

    def look() -> tuple[Any, ...]:
        return shown if lab.changes() == drawn_at else _signature(lab, wall_choice.read(lab))

    fragments.watch(look, shown, TICK_S)


def _signature(lab: Lab, choice: Choice) -> tuple[Any, ...]:
    ids = [record.id for record in choice.records]
    return (tuple(ids), choice.problems, tuple(lab.reviews.notes(ids)), tuple(lab.reviews.ratings(ids)))


main()
