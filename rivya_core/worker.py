"""Run the jobs of a shared database without a dashboard: ``python -m rivya_core.worker``.

Any number of workers may run, on any machine that reaches the database. Each takes the generations that nobody drives; one
that dies is replaced by the others within seconds.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Final, NoReturn

from starlette.applications import Starlette
from starlette.routing import Route

from rivya_core.api.errors import LabError, RivyaError
from rivya_core.http_server.listener import Listener
from rivya_core.lab.jobs.context import BY_PERSON
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.database import log_error, told
from rivya_core.lab.ledger.states import State
from rivya_core.log_lines import log_to_stderr
from rivya_core.services import open_worker
from rivya_core.settings import Settings
from rivya_core.web import guard
from rivya_core.web.health import health

log = logging.getLogger("rivya.worker")

LOOK_EVERY_S: Final = 0.5
PATIENCE: Final = timedelta(minutes=1)  # with a pause that may end by itself
END_WITHIN_S: Final = 20.0
REFUSED: Final = 2
"""Exit code when the worker cannot start; 1: it ended, and left work behind."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run jobs until SIGTERM or SIGINT; return the exit code."""
    chosen = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        settings = Settings()
        _refuse_read_only(settings)
        asked = _when_asked_to_end()
        lab = open_worker(settings)
    except RivyaError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    try:
        with _health_at(chosen.health_port):
            log.info("works for %s, %s, on %s", lab.settings.place, lab.mode_word.upper(), lab.connection)
            return _drain(lab, asked) if chosen.once else _serve(asked)
    except OSError as error:
        sys.stderr.write(f"Port {chosen.health_port} cannot be used: {error.strerror}.\n")
        return REFUSED
    finally:
        with _within(END_WITHIN_S):
            lab.close()
        log.info("ended")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rivya_core.worker", description="Run the jobs of the database that RIVYA_DATABASE_URL names."
    )
    parser.add_argument("--once", action="store_true", help="end when nothing is open any more")
    parser.add_argument("--health-port", type=int, metavar="PORT", help="answer /healthz on this port of 127.0.0.1")
    return parser


def _refuse_read_only(settings: Settings) -> None:
    if settings.read_only:
        raise LabError(
            "A read-only worker would do nothing",
            "RIVYA_READ_ONLY is set, and running jobs writes.",
            "Unset it for workers; a dashboard may keep it.",
            field="read_only",
        )


def _serve(asked: threading.Event) -> int:
    asked.wait()
    return 0


def _drain(lab: Lab, asked: threading.Event) -> int:
    """Wait until nothing is open that can go on, and say in words what became of it."""
    seen: set[str] = set()
    left: dict[str, State] = {}
    while not asked.wait(LOOK_EVERY_S):
        try:
            left = _open(lab)
            seen |= left.keys()
            if not any(_goes_on(lab, state) for state in left.values()):
                break
        except RivyaError as error:
            if told(error) is None:
                raise
            log_error(log, "the open generations could not be counted; it is tried again", error)
    ended = len(seen - left.keys())
    said = f"{ended:,} {'generation has' if ended == 1 else 'generations have'} ended" if ended else "Nothing was open"
    if left:
        why = "the queue is paused" if lab.pause() is not None else "it was asked to end"
        said = f"{said if ended else 'None has ended'}, {len(left):,} left: {why}"
    sys.stdout.write(f"{said}.\n")
    return 1 if left else 0


def _open(lab: Lab) -> dict[str, State]:
    """Return the generations that some worker has to go on with, those included whose price is not final."""
    ledger, name = lab.ledger, lab.connection
    return {row.id: row.state for row in (*ledger.open_rows(name), *ledger.provisional_rows(name))}


def _goes_on(lab: Lab, state: State) -> bool:
    """Tell whether a generation can end by itself: what was not accepted yet waits for as long as the queue is paused."""
    pause = lab.pause()
    if pause is None or state not in {State.WAITING, State.SUBMITTING}:
        return True
    return pause.effect != BY_PERSON and lab.ledger.clock() - pause.since < PATIENCE


def _when_asked_to_end() -> threading.Event:
    """Return what the first SIGTERM or SIGINT sets; the second one ends the process at once."""
    asked = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            os._exit(1)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return asked


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """End the process when the block takes longer: the other workers take over what it held."""

    def give_up() -> None:
        log.warning("did not end within %g s; what it held goes on in another worker", seconds)
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _health_at(port: int | None) -> Iterator[None]:
    """Answer ``/healthz`` on the loopback interface while the block runs; ``port`` None: nowhere.

    Raises:
        OSError: the port is taken.
    """
    if port is None:
        yield
        return
    app = Starlette(routes=[Route("/healthz", health)], middleware=guard.middleware(""))
    listener = Listener(app, "rivya-worker-health", port=port).start()
    log.info("health is answered at http://127.0.0.1:%d/healthz", listener.port)
    try:
        yield
    finally:
        listener.stop(at_once=True)


def leave(code: int) -> NoReturn:
    """End the process now that all is closed: no thread that still waits for a server may keep it, and nothing is tidied."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
