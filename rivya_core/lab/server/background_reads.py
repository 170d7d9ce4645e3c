"""Background reads: requests to the server that a page starts without blocking, one thread each.

Only GETs may go through here; anything that can be charged is sent by the jobs alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from rivya_core.api.endpoints import Call, T
from rivya_core.api.errors import LabError, RivyaError
from rivya_core.api.wire import Wire

log = logging.getLogger("rivya.errands")

END_WITHIN_S: Final = 5.0


class BackgroundReads:
    """Run reads in the background; deduplicated by name: at most one of each runs."""

    def __init__(self, make_wire: Callable[[], Wire]) -> None:
        self._make_wire = make_wire
        self._wire: Wire | None = None
        self._lock = threading.Lock()
        self._running: dict[str, threading.Thread] = {}
        self._closed = False

    def exchange(self, call: Call[T], within_s: float) -> T:
        """Send one read and wait for its answer.

        Raises:
            RivyaError: what went wrong; a LabError when the lab is closed, or the call is no read.
        """
        if call.method != "GET":
            raise LabError("Only reads are sent here", f"{call.method} {call.path} was asked for.", "Nothing was sent.")
        with self._lock:
            if self._closed:
                raise LabError("The lab is closed", "Nothing was sent.", "Open it again.")
            if self._wire is None:
                self._wire = self._make_wire()
            wire = self._wire
        return wire.exchange(call, within_s)

    def run(self, name: str, task: Callable[[], object]) -> None:
        """Start a background task unless the one with this name is still running."""
        with self._lock:
            if self._closed or name in self._running:
                return
            thread = threading.Thread(target=self._run_task, args=(name, task), name=f"rivya-{name}", daemon=True)
            self._running[name] = thread
            thread.start()

    def is_running(self, name: str) -> bool:
        """True while the background task with this name is running."""
        return name in self._running

    def _run_task(self, name: str, task: Callable[[], object]) -> None:
        try:
            task()
        except RivyaError as error:
            log.info("an errand ended early: %s", error.title)
        except Exception:  # the outer edge of the thread
            log.exception("an errand failed")
        finally:
            with self._lock:
                self._running.pop(name, None)

    def stop(self) -> None:
        """Cancel running tasks and close the connections."""
        with self._lock:
            self._closed = True
            wire, threads = self._wire, list(self._running.values())
        if wire is not None:
            wire.close()
        for thread in threads:
            thread.join(timeout=END_WITHIN_S)
