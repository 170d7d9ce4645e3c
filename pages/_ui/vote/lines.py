"""Votes from elsewhere on the Vote page: a ballot to hand out, lines to paste, and the list of lines that came back."""

from __future__ import annotations

import streamlit as st

from pages._ui import addresses, direction, formatting, fragments, layout
from rivya_core import Lab, RivyaError
from rivya_core.lab.evaluation.votes.ballot_lines import LineRecord, Pasted
from rivya_core.lab.evaluation.votes.standings import rate_words
from rivya_core.lab.shows.ballot.ballot import BallotFile

TICK_S = 2.0
PASTED = "vote_paste"

_RESULTS = "_vote_pasted"
_FAILED = "_vote_paste_failed"


def draw(lab: Lab, experiment_id: str, question: str) -> None:
    """Draw the card; nothing in it names what is compared."""
    found = lab.votes.lines(experiment_id)
    if not layout.can_spend() and not found:
        return
    with st.container(border=True, key="vote_elsewhere"):
        layout.card_head("Votes from elsewhere")
        st.text(
            "A ballot is one file with blind pairs. It opens in any browser, without a network. Each vote comes back as one line "
            "of text."
        )
        if layout.can_spend():
            _hand_out(lab, experiment_id, question)
            _paste(experiment_id)
        _results()
        _list(found)


def _hand_out(lab: Lab, experiment_id: str, question: str) -> None:
    files = lab.shows.ballots
    if files.is_making(experiment_id, question):
        fragments.live_part(_progress, shown=True, every_s=TICK_S)(experiment_id, question)
        return
    made = files.latest(experiment_id, question)
    failure = files.failure(experiment_id, question)
    if failure is not None:
        st.error(formatting.sentences(failure.title, failure.detail, failure.hint), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center", key="muted_vote_ballot"):
        if made is not None:
            st.link_button("Download ballot", addresses.ballot_file(made.id), icon=":material/download:")
        st.button(
            "Make a ballot" if made is None else "Make a new one",
            icon=":material/ballot:",
            on_click=_make,
            args=(experiment_id, question),
            key="vote_make_ballot",
        )
        if made is not None:
            st.text(_about(made), width="content")


def _progress(experiment_id: str, question: str) -> bool:
    """Say that a ballot is being made; whether it still is."""
    st.text("Making the ballot. It takes about a second per clip.")
    return layout.lab().shows.ballots.is_making(experiment_id, question)


def _about(made: BallotFile) -> str:
    pairs = f"{made.pairs} pair" + ("" if made.pairs == 1 else "s")
    return f"{pairs} per voter · {made.size_bytes / 1e6:.1f} MB · made {formatting.clock(made.made_at, today=False)}"


def _make(experiment_id: str, question: str) -> None:
    layout.lab().shows.ballots.ask(experiment_id, question)


def _paste(experiment_id: str) -> None:
    st.text_area(
        "Paste votes",
        key=PASTED,
        height=100,
        placeholder="RV1.\u2026 One or many lines, from chat or mail. Other text is ignored.",
    )
    st.button("Count these votes", icon=":material/playlist_add_check:", on_click=_count, args=(experiment_id,))


def _count(experiment_id: str) -> None:
    try:
        found = layout.lab().votes.paste(str(st.session_state.get(PASTED, "")), experiment_id)
    except RivyaError as error:
        st.session_state[_FAILED] = formatting.sentences(error.title, error.detail, error.hint)
        return
    st.session_state[_RESULTS] = found
    st.session_state[PASTED] = ""
    if not found:
        st.session_state[_FAILED] = "There is no vote in this text. A vote is one line that begins with RV1."


def _results() -> None:
    """Say once what became of each line that was pasted."""
    failed: str | None = st.session_state.pop(_FAILED, None)
    if failed:
        st.error(failed, icon=":material/error:")
    found: tuple[Pasted, ...] = st.session_state.pop(_RESULTS, ())
    for number, one in enumerate(found):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"vote_pasted_{number}"):
            if one.vote is not None:
                st.badge("Counted", icon=":material/check:", color="green")
                st.text(direction.within(one.sentence), width="stretch")
            else:
                st.badge("Not counted", icon=":material/block:", color="orange")
                st.text(direction.within(f"{_short(one.line)}: {one.sentence}"), width="stretch")


def _short(line: str) -> str:
    return line if len(line) <= 40 else f"{line[:24]}\u2026{line[-8:]}"  # noqa: PLR2004 - enough to find it again


def _list(found: tuple[LineRecord, ...]) -> None:
    if not found:
        return
    taken_out = sum(one.taken_out_at is not None for one in found)
    if taken_out:
        st.warning(rate_words(taken_out), icon=":material/warning:")
    lines = "1 line" if len(found) == 1 else f"{len(found)} lines"
    with st.expander(f"{lines}, in the order they count", icon=":material/list:", key="vote_lines"):
        for place, one in enumerate(found, start=1):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"muted_line_{one.id}"):
                st.text(_line(place, one), width="stretch")
                if not layout.can_spend():
                    continue
                act = (_take_out, "Take out") if one.taken_out_at is None else (_put_back, "Put back")
                st.button(act[1], type="tertiary", key=f"vote_line_{one.id}", on_click=act[0], args=(one.id,))


def _line(place: int, one: LineRecord) -> str:
    votes = f"{one.votes} vote" + ("" if one.votes == 1 else "s")
    skipped = [f"{one.skipped} skipped"] if one.skipped else []
    out = (
        [f"taken out {formatting.clock(one.taken_out_at, today=False)}{formatting.by(one.taken_out_by)}"]
        if one.taken_out_at is not None
        else []
    )
    parts = [direction.within(one.name), votes, *skipped, formatting.clock(one.imported_at, today=False), *out]
    return f"{place}. {' · '.join(parts)}"


def _take_out(line: int) -> None:
    layout.lab().votes.take_out(line)


def _put_back(line: int) -> None:
    layout.lab().votes.put_back(line)
