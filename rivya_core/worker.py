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
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Final, NoReturn

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rivya_core.api.errors import LabError, RivyaError, StorageError
from rivya_core.http_server.listener import Listener
from rivya_core.lab.jobs.context import BY_PERSON
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.database import is_outage, log_error, open_shared, told
from rivya_core.lab.ledger.states import State
from rivya_core.log_lines import log_to_stderr
from rivya_core.services import open_worker
from rivya_core.settings import Settings
from rivya_core.web import guard
from rivya_core.web.health import health, unwell

log = logging.getLogger("rivya.worker")

LOOK_EVERY_S: Final = 0.5
PATIENCE: Final = timedelta(minutes=1)  # with a pause that may end by itself
END_WITHIN_S: Final = 20.0
TRY_EVERY_S: Final = 2.0
SAY_EVERY_S: Final = 30.0
"""So often a database that does not answer is asked again, and that is said."""

STARTS: Final = LabError("The worker is being started", "It is about to open the database.")
ENDS: Final = LabError("The worker ends", "It was asked to, and takes no new job.")

REFUSED: Final = 2
"""Exit code when the worker cannot start; 1: it ended, and left work behind."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run jobs until SIGTERM or SIGINT; return the exit code. A database that does not answer is waited for."""
    chosen = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        settings = Settings()
        _refuse_read_only(settings)
    except RivyaError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    asked = _when_asked_to_end()
    answer = HealthAnswer()
    try:
        with _health_at(chosen.health_port, answer):
            return _work(settings, asked, answer, once=chosen.once)
    except OSError as error:
        sys.stderr.write(f"Port {chosen.health_port} cannot be used: {error.strerror}.\n")
        return REFUSED


def _work(settings: Settings, asked: threading.Event, answer: HealthAnswer, *, once: bool) -> int:
    try:
        lab = _opened(settings, asked, answer)
    except RivyaError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    if lab is None:
        log.info("ended before the database answered")
        return 1 if once else 0
    answer.instead = None
    try:
        log.info("works for %s, %s, on %s", lab.settings.place, lab.mode_word.upper(), lab.connection)
        return _drain(lab, asked) if once else _serve(asked)
    finally:
        answer.instead = ENDS
        with _within(END_WITHIN_S):
            lab.close()
        log.info("ended")


def _opened(settings: Settings, asked: threading.Event, answer: HealthAnswer) -> Lab | None:
    """Open the lab as soon as the database answers; None when the worker is asked to end before.

    Raises:
        RivyaError: the database answers and cannot be used, or the settings cannot.
    """
    said_s = float("-inf")
    while not asked.is_set():
        try:
            if not settings.is_shared or _answers(settings, asked):
                return open_worker(settings)
        except StorageError as error:
            if not is_outage(error):
                raise
            answer.instead = error
            if time.monotonic() - said_s >= SAY_EVERY_S:
                said_s = time.monotonic()
                log.warning("waits for the database. %s", error)
            asked.wait(TRY_EVERY_S)
    return None


def _answers(settings: Settings, asked: threading.Event) -> bool:
    """Ask the database, aside: a host that stays silent must not keep a worker that is asked to end. False: it is asked to.

    Raises:
        StorageError: it does not answer.
    """

    def ask() -> None:
        assert settings.database_url is not None, "only asked for a shared database"
        open_shared(settings.database_url).dispose()

    aside = ThreadPoolExecutor(1, "rivya-database-look")
    asking = aside.submit(ask)
    aside.shutdown(wait=False)
    while not asked.is_set():
        if wait([asking], timeout=LOOK_EVERY_S / 10).done:
            asking.result()
            return True
    return False


class HealthAnswer:
    """What a worker answers to ``/healthz``. ``instead``: what keeps it from having a lab; None while it has one."""

    def __init__(self) -> None:
        self.instead: RivyaError | None = STARTS

    def give(self, request: Request) -> Response:
        """Answer."""
        instead = self.instead
        return health(request) if instead is None else unwell(instead)


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
    log.info("asked to end: what is being sent or saved is finished first; a second signal ends it at once")
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
def _health_at(port: int | None, answer: HealthAnswer) -> Iterator[None]:
    """Answer ``/healthz`` on the loopback interface while the block runs; ``port`` None: nowhere.

    Raises:
        OSError: the port is taken.
    """
    if port is None:
        yield
        return
    app = Starlette(routes=[Route("/healthz", answer.give)], middleware=guard.middleware(""))
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
