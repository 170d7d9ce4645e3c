"""After a round: names, ranking, whether one can stop, what that saves, and the voter's own votes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages._ui import card, direction, frame, words
from pages._ui.ballot import start as ballot_start
from pages._ui.ballot.table import standing_table
from rivya_core import Lab, RivyaError
from rivya_core.lab.judging.ballots import RoundRecord
from rivya_core.lab.judging.needless import Needless
from rivya_core.lab.judging.standings import Standing
from rivya_core.lab.judging.stopping import fewest_votes
from rivya_core.lab.judging.votes import VoteRecord

_DROPPED = "_vote_dropped"
_REFUSED = "_vote_not_dropped"
_SAID = {"left": "A", "right": "B", "tie": "tie", "bad": "both bad", "skip": "skipped"}


def draw(lab: Lab, experiment_id: str, found: RoundRecord | None = None) -> None:
    """Draw what all votes of an experiment say; ``found``: the round that was just ended, with its own votes below."""
    standing = lab.votes.ranking(experiment_id)
    saved = lab.votes.needless(experiment_id)
    with st.container(border=True, key="vote_standing"):
        with st.container(horizontal=True, vertical_alignment="center", key="muted_vote_name"):
            frame.mode_badge(standing.mode)
            st.text(lab.sweeps.get(experiment_id).name, width="stretch")
        standing_table(standing, _sentence(standing, saved), _notes(standing), key="standing")
    _savings(standing, saved)
    _ways(standing, found)
    if found is not None:
        _own(found, standing, [vote for vote in lab.votes.cast(experiment_id) if vote.round_id == found.id])


def _notes(standing: Standing) -> list[str]:
    notes = []
    if not standing.progress.is_over:
        notes.append(_more(standing))
    if standing.progress.is_over and standing.winner is None:
        notes.append(
            f"After {standing.progress.limit} votes without a winner the search ends: if there is a difference, it is too small "
            "to be found with so many votes."
        )
    elif standing.out and standing.winner is None:
        notes.append("Whoever is the best is among those still in, but for one study in forty.")
    if any(one.preliminary for one in standing.rated):
        notes.append(
            f"Preliminary: in fewer than {fewest_votes()} decided votes, the least that can decide anything at all."
        )
    if standing.single and standing.rated:
        notes.append(
            "Each variant was one clip: the votes compare these clips. Whether another take would do as well is what "
            "the experiment's verdict asks."
        )
    if standing.unseen:
        cells = "1 cell has" if standing.unseen == 1 else f"{standing.unseen} cells have"
        notes.append(f"{cells} no clip yet and took no part.")
    if standing.bad:
        notes.append(f"Both bad: {standing.bad} of {standing.votes} votes.")
    return notes + _voters(standing)


def _more(standing: Standing) -> str:
    """How many votes may still be needed: bounds that hold, as what lies between is not known."""
    most = standing.progress.limit - standing.votes
    least = min(standing.soonest, most)
    votes = f"{least} to {most} more votes" if least < most else f"{most} more vote{'' if most == 1 else 's'}"
    return f"{votes[:1].upper()}{votes[1:]}: the fewest if all of them agree, the most before the search gives up."


def _voters(standing: Standing) -> list[str]:
    notes = []
    for one in standing.voters:
        informed = f", {one.informed} of them after seeing the names" if one.informed else ""
        notes.append(
            f"{direction.within(one.name)}: {one.votes} vote" + ("" if one.votes == 1 else "s") + informed + "."
        )
    return notes + [
        f"{direction.within(pair.one)} and {direction.within(pair.other)} preferred the same variant in {100 * pair.agreed / pair.comparable:.0f} % of their comparable "
        "votes; by chance it would be 50 %."
        for pair in standing.agreements
    ]


def _sentence(standing: Standing, saved: Needless) -> str:
    if standing.winner is None or not saved.takes:
        return standing.sentence
    are = "is" if saved.takes == 1 else "are"
    return f"{standing.sentence.rstrip('.')}; {_takes(standing, saved)}, {are} no longer needed."


def _takes(standing: Standing, saved: Needless) -> str:
    parts = []
    if saved.planned:
        parts.append(f"{len(saved.planned)} planned")
    if saved.waiting:
        parts.append(f"{len(saved.waiting)} waiting")
    simulated = " simulated" if standing.mode == "simulated" else ""
    amount = f"{saved.credits:,}{simulated} credits"
    return f"{' and '.join(parts)} take{'' if saved.takes == 1 else 's'}, {amount}"


def _savings(standing: Standing, saved: Needless) -> None:
    dropped, refused = st.session_state.pop(_DROPPED, None), st.session_state.pop(_REFUSED, None)
    if dropped:
        st.success(dropped, icon=":material/check:")
    if refused:
        st.error(refused, icon=":material/error:")
    if not saved.takes:
        return
    with st.container(border=True, key="vote_savings"):
        card.head("No longer needed")
        names = ", ".join(standing.titles[cell] for cell in standing.out)
        st.text(f"{_takes(standing, saved)} of {names}. Nothing of it was sent or charged.")
        if frame.can_spend():
            st.button(
                f"Drop {saved.takes} take" + ("" if saved.takes == 1 else "s"),
                icon=":material/remove_done:",
                on_click=_drop,
                args=(standing.experiment_id,),
                key="vote_drop",
            )


def _drop(experiment_id: str) -> None:
    lab = frame.lab()
    credits = lab.votes.needless(experiment_id).credits  # noqa: A001 - Rivya's word
    try:
        number = lab.votes.drop_needless(experiment_id)
    except RivyaError as error:
        st.session_state[_REFUSED] = words.sentences(error.title, error.detail)
        return
    takes = f"{number} take" + ("" if number == 1 else "s")
    st.session_state[_DROPPED] = (
        f"Dropped {takes}, {words.credits(credits)}. The sweep can be extended again at any time."
    )


def _ways(standing: Standing, found: RoundRecord | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="vote_ways"):
        if found is not None:
            st.button(
                "Vote again or let others vote",
                icon=":material/how_to_vote:",
                on_click=ballot_start.choose,
                args=(standing.experiment_id,),
                key="vote_again",
            )
        for label, icon, view in (
            ("See the verdict", ":material/straighten:", "Verdict"),
            ("Go on to the decision", ":material/flag:", "Decision"),
        ):
            st.page_link(
                frame.page_file("sweep"),
                label=label,
                icon=icon,
                query_params={"experiment": standing.experiment_id, "view": view},
            )


def _own(found: RoundRecord, standing: Standing, votes: Sequence[VoteRecord]) -> None:
    if not votes:
        return
    with st.expander(f"The {len(votes)} pairs of this round, with names", icon=":material/list:"):
        st.text(f"Voter: {direction.within(found.voter)}")
        st.dataframe(
            pd.DataFrame(
                {
                    "A": [_name(standing, vote.left_cell) for vote in votes],
                    "B": [_name(standing, vote.right_cell) for vote in votes],
                    "vote": [_SAID[vote.outcome] for vote in votes],
                    "why": [", ".join(vote.whys) for vote in votes],
                    "time": [words.clock(vote.voted_at, seconds=True, today=False) for vote in votes],
                    "watch": [f"/compare?ids={vote.left_generation_id},{vote.right_generation_id}" for vote in votes],
                }
            ),
            hide_index=True,
            width="stretch",
            column_config={"watch": st.column_config.LinkColumn("watch again", display_text="Side by side")},
            key="vote_own",
        )


def _name(standing: Standing, cell: int) -> str:
    return standing.titles.get(cell, f"cell {cell + 1}, clip deleted")
