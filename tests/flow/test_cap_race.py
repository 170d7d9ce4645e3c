"""P3: the daily cap holds over threads and processes. Counted at the simulator."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from rivya_core import GenerationRequest
from rivya_core.api.errors import BudgetError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from tests.conftest import FAST
from tests.flow.conftest import Child, heard
from tests.flow.outside import Outside

CAP = 800
FIT = 5  # at 160 credits each


def test_twenty_threads_get_five_through_a_cap_of_800(make_lab: Callable[..., Lab]) -> None:
    """Twenty submits at once under a cap of 800: five are sent, fifteen are refused with the figures, nothing else leaves."""
    lab = make_lab(daily_cap_credits=CAP)
    assert lab.simulator is not None
    request = GenerationRequest(prompt="A red fox in the snow")
    together = Barrier(20)

    def submit(_: int) -> str | BudgetError:
        together.wait()
        try:
            return lab.submit(request).id
        except BudgetError as error:
            return error

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(submit, range(20)))
    ids = [outcome for outcome in outcomes if isinstance(outcome, str)]
    refusals = [outcome for outcome in outcomes if isinstance(outcome, BudgetError)]
    assert (len(ids), len(refusals)) == (FIT, 15)
    assert {(error.field, error.charged) for error in refusals} == {("daily_cap", "no")}
    assert {lab.wait(id_).state for id_ in ids} == {State.SUCCEEDED}
    tasks = lab.simulator.world.tasks()
    assert {task.idempotency_key for task in tasks} == set(ids)
    assert (len(tasks), sum(lab.simulator.world.charges().values())) == (FIT, CAP)
    assert lab.budget().remaining_credits == 0


def test_two_processes_get_five_through_a_cap_of_800(
    data_dir: Path, tmp_path: Path, outside: Outside, start_child: Callable[..., Child]
) -> None:
    """Two processes on one folder, ten threads each, submit at once: five are sent between them."""
    settings = {**FAST, **outside.live, "data_dir": data_dir, "daily_cap_credits": CAP}
    start = tmp_path / "start"
    intents = [[f"cap{side}{number:02}" for number in range(10)] for side in "ab"]
    children = [start_child(settings, intents=mine, threads=10, start=str(start)) for mine in intents]
    assert [heard(child) for child in children] == ["open", "open"]
    start.touch()
    ids = [id_ for child in children for id_ in heard(child)]
    assert len(ids) == FIT
    ended = [row for child in children for row in heard(child)]
    assert {(row["id"], row["state"]) for row in ended} == {(id_, "succeeded") for id_ in ids}
    tasks = [task for task in outside.tasks() if (task.idempotency_key or "").startswith("cap")]
    assert {task.idempotency_key for task in tasks} == set(ids)
    assert sum(outside.charges()[task.id] for task in tasks) == CAP


def test_the_cap_counts_what_a_simulator_answered_under_a_key(outside: Outside, make_lab: Callable[..., Lab]) -> None:
    """Rows of a live connection that turned out to be simulated still count against its cap: the sixth is refused."""
    lab = make_lab(**outside.live, daily_cap_credits=CAP)
    request = GenerationRequest(prompt="A red fox in the snow")
    for _ in range(FIT):
        assert lab.wait(lab.submit(request).id).mode == "simulated"
    with pytest.raises(BudgetError):
        lab.submit(request)
