"""Before a round: which sweep, what is voted on, whose votes. No value is named here, so that the vote can be blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages._ui import direction, formatting, layout, mode_marks, vote_formatting
from pages._ui.components.voter_name import voter_name
from rivya_core import Lab, RivyaError
from rivya_core.lab.evaluation.results import QuestionRecord
from rivya_core.lab.evaluation.votes.ballots import FEWEST_CELLS, VOTER_MAX, Candidate, OpenRound
from rivya_core.lab.evaluation.votes.questions import WHOLE

VOTER = "vote_voter"
CHOICE = "vote_experiment"

_NAME = "_vote_name"  # outlives the field, which is not on the ballot
_KEPT = "vote_name_kept"
_FILLED = "_vote_name_filled"
_ERROR = "_vote_error"
_LOOK = "names"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen to vote on: a sweep and the key of a question."""

    sweep: Candidate
    question: str


def draw(lab: Lab) -> Choice | None:
    """Draw the choice and the start of a round; what is chosen, or None when there is nothing to choose."""
    asked = st.query_params.get("experiment")
    found = lab.ballots.candidates(also=asked)
    ready = [one for one in found if one.cells >= FEWEST_CELLS]
    missing = asked is not None and all(one.id != asked for one in ready)
    if missing:
        _cannot(next((one for one in found if one.id == asked), None))
    if not ready:
        if not missing:
            _nothing()
        return None
    with st.container(border=True, key="vote_start"):
        return _start(lab, ready, asked)


def _start(lab: Lab, ready: list[Candidate], asked: str | None) -> Choice:
    by_id = {one.id: one for one in ready}
    labels = _labels(ready)
    if st.session_state.get(CHOICE) not in by_id or asked in by_id:
        st.session_state[CHOICE] = asked if asked in by_id else ready[0].id
    _fill_name()
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        st.selectbox(
            "Sweep",
            list(by_id),
            format_func=labels.__getitem__,
            key=CHOICE,
            on_change=_chosen,
        )
    with right:
        if lab.person is None:
            st.text_input("Your name, kept with the votes", key=VOTER, placeholder="For example Ana")
        elif lab.may("Ballots.start"):
            st.text(f"Your votes are kept as {lab.person.address}.")
    chosen = by_id[st.session_state[CHOICE]]
    if chosen.question:
        st.text(chosen.question)
    question = _question(lab.votes.questions(chosen.id), chosen.id)
    with st.container(horizontal=True, vertical_alignment="center", key="muted_vote_facts"):
        if mode_marks.marks(lab.mode, [chosen.mode]).mixed:
            layout.mode_badge(chosen.mode)
        st.text(_facts(chosen, question), width="content")
    st.text(
        f"{_pairs(question)} Pairs are chosen to decide fastest, and you are told when the votes are enough. End the round "
        "whenever you like."
    )
    error = st.session_state.pop(_ERROR, None)
    if error:
        st.error(error, icon=":material/error:")
    _go_on(lab, chosen, question)
    _open_rounds(chosen)
    keep_name()
    return Choice(chosen, question.key)


def _go_on(lab: Lab, chosen: Candidate, question: QuestionRecord) -> None:
    """Draw the ways on: a round of one's own, where the role allows it, and what the votes say so far."""
    may_vote = lab.may("Ballots.start")
    if not may_vote:
        st.info(
            "Makers and admins vote here. You can vote in a ballot that somebody sends you.", icon=":material/lock:"
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if may_vote:
            st.button(
                "Start voting",
                type="primary",
                icon=":material/how_to_vote:",
                on_click=_begin,
                args=(chosen.id, question.key),
                key="vote_go",
            )
        if chosen.ended_rounds and not names_are_shown(chosen):
            st.button(
                "Show what the votes say",
                icon=":material/visibility:",
                help="With names: whoever has seen them does not vote blindly any more.",
                on_click=_show_names,
                args=(chosen.id, question.key),
                key="vote_names",
            )


def _question(found: Sequence[QuestionRecord], experiment_id: str) -> QuestionRecord:
    """Ask what is voted on where there is a choice: the question in the address, else the one the sweep asks about."""
    by_key = {one.key: one for one in found}
    if len(found) == 1:
        return found[0]
    key = f"vote_question_{experiment_id}"
    if st.session_state.get(key) not in by_key:
        asked = st.query_params.get("question")
        st.session_state[key] = asked if asked in by_key else next(one.key for one in found if one.is_default)
    chosen = st.radio(
        "What do you vote on?", list(by_key), format_func=vote_formatting.question, horizontal=True, key=key
    )
    return by_key[chosen]


def _pairs(question: QuestionRecord) -> str:
    if question.key == WHOLE or question.blocks < FEWEST_CELLS:
        return "Two clips play side by side, without names."
    name = direction.within(vote_formatting.question(question.key))
    return (
        f"Two clips play side by side, without names. They differ in {name} alone; the winner is preferred on average over "
        f"the {question.blocks} settings of everything else."
    )


def _fill_name() -> None:
    """Fill in the name that the session or the browser knows, once, before the field is drawn."""
    st.session_state.setdefault(VOTER, st.session_state.get(_NAME, ""))
    kept = st.session_state.get(_KEPT)
    name = kept.get("name") if isinstance(kept, Mapping) else None
    if name and _FILLED not in st.session_state:
        st.session_state[_FILLED] = True
        st.session_state[VOTER] = st.session_state[VOTER] or str(name)[:VOTER_MAX]


def keep_name() -> None:
    """Have the browser keep the name of the voter; with none yet, say the one it keeps."""
    voter_name(str(st.session_state.get(_NAME, "")), key=_KEPT)


def _open_rounds(chosen: Candidate) -> None:
    """Say whose rounds are open and offer to end each: one that was left keeps what the votes say from the others.

    A read-only server offers nothing, and nothing on its page holds the id by which a round is its voter's.
    """
    if chosen.rounds == chosen.ended_rounds:
        return
    with st.container(key="vote_open_rounds", gap="xsmall"):
        for number, one in enumerate(layout.lab().ballots.open_rounds(chosen.id)):
            with st.container(horizontal=True, vertical_alignment="center", key=f"muted_open_{number}"):
                st.text(_open_words(one), width="content")
                if not layout.can_spend():
                    continue
                with st.popover("End this round", type="tertiary", icon=":material/flag:", key=f"vote_ending_{one.id}"):
                    st.text(
                        "Only if nobody votes in it any more. Its votes stay counted, and what all votes say can be shown, "
                        "names included. It cannot be opened again; a new round can."
                    )
                    st.button("End it now", key=f"vote_end_{one.id}", on_click=_end, args=(one.id,))


def _open_words(one: OpenRound) -> str:
    votes = f"{one.votes} vote" + ("" if one.votes == 1 else "s") if one.votes else "no vote yet"
    last = f", the last at {formatting.clock(one.last_at, today=False)}" if one.votes else ""
    return f"A round of {direction.within(one.voter)} is open since {formatting.clock(one.started_at, today=False)}: {votes}{last}."


def _end(round_id: str) -> None:
    layout.lab().ballots.end(round_id)


def _labels(ready: list[Candidate]) -> dict[str, str]:
    """Name each sweep so that no two read the same: the browser sends back what it shows."""
    labels: dict[str, str] = {}
    for one in ready:
        label = f"{direction.within(one.name)} · {formatting.clock(one.created_at)}"
        same = sum(other == label or other.startswith(f"{label} (") for other in labels.values())
        labels[one.id] = f"{label} ({same + 1})" if same else label
    return labels


def names_are_shown(chosen: Candidate) -> bool:
    """Tell whether somebody asked for the standing, names included, without a round of their own."""
    return bool(chosen.ended_rounds) and st.query_params.get("show") == _LOOK


def leave() -> None:
    """Go back to the choice; a callback."""
    st.query_params.clear()


def choose(experiment_id: str, question: str) -> None:
    """Go back to the choice with a sweep and a question chosen; a callback."""
    st.session_state.pop(f"vote_question_{experiment_id}", None)
    st.query_params.from_dict({"experiment": experiment_id, "question": question})


def _begin(experiment_id: str, question: str) -> None:
    name = str(st.session_state.get(VOTER, ""))
    try:
        round_id = layout.lab().ballots.start(experiment_id, name, question)
    except RivyaError as error:
        st.session_state[_ERROR] = formatting.sentences(error.title, error.detail)
        return
    st.session_state[_NAME] = name
    st.query_params.from_dict({"round": round_id})


def _chosen() -> None:
    st.query_params.from_dict({"experiment": st.session_state[CHOICE]})


def _show_names(experiment_id: str, question: str) -> None:
    st.query_params.from_dict({"experiment": experiment_id, "question": question, "show": _LOOK})


def _facts(chosen: Candidate, question: QuestionRecord) -> str:
    facts = [f"{chosen.cells} combinations", f"{chosen.clips} clips"]
    if chosen.cells < chosen.planned_cells:
        facts.append(f"{chosen.planned_cells - chosen.cells} more without a clip yet")
    facts.append(vote_formatting.votes_of(question.votes, question.limit))
    if question.rounds:
        facts.append(f"{question.rounds} round" + ("" if question.rounds == 1 else "s") + " so far")
    return " · ".join(facts)


def _cannot(found: Candidate | None) -> None:
    with st.container(border=True, key="vote_cannot"):
        if found is None:
            layout.card_head("No such sweep")
            st.text("The sweep in this address is not in this data folder.")
            return
        layout.card_head("Nothing to vote on yet")
        st.text(
            f"{direction.within(found.name)} has clips of {found.cells} of {found.planned_cells} combinations; a vote needs two."
        )


def _nothing() -> None:
    with st.container(border=True, key="vote_empty"):
        layout.card_head("Nothing to vote on yet")
        st.text(
            "A vote compares clips of a sweep, two at a time, without names. It can start as soon as two combinations have a "
            "clip."
        )
        if layout.can_spend() and layout.page_file("sweep").is_file():
            st.page_link(str(layout.page_file("sweep")), label="Start a sweep", icon=":material/grid_on:")
