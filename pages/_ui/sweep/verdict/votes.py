"""What blind votes add to a verdict; nothing that names a combination while somebody votes.

A round without a vote hides nothing: who began one and went away keeps no result from the others. All votes count, those of
open rounds too: what the stop rule promises holds for the votes as they were cast, at whatever moment one looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages._ui import layout, vote_formatting
from pages._ui.formatting import Badge
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.lab.evaluation.findings import SweepVerdict, Voted, against_votes
from rivya_core.lab.evaluation.votes.standings import ERROR_RATE, Standing

CLEAR = Badge("Clear", ":material/check_circle:", "green")
UNCLEAR = Badge("Unclear", ":material/help:", "orange")
OPEN = Badge("Open round", ":material/visibility_off:", "gray")


@dataclass(frozen=True, slots=True)
class Votes:
    """What is known of a sweep's votes. ``winner``: the combination they name, or None; ``is_open``: somebody votes.

    ``voted``: what they came to, question by question; none of it while somebody votes.
    """

    chip: Badge
    sentence: str
    count: int
    winner: int | None = None
    is_open: bool = False
    voted: tuple[Voted, ...] = ()
    rate: str = ERROR_RATE

    @property
    def has_winner(self) -> bool:
        """Some question has one."""
        return any(one.outcome == "winner" for one in self.voted)


def read(lab: Lab, experiment_id: str) -> Votes | None:
    """What the votes say; None when nobody voted."""
    found = lab.ballots.candidate(experiment_id)
    if found is None or not found.rounds:
        return None
    if found.voting_rounds:
        words = "A round is open: what the votes say is shown when it has ended."
        return Votes(OPEN, words, 0, is_open=True)
    try:
        asked = [one for one in lab.votes.questions(experiment_id) if one.votes]
        standings = [lab.votes.ranking(experiment_id, one.key) for one in asked]
        winner = lab.votes.winner(experiment_id)
    except RivyaError:
        return None
    if not standings:
        return None
    voted = tuple(_voted(standing) for standing in standings)
    said = " ".join(vote_formatting.sentence(standing) for standing in standings)
    count = sum(standing.votes for standing in standings)
    decided = any(one.outcome == "winner" for one in voted)
    rate = next((standing.rate for standing in standings if standing.taken_out), ERROR_RATE)
    return Votes(CLEAR if decided else UNCLEAR, said, count, winner, voted=voted, rate=rate)


def _voted(standing: Standing) -> Voted:
    key, winner = standing.question.key, standing.winner
    name = vote_formatting.question(key)
    if winner is not None:
        return Voted(key, name, "winner", standing.titles[winner])
    return Voted(key, name, "undecided" if standing.is_over else "open")


def draw(lab: Lab, experiment_id: str, found: SweepVerdict | None = None) -> None:
    """Draw the card of the votes, if there were any; where they disagree with what was ``found``, it says so."""
    votes = read(lab, experiment_id)
    if votes is None:
        return
    with st.container(border=True, key="verdict_votes", gap="small"):
        layout.card_head("Blind votes", votes.chip)
        st.text(votes.sentence)
        for disagreement in against_votes(found, votes.voted):
            st.text(disagreement)
        if votes.is_open:
            st.page_link(
                layout.page_file("vote"),
                label="Whose it is, and how to end it",
                icon=":material/how_to_vote:",
                query_params={"experiment": experiment_id},
            )
        if votes.count:
            with st.container(key="muted_votes_rules"):
                st.text(f"{votes.rate} More votes cost no credits.")
            st.page_link(
                layout.page_file("vote"),
                label="Ranking and reasons",
                icon=":material/how_to_vote:",
                query_params={"experiment": experiment_id},
            )
