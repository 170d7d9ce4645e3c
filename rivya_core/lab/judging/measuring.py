"""The one thread that measures clips: those of experiments only, one at a time, with the lowest claim on the machine.

Only the process that runs the jobs measures, so no clip is measured twice. While a create is in flight, a clip is being
saved or many jobs are open, it holds back and measures a clip only now and then.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import RivyaError
from rivya_core.lab.archive import Archive
from rivya_core.lab.judging import features, observations
from rivya_core.lab.ledger import Ledger
from rivya_core.lab.schema import generations
from rivya_core.lab.states import State

log = logging.getLogger("rivya.features")

TICK_S: Final = 1.0
BATCH: Final = 20
HOLD_BACK_S: Final = 5.0
"""While the jobs are busy, at most one clip in this time is measured: 0.2 s of CPU in 5 s."""

BUSY_JOBS: Final = 16
NICE: Final = 15


class Measurer:
    """Measure in a daemon thread; one a lab. ``settle`` is called when nothing is left to measure."""

    def __init__(
        self, ledger: Ledger, archive: Archive, is_executor: Callable[[], bool], settle: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._archive = archive
        self._is_executor = is_executor
        self._settle = settle
        self._stop = threading.Event()
        self._seen = -1
        self._last_s = float("-inf")
        self._thread = threading.Thread(target=self._run, name="rivya-features", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a clip that is being measured is dropped and taken up another time."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        step_back()
        while not self._stop.wait(TICK_S):
            try:
                if self._is_executor():
                    self._look()
            except Exception:
                if not self._stop.is_set():
                    log.exception("measuring failed; it goes on")
                    self._stop.wait(HOLD_BACK_S)

    def _look(self) -> None:
        changes = self._ledger.changes()
        if changes == self._seen:
            return
        with self._ledger.reading() as connection:
            due = observations.due_clips(connection, BATCH)
        for clip in due:
            if not self._wait_for_room():
                return
            self._measure(clip)
        if not due:
            self._settle()
            self._seen = changes

    def _wait_for_room(self) -> bool:
        """Hold back while the jobs need the machine, but not for ever; False when the lab is closing."""
        while self._is_busy() and time.monotonic() - self._last_s < HOLD_BACK_S:
            if self._stop.wait(TICK_S):
                return False
        return not self._stop.is_set()

    def _is_busy(self) -> bool:
        states = generations.c.state
        with self._ledger.reading() as connection:
            found = connection.execute(
                sa.select(states, sa.func.count())
                .where(states.in_([State.SUBMITTING.value, State.RUNNING.value, State.SAVING.value]))
                .group_by(states)
            ).all()
        counts = {str(state): int(count) for state, count in found}
        return sum(counts.values()) > BUSY_JOBS or State.SUBMITTING.value in counts or State.SAVING.value in counts

    def _measure(self, clip: observations.DueClip) -> None:
        began_s = time.monotonic()
        outcome: dict[str, Any]
        try:
            image = None if clip.image_sha256 is None else self._archive.path(self._ledger.image_key(clip.image_sha256))
            path = self._archive.path(clip.clip_key)
            outcome = {"figures": features.measure(path, image, go_on=lambda: not self._stop.is_set())}
        except features.StoppedError:
            return
        except RivyaError as error:
            outcome = {"error": error.detail or error.title}
        except Exception:
            log.exception("a clip could not be measured", extra={"generation_id": clip.generation_id})
            outcome = {"error": "Something nobody foresaw went wrong; the log has the details."}
        self._last_s = time.monotonic()
        with self._ledger.writing() as connection:
            observations.keep(connection, clip.generation_id, self._last_s - began_s, self._ledger.clock(), **outcome)


def step_back() -> None:
    """Give this thread a low priority, where the system knows a thread's own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
