"""The words of experiments, so that list, head and grid say the same thing the same way."""

from __future__ import annotations

from pages._ui.words import Badge
from rivya_core import Lab
from rivya_core.lab.experiments.records import ExperimentRecord, SweepStatus
from rivya_core.lab.states import TERMINAL, State

AXES = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "reference_image": "Reference image",
    "model": "Model",
}

KINDS = {
    "hint": Badge("Probe: hint", ":material/experiment:", "violet"),
    "verdict": Badge("Probe: verdict", ":material/experiment:", "violet"),
}


def axis(name: str) -> str:
    """Write the name of an axis: a parameter by its own key, as everywhere."""
    return AXES.get(name, name)


def shape(experiment: ExperimentRecord) -> str:
    """Write how large an experiment is: ``3 x 4 cells of 2 takes``."""
    sides = " \N{MULTIPLICATION SIGN} ".join(str(len(one.labels)) for one in experiment.axes)
    paired = bool(experiment.spec.get("paired"))
    cells = f"{sides} cells" if len(experiment.axes) > 1 and not paired else counted(experiment.cells, "cell")
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
    ended = TERMINAL | {State.UNCONFIRMED}
    return sum(count for state, count in status.states.items() if state not in ended)


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
    return Badge("Done", ":material/check:", "green")


def time_left(lab: Lab, status: SweepStatus) -> str:
    """Say how long the rest may take; nothing while nobody knows."""
    del lab, status
    return ""
