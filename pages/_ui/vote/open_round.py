"""An open round on the page: the ballot, how far it is in words, and the way out. Nothing here knows what is compared."""

from __future__ import annotations

import streamlit as st

from pages._ui import layout, mode_marks, vote_formatting
from pages._ui.components import ballot
from pages._ui.vote import start as ballot_start
from rivya_core.lab.evaluation.votes.ballots import RoundRecord

KEY = "ballot"

_ROUND = "_ballot_round"
_OVER = "_ballot_ended"
STOP = "The votes are enough."


def draw(found: RoundRecord) -> None:
    """Draw the round; a vote runs only the ballot again."""
    st.session_state[_ROUND] = found.id
    st.session_state.pop(_OVER, None)
    ballot_start.keep_name()
    st.fragment(_vote)()
    with st.container(horizontal=True, vertical_alignment="center", key="muted_ballot"):
        st.button("End the round and show the names", icon=":material/flag:", on_click=_end, args=(found.id,))
        st.text("You can leave: this address brings you back to your round, still blind.", width="stretch")


def _vote() -> None:
    lab = layout.lab()
    round_id = st.session_state[_ROUND]
    if st.session_state.get(_OVER) == round_id:
        st.rerun()  # the whole page, which now shows the result
    shown = lab.ballots.ballot(round_id)
    found = lab.ballots.round(round_id)
    if found.ended_at is not None:
        _ended(found.ended_by)
        return
    if shown is None:
        with st.container(border=True):
            layout.card_head("Nothing left to compare")
            st.text("Fewer than two clips can be compared now. End the round to see what the votes say so far.")
        return
    mark = mode_marks.marks(lab.mode, [shown.mode]).of(shown.mode)
    told = ballot.Told(
        number=found.votes + found.skipped,
        count=_count(found),
        stop=STOP if found.is_enough else "",
        finish="See the winner" if found.is_decided else "See the result",
        mark=mark,
    )
    ballot.ballot(shown, told, key=KEY, on_act=_act)


def _ended(by: str | None) -> None:
    """Say that somebody else ended the round; names come when its voter asks for them."""
    with st.container(border=True, key="vote_ended"):
        layout.card_head("This round was ended")
        st.text(
            f"{by or 'Somebody'} ended it on the Vote page. The votes given before that are counted, later ones not."
        )
        if st.button("Show the names", icon=":material/visibility:", key="vote_ended_names"):
            st.rerun()


def _act() -> None:
    done = ballot.act(KEY)
    if done is None:
        return
    lab = layout.lab()
    round_id = st.session_state[_ROUND]
    if done.outcome is not None:
        lab.ballots.vote(round_id, done.pair, done.outcome, done.whys)
        return
    if done.what == "end":
        st.session_state[_OVER] = round_id
        lab.ballots.end(round_id)
        return
    found = lab.ballots.round(round_id)
    if found.votes + found.skipped == done.number:  # pressed twice is once
        lab.ballots.undo(round_id)


def _end(round_id: str) -> None:
    layout.lab().ballots.end(round_id)


def _count(found: RoundRecord) -> str:
    """Say how far the votes of all rounds are, on the rule's own horizon, and what of it is this round's."""
    count = vote_formatting.votes_of(found.counted, found.limit)
    own = [f"{found.votes} in this round"] if found.votes != found.counted else []
    skipped = [f"{found.skipped} skipped"] if found.skipped else []
    return f"{', '.join([count, *own, *skipped])}."
