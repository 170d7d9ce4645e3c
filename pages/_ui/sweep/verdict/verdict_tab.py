"""The verdict of a sweep: a sentence for each variable, the two clips that show it, and the figures for who wants them."""

from __future__ import annotations

import streamlit as st

from pages._ui import fragments, layout
from pages._ui.components.clip_pair import PairedClip, clip_pair
from pages._ui.formatting import Badge
from pages._ui.sweep import clip as sweep_clip, formatting as sweep_formatting
from pages._ui.sweep.verdict import (
    charts as verdict_charts,
    further,
    progress as verdict_progress,
    tables as verdict_tables,
    votes as verdict_votes,
)
from rivya_core import Lab
from rivya_core.lab.evaluation import findings, wording
from rivya_core.lab.evaluation.axis_analysis import AxisVerdict
from rivya_core.lab.evaluation.findings import ShownClips
from rivya_core.lab.evaluation.verdicts import Standing
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.media.video_probe import UNOPENED

TICK_S = 1.5

BADGES = {
    "clear": Badge("Clear", ":material/check_circle:", "green"),
    "unclear": Badge("Unclear", ":material/help:", "orange"),
    "too few": Badge("Too few to tell", ":material/hourglass_empty:", "gray"),
}


def draw(lab: Lab, status: SweepStatus) -> None:
    """Draw the tab; while clips are made or measured it looks again by itself."""
    standing = lab.verdicts.look(status.id)
    if standing.is_awaited:
        fragments.live_part(_progress, shown=True, every_s=TICK_S)(status.id)
        return
    _notes(standing)
    if standing.stage == "failed":
        verdict_progress.failed(status.id, standing)
        verdict_votes.draw(lab, status.id)
        return
    if standing.stage == "nothing":
        with st.container(border=True, key="verdict_nothing"):
            layout.card_head("No clip to measure yet")
            st.text("A verdict needs at least four finished takes of each value; they are measured by themselves.")
        return
    if not standing.axes:
        with st.container(border=True, key="verdict_one"):
            layout.card_head("Nothing was varied")
            st.text("All clips were made with the same values, so no variable has a verdict.")
        return
    for number, verdict in enumerate(standing.axes):
        _variable(lab, status, verdict, number)
    verdict_votes.draw(lab, status.id, findings.of_sweep(status.id, standing.axes))
    _about(standing)
    sweep_clip.draw(lab, status.cells)


def _progress(experiment_id: str) -> bool:
    """Say how far the measuring is; whether it goes on."""
    lab = layout.lab()
    standing = lab.verdicts.look(experiment_id)
    with st.container(border=True, key="verdict_progress"):
        if standing.stage == "judging":
            layout.card_head("Working the verdict out")
        else:
            layout.card_head("No verdict yet", Badge("Measuring", ":material/straighten:", "blue"))
        if standing.clips:
            st.progress(standing.measured / standing.clips, text=verdict_progress.sentence(standing))
        if standing.open_takes:
            st.text(f"{sweep_formatting.counted(standing.open_takes, 'take')} under way.")
        verdict_progress.elsewhere(lab, standing)
        st.text(
            "The verdict is given once, when all takes have ended and were measured. Looking at every new clip and "
            "stopping when it suits would make chance look like a difference."
        )
    return standing.is_awaited


def _notes(standing: Standing) -> None:
    lines = []
    if standing.planned:
        lines.append(
            f"{sweep_formatting.counted(standing.planned, 'take')} of the plan not started: this is judged without them."
        )
    unmeasured = standing.clips - standing.measured
    if unmeasured:
        lines.append(
            f"{sweep_formatting.counted(unmeasured, 'clip')} could not be measured: {' '.join(standing.troubles)}"
        )
    for line in lines:
        st.info(line, icon=":material/info:")


def _variable(lab: Lab, status: SweepStatus, verdict: AxisVerdict, number: int) -> None:
    found = findings.of_variable(verdict)
    with st.container(border=True, key=f"verdict_{number}", gap="small"):
        with st.container(
            horizontal=True,
            vertical_alignment="center",
            horizontal_alignment="distribute",
            key=f"verdict_head_{number}",
        ):
            with st.container(key=f"story_variable_{number}", width="content"):
                st.text(found.text)
            layout.badge(BADGES[found.word])
        if found.clips is not None:
            _clips(lab, status, verdict, found.clips, number)
        open_still = " ".join(part for part in (found.possible, found.outlook) if part)
        if open_still:
            st.text(open_still)
            further.button(lab, status, found.further, key=f"verdict_further_{number}")
        with st.expander("Details", icon=":material/query_stats:", key=f"verdict_details_{number}"):
            _details(status, verdict, number)


def _clips(lab: Lab, status: SweepStatus, verdict: AxisVerdict, shown: ShownClips, number: int) -> None:
    """Draw the two clips, if both are still there, and how they were chosen."""
    records = [lab.get(id_) for id_ in (shown.first, shown.second)]
    if not all(record.has_clip and record.clip_check != UNOPENED for record in records):
        return
    first, second = (
        PairedClip(record, sweep_formatting.value(verdict.axis, name))
        for record, name in zip(records, shown.names, strict=True)
    )
    opened = clip_pair(first, second, key=f"pair_{status.id}_{number}")
    with st.container(key=f"muted_chosen_{number}"):
        st.text(shown.how)
    if opened is not None:
        sweep_clip.show(opened)


def _details(status: SweepStatus, verdict: AxisVerdict, number: int) -> None:
    st.text(wording.grounds(verdict))
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
            "Clear: settings that do nothing are called clear at most once in twenty verdicts. Unclear never means that "
            "there is no difference: the largest one that the clips leave open is said beside it. Each variable is a verdict of "
            "its own, and so is each look after further takes. None says which clip is better; that is for votes."
        )
        if len(standing.axes) > 1:
            st.text(
                "Each variable is judged within the combinations of the others, so their differences do not blur it."
            )
