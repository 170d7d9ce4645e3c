"""Before a round: which experiment, whose votes. Names of variants are not shown here, so that the vote can be blind."""

from __future__ import annotations

import streamlit as st

from pages._ui import card, direction, frame, words
from rivya_core import Lab, RivyaError
from rivya_core.lab.judging.ballots import FEWEST_CELLS, Candidate, OpenRound

VOTER = "vote_voter"
CHOICE = "vote_experiment"

_NAME = "_vote_name"  # outlives the field, which is not on the ballot
_ERROR = "_vote_error"
_LOOK = "names"


def draw(lab: Lab) -> Candidate | None:
    """Draw the choice and the start of a round; the experiment that is chosen, or None when there is none to choose."""
    found = lab.ballots.candidates()
    ready = [one for one in found if one.cells >= FEWEST_CELLS]
    asked = st.query_params.get("experiment")
    missing = asked is not None and all(one.id != asked for one in ready)
    if missing:
        _cannot(next((one for one in found if one.id == asked), None))
    if not ready:
        if not missing:
            _nothing()
        return None
    with st.container(border=True, key="vote_start"):
        return _start(ready, asked)


def _start(ready: list[Candidate], asked: str | None) -> Candidate:
    by_id = {one.id: one for one in ready}
    labels = _labels(ready)
    if st.session_state.get(CHOICE) not in by_id or asked in by_id:
        st.session_state[CHOICE] = asked if asked in by_id else ready[0].id
    st.session_state.setdefault(VOTER, st.session_state.get(_NAME, ""))
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with left:
        st.selectbox(
            "Experiment",
            list(by_id),
            format_func=labels.__getitem__,
            key=CHOICE,
            on_change=_chosen,
        )
    with right:
        st.text_input("Your name, kept with the votes", key=VOTER, placeholder="For example Ana")
    chosen = by_id[st.session_state[CHOICE]]
    if chosen.question:
        st.text(chosen.question)
    with st.container(horizontal=True, vertical_alignment="center", key="muted_vote_facts"):
        frame.mode_badge(chosen.mode)
        st.text(_facts(chosen), width="content")
    st.text(
        "Two clips play side by side, without names; you say which is better, or that neither is. Which pair comes next is "
        "chosen so that each vote teaches most, and you are told when the votes are enough. End the round whenever you like."
    )
    error = st.session_state.pop(_ERROR, None)
    if error:
        st.error(error, icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Start voting",
            type="primary",
            icon=":material/how_to_vote:",
            on_click=_begin,
            args=(chosen.id,),
            key="vote_go",
        )
        if chosen.ended_rounds and not names_are_shown(chosen):
            st.button(
                "Show what the votes say",
                icon=":material/visibility:",
                help="With names: whoever has seen them does not vote blindly any more.",
                on_click=_show_names,
                args=(chosen.id,),
                key="vote_names",
            )
    _open_rounds(chosen)
    return chosen


def _open_rounds(chosen: Candidate) -> None:
    """Say whose rounds are open and offer to end each: one that was left keeps what the votes say from the others.

    A read-only server offers nothing, and nothing on its page holds the id by which a round is its voter's.
    """
    if chosen.rounds == chosen.ended_rounds:
        return
    with st.container(key="vote_open_rounds", gap="xsmall"):
        for number, one in enumerate(frame.lab().ballots.open_rounds(chosen.id)):
            with st.container(horizontal=True, vertical_alignment="center", key=f"muted_open_{number}"):
                st.text(_open_words(one), width="content")
                if not frame.can_spend():
                    continue
                with st.popover("End this round", type="tertiary", icon=":material/flag:", key=f"vote_ending_{one.id}"):
                    st.text(
                        "Only if nobody votes in it any more. Its votes stay counted, and what all votes say can be shown, "
                        "names included. It cannot be opened again; a new round can."
                    )
                    st.button("End it now", key=f"vote_end_{one.id}", on_click=_end, args=(one.id,))


def _open_words(one: OpenRound) -> str:
    votes = f"{one.votes} vote" + ("" if one.votes == 1 else "s") if one.votes else "no vote yet"
    last = f", the last at {words.clock(one.last_at, today=False)}" if one.votes else ""
    return f"A round of {direction.within(one.voter)} is open since {words.clock(one.started_at, today=False)}: {votes}{last}."


def _end(round_id: str) -> None:
    frame.lab().ballots.end(round_id)


def _labels(ready: list[Candidate]) -> dict[str, str]:
    """Name each experiment so that no two read the same: the browser sends back what it shows."""
    labels: dict[str, str] = {}
    for one in ready:
        label = f"{one.name} · {words.clock(one.created_at)}"
        same = sum(other == label or other.startswith(f"{label} (") for other in labels.values())
        labels[one.id] = f"{label} ({same + 1})" if same else label
    return labels


def names_are_shown(chosen: Candidate) -> bool:
    """Tell whether somebody asked for the standing, names included, without a round of their own."""
    return bool(chosen.ended_rounds) and st.query_params.get("show") == _LOOK


def leave() -> None:
    """Go back to the choice; a callback."""
    st.query_params.clear()


def choose(experiment_id: str) -> None:
    """Go back to the choice with an experiment chosen; a callback."""
    st.query_params.from_dict({"experiment": experiment_id})


def _begin(experiment_id: str) -> None:
    name = str(st.session_state.get(VOTER, ""))
    try:
        round_id = frame.lab().ballots.start(experiment_id, name)
    except RivyaError as error:
        st.session_state[_ERROR] = words.sentences(error.title, error.detail)
        return
    st.session_state[_NAME] = name
    st.query_params.from_dict({"round": round_id})


def _chosen() -> None:
    st.query_params.from_dict({"experiment": st.session_state[CHOICE]})


def _show_names(experiment_id: str) -> None:
    st.query_params.from_dict({"experiment": experiment_id, "show": _LOOK})


def _facts(chosen: Candidate) -> str:
    facts = [f"{chosen.cells} variants", f"{chosen.clips} clips"]
    if chosen.cells < chosen.planned_cells:
        facts.append(f"{chosen.planned_cells - chosen.cells} more without a clip yet")
    if chosen.rounds:
        facts.append(f"{chosen.rounds} round" + ("" if chosen.rounds == 1 else "s") + " so far")
    return " · ".join(facts)


def _cannot(found: Candidate | None) -> None:
    with st.container(border=True, key="vote_cannot"):
        if found is None:
            card.head("No such experiment")
            st.text("The experiment in this address is not in this data folder.")
            return
        card.head("Nothing to compare yet")
        st.text(
            f"{direction.within(found.name)} has clips of {found.cells} of {found.planned_cells} cells; a vote needs two."
        )


def _nothing() -> None:
    with st.container(border=True, key="vote_empty"):
        card.head("Nothing to vote on yet")
        st.text(
            "A vote compares the cells of a sweep: two clips side by side, without names. It can start as soon as two cells "
            "have a clip."
        )
        if frame.can_spend() and frame.page_file("sweep").is_file():
            st.page_link(str(frame.page_file("sweep")), label="Start a sweep", icon=":material/grid_on:")
