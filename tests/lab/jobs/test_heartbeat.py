"""The sign of life of the process that runs the jobs, and what the others say without it."""

from __future__ import annotations

import os
from pathlib import Path

from rivya_core.lab.jobs.heartbeat import Heartbeat


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_silent_holder_is_named(tmp_path: Path) -> None:
    """Who it is, for how long, and what to do; a beat ends it."""
    clock = Clock()
    holder, viewer = Heartbeat(tmp_path, clock), Heartbeat(tmp_path, clock)
    holder.begin()
    for _ in range(20):
        clock.now_s += 3
        holder.beat()
        viewer.watch()
        assert viewer.silence() is None
    clock.now_s += 40
    viewer.watch()
    silence = viewer.silence()
    assert silence is not None
    assert str(silence) == (
        f"Process {os.getpid()} holds this folder and has not answered for 40 s. "
        f"It may be stopped: continue it (kill -CONT {os.getpid()}) or end it (kill -KILL {os.getpid()})."
    )
    holder.beat()
    viewer.watch()
    assert viewer.silence() is None


def test_a_clock_that_is_set_makes_nobody_silent(tmp_path: Path) -> None:
    """Only whether the sign moves counts, not what time it shows."""
    clock = Clock()
    holder, viewer = Heartbeat(tmp_path, clock), Heartbeat(tmp_path, clock)
    holder.begin()
    os.utime(tmp_path / "executor.beat", (1, 1))
    viewer.watch()
    clock.now_s += 5
    viewer.watch()
    assert viewer.silence() is None


def test_a_holder_that_ended_is_not_silent(tmp_path: Path) -> None:
    """It takes its sign away; garbage in the file says nothing."""
    clock = Clock()
    holder, viewer = Heartbeat(tmp_path, clock), Heartbeat(tmp_path, clock)
    holder.begin()
    viewer.watch()
    holder.end()
    clock.now_s += 60
    viewer.watch()
    clock.now_s += 60
    assert viewer.silence() is None
    (tmp_path / "executor.beat").write_text("?")
    viewer.watch()
    clock.now_s += 60
    assert viewer.silence() is None


def test_a_sign_that_cannot_be_written_names_nobody_else(tmp_path: Path) -> None:
    """A process that crashed left its sign; whoever follows it must not have a stranger ended in its name."""
    sign = tmp_path / "executor.beat"
    sign.write_text('{"pid": 1, "host": "here"}')
    (tmp_path / f"executor.beat.{os.getpid()}.part").mkdir()
    clock = Clock()
    holder, viewer = Heartbeat(tmp_path, clock), Heartbeat(tmp_path, clock)
    holder.begin()
    holder.beat()
    viewer.watch()
    clock.now_s += 60
    assert not sign.exists()
    assert viewer.silence() is None
    holder.end()
