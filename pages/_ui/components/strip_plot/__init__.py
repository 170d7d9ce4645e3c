"""Takes as points: one strip a value, its mean with an interval below, one figure a measured feature. Each point opens its clip.

Drawn by a component of our own: points are links that work with mouse, touch and keyboard (arrows move, Enter opens), words
stay text at any width, and colours follow the theme.

In: ``charts`` (each with its ends, ticks and strips of points) and the ``key`` to their marks. Out: the trigger ``open``, a clip's id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pages._ui.components import component

_component = component("strip_plot")

TICKS = 4
BEYOND = 0.6
"""How far an interval may widen the axis beyond the points, as a share of their range; a longer one is cut at the edge."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One clip. ``label``: read aloud and shown on hover; ``href``: its permanent address."""

    id: str
    value: float
    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One value of the axis with its takes; the interval is None where there are too few of them."""

    name: str
    dots: Sequence[Dot]
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Chart:
    """One feature. ``said``: what was found, in a sentence; ``unit``: of the axis below; ``axis``: what the strips are values of."""

    key: str
    title: str
    said: str
    unit: str
    axis: str
    strips: Sequence[Strip]


def strip_plot(charts: Sequence[Chart], *, note: str, key: str) -> str | None:
    """Draw the charts; the id of the clip whose point was opened just now, or None."""
    result = _component(
        key=key,
        data={
            "charts": [_drawn(chart) for chart in charts],
            "key": note,
        },
        on_open_change=_nothing,
    )
    return result.open if isinstance(result.open, str) else None


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""


def _drawn(chart: Chart) -> Mapping[str, Any]:
    low, high = _domain(chart.strips)
    return {
        "key": chart.key,
        "title": chart.title,
        "said": chart.said,
        "unit": f"{chart.title}, {chart.unit}",
        "axis": chart.axis,
        "low": low,
        "high": high,
        "ticks": [{"at": at, "label": label} for at, label in ticks(low, high)],
        "levels": [
            {
                "name": strip.name,
                "label": f"{chart.axis} {strip.name}: {len(strip.dots)} takes",
                "mean": strip.mean,
                "low": strip.low,
                "high": strip.high,
                "points": [
                    {"id": dot.id, "value": dot.value, "label": dot.label, "href": dot.href} for dot in strip.dots
                ],
            }
            for strip in chart.strips
        ],
    }


def _domain(strips: Sequence[Strip]) -> tuple[float, float]:
    values = [dot.value for strip in strips for dot in strip.dots] + [strip.mean for strip in strips]
    low, high = min(values), max(values)
    room = (high - low) or abs(high) * 0.1 or 1.0
    ends = [end for strip in strips for end in (strip.low, strip.high) if end is not None]
    low = min([low, *(max(end, low - BEYOND * room) for end in ends)])
    high = max([high, *(min(end, high + BEYOND * room) for end in ends)])
    return low - 0.04 * room, high + 0.04 * room


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round numbers between two ends, three to seven of them, with their labels."""
    raw = (high - low) / TICKS
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(number * step, f"{number * step:.{digits}f}") for number in range(first, last + 1)]
