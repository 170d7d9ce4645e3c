"""Vote: which of two clips is better, blind; names, ranking and whether one can stop come after the round."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout
from pages._ui.app_shell.open_page import open_page
from pages._ui.vote import (
    lines as ballot_lines,
    open_round as ballot_desk,
    result as ballot_result,
    start as ballot_start,
)
from rivya_core import Lab, RivyaError
from rivya_core.lab.evaluation.votes.ballots import RoundRecord


def main() -> None:
    """Draw the page."""
    lab = open_page("Vote", "Which clip is better? Names are revealed at the end.")
    asked = st.query_params.get("round")
    if not asked:
        _choose(lab)
        return
    found = _round(lab, asked)
    if found is None:
        with st.container(border=True, key="vote_missing"):
            layout.card_head("No such round")
            st.text("This address belongs to no round in this data folder.")
            st.button("Choose a sweep", icon=":material/how_to_vote:", on_click=ballot_start.leave)
    elif found.ended_at is None and not _may_vote(lab, found):
        with st.container(border=True, key="vote_others"):
            layout.card_head("This round belongs to somebody else")
            if lab.person is not None:
                st.text("Votes count for who gives them.")
            else:
                st.text(
                    "It was begun where things can be changed; this server is read-only. You can start a round of your own."
                )
            st.button("Start your own", icon=":material/how_to_vote:", on_click=ballot_start.leave)
    elif found.ended_at is None:
        ballot_desk.draw(found)
    else:
        ballot_result.draw(lab, found.experiment_id, found.question, found)


def _may_vote(lab: Lab, found: RoundRecord) -> bool:
    return found.may_vote and (lab.person is None or (lab.may("Ballots.vote") and lab.person.address == found.voter))


def _choose(lab: Lab) -> None:
    chosen = ballot_start.draw(lab)
    if chosen is None:
        return
    ballot_lines.draw(lab, chosen.sweep.id, chosen.question)
    if ballot_start.names_are_shown(chosen.sweep):
        ballot_result.draw(lab, chosen.sweep.id, chosen.question)


def _round(lab: Lab, round_id: str) -> RoundRecord | None:
    try:
        return lab.ballots.round(round_id)
    except RivyaError:
        return None


main()
