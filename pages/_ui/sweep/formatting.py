"""The wording of experiments, shared by list, head, grid and verdict."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st

from pages._ui import formatting
from pages._ui.formatting import Badge
from rivya_core import Lab
from rivya_core.api.specs import DURATION_KEYS
from rivya_core.lab.experiments.axes import variable_name
from rivya_core.lab.experiments.quote import RepairQuote
from rivya_core.lab.experiments.records import ExperimentRecord, SweepStatus
from rivya_core.lab.ledger.history.history import Typical
from rivya_core.lab.ledger.states import State
from rivya_core.settings import Mode

KINDS = {
    "hint": Badge("Quick test", ":material/experiment:", "violet"),
    "verdict": Badge("Full test", ":material/experiment:", "violet"),
}


def axis(name: str) -> str:
    """Write the name of an axis, as everywhere."""
    return variable_name(name)


def value(name: str, label: str) -> str:
    """Write a value together with its axis, once where the value says the axis itself: ``hour 0``, ``cfg_scale 0.5``."""
    shown = axis(name)
    return label if label.casefold().startswith(shown.casefold()) else f"{shown} {label}"


def settings(params: Mapping[str, Any], without: Collection[str] = ()) -> str:
    """Write the values of parameters in one line, those left out that are said elsewhere."""
    shown = {key: value for key, value in params.items() if key not in without and value not in {None, ""}}
    return " · ".join(f"{axis(key)} {_written(key, value)}" for key, value in shown.items())


def _written(key: str, value: object) -> str:
    """Write a value of a parameter; a text in quotes, as it may hold anything."""
    if isinstance(value, float):
        return f"{value:g}"
    return f"“{value}”" if key == "negative_prompt" else str(value)


def shape(experiment: ExperimentRecord) -> str:
    """Write how large a sweep is: ``3 x 4 combinations, 2 takes each``."""
    sides = " \N{MULTIPLICATION SIGN} ".join(str(len(one.labels)) for one in experiment.axes)
    paired = bool(experiment.spec.get("paired"))
    cells = (
        f"{sides} combinations" if len(experiment.axes) > 1 and not paired else counted(experiment.cells, "combination")
    )
    return f"{cells}, {counted(experiment.takes, 'take')} each" if experiment.takes > 1 else cells


def counted(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def is_paired(status: SweepStatus) -> bool:
    """Tell whether the axes go side by side, so that the cells are no table."""
    return bool(status.experiment.spec.get("paired"))


def moves(lab: Lab, status: SweepStatus) -> bool:
    """Tell whether a job may change something of the experiment, so that looking again soon is worth it."""
    return status.experiment.connection == lab.connection and open_takes(status) > 0


def open_takes(status: SweepStatus) -> int:
    """Count the takes that were started and have neither ended nor wait for a person."""
    return status.open_takes


def state(lab: Lab, status: SweepStatus) -> Badge:
    """Say where an experiment stands in one chip."""
    experiment = status.experiment
    if experiment.decided_at is not None:
        return Badge("Decided", ":material/flag:", "green")
    if experiment.paused_at is not None and (open_takes(status) or status.planned):
        return Badge("Paused", ":material/pause_circle:", "orange")
    return _under_way(lab, status) if open_takes(status) else _at_rest(status)


def _under_way(lab: Lab, status: SweepStatus) -> Badge:
    if status.experiment.connection != lab.connection:
        return Badge("Other connection", ":material/link_off:", "orange")
    if lab.pause() is not None:
        return Badge("Queue paused", ":material/pause_circle:", "orange")
    return Badge("Running", ":material/autorenew:", "blue")


def _at_rest(status: SweepStatus) -> Badge:
    if status.states.get(State.UNCONFIRMED):
        return Badge("Needs you", ":material/help:", "orange")
    if status.planned:
        return Badge("Partly started", ":material/data_usage:", "orange")
    failed = status.states.get(State.FAILED, 0)
    if failed:
        return Badge(f"Done, {failed:,} failed", ":material/error:", "red")
    if status.unwatched:
        return Badge(f"Done, {status.unwatched:,} not watched", ":material/visibility_off:", "orange")
    return Badge("Done", ":material/check:", "green")


def repair_label(status: SweepStatus, quote: RepairQuote) -> str:
    """Say what the one repair starts or makes again, what of it is there meanwhile, and what it costs."""
    counts = {
        "planned": status.planned,
        "failed": status.failed - status.damaged - status.given_up,
        "no longer watched": status.given_up,
        "damaged": status.damaged,
    }
    only_planned = status.planned and not status.failed
    what = " and ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    parts = [
        f"Start the rest · {status.planned:,}" if only_planned else f"Repair {what}",
        f"{quote.reused:,} reused" if quote.reused else "",
    ]
    if 0 < quote.fits < quote.new:
        parts += [f"{quote.fits:,} fit{'s' if quote.fits == 1 else ''} now", formatting.credits(quote.fits_credits)]
    else:
        parts.append(formatting.credits(quote.credits))
    return " · ".join(part for part in parts if part)


def time_left(lab: Lab, status: SweepStatus) -> str:
    """Say how long the rest may take, from what such clips took before; nothing while nobody knows.

    How many Rivya works on at once is not documented: the range goes from all of them to those that are sent at a time.
    """
    experiment, left = status.experiment, open_takes(status)
    lengths = {axis.name for axis in experiment.axes} & set(DURATION_KEYS)
    if not moves(lab, status) or lengths or experiment.paused_at is not None:
        return ""
    params = experiment.spec["base"].get("params") or {}
    length = next((str(params[key]) for key in DURATION_KEYS if key in params), "")
    typical = _typical_s(lab, (lab.settings.place, experiment.model, experiment.mode, length))
    rounds = math.ceil(left / lab.settings.max_creates_in_flight)
    left_s = None if typical is None else typical.left_s(rounds=rounds)
    if left_s is None:
        return ""
    first, last = max(1, round(left_s[0] / 60)), max(1, math.ceil(left_s[1] / 60))
    return f"about {first}-{last} min left" if first < last else f"about {last} min left"


@st.cache_data(ttl=20, show_spinner=False, max_entries=200)
def _typical_s(_lab: Lab, key: tuple[str, str, Mode, str]) -> Typical | None:
    """Cache how long such clips take: every tick of every tab asks."""
    _folder, model, mode, length = key
    return _lab.history.typical_s(model, mode, length or None)
