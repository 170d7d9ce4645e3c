"""A data folder of a process that was killed in the midst of its work reads as then, and goes on; nothing is charged twice.

It was filled by the code of revision 0006, before the rooms of the lab got their names: see ``tests/lab/ledger/old/make_full.py``.
"""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rivya_core import Lab, State
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.jobs.engine import APP_VERSION, QUEUE, WORKFLOW
from rivya_core.simulator.state.world import World
from tests.lab.ledger.old.make_full import DRAFT, read_back
from tests.until import until

PACKED = Path(__file__).parent / "old" / "full.tar.xz"
PRICE = 160
FOLLOWED = {"unsaved-1", "saving-1", "running-1", "accepted-1", "sent-1", "queued1-1", "queued2-1"}
"""What jobs drove when the process was killed; the workflow that drove each is the one that ends it."""

Told = dict[str, Any]


@pytest.fixture
def told(data_dir: Path) -> Told:
    """Unpack the folder; what the code of then read of it."""
    data_dir.mkdir(parents=True)
    with tarfile.open(PACKED) as packed:
        packed.extractall(data_dir, filter="data")
    found: Told = json.loads((data_dir / "told.json").read_text(encoding="utf-8"))
    return found


def missing(then: Any, now: Any, where: str = "") -> list[str]:
    """What was told then and is not told now, by its place; a mapping may have grown."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [found for key, value in then.items() for found in missing(value, now.get(key), f"{where}/{key}")]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [found for at, value in enumerate(then) for found in missing(value, now[at], f"{where}/{at}")]
    if (
        isinstance(then, float) and isinstance(now, float) and now == pytest.approx(then, rel=1e-4)
    ):  # some come of an iteration
        return []
    return [] if then == now else [f"{where}: {then!r} was told, now {now!r}"]


def keys(world: World) -> Counter[str]:
    """How many tasks the server has for each Idempotency-Key."""
    return Counter(str(task.idempotency_key) for task in world.tasks())


@pytest.mark.usefixtures("told")
def test_the_engine_calls_its_work_as_then(data_dir: Path) -> None:
    """Workflow, queue and version stand in the rows of whatever waits; under another name nobody would come for it."""
    with closing(sqlite3.connect(data_dir / "lab.sqlite3")) as connection:
        names = connection.execute("SELECT DISTINCT name, queue_name, application_version FROM workflow_status")
        assert names.fetchall() == [(WORKFLOW, QUEUE, APP_VERSION)]


@pytest.mark.usefixtures("told")
def test_what_was_not_sent_then_is_still_in_the_forms(make_lab: Callable[..., Lab]) -> None:
    """Both drafts come back as they were typed."""
    lab = make_lab(read_only=True)
    assert lab.draft() == DRAFT
    draft = sweep_drafts.load(lab)
    assert (draft.id, draft.name, draft.takes, draft.cap_credits) == ("xdraft", "Not started", 2, 900)
    assert (draft.base.prompt, draft.variables) == ("A {{animal}} in the rain", ("animal",))
    assert [axis.text for axis in draft.axes] == ["fox\nowl = a barn owl"]


def test_everything_reads_as_then(told: Told, make_lab: Callable[..., Lab]) -> None:
    """Rows, timelines, credits, sweeps, votes, notes, labels, shows and caps: each value that was told then is told now."""
    unsent = told.pop("unsent")
    assert missing(told, read_back(make_lab(read_only=True))) == []
    assert {row["state"] for row in told["rows"].values()} == set(State)
    assert unsent.startswith("RV1.")


def test_a_line_of_a_ballot_that_was_handed_out_then_counts(told: Told, make_lab: Callable[..., Lab]) -> None:
    """The file is at its voter's, and its line fits today's deal and seal."""
    lab = make_lab()
    before = len(lab.votes.cast("xdone"))
    assert len(lab.votes.lines("xdone")) == 1
    pairs = lab.votes.lines("xdone")[0].votes
    lab.votes.accept(told["unsent"])
    assert len(lab.votes.cast("xdone")) == before + pairs


def test_all_that_was_under_way_ends_and_is_paid_once(told: Told, make_lab: Callable[..., Lab], data_dir: Path) -> None:
    """Unheard POSTs, a half download, a queue, a paused sweep and rows that wait for a person go on to one task and charge each."""
    world = World(data_dir / "simulator" / "world.sqlite3", speed=40.0)
    world.clear_faults()
    world.configure(settle_delay_s=0.0, work_min_s=4.0, work_max_s=10.0)
    world.advance(3000.0)  # what ran then has ended at the server
    before = keys(world)
    world.close()
    lab = make_lab(resend_window_s=1e9)
    for id_ in FOLLOWED:
        assert lab.wait(id_).state is State.SUCCEEDED, id_
        assert lab.get(id_).runs == told["rows"][id_]["runs"], id_
    until(lambda: lab.get("provisional-1").settlement == "settled")

    lab.sweeps.resume("xhalf")
    states = lab.wait_sweep("xhalf").states
    assert states == {State.SUCCEEDED: 5}
    assert lab.sweep("xhalf").planned == 1
    for id_ in ("unheard-1", "unanswered-1"):
        assert lab.get(id_).state is State.UNCONFIRMED
        lab.ask_again(id_)
        assert lab.wait(id_).state is State.SUCCEEDED
    assert lab.get("endless-1").state is State.RUNNING

    after = keys(lab.simulator.world)
    new = after - before
    queued = {id_ for id_, row in told["rows"].items() if row["experiment_id"] == "xhalf" and row["state"] == "waiting"}
    assert len(queued) == 2
    assert new == Counter({"sent-1", "queued1-1", "queued2-1", "unheard-1", *queued})
    assert set(after.values()) == {1}
    paid = lab.simulator.world.charges()
    tasks = {str(task.idempotency_key): task.id for task in lab.simulator.world.tasks()}
    for row in lab.history.export_rows():
        assert row.task_id == tasks.get(row.id)
        if row.state is State.SUCCEEDED:
            assert (paid[tasks[row.id]], sum(move.credits for move in lab.movements(row.id))) == (PRICE, PRICE), row.id
