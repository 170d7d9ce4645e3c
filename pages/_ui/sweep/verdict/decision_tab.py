"""The decision of a sweep: what speaks for which combination, who chose which and why, and how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from pages._ui import direction, formatting, fragments, generation_actions, layout
from pages._ui.add_to_show import menu as show_menu
from pages._ui.clip_card import facts as clip_facts
from pages._ui.components.fact_list import Fact, fact_list
from pages._ui.components.player import player
from pages._ui.formatting import Badge
from pages._ui.request_form import form
from pages._ui.sweep import formatting as sweep_formatting
from pages._ui.sweep.verdict import baseline, progress as verdict_progress, votes as verdict_votes
from rivya_core import GenerationRecord, Lab
from rivya_core.api import as_python
from rivya_core.api.texts import name_trouble
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.evaluation import findings
from rivya_core.lab.evaluation.verdicts import Stage, Standing
from rivya_core.lab.experiments.records import CellRecord, SweepStatus

WHY_MAX = 2000
WHO_MAX = 80

_WHO = "decision_who"
_MISSING = "_decision_missing"
TICK_S = 1.5

WINNER = Badge("Winner", ":material/flag:", "green")
NO_DIFFERENCE = Badge("No difference", ":material/equal:", "blue")

NOT_JUDGED: dict[Stage, str] = {
    "nothing": "No clip was measured",
    "running": "Takes are still being made",
    "measuring": "Clips are still being measured",
    "judging": "It is still being worked out",
    "judged": "Nothing was varied",
    "failed": "It could not be worked out",
}
"""What stands in place of verdicts, by how far the judging is."""


def draw(lab: Lab, status: SweepStatus) -> None:
    """Draw the tab: the evidence and the form, or what was decided."""
    decision = status.experiment.decision
    if decision is not None:
        _decided(lab, status, decision)
        return
    standing = lab.verdicts.look(status.id)
    evidence = _evidence(lab, status, standing)
    _evidence_card(status, evidence)
    if standing.is_awaited:
        fragments.live_part(_progress, standing.stage, TICK_S)(status.id)
    winners = [cell for cell in status.cells if cell.clip is not None]
    if not winners:
        with st.container(border=True, key="decision_nothing"):
            layout.card_head("Nothing to choose from yet")
            st.text("Only a combination with a finished clip can win.")
    elif lab.settings.read_only:
        elsewhere = "This server is read-only: a decision is made elsewhere."
        st.info(elsewhere if lab.may("Sweeps.decide") else "Makers and admins decide.", icon=":material/lock:")
    else:
        _form(lab, status, winners, evidence)


def _progress(experiment_id: str) -> Stage:
    """Say how far the judging is, and which stage it is in."""
    lab = layout.lab()
    standing = lab.verdicts.look(experiment_id)
    if standing.clips:
        verdict_progress.line(lab, standing)
    return standing.stage


def _evidence(lab: Lab, status: SweepStatus, standing: Standing) -> dict[str, Any]:
    """What is known at this moment, as it is kept with the decision."""
    votes = verdict_votes.read(lab, status.id)
    told = None if votes is None else {"words": votes.sentence, "count": votes.count, "winner": votes.winner}
    why_none = "" if standing.axes else NOT_JUDGED[standing.stage]
    return findings.evidence(standing.axes, told, status, no_verdict=why_none)


def _evidence_card(status: SweepStatus, evidence: Mapping[str, Any]) -> None:
    with st.container(border=True, key="decision_evidence", gap="small"):
        layout.card_head("Evidence", layout.mode_chip(status.experiment.mode))
        fact_list(_evidence_facts(status, evidence), key=f"evidence_{status.id}")


def _evidence_facts(status: SweepStatus, evidence: Mapping[str, Any]) -> list[Fact]:
    unit = layout.credit_unit(status.experiment.mode)
    votes = evidence.get("votes")
    lines = [
        Fact(f"Verdict on {sweep_formatting.axis(str(one['axis']))}", str(one["words"]))
        for one in evidence.get("verdicts", ())
    ]
    return [
        *(lines or [Fact("Verdict", str(evidence.get("no_verdict") or "No verdict"))]),
        Fact("Blind votes", "No votes yet" if votes is None else str(votes["words"])),
        Fact("Spent", f"{evidence['spent_credits']:,} of {evidence['quoted_credits']:,} {unit} quoted"),
    ]


def _form(lab: Lab, status: SweepStatus, winners: list[CellRecord], evidence: Mapping[str, Any]) -> None:
    votes = evidence.get("votes") or {}
    titles = {cell.cell: _title(cell) for cell in winners} | {baseline.KEEP: baseline.TITLE}
    suggested = votes.get("winner") if votes.get("winner") in titles else None
    with st.container(border=True, key="decision_form", gap="small"):
        layout.card_head("Decide")
        if suggested is not None:
            st.text(
                f"The votes suggest: {direction.within(titles[suggested])}. It is chosen below; the choice is yours."
            )
        else:
            st.text("No winner by votes yet. The verdict says what differs, not what is better.")
        form, clip = st.columns([5, 6], gap="medium")
        with form:
            winner = st.selectbox(
                "Winner",
                list(titles),
                index=None if suggested is None else list(titles).index(suggested),
                format_func=lambda cell: titles[cell],
                placeholder="Choose a combination, or no difference",
                key=f"decision_cell_{status.id}",
            )
            st.text_area("Why", key=f"decision_why_{status.id}", height=92, placeholder="What settled it")
            st.text_input("Who decides", key=_WHO)
            _button(status.id, titles, evidence)
        shown = status.baseline if winner == baseline.KEEP else _find(status, winner)
        chosen = None if shown is None else shown.clip
        if chosen is not None:
            with clip:
                player(lab.get(chosen), key="candidate")


def _button(experiment_id: str, titles: Mapping[int, str], evidence: Mapping[str, Any]) -> None:
    """Draw the button. It is never locked: a name that is being typed counts only from the click on."""
    st.button(
        "Decide",
        type="primary",
        icon=":material/flag:",
        key="decide",
        on_click=_decide,
        args=(experiment_id, dict(titles), dict(evidence)),
    )
    missing = st.session_state.pop(_MISSING, None)
    if missing:
        st.error(f"To decide: {missing}.", icon=":material/error:")


def _decide(experiment_id: str, titles: Mapping[int, str], evidence: dict[str, Any]) -> None:
    """Keep what the fields hold at this moment, or say what is missing."""
    winner = st.session_state.get(f"decision_cell_{experiment_id}")
    why = str(st.session_state.get(f"decision_why_{experiment_id}") or "").strip()
    who = str(st.session_state.get(_WHO) or "").strip()
    reasons = [
        reason
        for missing, reason in (
            (winner not in titles, "choose a winner"),
            (not who, "say who decides"),
            (len(why) > WHY_MAX, f"shorten the reason to {WHY_MAX:,} characters"),
            (len(who) > WHO_MAX, f"shorten the name to {WHO_MAX} characters"),
            (name_trouble(who) is not None, "type the name anew: it holds a character that is not seen"),
        )
        if missing
    ]
    if reasons or not isinstance(winner, int):
        st.session_state[_MISSING] = ", ".join(reasons)
        return
    kept = None if winner == baseline.KEEP else winner
    decision = {"cell": kept, "title": titles[winner], "why": why, "who": who, **evidence}
    layout.lab().sweeps.decide(experiment_id, decision)


def _decided(lab: Lab, status: SweepStatus, decision: Mapping[str, Any]) -> None:
    kept = decision.get("cell") is None
    cell = status.baseline if kept else _find(status, decision.get("cell"))
    with st.container(border=True, key="decision_made", gap="small"):
        layout.card_head("Decided", NO_DIFFERENCE if kept else WINNER)
        with st.container(key="story_winner"):
            st.text(str(decision.get("title", "")))
        fact_list(
            [
                Fact("Why", str(decision.get("why", ""))),
                Fact("Decided by", str(decision.get("who", "")), status.experiment.decided_by or ""),
                Fact("When", _when(status.experiment.decided_at)),
                *_evidence_facts(status, decision),
            ],
            key=f"decision_{status.id}",
        )
        with st.container(key="muted_decision"):
            st.text("Verdicts, votes and credits as they were when it was decided.")
        with st.container(horizontal=True, vertical_alignment="center"):
            show_menu.make_button(lab, status, key="decision")
            if not lab.settings.read_only:
                st.button(
                    "Reopen",
                    icon=":material/lock_open:",
                    type="tertiary",
                    key="undecide",
                    on_click=_undecide,
                    args=(status.id,),
                )
    clip = None if cell is None else cell.clip
    if clip is not None:
        _winner(lab, lab.get(clip), "Baseline" if kept else "Winning clip")
    elif kept:
        _baseline(status)


def _baseline(status: SweepStatus) -> None:
    """The ways to make a baseline of which there is no clip."""
    asked = baseline.request(status)
    with st.container(border=True, key="decision_baseline", gap="small"):
        layout.card_head("Baseline")
        st.text(
            "The request that all values were tried on. No combination is exactly this, so there is no clip of it here."
        )
        st.code(as_python(dict(asked)), language=None, wrap_lines=True)
        if layout.can_spend() and st.button(
            "Load into Generate", icon=":material/tune:", key="decision_load", on_click=_load_request, args=(asked,)
        ):
            st.switch_page(layout.page_file("generate"), query_params={})


def _winner(lab: Lab, record: GenerationRecord, title: str) -> None:
    """The clip of what was chosen and the ways to make it again."""
    with st.container(border=True, key="decision_winner", gap="small"):
        layout.card_head(title, layout.mode_chip(record.mode))
        clip, code = st.columns([5, 6], gap="medium")
        with clip:
            player(record, key="winner")
            with st.container(key="muted_winner"):
                st.text(clip_facts(record))
        with code:
            st.text("Send the same request again for another take.")
            # Without a language: Streamlit's colours of code fall short of 4.5:1.
            st.code(as_python(dict(record.request)), language=None, wrap_lines=True)
            with st.container(horizontal=True, vertical_alignment="center"):
                if layout.can_spend() and st.button(
                    "Load into Generate", icon=":material/tune:", key="decision_load", on_click=_load, args=(record.id,)
                ):
                    st.switch_page(layout.page_file("generate"), query_params={})
                generation_actions.copy_menu(lab, record, key="winner")


def _load(generation_id: str) -> None:
    lab = layout.lab()
    form.load(lab, Draft.of_record(lab.get(generation_id)))


def _load_request(asked: Mapping[str, Any]) -> None:
    form.load(layout.lab(), Draft.of_request(asked))


def _undecide(experiment_id: str) -> None:
    layout.lab().sweeps.decide(experiment_id, None)


def _find(status: SweepStatus, number: object) -> CellRecord | None:
    return next((one for one in status.cells if one.cell == number), None)


def _title(cell: CellRecord) -> str:
    """The values of a cell, each with the name of its axis."""
    return " · ".join(f"{sweep_formatting.axis(axis)}: {label}" for axis, label in cell.labels.items()) or "Baseline"


def _when(moment: datetime | None) -> str:
    return "" if moment is None else formatting.clock(moment)
