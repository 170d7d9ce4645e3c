"""Every error the server can answer with, in every phase, leads to the right state and card. Counted at the simulator.

One table a phase. Each case declares one fault, submits one generation, and looks at: the state it ends in, what the person was
told (code, charged, request id), whether the queue was stopped, and how many uploads, POSTs and tasks the server saw. A fault
that never fired fails its case.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from rivya_core import GenerationRequest, Settings, open_lab
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.records import GenerationRecord, Pause
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.video_probe import DAMAGED, inspect
from rivya_core.services import close_all
from rivya_core.simulator.state.world import World
from tests.conftest import FAST
from tests.pace import quicken
from tests.until import until

PRICE = 160
READ_TIMEOUT_S = 2.0
"""For cases of answers that come too late; the others have all the time that a slow machine needs."""


@dataclass(frozen=True)
class Case:
    """One fault and what it must lead to. ``code``: Rivya's code as told to the person; ``pause``: effect that stops the queue."""

    id: str
    kind: str
    detail: dict[str, Any] = field(default_factory=dict)
    code: str | None = None
    pause: str | None = None

    @property
    def comes_late(self) -> bool:
        """Whether the answer comes after the read timeout."""
        return "delay_s" in self.detail


def answers(code: str, *statuses: int, pause: str | None = None, **more: Any) -> list[Case]:
    """Error answers of a code, one case a status; an empty code is a bare status."""
    return [
        Case(
            id=f"{code or 'bare'}@{status}{'-accepted' if more.get('accepted') else ''}",
            kind="error",
            detail={"code": code, "status": status, "message": "Scripted.", **more},
            code=code or None,
            pause=pause,
        )
        for status in statuses
    ]


KEY = [
    *answers("api_key_missing", 401, pause="key"),
    *answers("api_key_invalid", 401, 403, pause="key"),
    *answers("api_key_revoked", 401, pause="key"),
    *answers("api_key_expired", 401, pause="key"),
    *answers("api_scope_denied", 403, pause="key"),
    *answers("", 401, 403, pause="key"),
    *answers("never_heard_of", 401, pause="key"),
]
RATE = [
    Case("rate-limited", "rate_limited", code="rate_limited", pause="rate"),
    Case("rate-limited-seconds", "rate_limited", {"retry_after": 1}, "rate_limited", "rate"),
    Case("rate-limited-date", "rate_limited", {"retry_after": "date", "seconds": 2}, "rate_limited", "rate"),
    *answers("", 429, pause="rate"),
]
OFF = answers("public_api_disabled", 503, 403, pause="off")
WALLET = [
    *answers("insufficient_credits", 402, 400, 403, 409, 429, 200, pause="wallet"),
    *answers("", 402, pause="wallet"),
]
REFUSALS = [
    *answers("validation_failed", 400, 422, 200),
    *answers("not_found", 404),
    *answers("webhook_url_rejected", 400),
    *answers("chat_model_not_supported", 400),
    *answers("chat_attachment_not_supported", 400),
    *answers("generation_failed", 400),
    *answers("never_heard_of", 400, 404, 418, 451),
    *answers("", 400, 404, 405, 413, 422),
    Case("redirect@307", "redirect", {"status": 307}),
]
CONFLICTS = [*answers("idempotency_conflict", 409), *answers("chat_session_conflict", 409), *answers("", 409)]
FAULTS_OF_THE_SERVER = [
    *answers("", 408, 425, 500, 502, 503, 504, 599),
    *answers("never_heard_of", 500, 503),
    *answers("generation_failed", 500),
]
BROKEN_ANSWERS = [
    Case("drop-before", "drop_before"),
    Case("drop-after-accept", "drop_after_accept"),
    Case("timeout-after-accept", "timeout_after_accept", {"delay_s": READ_TIMEOUT_S + 0.5}),
    Case("timeout-before", "slow", {"delay_s": READ_TIMEOUT_S + 0.5}),
    Case("truncated", "truncated_body"),
    Case("empty", "empty_body"),
    Case("html@200", "html_body"),
    Case("html@502", "html_body", {"status": 502}),
    *answers("", 500, 504, accepted=True),
    Case("error-in-a-success", "error", {"code": "never_heard_of", "status": 200}),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """One quick lab for all cases, one for those of late answers: pauses stand until a test ends them.

    What that second one gives up too soon on a busy machine it asks for again: a read, and the making of a clip.
    """
    is_hasty = getattr(request, "param", False)
    with pytest.MonkeyPatch.context() as patch:
        quicken(patch, later_s=(0.2,) if is_hasty else None)
        changes = {
            "data_dir": tmp_path_factory.mktemp("data"),
            **({"read_timeout_s": READ_TIMEOUT_S} if is_hasty else {}),
            "simulator_speed": 200.0,
            "poll_first_s": 0.03,
            "poll_min_s": 0.03,
            "simulator_credits": 1_000_000,
        }
        yield open_lab(Settings(**{**FAST, **changes}))
        close_all()


@pytest.fixture
def world(lab: Lab) -> Iterator[World]:
    """The lab's world; a fault that was declared and never fired fails the test."""
    assert lab.simulator is not None
    world: World = lab.simulator.world
    yield world
    unfired = world.unfired_faults()
    world.clear_faults()
    lab.resume()
    assert unfired == []


@pytest.fixture
def photo() -> bytes:
    """A small JPEG that nobody has seen, so that there is an upload: a known one is not uploaded again for ten minutes."""
    buffer = io.BytesIO()
    Image.effect_noise((400, 300), 80).save(buffer, "JPEG")
    return buffer.getvalue()


def params(*groups: list[Case]) -> pytest.MarkDecorator:
    """The cases of several groups as parameters with ids, each with the lab that it needs."""
    cases = [pytest.param(case, case.comes_late, id=case.id) for group in groups for case in group]
    return pytest.mark.parametrize(("case", "lab"), cases, indirect=["lab"])


def submit(lab: Lab, photo: bytes | None = None) -> GenerationRecord:
    """Submit one generation."""
    return lab.submit(GenerationRequest(prompt="A red fox in the snow", reference_image=photo))


def counts(world: World, row: GenerationRecord) -> tuple[int, int]:
    """How many POSTs and tasks the world saw for a row."""
    posts = [seen for seen in world.requests("create") if seen.idempotency_key == row.id]
    tasks = [task for task in world.tasks() if task.idempotency_key == row.id]
    return len(posts), len(tasks)


def struck(world: World, route: str) -> Any:
    """The request that the fault struck."""
    return next(seen for seen in reversed(world.requests(route)) if seen.fault)


def reaches(lab: Lab, id_: str, state: State) -> GenerationRecord:
    """The row, once it is in a state."""
    until(lambda: lab.get(id_).state is state, what=f"{id_} {state}")
    return lab.get(id_)


def end(lab: Lab, id_: str) -> GenerationRecord:
    """The row at its end, with its price settled."""
    lab.wait(id_)
    until(lambda: lab.get(id_).settlement != "provisional", what=f"{id_} settled")
    return lab.get(id_)


def assert_paid_once(lab: Lab, world: World, row: GenerationRecord) -> None:
    """The row succeeded, its clip is playable, and one task was charged once."""
    assert (row.state, row.error, row.held_credits, row.settlement) == (State.SUCCEEDED, None, PRICE, "settled")
    assert inspect(lab.clip(row.id)).sha256 == row.clip_sha256
    assert row.task_id is not None
    assert world.charges()[row.task_id] == PRICE
    assert sum(move.credits for move in lab.movements(row.id)) == PRICE


def assert_refused(lab: Lab, world: World, row: GenerationRecord, case: Case, route: str) -> None:
    """The row failed, cost nothing, and its card says so with Rivya's code and request id."""
    assert row.state is State.FAILED
    card = row.error
    assert card is not None
    assert (card.code, card.charged, card.phase) == (case.code, "no", route)
    assert card.request_id == struck(world, route).request_id == row.request_id
    assert card.title
    assert card.hint
    assert (row.held_credits, row.settlement) == (0, "released")
    assert sum(move.credits for move in lab.movements(row.id)) == 0


def assert_stopped(lab: Lab, world: World, case: Case, route: str) -> Pause:
    """The queue stands with a card that names the reason; nothing was charged for it."""
    pause = until(lab.pause, what="pause")
    assert pause is not None
    assert (pause.effect, pause.card.code, pause.card.charged) == (case.pause, case.code, "no")
    assert pause.card.request_id == struck(world, route).request_id
    return pause


def exchange(lab: Lab, row: GenerationRecord, phase: str) -> dict[str, Any]:
    """The line of the timeline that tells of the answer that went wrong."""
    lines = [event.detail for event in lab.events(row.id) if event.kind == "exchange" and "title" in event.detail]
    return dict(next(line for line in lines if line["phase"] == phase))


# -- create --------------------------------------------------------------------------------------------------------


@params(REFUSALS)
def test_a_refused_create_fails_uncharged(lab: Lab, world: World, case: Case) -> None:
    """What the server refuses for good ends the row: one POST, no task, nothing charged."""
    world.add_fault(case.kind, route="create", **case.detail)
    row = end(lab, submit(lab).id)
    assert counts(world, row) == (1, 0)
    assert_refused(lab, world, row, case, "create")
    assert lab.pause() is None


@params(CONFLICTS, FAULTS_OF_THE_SERVER, BROKEN_ANSWERS)
def test_a_create_of_unknown_outcome_is_asked_again_with_its_key(lab: Lab, world: World, case: Case) -> None:
    """Whatever leaves open whether the server accepted is repeated with the same key: two POSTs, one task, one charge."""
    world.add_fault(case.kind, route="create", **case.detail)
    row = end(lab, submit(lab).id)
    assert counts(world, row) == (2, 1)
    assert_paid_once(lab, world, row)
    told = exchange(lab, row, "create")
    assert (told.get("code"), told["outcome_known"]) == (case.code, False)
    assert lab.pause() is None


@params(KEY, RATE, OFF, WALLET)
def test_a_wallet_wide_stop_pauses_the_queue_and_fails_nothing(lab: Lab, world: World, case: Case) -> None:
    """Key, wallet, rate window and switch stop the queue with one card; the row waits, can be cancelled, and goes on after it."""
    world.add_fault(case.kind, route="create", **case.detail)
    first = submit(lab)
    assert_stopped(lab, world, case, "create")
    row = reaches(lab, first.id, State.WAITING)
    assert (row.open_attempts, row.settlement) == (0, "reserved")
    behind = submit(lab)
    assert lab.cancel(behind.id)
    lab.resume()
    row = end(lab, first.id)
    assert counts(world, row) == (2, 1)
    assert counts(world, behind) == (0, 0)
    assert_paid_once(lab, world, row)


# -- upload --------------------------------------------------------------------------------------------------------


def uploads(world: World, before: int) -> int:
    """How many uploads the world saw since ``before``."""
    return len(world.requests("upload")) - before


@params(REFUSALS)
def test_a_refused_upload_fails_uncharged_and_sends_no_create(lab: Lab, world: World, photo: bytes, case: Case) -> None:
    """An image the server refuses ends the row before any POST that could cost."""
    before = len(world.requests("upload"))
    world.add_fault(case.kind, route="upload", **case.detail)
    row = end(lab, submit(lab, photo).id)
    assert (uploads(world, before), *counts(world, row)) == (1, 0, 0)
    assert_refused(lab, world, row, case, "upload")


@params(CONFLICTS, FAULTS_OF_THE_SERVER, BROKEN_ANSWERS)
def test_a_failed_upload_is_repeated(lab: Lab, world: World, photo: bytes, case: Case) -> None:
    """An upload costs nothing, so it is simply made again: two uploads, one POST, one task."""
    before = len(world.requests("upload"))
    world.add_fault(case.kind, route="upload", **case.detail)
    row = end(lab, submit(lab, photo).id)
    assert (uploads(world, before), *counts(world, row)) == (2, 1, 1)
    assert_paid_once(lab, world, row)
    assert exchange(lab, row, "upload").get("code") == case.code
    assert world.tasks()[-1].file_id == row.file_id


@params(KEY, RATE, OFF, WALLET)
def test_a_wallet_wide_stop_of_an_upload_pauses_the_queue(lab: Lab, world: World, photo: bytes, case: Case) -> None:
    """The same stops count when an upload meets them."""
    before = len(world.requests("upload"))
    world.add_fault(case.kind, route="upload", **case.detail)
    first = submit(lab, photo)
    assert_stopped(lab, world, case, "upload")
    lab.resume()
    row = end(lab, first.id)
    assert (uploads(world, before), *counts(world, row)) == (2, 1, 1)
    assert_paid_once(lab, world, row)


# -- poll ----------------------------------------------------------------------------------------------------------

ODD_READS = [
    *(Case(f"no-url-{form}", "no_url", {"form": form}) for form in ("null", "missing", "empty")),
    Case("unknown-state", "unknown_state", {"word": "warming_up"}),
    Case("empty-state", "unknown_state", {"word": ""}),
]


@params(KEY, RATE, OFF, WALLET, REFUSALS, CONFLICTS, FAULTS_OF_THE_SERVER, BROKEN_ANSWERS, ODD_READS)
def test_no_answer_to_a_read_ends_a_paid_row(lab: Lab, world: World, case: Case) -> None:
    """Whatever a read of the status meets, the task is read again until it ends; a refused key also stops new creates."""
    world.add_fault(case.kind, route="retrieve", **case.detail)
    row = end(lab, submit(lab).id)
    assert counts(world, row) == (1, 1)
    assert_paid_once(lab, world, row)
    pause = lab.pause()
    assert (pause.effect if pause else None) == ("key" if case.pause == "key" else None)


def test_lasting_trouble_of_reads_is_shown_and_put_away_again(lab: Lab, world: World) -> None:
    """From the third failed read on the row says so, with code and request id; once a read succeeds the card is gone."""
    world.add_fault("error", route="retrieve", times=None, code="never_heard_of", status=500)
    first = submit(lab)
    card = until(lambda: lab.get(first.id).error)
    assert card is not None
    assert (card.phase, card.code, card.charged, card.http_status) == ("poll", "never_heard_of", "unknown", 500)
    assert card.request_id in {seen.request_id for seen in world.requests("retrieve")}
    assert lab.get(first.id).state is State.RUNNING
    world.clear_faults()
    assert_paid_once(lab, world, end(lab, first.id))


@pytest.mark.parametrize("code", ["generation_failed", "moderation_blocked"])
def test_a_task_that_fails_ends_the_row_released(lab: Lab, world: World, code: str) -> None:
    """A failed task is told in Rivya's words and costs nothing."""
    world.add_fault("task_failed", route="create", code=code, message="Not this one.")
    row = end(lab, submit(lab).id)
    assert row.state is State.FAILED
    assert row.error is not None
    assert (row.error.code, row.error.charged, row.error.detail) == (code, "no", "Not this one.")
    assert (row.held_credits, row.settlement) == (0, "released")
    assert counts(world, row) == (1, 1)
    assert world.charges()[str(row.task_id)] == 0


def test_a_task_that_failed_for_lack_of_credits_stops_the_queue_too(lab: Lab, world: World) -> None:
    """The wallet-wide stop is the same when the lack is told inside a failed task."""
    world.add_fault("task_failed", route="create", code="insufficient_credits", message="Too low.")
    row = end(lab, submit(lab).id)
    assert (row.state, row.error and row.error.code) == (State.FAILED, "insufficient_credits")
    pause = until(lab.pause)
    assert pause is not None
    assert (pause.effect, pause.card.charged) == ("wallet", "no")


def test_a_task_that_never_ends_keeps_its_row(lab: Lab, world: World) -> None:
    """A task without an end is read on and on, and its reservation stays; when it ends at last, so does the row."""
    world.add_fault("never_ready", route="create")
    first = submit(lab)
    task_id = until(lambda: lab.get(first.id).task_id)
    until(lambda: len([seen for seen in world.requests("retrieve") if seen.task_id == task_id]) > 5)
    row = lab.get(first.id)
    assert (row.state, row.held_credits) == (State.RUNNING, PRICE)
    world.add_fault("task_failed", route="retrieve")
    assert end(lab, first.id).state is State.FAILED


# -- fetch ---------------------------------------------------------------------------------------------------------

DOWNLOADS = [
    *(Case(f"broken-{mode}", "broken_download", {"mode": mode}) for mode in
      ("truncated", "html", "404", "garbage", "empty", "cut")),
    *answers("", 400, 401, 403, 404, 410, 408, 416, 429, 500, 502, 503, 504),
    Case("rate-limited-seconds", "rate_limited", {"retry_after": 0.1}),
    Case("drop", "drop_before"),
    Case("timeout-before", "slow", {"delay_s": READ_TIMEOUT_S + 0.5}),
    Case("stall", "stall_media", {"after_bytes": 1024, "delay_s": READ_TIMEOUT_S + 0.5}),
    Case("redirect-to-itself", "redirect"),
    Case("redirect-to-a-closed-port", "redirect", {"location": "https://127.0.0.1:9/clip.mp4"}),
    Case("redirect-to-plain-http", "redirect", {"location": "http://example.com/clip.mp4"}),
    Case("redirect-to-a-file", "redirect", {"location": "file:///etc/passwd"}),
    Case("redirect-to-nonsense", "redirect", {"location": "https://[::1"}),
]  # fmt: skip


@params(DOWNLOADS)
def test_a_failed_download_is_repeated_and_costs_nothing(lab: Lab, world: World, case: Case) -> None:
    """However a download breaks, the clip is fetched again, and no new task is made for it."""
    world.add_fault(case.kind, route="media", **case.detail)
    row = end(lab, submit(lab).id)
    assert counts(world, row) == (1, 1)
    assert_paid_once(lab, world, row)
    assert not list((lab.archive.root / "parts").glob("*.part"))
    assert lab.pause() is None


LASTING = [
    Case("gone", "broken_download", {"mode": "404"}),
    Case("redirect-loop", "redirect"),
    Case("server-fault", "server_error"),
]


@params(LASTING)
def test_a_clip_that_cannot_be_fetched_is_kept_in_mind(lab: Lab, world: World, case: Case) -> None:
    """After the quick tries the row is unsaved and says that it was charged; "check now" brings the clip once it can be had."""
    world.add_fault(case.kind, route="media", times=None, **case.detail)
    first = submit(lab)
    row = reaches(lab, first.id, State.UNSAVED)
    assert row.error is not None
    assert (row.error.phase, row.error.charged) == ("fetch", "yes")
    assert row.next_action_at is not None
    assert row.held_credits == PRICE
    world.clear_faults()
    lab.check_now(first.id)
    row = end(lab, first.id)
    assert counts(world, row) == (1, 1)
    assert_paid_once(lab, world, row)


def test_a_clip_that_arrives_broken_in_the_same_way_is_kept_and_said_to_be(lab: Lab, world: World) -> None:
    """Bytes that come alike again and again are what Rivya has: archived, paid once, and marked as damaged."""
    world.add_fault("broken_download", route="media", times=None, mode="cut")
    row = end(lab, submit(lab).id)
    assert (row.state, row.clip_check, bool(row.clip_fault)) == (State.SUCCEEDED, DAMAGED, True)
    assert (counts(world, row), lab.clip(row.id).is_file()) == ((1, 1), True)


def test_a_success_without_address_is_read_until_it_has_one(lab: Lab, world: World) -> None:
    """A task that says "succeeded" and names no clip is unsaved, not failed."""
    world.add_fault("no_url", times=None)
    first = submit(lab)
    row = reaches(lab, first.id, State.UNSAVED)
    assert row.error is not None
    assert (row.error.charged, row.task_id is not None) == ("yes", True)
    world.clear_faults()
    lab.check_now(first.id)
    assert_paid_once(lab, world, end(lab, first.id))
