"""P1, P2, P3 for whole experiments: only what is missing is bought, once, under the caps, through kills and faults."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rivya_core import GenerationRequest, HistoryFilter, Lab, State, Sweep
from rivya_core.lab.jobs import supervisor
from rivya_core.simulator.state.request_log import RecordedRequest
from tests.conftest import FAST
from tests.flow.conftest import Child, heard
from tests.flow.outside import Counted, Outside
from tests.flow.sweep_child import sweep_of
from tests.flow.test_kill import assert_each_paid_once_and_kept
from tests.pace import quicken
from tests.until import HANGS_S, until

CHILD = "tests.flow.sweep_child"
PRICE = 160
READ_TIMEOUT_S = 3.0
ALIKE: dict[str, Any] = {"cfg_effect": "inert", "clip_variants": 1}
"""Settings of a world in which clips of a prompt are one file."""


def posts_of(world: Counted, experiment_id: str) -> list[RecordedRequest]:
    """The creates of an experiment that reached the server, oldest first."""
    return [post for post in world.requests("create") if (post.idempotency_key or "").startswith(f"{experiment_id}-")]


def tasks_of(world: Counted, experiment_id: str) -> Counter[str]:
    """The tasks of an experiment by idempotency key."""
    keys = [task.idempotency_key or "" for task in world.tasks()]
    return Counter(key for key in keys if key.startswith(f"{experiment_id}-"))


def test_an_axis_extended_by_one_buys_three(make_lab: Callable[..., Lab]) -> None:
    """Three by three done; one axis gets a fourth value: the quote says 3 new, 480 credits, and three POSTs are sent."""
    lab = make_lab()
    assert lab.simulator is not None
    world = lab.simulator.world
    world.configure(**ALIKE)
    base = GenerationRequest(prompt="A red fox in the snow")
    axes = {"cfg_scale": [0, 0.5, 1], "negative_prompt": ["", "blur", "grain"]}
    first = lab.start(Sweep("Fox", "", base, axes))
    assert lab.wait_sweep(first).states == {State.SUCCEEDED: 9}
    assert len(world.requests("create")) == 9

    wider = Sweep("Fox", "", base, {**axes, "cfg_scale": [0, 0.5, 0.75, 1]}, parent_id=first)
    quote = lab.quote(wider)
    assert (quote.cells, quote.reused, quote.new, quote.credits) == (12, 9, 3, 480)
    second = lab.start(wider)
    status = lab.wait_sweep(second)
    assert (status.states, status.reused, status.spent, status.spent_credits) == ({State.SUCCEEDED: 12}, 9, 480, 480)
    assert len(world.requests("create")) == 12
    assert tasks_of(world, second) == Counter(f"{second}-{cell}-1-1" for cell in (6, 7, 8))
    assert all(take.has_clip for cell in status.cells for take in cell.takes)
    assert sum(world.charges().values()) == 12 * PRICE


def scatter(world: Counted, draw: random.Random, cells: int) -> int:
    """Declare faults so that each kind strikes one request in ten, spread over the whole sweep; how many."""
    slow = {"delay_s": READ_TIMEOUT_S + 0.3}
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("create", "drop_before", {}),
        ("create", "drop_after_accept", {}),
        ("create", "timeout_after_accept", slow),
        ("create", "server_error", {"status": 503}),
        ("create", "server_error", {"status": 500, "accepted": True}),
        ("create", "rate_limited", {"retry_after": 0}),
        ("create", "truncated_body", {}),
        ("create", "html_body", {"status": 502}),
        ("create", "empty_body", {}),
        ("create", "insufficient_credits", {}),
        ("retrieve", "drop_before", {}),
        ("retrieve", "server_error", {"status": 500}),
        ("retrieve", "truncated_body", {}),
        ("retrieve", "unknown_state", {}),
        ("retrieve", "no_url", {}),
        ("media", "broken_download", {"mode": "truncated"}),
        ("media", "broken_download", {"mode": "html"}),
        ("media", "broken_download", {"mode": "404"}),
        ("media", "stall_media", {"after_bytes": 512, "delay_s": 0.3}),
    ]
    declared = 0
    for route, kind, detail in kinds:
        for after in sorted(draw.sample(range(cells), cells // 10)):
            world.add_fault(kind, route=route, times=1, after=after, **detail)
            declared += 1
    return declared


def test_sixty_cells_outlive_five_kills_and_every_fault(
    data_dir: Path,
    outside: Outside,
    start_child: Callable[..., Child],
    make_lab: Callable[..., Lab],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process dies five times in mid-sweep, one request in ten of each kind goes wrong: 60 tasks, 60 clips, all settled."""
    settings = {**FAST, **outside.live, "data_dir": data_dir, "read_timeout_s": READ_TIMEOUT_S}
    settings["max_creates_in_flight"] = 8
    outside.configure(**ALIKE)
    declared = scatter(outside, random.Random(7), 60)
    config = {"module": CHILD, "experiment_id": "xkill", "prompt": "A red fox survives", "cells": 60}
    for kill in range(5):
        child = start_child(settings, **config)
        assert [heard(child), heard(child)] == ["open", {"started": "xkill"}]
        until(lambda: len(tasks_of(outside, "xkill")) >= 10 * (kill + 1), what=f"kill {kill}")  # noqa: B023
        child.send_signal(signal.SIGKILL)
        assert child.wait(HANGS_S) == -signal.SIGKILL

    quicken(monkeypatch, pause_s=0.2, sweep_s=0.5, later_s=(0.2,))
    lab = make_lab(**settings)
    status = lab.wait_sweep("xkill")
    assert status.states == {State.SUCCEEDED: 60}
    fired = sum(fault.fired for fault in outside.faults())
    outside.clear_faults()
    ids = [take.generation_id or "" for cell in status.cells for take in cell.takes]
    assert tasks_of(outside, "xkill") == Counter(ids) == Counter(f"xkill-{cell}-1-1" for cell in range(60))
    assert_each_paid_once_and_kept(lab, ids, outside, posts_max=100)
    assert lab.sweep("xkill").spent_credits == 60 * PRICE
    assert [record.id for record in lab.sweeps.list()] == ["xkill"]
    assert fired == declared


def test_two_processes_share_a_cap_whole_or_not(
    data_dir: Path, tmp_path: Path, outside: Outside, start_child: Callable[..., Child]
) -> None:
    """Two sweeps of 3,200 under a cap of 4,800 at once: one starts whole, the other is told that 10 cells fit, and takes them."""
    settings = {**FAST, **outside.live, "data_dir": data_dir, "daily_cap_credits": 4800}
    outside.clear_faults()
    outside.configure(**ALIKE)
    start, offer = tmp_path / "start", tmp_path / "offer"
    files = {"start": str(start), "offer": str(offer)}
    names = ["xone", "xtwo"]
    children = {
        name: start_child(settings, module=CHILD, experiment_id=name, prompt=f"A fox of {name}", cells=20, **files)
        for name in names
    }
    assert [heard(child) for child in children.values()] == ["open", "open"]
    start.touch()
    told = {name: heard(child) for name, child in children.items()}
    (started,) = [name for name in names if told[name] == {"started": name}]
    (refused,) = [name for name in names if name != started]
    assert (told[refused]["field"], told[refused]["fits"]) == ("daily_cap", 10)
    figures = (
        "3,200 credits needed, 1,600 credits left of the cap of 4,800 credits; 3,200 credits are spent or held today."
    )
    assert told[refused]["refused"].startswith(figures)
    assert told[refused]["refused"].endswith("10 of 20 new clips fit.")
    assert heard(children[started]) == {"states": {"succeeded": 20}, "planned": 0, "spent": 3200}
    assert [len(posts_of(outside, name)) for name in (started, refused)] == [20, 0]

    offer.touch()
    assert heard(children[refused]) == {"states": {"succeeded": 10}, "planned": 10, "spent": 1600}
    assert [len(posts_of(outside, name)) for name in (started, refused)] == [20, 10]
    assert tasks_of(outside, refused) == Counter(f"{refused}-{cell}-1-1" for cell in range(10))


def test_an_empty_wallet_stops_a_sweep_and_loses_nothing(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else empties the wallet in mid-sweep: one card, nothing failed; after the top-up it goes on by itself."""
    quicken(monkeypatch, pause_s=0.3)
    monkeypatch.setattr(supervisor, "MOVED_S", 0.2)
    lab = make_lab(simulator_credits=1280, max_creates_in_flight=1)
    assert lab.simulator is not None
    world = lab.simulator.world
    world.configure(**ALIKE)
    until(lambda: lab.balance().credits == 1280)
    lab.pause_queue()
    id_ = lab.start(sweep_of("A fox with an empty purse", 8))
    world.configure(credits=3 * PRICE + 50)
    lab.resume()
    pause = until(lab.pause, what="the queue stands")
    assert pause is not None
    assert (pause.effect, pause.card.charged) == ("wallet", "no")
    until(lambda: lab.sweeps.brief(id_).states.get(State.SUCCEEDED) == 3)
    status = lab.sweeps.brief(id_)
    assert (status.states, status.failed, status.planned) == ({State.SUCCEEDED: 3, State.WAITING: 5}, 0, 0)
    assert len(tasks_of(world, id_)) == 3

    world.configure(credits=10_000)
    assert lab.wait_sweep(id_).states == {State.SUCCEEDED: 8}
    assert lab.pause() is None
    assert tasks_of(world, id_) == Counter(f"{id_}-{cell}-1-1" for cell in range(8))
    assert world.balance() == 10_000 - 5 * PRICE


def test_a_sweep_leaves_first_takes_first(make_lab: Callable[..., Lab]) -> None:
    """At the wire: no second take before the last first take, one create at a time, whatever order the engine starts them in."""
    lab = make_lab(max_creates_in_flight=1, simulator_credits=100_000)
    assert lab.simulator is not None
    world = lab.simulator.world
    world.configure(**ALIKE)
    until(lambda: lab.balance().credits == 100_000)
    sweep = sweep_of("A fox in good order", 12)
    id_ = lab.start(Sweep("Order", "", sweep.base, sweep.axes, takes=3))
    assert lab.wait_sweep(id_).states == {State.SUCCEEDED: 36}
    sent = [post.idempotency_key for post in posts_of(world, id_)]
    assert sent == [f"{id_}-{cell}-1-{take}" for take in (1, 2, 3) for cell in range(12)]
    rows = sorted(lab.history.export_rows(HistoryFilter()), key=lambda row: row.seq)
    assert [row.id for row in rows] == sent


def test_another_process_pauses_and_resumes_a_sweep(
    data_dir: Path, outside: Outside, start_child: Callable[..., Child], make_lab: Callable[..., Lab]
) -> None:
    """A viewer pauses in mid-sweep: not one more create begins in the process that runs the jobs; after its resume all are made."""
    outside.clear_faults()
    outside.configure(**ALIKE)
    settings = {**FAST, **outside.live, "data_dir": data_dir, "max_creates_in_flight": 1}
    outside.add_fault("slow", route="create", times=None, delay_s=0.1)
    child = start_child(settings, module=CHILD, experiment_id="xview", prompt="A fox is watched", cells=16)
    assert [heard(child), heard(child)] == ["open", {"started": "xview"}]
    until(lambda: len(tasks_of(outside, "xview")) >= 3, what="three are sent")
    lab = make_lab(**{**settings, "data_dir": data_dir})
    lab.sweeps.pause("xview")
    begun = [row for row in lab.history.export_rows() if row.attempts]
    assert 3 <= len(begun) < 16
    until(lambda: lab.sweeps.brief("xview").states.get(State.SUCCEEDED) == len(begun), what="what was sent has ended")
    assert lab.sweeps.brief("xview").states == {State.SUCCEEDED: len(begun), State.WAITING: 16 - len(begun)}
    assert len(posts_of(outside, "xview")) == len(begun)

    outside.clear_faults()
    assert lab.sweeps.resume("xview") == 16 - len(begun)
    assert heard(child) == {"states": {"succeeded": 16}, "planned": 0, "spent": 2560}
    assert tasks_of(outside, "xview") == Counter(f"xview-{cell}-1-1" for cell in range(16))
    assert lab.health().engine != "running"
    assert lab.sweep("xview").experiment.mode == "simulated"
    assert lab.quote(sweep_of("A fox is watched", 16)).reused == 16
