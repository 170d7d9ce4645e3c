"""An open round on the page: the ballot, how far it is in words, and the way out. Nothing here knows what is compared."""

from __future__ import annotations

import streamlit as st

from pages._ui import card, frame
from pages._ui.ballot import ballot
from rivya_core.lab.judging.ballots import RoundRecord

KEY = "ballot"


def draw(found: RoundRecord) -> None:
    """Draw the round; a vote runs only the ballot again."""
    st.session_state["_ballot_round"] = found.id
    st.fragment(_vote)()
    with st.container(horizontal=True, vertical_alignment="center", key="muted_ballot"):
        st.button("End the round and show the names", icon=":material/flag:", on_click=_end, args=(found.id,))
        st.text("Leaving is fine too: this address brings you back to your round, still blind.", width="stretch")


def _vote() -> None:
    lab = frame.lab()
    round_id = st.session_state["_ballot_round"]
    shown = lab.ballots.ballot(round_id)
    found = lab.ballots.round(round_id)
    if found.ended_at is not None:
        _ended()
        return
    if shown is None:
        with st.container(border=True):
            card.head("Nothing left to compare")
            st.text("Fewer than two variants have a clip now. End the round to see what the votes say so far.")
        return
    ballot.ballot(
        shown,
        number=found.votes + found.skipped,
        count=_count(found),
        enough=found.is_enough,
        key=KEY,
        on_act=_act,
    )


def _ended() -> None:
    """Say that somebody else ended the round; names come when its voter asks for them."""
    with st.container(border=True, key="vote_ended"):
        card.head("This round was ended")
        st.text(
            "Somebody ended it on the page where rounds begin. The votes given before that are counted, later ones not."
        )
        if st.button("Show the names", icon=":material/visibility:", key="vote_ended_names"):
            st.rerun()


def _act() -> None:
    done = ballot.act(KEY)
    if done is None:
        return
    lab = frame.lab()
    round_id = st.session_state["_ballot_round"]
    if done.outcome is not None:
        lab.ballots.vote(round_id, done.pair, done.outcome, done.whys)
        return
    found = lab.ballots.round(round_id)
    if found.votes + found.skipped == done.number:  # pressed twice is once
        lab.ballots.undo(round_id)


def _end(round_id: str) -> None:
    frame.lab().ballots.end(round_id)


def _count(found: RoundRecord) -> str:
    votes = f"{found.votes} vote" + ("" if found.votes == 1 else "s") + " in this round"
    return votes + (f", {found.skipped} skipped." if found.skipped else ".")
