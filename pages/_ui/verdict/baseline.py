"""The baseline of an experiment: the request that all its values were tried on, for who decides that none of them matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rivya_core.lab.experiments.records import CellRecord, SweepStatus

KEEP: Final = -1
"""Stands for the baseline among the cells to choose from."""

TITLE: Final = "No difference: keep the baseline"


def cell(status: SweepStatus) -> CellRecord | None:
    """The cell that asks for the baseline, or None; with a variable in the prompt, which is no request, the first cell."""
    base = status.experiment.spec["base"]
    same = next((one for one in status.cells if one.request == base), None)
    if same is not None or not status.cells:
        return same
    has_variable = any(axis.get("target") == "variable" for axis in status.experiment.spec["axes"])
    return status.cells[0] if has_variable else None


def request(status: SweepStatus) -> Mapping[str, Any]:
    """What is sent to make the baseline."""
    found = cell(status)
    return status.experiment.spec["base"] if found is None else found.request
