"""The background thread that measures the clips of experiments, one at a time, at low priority unless someone waits.

Only the process that runs the jobs measures, so no clip is measured twice. While a create is in flight, a clip is being
saved or many jobs are open, the thread throttles itself. A clip that is not awaited is measured at low priority, and at
normal priority once that took too long; clips of an experiment on screen come first, at normal priority, at once. So no clip
starves, however busy the machine is. When nothing is left to measure, every archived clip is decoded to its end, once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from rivya_core.api.errors import RivyaError
from rivya_core.lab.evaluation import features, observations
from rivya_core.lab.ledger.broken_clips import WholeChecks
from rivya_core.lab.ledger.database import log_error, told
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.unwatched import under_way
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.stored import is_unreachable
from rivya_core.lab.media.thread_priority import step_back

log = logging.getLogger("rivya.features")

TICK_S: Final = 1.0
AFTER_ERROR_S: Final = 5.0
HOLD_BACK_S: Final = 5.0
"""While the jobs are busy, at most one clip in this time is measured: 0.2 s of CPU in 5 s."""

PATIENCE_S: Final = 10.0
"""Seconds after which a clip measured at low priority is measured at normal priority instead."""

WATCHED_FOR_S: Final = 5.0
"""Seconds for which an experiment counts as awaited after a page showed it; open pages poll more often."""

BUSY_JOBS: Final = 16
"""Others come first, and the thread still has its turn: it shares Python's lock with the whole process, and at 15, beside two
busy loops on two cores, whoever waited for that lock waited up to 0.4 s (0.1 s at 5, as without the thread)."""

ResultT = TypeVar("ResultT")
Settle = Callable[[Callable[[], bool]], None]
Outcome = dict[str, Any]
"""``figures`` or ``error`` of one clip, as ``observations.keep`` takes them."""


class MeasureWorker:
    """Measure in a daemon thread; one per lab."""

    def __init__(
        self,
        ledger: Ledger,
        archive: Archive,
        is_executor: Callable[[], bool],
        *,
        connection: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._checks = WholeChecks(ledger, archive, connection)
        self._archive = archive
        self._is_executor = is_executor
        self._clock = clock
        self._settle: Settle = lambda _: None
        self._stop = threading.Event()
        self._news = threading.Event()
        self._requested: dict[str, float] = {}
        self._last_version = -1
        self._last_s = float("-inf")
        self._thread = threading.Thread(target=self._run, name="rivya-features", daemon=True)
        self._measuring: threading.Thread | None = None
        self._settling: threading.Thread | None = None

    def start(self, settle: Settle) -> None:
        """Start the thread; ``settle`` is called, with a go-on check, whenever nothing is left to measure."""
        self._settle = settle
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; the measurement in progress is discarded and repeated later."""
        self._stop.set()
        self._news.set()
        _end(self._thread)  # first: it may be about to start one of the others
        _end(self._measuring)
        _end(self._settling)

    @property
    def is_here(self) -> bool:
        """True when this process measures, and not another one or none."""
        return self._is_executor()

    def want(self, experiment_id: str) -> None:
        """Give an experiment priority for some seconds: its clips come first, at normal priority."""
        is_new = experiment_id not in self._requested_now()
        self._requested[experiment_id] = self._clock()
        if is_new:
            self._news.set()

    def step(self) -> bool:
        """Measure or check the next clip, or throttle; True when the next one may follow at once."""
        changes = self._ledger.changes()
        if changes == self._last_version:
            return self._check_next()
        with self._ledger.reading() as connection:
            due = observations.due_clips(connection, 1, first=self._requested_now())
        if not due:
            if self._settling is None or not self._settling.is_alive():
                self._last_version = changes
                self._settling = self._aside("settle", self._settle_once)
            return self._check_next()
        [clip] = due
        if not clip.is_first and self._clock() - self._last_s < HOLD_BACK_S and self._is_busy():
            return False
        self._measure(clip)
        return not self._stop.is_set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._is_executor() and self.step():
                    continue
            except Exception as error:  # noqa: BLE001 - the outer edge of the thread
                if not self._stop.is_set():
                    log_error(log, "measuring failed; it goes on", error)
                    self._stop.wait(AFTER_ERROR_S)
            self._news.wait(TICK_S)
            self._news.clear()

    def _requested_now(self) -> list[str]:
        since_s = self._clock() - WATCHED_FOR_S
        for experiment_id, looked_at_s in list(self._requested.items()):
            if looked_at_s < since_s:
                self._requested.pop(experiment_id, None)
        return list(self._requested)

    def _is_busy(self) -> bool:
        states = generations.c.state
        with self._ledger.reading() as connection:
            row = connection.execute(
                sa.select(states, sa.func.count())
                .where(states.in_([State.SUBMITTING.value, State.RUNNING.value, State.SAVING.value]), under_way())
                .group_by(states)
            ).all()
        counts = {str(state): int(count) for state, count in row}
        return sum(counts.values()) > BUSY_JOBS or State.SUBMITTING.value in counts or State.SAVING.value in counts

    def _check_next(self) -> bool:
        """If nothing is left to measure, decode the next clip not yet decoded to its end; True when there was one."""
        if self._clock() - self._last_s < HOLD_BACK_S and self._is_busy():
            return False
        clip = self._checks.next()
        if clip is None:
            return False
        fault = self._run_in_thread(lambda go_on: self._checks.fault(clip, go_on))
        if fault is None and not self._requested_now():
            fault = self._checks.fault(clip, lambda: not self._stop.is_set())
        if fault is None:
            self._checks.put_off(clip)
            return False
        self._last_s = self._clock()
        self._checks.conclude(clip, fault)
        return not self._stop.is_set()

    def _measure(self, clip: observations.DueClip) -> None:
        began_s = self._clock()
        outcome = None if clip.is_first else self._run_in_thread(lambda go_on: self._outcome(clip, go_on))
        if outcome is None:
            outcome = self._outcome(clip, lambda: not self._stop.is_set())
        if outcome is None:
            return
        self._last_s = self._clock()
        with self._ledger.writing() as connection:
            observations.keep(connection, clip.generation_id, self._last_s - began_s, self._ledger.clock(), **outcome)

    def _run_in_thread(self, find: Callable[[Callable[[], bool]], ResultT | None]) -> ResultT | None:
        """Measure or check at low priority; None when aborted because it took too long or the clip became awaited.

        The caller writes the result: a low-priority thread might hold the write lock for long (priority inversion).
        """
        results: list[ResultT | None] = []
        dropped = threading.Event()

        def measure() -> None:
            results.append(find(lambda: not dropped.is_set()))
            self._news.set()

        self._measuring = self._aside("measure", measure)
        ends_s = self._clock() + PATIENCE_S
        while not results and (left_s := ends_s - self._clock()) > 0:
            self._news.wait(left_s)
            self._news.clear()
            if self._stop.is_set() or self._requested_now():
                break
        dropped.set()
        return results[0] if results else None

    def _settle_once(self) -> None:
        try:
            self._settle(lambda: not self._stop.is_set())
        except Exception as error:  # noqa: BLE001 - the outer edge of the thread
            if not self._stop.is_set():
                log_error(log, "what was measured could not be settled; it is tried again when something is new", error)

    def _aside(self, name: str, act: Callable[[], None]) -> threading.Thread:
        """Start a new thread at low priority each time, since a lowered priority cannot be raised again without privileges."""

        def run() -> None:
            step_back()
            act()

        thread = threading.Thread(target=run, name=f"rivya-features-{name}", daemon=True)
        thread.start()
        return thread

    def _outcome(self, clip: observations.DueClip, go_on: Callable[[], bool]) -> Outcome | None:
        """Return the outcome of measuring a clip; None when it was aborted."""
        try:
            with ExitStack() as stack:
                path = stack.enter_context(self._archive.open_local(clip.clip_key))
                sha256, image = clip.image_sha256, None
                if sha256 is not None:
                    image = stack.enter_context(self._archive.open_local(self._ledger.assets.key(sha256)))
                return {"figures": features.measure(path, image, go_on=go_on)}
        except features.StoppedError:
            return None
        except RivyaError as error:
            if told(error) is not None or is_unreachable(error):
                return None  # a problem of the database or of the store, not the clip's fault
            return {"error": error.detail or error.title}
        except Exception:
            log.exception("a clip could not be measured", extra={"generation_id": clip.generation_id})
            return {"error": "Something nobody foresaw went wrong; the log has the details."}


def _end(thread: threading.Thread | None) -> None:
    if thread is not None and thread.is_alive():
        thread.join(timeout=10)
