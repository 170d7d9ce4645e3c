"""The figures behind a verdict as tables: one row a feature, one row a clip; and what each feature is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from pages._ui import query_params
from pages._ui.components.fact_list import Fact, fact_list
from rivya_core.lab.evaluation import wording
from rivya_core.lab.evaluation.axis_analysis import AxisVerdict
from rivya_core.lab.evaluation.features import FEATURES

if TYPE_CHECKING:
    from rivya_core.lab.evaluation.significance import Effect


def draw(verdict: AxisVerdict, *, key: str) -> None:
    """Draw both tables."""
    st.dataframe(
        [_feature_row(verdict, effect) for effect in verdict.finding.effects],
        key=f"table_features_{key}",
        width="stretch",
    )
    clips = [
        {"clip": point.place}
        | {verdict.feature(effect).label: point.figures[effect.key] for effect in verdict.finding.effects}
        | {"open": query_params.permanent_link(point.generation_id)}
        for point in verdict.points
    ]
    st.dataframe(
        clips,
        key=f"table_clips_{key}",
        width="stretch",
        column_config={"open": st.column_config.LinkColumn("open", display_text="Open")},
    )


def _feature_row(verdict: AxisVerdict, effect: Effect) -> dict[str, object]:
    feature = verdict.feature(effect)
    means = {f"mean at {verdict.levels[number]}": level.mean for number, level in enumerate(effect.levels)}
    in_sd = {"in SD between takes": effect.difference_sd if math.isfinite(effect.difference_sd) else None}
    return {
        "feature": feature.label,
        "unit": feature.unit,
        **means,
        "difference": effect.difference,
        "95 % interval": "not known" if math.isnan(effect.low) else wording.interval(effect),
        **(in_sd if wording.knows_takes(verdict) else {}),
        "p, all features together": effect.p,
    }


def definitions() -> None:
    """Say what each feature measures, in which unit."""
    fact_list(
        [Fact(f"{feature.label}, {feature.unit}", feature.definition) for feature in FEATURES],
        key="feature_definitions",
    )
