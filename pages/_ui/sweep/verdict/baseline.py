"""The baseline of an experiment: the request that all its values were tried on, for who decides that none of them matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rivya_core.lab.experiments.records import SweepStatus

KEEP: Final = -1
"""Stands for the baseline among the cells to choose from."""

TITLE: Final = "No difference: keep the baseline"


def request(status: SweepStatus) -> Mapping[str, Any]:
    """What is sent to make the baseline."""
    found = status.baseline
    return status.experiment.spec["base"] if found is None else found.request
