"""The four steps, run as plain functions without the engine, against a simulator and against a server that says anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from rivya_core.api import AsyncMediaClient, AsyncRivya
from rivya_core.api.contract import Effect
from rivya_core.api.errors import ApiError, RateLimitedError
from rivya_core.lab.jobs import JobContext, StepResult, admission, create, save, settle, wait
from rivya_core.lab.jobs.context import pause_s, utc_now
from rivya_core.lab.jobs.create import window_left_s
from rivya_core.lab.ledger.database import open_database
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.states import LEGAL, TERMINAL, State
from rivya_core.lab.media.archive import Archive
from rivya_core.settings import Settings
from rivya_core.simulator import SimulatorServer
from tests.lab.given import added, attempted, in_state, make_mp4
from tests.lab.scripted import Reply, Scripted, Seen
from tests.pace import quicken
from tests.template import copy_template
from tests.until import HANGS_S, LOOK_EVERY_S

KEY = "rvya_sk_test_0123456789abcdef"
Step = Callable[[JobContext, str], Awaitable[StepResult]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short delays; pauses stand until a test ends them."""
    quicken(monkeypatch)
    monkeypatch.setattr(admission, "LOOK_AGAIN_S", 0.01)


class Bench:
    """A ledger, an archive and a context on one connection, without an engine."""

    def __init__(self, folder: Path, base_url: str, key: str, **changes: Any) -> None:
        copy_template(folder / "lab.sqlite3")
        self.database: sa.Engine = open_database(folder / "lab.sqlite3")
        self.settings = Settings(
            data_dir=folder,
            base_url=base_url,
            api_key=key,
            **{"poll_first_s": 0.01, "poll_min_s": 0.01, "poll_max_s": 0.05, "poll_reads_per_s": 1000.0, **changes},
        )
        self.ledger = Ledger(self.database)
        self.archive = Archive(folder / "archive")
        self.keys: list[str] = []
        self.context = self.make_context()

    def make_context(self) -> JobContext:
        """A context as a new process would build it."""
        settings = self.settings
        return JobContext(
            settings=settings,
            ledger=self.ledger,
            history=History(self.database),
            archive=self.archive,
            make_api=lambda: AsyncRivya(settings=settings),
            make_media=lambda: AsyncMediaClient(settings.live_base_url),
            quick_s=0.01,
        )

    def add(self, **changes: Any) -> GenerationRecord:
        """A waiting row of this connection; its key is noted."""
        row = added(self.ledger, mode="live", connection=self.settings.connection, **changes)
        self.keys.append(row.idempotency_key)
        return row

    def run(self, generation_id: str, *steps: Step, enough: Callable[[], bool] | None = None) -> str:
        """Run steps in order in an event loop of their own, each once; how the last one ended, or "cut" once it was enough."""

        async def watched(step: Step) -> StepResult | None:
            running = asyncio.ensure_future(step(self.context, generation_id))
            while enough is not None and not running.done() and not enough():
                await asyncio.wait({running}, timeout=LOOK_EVERY_S)
            if enough is None or running.done():
                async with asyncio.timeout(HANGS_S):
                    return await running
            running.cancel()
            await asyncio.wait({running}, timeout=HANGS_S)
            assert running.cancelled() or running.done(), "a cut step goes on"
            return None

        async def all_steps() -> str:
            went: StepResult | None = StepResult.NEXT
            try:
                for step in steps:
                    went = await watched(step)
                    if went is not StepResult.NEXT:
                        break
            finally:
                await self.context.aclose()
            return "cut" if went is None else went.value

        self.context = self.make_context()
        return asyncio.run(all_steps())

    def close(self) -> None:
        """Let the database go."""
        self.database.dispose()


@pytest.fixture
def bench(tmp_path: Path, simulator: SimulatorServer) -> Iterator[Bench]:
    """A bench on the simulator."""
    made = Bench(tmp_path / "data", simulator.base_url, simulator.api_key)
    yield made
    made.close()


# -- the way of a row ----------------------------------------------------------------------------------------------


def test_four_steps_bring_a_row_home(bench: Bench, simulator: SimulatorServer) -> None:
    """Create, wait, save, record: one task, one clip, one price; each step says what is due next."""
    row = bench.add()
    assert bench.run(row.id, create, wait, save, settle) == StepResult.ENDED
    row = bench.ledger.get(row.id)
    assert (row.state, row.settlement, row.attempts, row.open_attempts) == (State.SUCCEEDED, "settled", 1, 0)
    assert len(simulator.world.tasks()) == 1


@pytest.mark.parametrize("step", [create, wait, save, settle], ids=lambda step: step.__name__)
def test_a_step_repeated_after_the_end_does_nothing(bench: Bench, simulator: SimulatorServer, step: Step) -> None:
    """The engine may run any step again after a crash; on an ended row it changes nothing and asks nothing."""
    row = bench.add()
    bench.run(row.id, create, wait, save, settle)
    before, asked = bench.ledger.get(row.id), len(simulator.world.requests())
    bench.run(row.id, step)
    assert bench.ledger.get(row.id) == before
    assert len(simulator.world.requests()) == asked


@pytest.mark.parametrize("step", [create, wait, save], ids=lambda step: step.__name__)
@pytest.mark.parametrize("state", [State.WAITING, State.SUBMITTING, State.RUNNING, State.SAVING, State.UNSAVED])
def test_a_row_of_another_connection_is_put_down(
    bench: Bench, simulator: SimulatorServer, step: Step, state: State
) -> None:
    """No step sends, reads or fetches for a row that was submitted elsewhere."""
    attempts = {State.SUBMITTING: State.WAITING}.get(state, state)
    row = in_state(bench.ledger, attempts, connection="https://rivya.ai", mode="live")
    if state is State.SUBMITTING:
        attempted(bench.ledger, row.id)
    before = bench.ledger.get(row.id)
    assert bench.run(row.id, step) in {StepResult.SKIPPED, StepResult.NEXT, StepResult.ENDED}
    assert bench.ledger.get(row.id) == before
    assert simulator.world.requests() == []


def test_a_cancelled_row_is_not_sent(bench: Bench, simulator: SimulatorServer) -> None:
    """A row that was cancelled while its job waited in the queue ends there."""
    row = bench.add()
    bench.ledger.actions.cancel(row.id)
    assert bench.run(row.id, create) == StepResult.ENDED
    assert simulator.world.requests() == []


def test_a_row_is_driven_by_one_job_at_a_time(bench: Bench) -> None:
    """A row that one job holds is refused to a second one until it is given back."""

    async def claim() -> list[bool]:
        context = bench.context
        first, second = context.start_work("a"), context.start_work("a")
        context.end_work("a")
        return [first, second, context.start_work("a")]

    assert asyncio.run(claim()) == [True, False, True]


# -- attempts ------------------------------------------------------------------------------------------------------


def test_the_bytes_of_the_first_attempt_are_the_bytes_of_all(bench: Bench, simulator: SimulatorServer) -> None:
    """A row that was sent before is sent with its stored body, even if this version would build another."""
    row = bench.add()
    body = b'{"model":"kling/v2-1-master-text-to-video","prompt":"A red fox in the snow","params":{}, "x":1}'
    model = row.request["model"]
    body = body.replace(b"kling/v2-1-master-text-to-video", str(model).encode())
    attempted(bench.ledger, row.id, body)
    bench.run(row.id, create)
    sent = simulator.world.requests("create")
    assert {post.body_sha256 for post in sent} == {bench.ledger.get(row.id).body_sha256}
    assert bench.ledger.get(row.id).body == body


def test_the_window_opens_with_the_first_attempt_of_unknown_outcome(bench: Bench) -> None:
    """No window while nothing is open; else what is left of it since the first attempt."""
    row = bench.add()
    assert window_left_s(bench.context, row) is None
    row = attempted(bench.ledger, row.id)
    left_s = window_left_s(bench.context, row)
    assert left_s is not None
    assert 0 < left_s <= bench.settings.resend_window_s
    bench.context.now = lambda: utc_now() + timedelta(seconds=bench.settings.resend_window_s + 1)
    assert (window_left_s(bench.context, row) or 0) < 0


def test_an_attempt_whose_window_has_passed_is_left_to_a_person(tmp_path: Path, simulator: SimulatorServer) -> None:
    """A process that wakes up after the window sends nothing more: the row is unconfirmed and keeps its reservation."""
    bench = Bench(tmp_path / "data", simulator.base_url, simulator.api_key, resend_window_s=0.0)
    row = bench.add()
    attempted(bench.ledger, row.id)
    assert bench.run(row.id, create) == StepResult.ENDED
    row = bench.ledger.get(row.id)
    assert (row.state, row.held_credits) == (State.UNCONFIRMED, 160)
    assert row.error is not None
    assert row.error.charged == "unknown"
    assert simulator.world.requests() == []
    bench.close()


def test_a_refusal_after_an_attempt_of_unknown_outcome_proves_nothing(bench: Bench, simulator: SimulatorServer) -> None:
    """When an earlier attempt may have been accepted, a later refusal does not end the row as failed."""
    simulator.world.add_fault("drop_after_accept", route="create")
    simulator.world.add_fault("error", route="create", after=1, code="validation_failed", status=400)
    row = bench.add()
    assert bench.run(row.id, create) == StepResult.ENDED
    row = bench.ledger.get(row.id)
    assert (row.state, row.held_credits) == (State.UNCONFIRMED, 160)
    assert (len(simulator.world.tasks()), simulator.world.unfired_faults()) == (1, [])


def test_retry_after_lengthens_a_pause(bench: Bench) -> None:
    """A pause lasts at least as long as the server asks."""
    slow = RateLimitedError("Too many", retry_after_s=10_000.0)
    assert pause_s(Effect.RATE, slow) == 10_000.0
    assert pause_s(Effect.KEY, ApiError("No")) < 10_000.0


# -- reads ---------------------------------------------------------------------------------------------------------


def test_reads_write_nothing_while_nothing_changes(bench: Bench, simulator: SimulatorServer) -> None:
    """Polling a task that stays as it is leaves no trace in the database."""
    simulator.world.add_fault("never_ready", route="create")
    row = bench.add()

    def reads() -> int:
        return len(simulator.world.requests("retrieve"))

    assert bench.run(row.id, create, wait, enough=lambda: reads() >= 3) == "cut"
    before, lines = reads(), len(bench.ledger.rows.events(row.id))
    version = bench.ledger.changes()
    assert bench.run(row.id, wait, enough=lambda: reads() >= before + 3) == "cut"
    assert len(bench.ledger.rows.events(row.id)) == lines
    assert bench.ledger.changes() == version


def test_a_wake_ends_a_sleep_at_once(bench: Bench) -> None:
    """A wish to check now wakes the job of a row from its sleep, from any thread."""

    async def sleeper() -> bool:
        context = bench.context
        context.start_work("a")
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, context.wake, "a")
        async with asyncio.timeout(5.0):
            return await context.sleep("a", 60.0)

    assert asyncio.run(sleeper()) is True


# -- anything at all -----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
TASKLIKE = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON | st.just("task_x"),
        "status": JSON | st.sampled_from(["queued", "processing", "succeeded", "failed", "SUCCEEDED", "done", ""]),
        "reserved_credits": JSON,
        "final_credits": JSON,
        "result": JSON | st.fixed_dictionaries({"primary_url": JSON | st.just("https://[::1")}),
        "error": JSON | st.fixed_dictionaries({"code": JSON, "message": JSON, "requestId": JSON}),
    },
)
BODIES = JSON | TASKLIKE | st.builds(lambda inner: {"data": inner}, TASKLIKE) | st.binary(max_size=40)
STATUSES = st.sampled_from(
    [200, 200, 200, 201, 202, 204, 301, 307, 400, 401, 402, 403, 404, 409, 418, 429, 500, 503, 599]
)
REPLIES = st.builds(
    Reply, STATUSES, BODIES, st.sampled_from([(), (("Retry-After", "0"),), (("Retry-After", "never"),)])
)


@pytest.fixture
def anything(tmp_path: Path) -> Iterator[tuple[Bench, Scripted]]:
    """A bench whose server answers whatever it is told, and has a small real clip."""
    with Scripted() as server:
        made = Bench(tmp_path / "data", server.base_url, KEY)
        server.good["media"] = Reply(200, make_mp4(tmp_path / "a.mp4").read_bytes())
        yield made, server
        made.close()


@pytest.mark.parametrize("figure", [-160, "-1", -0.6, True, "many", 1e300, [160]])
def test_an_impossible_price_counts_as_none(anything: tuple[Bench, Scripted], figure: object) -> None:
    """A price below zero or of no number never gives credits to cap or balance: the row holds what was expected."""
    bench, server = anything
    task = {"id": "task_1", "status": "succeeded", "result": {"primary_url": f"{server.base_url}/a.mp4"}}
    prices = {"reserved_credits": figure, "final_credits": figure}
    server.tell([], create=Reply(200, {**task, **prices}), retrieve=Reply(200, {**task, **prices}))
    row = bench.add()
    bench.run(row.id, create, wait, save)
    row = bench.ledger.jobs.succeed(row.id)
    assert (row.state, row.held_credits, row.settlement) == (State.SUCCEEDED, 160, "provisional")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(REPLIES, min_size=1, max_size=6))
def test_nothing_a_server_says_crashes_a_job(anything: tuple[Bench, Scripted], script: list[Reply]) -> None:
    """Whatever JSON or bytes come back, a row moves only along legal transitions, keeps its books, and sends one key and body."""
    bench, server = anything
    done = {"id": "task_good", "status": "succeeded", "result": {"primary_url": f"{server.base_url}/a.mp4"}}
    server.tell(
        script,
        create=Reply(200, {"id": "task_good", "status": "queued", "reserved_credits": 160}),
        retrieve=Reply(200, {**done, "reserved_credits": 160, "final_credits": 160}),
    )
    earlier = set(bench.keys)
    row = bench.add()

    def posts() -> list[Seen]:
        """What was created for this row: a create of an earlier example, cut off, may reach the server only now."""
        return [seen for seen in server.seen if seen.method == "POST" and seen.key not in earlier]

    for _ in range(2):
        ends_s = time.monotonic() + 0.2

        def enough(ends_s: float = ends_s) -> bool:
            return time.monotonic() > ends_s and bool(posts())

        bench.run(row.id, create, wait, save, settle, enough=enough)
        bench.ledger.key_value.set_pause(row.connection, None)
    row = bench.ledger.get(row.id)
    moves = [
        (event.detail["from"], event.detail["to"])
        for event in bench.ledger.rows.events(row.id)
        if event.kind == "state"
    ]
    assert all(State(after) in LEGAL[State(before)] for before, after in moves if before is not None)
    assert all(left[1] == right[0] for left, right in pairwise(moves))
    assert row.state == moves[-1][1]
    assert sum(move.credits for move in bench.ledger.rows.movements(row.id)) == row.held_credits >= 0
    if row.state in TERMINAL - {State.SUCCEEDED}:
        assert row.error is not None
    assert {post.key for post in posts()} == {row.idempotency_key}
    assert {post.body for post in posts()} == {row.body}


# -- what the documentation leaves open ------------------------------------------------------------------------------


def task(server: Scripted, **fields: Any) -> Reply:
    """A task that succeeded and has its clip, with some fields changed; None leaves one out."""
    full = {
        "id": "task_1",
        "status": "succeeded",
        "reserved_credits": 160,
        "final_credits": 160,
        "result": {"primary_url": f"{server.base_url}/a.mp4"},
        **fields,
    }
    return Reply(200, {name: value for name, value in full.items() if value is not None})


def test_nothing_reserved_yet_is_no_price(anything: tuple[Bench, Scripted]) -> None:
    """A server that takes credits when the task starts says 0 before: the row goes on holding what it will cost."""
    bench, server = anything
    queued = {"status": "queued", "reserved_credits": 0, "final_credits": 0, "result": None}
    server.tell([], create=task(server, **queued), retrieve=task(server, **queued))
    row = bench.add()
    assert bench.run(row.id, create, wait, enough=lambda: len(server.seen) > 4) == "cut"
    row = bench.ledger.get(row.id)
    assert (row.state, row.held_credits, row.reserved_credits) == (State.RUNNING, 160, None)
    assert len(server.seen) > 3
    lines = [event.detail for event in bench.ledger.rows.events(row.id) if event.kind != "exchange"]
    assert len(lines) == 3, "a poll that says nothing new is not written down"


@pytest.mark.parametrize(("final", "charged"), [(None, "unknown"), (0, "no"), (40, "yes")])
def test_a_failed_task_is_charged_as_its_price_says(
    anything: tuple[Bench, Scripted], final: int | None, charged: str
) -> None:
    """No price at all is no promise that nothing was taken."""
    bench, server = anything
    failed = {"status": "failed", "result": None, "final_credits": final}
    server.tell([], create=task(server, status="queued"), retrieve=task(server, **failed))
    row = bench.add()
    bench.run(row.id, create, wait)
    row = bench.ledger.get(row.id)
    assert row.error is not None
    assert (row.state, row.error.charged, row.held_credits) == (State.FAILED, charged, final or 0)


def test_a_status_without_its_id_is_that_of_the_task_asked_for(anything: tuple[Bench, Scripted]) -> None:
    """The id stands in the address of the question."""
    bench, server = anything
    wrapped = {"status": "ok", "data": {name: value for name, value in task(server).body.items() if name != "id"}}
    for number, body in enumerate((wrapped["data"], wrapped)):
        server.tell([], create=task(server, status="queued", id=f"task_{number}"), retrieve=Reply(200, body))
        row = bench.add()
        bench.run(row.id, create, wait, save)
        assert bench.ledger.get(row.id).has_clip
        bench.ledger.jobs.succeed(row.id)


def test_what_was_sent_under_another_key_is_not_sent_again_by_itself(anything: tuple[Bench, Scripted]) -> None:
    """Rivya may know requests by key: an unknown outcome under the first key waits for a person, who is warned."""
    bench, server = anything
    bench.ledger.rows.key_fingerprint = "first"
    server.tell([Reply(500, {})], create=task(server))
    row = bench.add()
    assert attempted(bench.ledger, row.id).key_fingerprint == "first"
    bench.ledger.rows.key_fingerprint = "second"
    assert bench.run(row.id, create) == StepResult.ENDED
    row = bench.ledger.get(row.id)
    assert row.error is not None
    assert (row.state, row.held_credits, "another API key" in row.error.hint) == (State.UNCONFIRMED, 160, True)
    assert server.seen == []
    bench.ledger.actions.reopen(row.id)
    bench.run(row.id, create)
    assert [seen.key for seen in server.seen] == [row.idempotency_key] * 2
    assert bench.ledger.get(row.id).key_fingerprint == "second"


def test_what_was_never_sent_leaves_under_todays_key(anything: tuple[Bench, Scripted]) -> None:
    """A waiting row belongs to no key before its first attempt."""
    bench, server = anything
    bench.ledger.rows.key_fingerprint = "first"
    row = bench.add()
    bench.ledger.rows.key_fingerprint = "second"
    server.tell([], create=task(server))
    assert bench.run(row.id, create) == StepResult.NEXT
    assert bench.ledger.get(row.id).key_fingerprint == "second"


def test_reads_of_a_task_keep_their_distance_whatever_for(tmp_path: Path) -> None:
    """A success without address is asked again no sooner than any other read."""
    with Scripted() as server:
        bench = Bench(tmp_path / "data", server.base_url, KEY, poll_min_s=0.3, poll_max_s=0.3)
        server.tell([], create=task(server, status="queued"), retrieve=task(server, result=None))
        row = bench.add()

        moments: list[float] = []

        def enough() -> bool:
            moment = bench.context._read_at_s.get(row.id)
            if moment is not None and moment not in moments:
                moments.append(moment)
            return len(moments) > 3

        assert bench.run(row.id, create, wait, save, enough=enough) == "cut"
        bench.close()
        reads = [seen for seen in server.seen if seen.method == "GET"]
    assert 3 <= len(reads) <= len(moments)
    assert all(later - earlier > 0.29 for earlier, later in pairwise(moments))
