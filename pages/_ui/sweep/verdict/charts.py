"""A verdict as strip plots: which points, means and words each measured feature gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages._ui import query_params
from pages._ui.components.strip_plot import Chart, Dot, Strip, strip_plot
from pages._ui.sweep import formatting as sweep_formatting
from rivya_core.lab.evaluation import wording
from rivya_core.lab.evaluation.axis_analysis import AxisVerdict

if TYPE_CHECKING:
    from rivya_core.lab.evaluation.significance import Effect


def draw(verdict: AxisVerdict, *, key: str) -> str | None:
    """Draw a chart for each feature that changed at all; the id of the clip that was opened just now, or None."""
    moving = [effect for effect in verdict.finding.effects if not effect.constant]
    opened = None
    if moving:
        opened = strip_plot([_chart(verdict, effect) for effect in moving], note=_note(verdict), key=key)
    still = [verdict.feature(effect).label for effect in verdict.finding.effects if effect.constant]
    lines = [f"The same in every clip: {', '.join(still)}."] if still else []
    lines += [f"Not part of the verdict: {', '.join(verdict.left_out)}."] if verdict.left_out else []
    if lines:
        with st.container(key=f"muted_still_{key}"):
            st.text(" ".join(lines))
    return opened


def _note(verdict: AxisVerdict) -> str:
    spread = "" if verdict.finding.p is None and not _has_intervals(verdict) else ", the bar its 95 % interval"
    source = "takes" if wording.knows_takes(verdict) else "clips of one value"
    return (
        f"Each point is a take and opens its clip. The diamond is the mean{spread}, from the spread between {source}."
    )


def _has_intervals(verdict: AxisVerdict) -> bool:
    return any(level.low is not None for effect in verdict.finding.effects for level in effect.levels)


def _chart(verdict: AxisVerdict, effect: Effect) -> Chart:
    feature = verdict.feature(effect)
    strips = [
        Strip(
            name=verdict.levels[number],
            dots=[
                Dot(
                    point.generation_id,
                    point.figures[effect.key],
                    f"{point.place}: {wording.figure(point.figures[effect.key])} {feature.unit}. Open the clip",
                    query_params.permanent_link(point.generation_id),
                )
                for point in verdict.points
                if point.level == number
            ],
            mean=level.mean,
            low=level.low,
            high=level.high,
        )
        for number, level in enumerate(effect.levels)
    ]
    said = wording.of_feature(verdict, effect)
    return Chart(effect.key, feature.label, said, feature.unit, sweep_formatting.axis(verdict.axis), strips)
