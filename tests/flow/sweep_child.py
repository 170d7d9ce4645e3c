"""A real process that starts a sweep and follows it. Run by the tests of this folder.

Usage: python -m tests.flow.sweep_child CONFIG.json, with ``settings`` (keywords of Settings), ``experiment_id``, ``prompt``,
``cells``, ``start`` (a file; when given, the sweep starts once it is there) and ``offer`` (a file; when given and the sweep
is refused, what fits is started once it is there). Prints one JSON line when the lab is open, one with the sweep's id or the
refusal, one with the states of the takes when all has ended, and goes on until killed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rivya_core import GenerationRequest, Lab, Settings, Sweep, open_lab
from rivya_core.api.errors import BudgetError
from tests.flow.child import say
from tests.pace import quicken
from tests.until import until


def sweep_of(prompt: str, cells: int) -> Sweep:
    """A sweep whose clips are all alike, so that the simulator renders one."""
    values = [number / 100 for number in range(cells)]
    return Sweep("Flow", "Does anything get lost?", GenerationRequest(prompt=prompt), {"cfg_scale": values})


def run(lab: Lab, config: dict[str, Any]) -> None:
    """Start the sweep, or what fits of it, and follow it to its end."""
    sweep = sweep_of(config["prompt"], config["cells"])
    id_ = config["experiment_id"]
    if config.get("start"):
        until(Path(config["start"]).exists)
    try:
        lab.start(sweep, experiment_id=id_)
        say({"started": id_})
    except BudgetError as error:
        say({"refused": error.detail, "field": error.field, "fits": error.fits})
        until(Path(config["offer"]).exists)
        lab.start(sweep, experiment_id=id_, only_what_fits=True)
    status = lab.wait_sweep(id_)
    say({"states": status.states, "planned": status.planned, "spent": status.spent_credits})


def main(config: dict[str, Any]) -> None:
    """Open the lab with short waits, run, and stay."""
    quicken(pytest.MonkeyPatch(), pause_s=0.2, sweep_s=0.5, later_s=(0.2,))
    with open_lab(Settings(**config["settings"])) as lab:
        say("open")
        run(lab, config)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
