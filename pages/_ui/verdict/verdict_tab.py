"""The verdict of an experiment: axis by axis, what differs beyond re-rolling, shown take by take."""

from __future__ import annotations

import streamlit as st

from pages._ui import card, frame, live
from pages._ui.sweep import clip as sweep_clip
from pages._ui.sweep import words as sweep_words
from pages._ui.verdict import charts as verdict_charts
from pages._ui.verdict import progress as verdict_progress
from pages._ui.verdict import tables as verdict_tables
from pages._ui.verdict import votes as verdict_votes
from pages._ui.words import Badge
from rivya_core import Lab
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.judging import wording
from rivya_core.lab.judging.appraisal import AxisVerdict
from rivya_core.lab.judging.verdicts import Standing

TICK_S = 1.5

BADGES = {
    "clear": Badge("Clear", ":material/check_circle:", "green"),
    "unclear": Badge("Unclear", ":material/help:", "orange"),
    "same": Badge("Same as re-rolling", ":material/equal:", "blue"),
    "too few": Badge("Too few to tell", ":material/hourglass_empty:", "gray"),
}


def draw(lab: Lab, status: SweepStatus) -> None:
    """Draw the tab; while clips are made or measured it looks again by itself."""
    standing = lab.verdicts.look(status.id)
    if standing.is_awaited:
        live.part(_progress, TICK_S)(status.id)
        return
    _notes(standing)
    if standing.stage == "failed":
        verdict_progress.failed(status.id, standing)
        verdict_votes.draw(lab, status.id)
        return
    if standing.stage == "nothing":
        with st.container(border=True, key="verdict_nothing"):
            card.head("No clip to measure yet")
            st.text("A verdict needs at least four finished takes of each value; they are measured by themselves.")
        return
    if not standing.axes:
        with st.container(border=True, key="verdict_one"):
            card.head("Nothing was varied")
            st.text("All clips were made with the same values, so there is nothing to compare.")
        return
    for number, verdict in enumerate(standing.axes):
        _axis(status, verdict, number)
    verdict_votes.draw(lab, status.id)
    _about(standing)
    sweep_clip.draw(lab, status.cells)


def _progress(experiment_id: str) -> None:
    """Say how far the measuring is; when it is done the page is drawn again with the verdict."""
    lab = frame.lab()
    standing = lab.verdicts.look(experiment_id)
    if not standing.is_awaited:
        st.rerun()
    with st.container(border=True, key="verdict_progress"):
        if standing.stage == "judging":
            card.head("Working the verdict out")
        else:
            card.head("Not yet", Badge("Measuring", ":material/straighten:", "blue"))
        if standing.clips:
            st.progress(standing.measured / standing.clips, text=verdict_progress.sentence(standing))
        if standing.open_takes:
            st.text(f"{sweep_words.counted(standing.open_takes, 'take')} under way.")
        verdict_progress.elsewhere(lab, standing)
        st.text(
            "The verdict is given once, when all takes have ended and were measured. Looking at every new clip and "
            "stopping when it suits would make chance look like a difference."
        )


def _notes(standing: Standing) -> None:
    lines = []
    if standing.planned:
        lines.append(
            f"{sweep_words.counted(standing.planned, 'take')} of the plan not started: this is judged without them."
        )
    unmeasured = standing.clips - standing.measured
    if unmeasured:
        lines.append(f"{sweep_words.counted(unmeasured, 'clip')} could not be measured: {' '.join(standing.troubles)}")
    for line in lines:
        st.info(line, icon=":material/info:")


def _axis(status: SweepStatus, verdict: AxisVerdict, number: int) -> None:
    with st.container(border=True, key=f"verdict_{number}", gap="small"):
        with st.container(
            horizontal=True,
            vertical_alignment="center",
            horizontal_alignment="distribute",
            key=f"verdict_head_{number}",
        ):
            with st.container(key=f"story_axis_{number}", width="content"):
                st.text(f"{sweep_words.axis(verdict.axis)}: {wording.headline(verdict)}")
            with st.container(horizontal=True, width="content", gap="small"):
                if status.experiment.mode == "simulated":
                    frame.mode_badge("simulated")
                frame.badge(BADGES[verdict.finding.word])
        st.text(wording.sentence(verdict))
        further = wording.outlook(verdict)
        if further:
            st.text(further)
        with st.container(key=f"muted_rules_{number}"):
            st.text(wording.ground_rules(verdict))
        opened = verdict_charts.draw(verdict, key=f"strips_{status.id}_{number}")
        if opened is not None:
            sweep_clip.show(opened)
        if st.toggle("Show the figures as tables", key=f"verdict_tables_{number}"):
            verdict_tables.draw(verdict, key=str(number))


def _about(standing: Standing) -> None:
    with st.expander("What was measured, and what a verdict means", icon=":material/menu_book:"):
        verdict_tables.definitions()
        st.text(
            "Clear: settings that do nothing are called clear at most once in twenty verdicts. Same as re-rolling: every "
            "feature is shown to differ by less than 1 SD between takes. Each axis is a verdict of its own, and so is each "
            "look after further takes. None says which clip is better; that is for votes."
        )
        if len(standing.axes) > 1:
            st.text("Each axis is judged within the combinations of the others, so their differences do not blur it.")
