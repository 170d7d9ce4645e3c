"""After a round: names, ranking, whether one can stop, what that saves, and the voter's own votes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import streamlit as st

from pages._ui import addresses, direction, formatting, layout, mode_marks, vote_formatting
from pages._ui.components import vote_ranking
from pages._ui.vote import start as ballot_start
from rivya_core import Lab, RivyaError
from rivya_core.lab.evaluation.redundant_takes import RedundantTakes
from rivya_core.lab.evaluation.votes.ballots import RoundRecord
from rivya_core.lab.evaluation.votes.questions import WHOLE
from rivya_core.lab.evaluation.votes.ranking import Rated, counted
from rivya_core.lab.evaluation.votes.standings import Standing
from rivya_core.lab.evaluation.votes.stopping import fewest_votes
from rivya_core.lab.evaluation.votes.votes import VoteRecord
from rivya_core.mode_words import amount

_DROPPED = "_vote_dropped"
_REFUSED = "_vote_not_dropped"
POSTERS = 60
SHOWN_CLIPS = 3
OTHERS = 2

_SAID = {"left": "A", "right": "B", "tie": "tie", "bad": "both bad", "skip": "skipped"}


def draw(lab: Lab, experiment_id: str, question: str, found: RoundRecord | None = None) -> None:
    """Draw what all votes on a question say; ``found``: the round that was just ended, with its own votes below."""
    standing = lab.votes.ranking(experiment_id, question)
    saved = lab.votes.needless(experiment_id)
    with st.container(border=True, key="vote_standing"):
        with st.container(horizontal=True, vertical_alignment="center", key="muted_vote_name"):
            name = direction.within(lab.sweeps.get(experiment_id).name)
            st.text(f"{name} · {direction.within(vote_formatting.question(standing.question.key))}", width="stretch")
        _table(lab, standing, saved)
    _savings(standing, saved)
    _ways(lab, standing, found)
    if found is not None:
        _own(found, standing, [vote for vote in lab.votes.cast(experiment_id) if vote.round_id == found.id])


def _table(lab: Lab, standing: Standing, saved: RedundantTakes) -> None:
    votes = f"{standing.votes} vote" + ("" if standing.votes == 1 else "s")
    shown = [clips[0] for clips in standing.clips.values()][:POSTERS]
    posters = {clip: _poster(lab, clip) for clip in shown}
    ranking = vote_ranking.Ranking(
        sentence=_sentence(standing, saved),
        rate=standing.rate,
        caption=f"{votes} of all rounds, ranked by the lower end of the interval",
        what=vote_formatting.question(standing.question.key) if standing.question.key else "Combination",
        rows=[_row(standing, one, posters.get(standing.clips[one.variant][0], "")) for one in standing.rated],
        winning=_winning(lab, standing),
        notes=_notes(standing),
    )
    vote_ranking.vote_ranking(ranking, key="standing")


def _poster(lab: Lab, clip: str) -> str:
    return addresses.poster(clip) if lab.get(clip).poster_key else ""


def _winning(lab: Lab, standing: Standing) -> list[vote_ranking.Clip]:
    """The clip of the winner; on a variable one of each setting, up to three."""
    if standing.winner is None:
        return []
    clips = standing.clips[standing.winner][: min(SHOWN_CLIPS, len(standing.question.block_titles))]
    marks = mode_marks.marks(lab.mode, [standing.mode])
    title = standing.titles[standing.winner]
    return [
        vote_ranking.Clip(
            src=addresses.clip(clip),
            poster=_poster(lab, clip),
            label=" · ".join(part for part in (title, standing.settings[clip]) if part) if len(clips) > 1 else title,
            mark=marks.of(standing.mode),
        )
        for clip in clips
    ]


def _row(standing: Standing, one: Rated, poster: str) -> vote_ranking.Row:
    return vote_ranking.Row(
        place=one.place,
        name=standing.titles[one.variant],
        poster=poster,
        share=round(one.share, 3),
        low=round(one.low, 3),
        high=round(one.high, 3),
        counts=counted(one.won, one.lost, one.ties),
        chips=tuple(_chips(standing, one)),
    )


def _chips(standing: Standing, one: Rated) -> list[vote_ranking.Chip]:
    chips = []
    if standing.winner == one.variant:
        chips.append(vote_ranking.Chip("Winner", "won"))
    after = dict(standing.progress.out).get(one.variant)
    if after is not None:
        chips.append(vote_ranking.Chip(f"Eliminated ({after} vote{'' if after == 1 else 's'})"))
    if one.preliminary:
        chips.append(vote_ranking.Chip("Preliminary", "soft"))
    whys = standing.whys.get(one.variant, {})
    return chips + [
        vote_ranking.Chip(f"{why} ({count})") for why, count in sorted(whys.items(), key=lambda item: -item[1])
    ]


def _notes(standing: Standing) -> list[str]:
    return [*_how_far(standing), *_what_it_rests_on(standing), *_voters(standing)]


def _how_far(standing: Standing) -> Iterator[str]:
    """What the leading one won where, and what more votes could do."""
    if standing.blocks:
        won = " · ".join(f"{one.title} {one.won} of {one.won + one.lost}" for one in standing.blocks)
        yield f"{standing.titles[standing.rated[0].variant]} was preferred, by setting: {won}."
    if not standing.is_over:
        yield _more(standing)
        if standing.out:
            yield "Whoever is the best is among those still in, but for one study in forty."
    elif standing.winner is None and standing.progress.is_over:
        yield (
            f"After {standing.progress.limit} votes without a winner the search ends: if there is a difference, it is too small "
            "to be found with so many votes."
        )
    elif standing.winner is None:
        yield "What is left has no setting in common, so no vote can decide between them."


def _what_it_rests_on(standing: Standing) -> Iterator[str]:
    """What limits the ranking."""
    if any(one.preliminary for one in standing.rated):
        yield f"Preliminary: in fewer than {fewest_votes()} decided votes, the least that can decide anything at all."
    if standing.single and standing.rated:
        yield (
            "Each combination was one clip: the votes compare these clips. Whether another take would do as well is the "
            "question of the verdict."
        )
    if standing.unseen:
        some = "1 combination has" if standing.unseen == 1 else f"{standing.unseen} combinations have"
        yield f"{some} no clip yet and took no part."
    if standing.uncounted:
        votes = "1 vote does" if standing.uncounted == 1 else f"{standing.uncounted} votes do"
        yield f"{votes} not count: a clip of theirs is gone, or a setting came in later."
    if standing.copies:
        yield f"{standing.copies} of {standing.votes} votes were cast on a ballot's copies of the clips."
    if standing.bad:
        yield f"Both bad: {standing.bad} of {standing.votes} votes."


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
        f"{direction.within(pair.one)} and {direction.within(pair.other)} preferred the same clip in {100 * pair.agreed / pair.comparable:.0f} % of their comparable "
        "votes; by chance it would be 50 %."
        for pair in standing.agreements
    ]


def _sentence(standing: Standing, saved: RedundantTakes) -> str:
    if standing.winner is None or not saved.takes:
        return standing.sentence
    are = "is" if saved.takes == 1 else "are"
    return f"{standing.sentence.rstrip('.')}; {_takes(standing, saved)}, {are} no longer needed."


def _takes(standing: Standing, saved: RedundantTakes) -> str:
    parts = []
    if saved.planned:
        parts.append(f"{len(saved.planned)} planned")
    if saved.waiting:
        parts.append(f"{len(saved.waiting)} waiting")
    price = amount(saved.credits, layout.word_of(standing.mode))
    return f"{' and '.join(parts)} take{'' if saved.takes == 1 else 's'}, {price}"


def _savings(standing: Standing, saved: RedundantTakes) -> None:
    dropped, refused = st.session_state.pop(_DROPPED, None), st.session_state.pop(_REFUSED, None)
    if dropped:
        st.success(dropped, icon=":material/check:")
    if refused:
        st.error(refused, icon=":material/error:")
    if not saved.takes:
        return
    with st.container(border=True, key="vote_savings"):
        layout.card_head("No longer needed")
        names = ", ".join(standing.titles[cell] for cell in standing.out)
        st.text(f"{_takes(standing, saved)} of {names}. Nothing of it was sent or charged.")
        if layout.can_spend():
            st.button(
                f"Drop {saved.takes} take" + ("" if saved.takes == 1 else "s"),
                icon=":material/remove_done:",
                on_click=_drop,
                args=(standing.experiment_id,),
                key="vote_drop",
            )


def _drop(experiment_id: str) -> None:
    lab = layout.lab()
    credits = lab.votes.needless(experiment_id).credits  # noqa: A001 - Rivya's word
    try:
        number = lab.votes.drop_needless(experiment_id)
    except RivyaError as error:
        st.session_state[_REFUSED] = formatting.sentences(error.title, error.detail)
        return
    takes = f"{number} take" + ("" if number == 1 else "s")
    st.session_state[_DROPPED] = (
        f"Dropped {takes}, {formatting.credits(credits)}. The sweep can be extended again at any time."
    )


def _ways(lab: Lab, standing: Standing, found: RoundRecord | None) -> None:
    others = [
        one.key
        for one in lab.votes.questions(standing.experiment_id)
        if one.key not in {standing.question.key, WHOLE} and one.can_start and one.votes < one.limit
    ]
    with st.container(horizontal=True, vertical_alignment="center", key="vote_ways"):
        if found is not None:
            st.button(
                "Vote again or let others vote",
                icon=":material/how_to_vote:",
                on_click=ballot_start.choose,
                args=(standing.experiment_id, standing.question.key),
                key="vote_again",
            )
            for number, key in enumerate(others[:OTHERS]):
                st.button(
                    f"Vote on {direction.within(vote_formatting.question(key))}",
                    icon=":material/how_to_vote:",
                    on_click=ballot_start.choose,
                    args=(standing.experiment_id, key),
                    key=f"vote_other_{number}",
                )
        for label, icon, view in (
            ("See the verdict", ":material/straighten:", "Verdict"),
            ("Go on to the decision", ":material/flag:", "Decision"),
        ):
            st.page_link(
                layout.page_file("sweep"),
                label=label,
                icon=icon,
                query_params={"experiment": standing.experiment_id, "view": view},
            )


def _own(found: RoundRecord, standing: Standing, votes: Sequence[VoteRecord]) -> None:
    if not votes:
        return
    with st.expander(f"The {len(votes)} pairs of this round, with names", icon=":material/list:"):
        st.text(f"Voter: {direction.within(found.voter)}")
        if found.ended_by not in {None, found.voter}:
            st.text(f"Ended by {found.ended_by}")
        st.dataframe(
            pd.DataFrame(
                {
                    "A": [_name(standing, vote.left_cell) for vote in votes],
                    "B": [_name(standing, vote.right_cell) for vote in votes],
                    "vote": [_SAID[vote.outcome] for vote in votes],
                    "why": [", ".join(vote.whys) for vote in votes],
                    "time": [formatting.clock(vote.voted_at, seconds=True, today=False) for vote in votes],
                    "watch": [
                        addresses.page("compare", ids=f"{vote.left_generation_id},{vote.right_generation_id}")
                        for vote in votes
                    ],
                }
            ),
            hide_index=True,
            width="stretch",
            column_config={"watch": st.column_config.LinkColumn("watch again", display_text="Side by side")},
            key="vote_own",
        )


def _name(standing: Standing, cell: int) -> str:
    return standing.cells.get(cell, f"Combination {cell + 1}")
