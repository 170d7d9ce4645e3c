"""An error that nobody foresaw, in any step, at any place: a card on the row, a word in the health, and the row goes on when it has passed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from rivya_core import GenerationRequest
from rivya_core.api import AsyncMediaClient, AsyncRivya
from rivya_core.lab.jobs import context, supervisor
from rivya_core.lab.jobs.admission import AdmissionQueue
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.assets import Assets
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.job_writes import JobWrites
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import GenerationRecord, Health
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.unexpected_errors import CODE
from rivya_core.lab.media.archive import Archive
from tests.api.images import png
from tests.pace import quicken
from tests.until import HANGS_S, until

SECRET = "rvya_sk_what_the_error_says"
PROMPT = "A red fox in the snow"
PRICE = 160
UNICODE = UnicodeEncodeError("ascii", SECRET, 0, 1, SECRET)
ERRORS: list[Exception] = [MemoryError(SECRET), RecursionError(SECRET), UNICODE, KeyError(SECRET)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short delays; a row that went wrong is taken up again at once."""
    quicken(monkeypatch)
    monkeypatch.setattr(context, "BACK_OFF_S", 0.02)
    monkeypatch.setattr(context, "BACK_OFF_MAX_S", 0.1)


class Fault:
    """Makes one method raise in the jobs' threads until it is mended; everybody else's calls go through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, error: Exception) -> None:
        self.fired = 0
        self.mended = False
        real: Callable[..., Any] = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            thread = threading.current_thread()
            if self.mended or thread is threading.main_thread() or thread.name.startswith("rivya-"):
                return real(*args, **kwargs)
            self.fired += 1
            raise error

        monkeypatch.setattr(owner, name, call)


PLACES: dict[str, tuple[type, str, State, str]] = {
    # place: class, method, the state in which the row stays, whether it was charged
    "create reads its row": (Ledger, "get", State.WAITING, "no"),
    "at the gate": (AdmissionQueue, "_wait", State.WAITING, "no"),
    "the image is read": (Assets, "load", State.SUBMITTING, "no"),
    "the image is uploaded": (AsyncRivya, "post_file", State.SUBMITTING, "no"),
    "the attempt is written down": (JobWrites, "begin_attempt", State.SUBMITTING, "no"),
    "the request is sent": (AsyncRivya, "post_generation", State.SUBMITTING, "unknown"),
    "the task id is committed": (JobWrites, "accept", State.SUBMITTING, "unknown"),
    "the schedule is made": (History, "rendering_s", State.RUNNING, "unknown"),
    "the task is read": (AsyncRivya, "read_generation", State.RUNNING, "unknown"),
    "the end is committed": (JobWrites, "ready", State.RUNNING, "unknown"),
    "a part name is made": (Archive, "part_path", State.SAVING, "yes"),
    "the clip is fetched": (AsyncMediaClient, "fetch", State.SAVING, "yes"),
    "the clip is checked": (Archive, "check_clip", State.SAVING, "yes"),
    "the clip gets its name": (Archive, "commit_part", State.SAVING, "yes"),
    "the clip is written down": (JobWrites, "saved", State.SAVING, "yes"),
    "the row is ended": (JobWrites, "succeed", State.SAVING, "yes"),
}


@pytest.mark.parametrize(("owner", "name", "state", "charged"), PLACES.values(), ids=PLACES)
def test_an_unexpected_error_is_told_and_passes(
    make_lab: Callable[..., Lab],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: type,
    name: str,
    state: State,
    charged: str,
) -> None:
    """The row stays where it is with its hold, says what happened, and goes on to its one task and clip afterwards."""
    error = ERRORS[len(name) % len(ERRORS)]
    fault = Fault(monkeypatch, owner, name, error)
    lab = make_lab()
    assert lab.simulator is not None
    id_ = lab.submit(GenerationRequest(prompt=PROMPT, reference_image=png(320, 320))).id
    row = _with_card(lab, id_)
    assert row.error is not None
    assert (row.state, row.held_credits) == (state, PRICE)
    assert (row.error.charged, row.error.code) == (charged, CODE)
    assert type(error).__name__ in row.error.detail
    _holds_no_secret(f"{row.error} {lab.health()} {lab.events(id_)}")
    health = _ill(lab)
    assert type(error).__name__ in health.engine
    fault.mended = True
    done = lab.wait(id_, timeout_s=HANGS_S)
    assert (done.state, done.error, done.held_credits) == (State.SUCCEEDED, None, PRICE)
    until(lambda: lab.health().ok, what="health")
    assert (fault.fired > 0, len(lab.simulator.world.tasks())) == (True, 1)
    _holds_no_secret(caplog.text)
    assert f"step failed: {type(error).__name__}" in caplog.text


def _with_card(lab: Lab, id_: str) -> GenerationRecord:
    """The row once the card is on it."""
    seen: list[GenerationRecord] = []

    def look() -> bool:
        seen.append(lab.get(id_))
        error = seen[-1].error
        return error is not None and error.code == CODE

    until(look, what="the card")
    return seen[-1]


def _ill(lab: Lab) -> Health:
    """The health once it is not well."""
    seen: list[Health] = []

    def look() -> bool:
        seen.append(lab.health())
        return not seen[-1].ok

    until(look, what="the health")
    return seen[-1]


def _holds_no_secret(text: str) -> None:
    assert SECRET not in text
    assert PROMPT not in text


def test_after_a_post_the_outcome_stays_unknown(make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is read and then lost in this program: the attempt stays open, and no other bytes or key are sent."""
    fault = Fault(monkeypatch, JobWrites, "accept", MemoryError())
    lab = make_lab()
    assert lab.simulator is not None
    id_ = lab.submit(GenerationRequest(prompt=PROMPT)).id
    until(lambda: fault.fired > 2)
    row = _with_card(lab, id_)
    assert (row.state, row.task_id, row.open_attempts > 0) == (State.SUBMITTING, None, True)
    assert not lab.cancel(id_)
    fault.mended = True
    lab.wait(id_, timeout_s=HANGS_S)
    assert len({seen.idempotency_key for seen in lab.simulator.world.requests("create")}) == 1
    assert len(lab.simulator.world.tasks()) == 1


def test_a_row_that_a_person_ended_troubles_the_health_no_more(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No step of it runs again that could say so."""
    monkeypatch.setattr(supervisor, "SWEEP_EVERY_S", 0.05)
    Fault(monkeypatch, AdmissionQueue, "_wait", MemoryError())
    lab = make_lab()
    id_ = lab.submit(GenerationRequest(prompt=PROMPT)).id
    _ill(lab)
    assert lab.cancel(id_)
    until(lambda: lab.health().ok, what="health")


@pytest.fixture(params=["_keep_jobs", "_keep_wallet"])
def broken_keeper(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Housekeeping that raises while the list says so."""
    on = [True]
    real = getattr(supervisor.Supervisor, request.param)

    def keep(self: supervisor.Supervisor, now_s: float) -> None:
        if on[0]:
            raise RecursionError(SECRET)
        real(self, now_s)

    keep.__name__ = request.param
    monkeypatch.setattr(supervisor.Supervisor, request.param, keep)
    monkeypatch.setattr(supervisor, "TICK_S", 0.01)
    return on


def test_an_error_of_the_housekeeping_shows_in_the_health(
    make_lab: Callable[..., Lab], broken_keeper: list[bool]
) -> None:
    """The thread goes on, and the health says what it met until it has got over it."""
    lab = make_lab()
    health = _ill(lab)
    assert "RecursionError" in health.engine
    _holds_no_secret(str(health))
    broken_keeper[0] = False
    until(lambda: lab.health().ok)
