"""The engine: rows and their workflows commit together, errors nobody foresaw end nothing, and it stores ids only."""

from __future__ import annotations

import asyncio
import base64
import pickle
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest
from rivya_core.lab.jobs import context, crash_points, supervisor
from rivya_core.lab.jobs.crash_points import CrashPoint
from rivya_core.lab.jobs.engine import QUEUE_MANAGER, QUEUE_THREADS
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import generations, rates, workers
from rivya_core.lab.ledger.states import State
from rivya_core.simulator.server import SimulatorServer
from tests.lab.given import new
from tests.pace import HELD_S, quicken
from tests.until import until

PROMPT = "A red fox in the snow"
REQUEST = GenerationRequest(prompt=PROMPT)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short delays; a row that went wrong is taken up again at once; nobody watches afterwards."""
    quicken(monkeypatch)
    monkeypatch.setattr(context, "BACK_OFF_S", 0.02)
    yield
    crash_points.watch(None)


@pytest.mark.parametrize("point", list(CrashPoint), ids=lambda point: point.name.lower())
def test_an_error_nobody_foresaw_ends_nothing(
    make_lab: Callable[..., Lab], caplog: pytest.LogCaptureFixture, point: CrashPoint
) -> None:
    """A step that raises is logged and taken up again: the row ends as if nothing had been, with one task and one charge."""
    raised: list[str] = []

    def stumble(reached: CrashPoint, generation_id: str) -> None:
        if reached is point and len(raised) < 2:
            raised.append(generation_id)
            raise RuntimeError("a bug")

    crash_points.watch(stumble)
    lab = make_lab()
    assert lab.simulator is not None
    row = lab.wait(lab.submit(REQUEST).id)
    assert raised == [row.id, row.id]
    assert (row.state, row.held_credits, row.runs > 2) == (State.SUCCEEDED, 160, True)
    assert len(lab.simulator.world.tasks()) == 1
    failed = [record.message for record in caplog.records if record.message.startswith("step failed: RuntimeError")]
    assert ["test_engine.py" in message for message in failed] == [True, True]


def test_a_row_that_goes_wrong_again_and_again_is_left_alone_longer_each_time() -> None:
    """Repeated strikes double the rest, up to a limit."""
    rests = [min(context.BACK_OFF_S * 2**count, context.BACK_OFF_MAX_S) for count in range(1, 40)]
    assert rests == sorted(rests)
    assert rests[-1] == context.BACK_OFF_MAX_S


def test_a_submit_that_is_rolled_back_leaves_no_workflow(make_lab: Callable[..., Lab]) -> None:
    """Row and workflow are of one transaction: when it fails there is neither."""
    lab = make_lab()
    item = new(connection=lab.connection)

    def take_in_and_stop() -> None:
        with begin_immediate(lab.ledger.database) as connection:
            row = lab.ledger.add(connection, item)
            lab._queue.enqueue(connection, row.id, 1)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        take_in_and_stop()
    assert lab._queue.unfinished([f"{item.id}:1"]) == {}
    assert lab.ledger.by_intent(item.intent_id) == []


def test_many_are_enqueued_in_as_few_statements_as_two(make_lab: Callable[..., Lab]) -> None:
    """Whatever their number, the engine's rows are stored together and in their order; those it knows stay as they are."""
    lab = make_lab()
    inserts: list[str] = []
    numbers: dict[int, int] = {}
    found: list[tuple[str, int]] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT"):
            inserts.append(statement)

    def enqueue_and_stop(count: int) -> None:
        runs = [(f"many-{number}", 1) for number in range(count)]
        with begin_immediate(lab.ledger.database) as connection:
            inserts.clear()
            lab._queue.enqueue_many(connection, runs)
            numbers[count] = len(inserts)
            lab._queue.enqueue_many(connection, runs[-1:])
            query = "SELECT workflow_uuid, priority FROM workflow_status WHERE workflow_uuid LIKE 'many-%' ORDER BY priority"
            found[:] = [(row[0], row[1]) for row in connection.exec_driver_sql(query)]
            raise RuntimeError("stop")  # nothing of it is to be run

    sa.event.listen(lab.ledger.database, "before_cursor_execute", note)
    for count in (2, 300):
        with pytest.raises(RuntimeError, match="stop"):
            enqueue_and_stop(count)
        assert found == [(f"many-{number}:1", number + 1) for number in range(count)]
    assert numbers[300] == numbers[2]
    assert lab._queue.unfinished(["many-0:1"]) == {}


def test_a_row_without_a_workflow_is_taken_up(make_lab: Callable[..., Lab]) -> None:
    """A row that the engine lost is found by the sweep and run."""
    lab = make_lab()
    item = new(connection=lab.connection)
    with begin_immediate(lab.ledger.database) as connection:
        lab.ledger.add(connection, item)
    row = lab.wait(item.id)
    assert (row.state, row.runs) == (State.SUCCEEDED, 2)


def test_a_row_whose_job_was_cut_short_is_taken_up(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that ends without an outcome leaves a workflow that only looks alive: the sweep sees it and starts another."""
    monkeypatch.setattr(supervisor, "IDLE_AFTER_S", 0.3)
    lab = make_lab(simulator_speed=2.0)
    assert lab.simulator is not None
    row = lab.submit(REQUEST)
    until(lambda: lab.get(row.id).state is State.RUNNING)
    loop = lab._jobs.loop
    assert loop is not None

    def cut_short() -> None:
        for task in asyncio.all_tasks(loop):
            if "workflow" in repr(task.get_coro()):
                task.cancel()

    loop.call_soon_threadsafe(cut_short)
    until(lambda: not lab._jobs.at_work(row.id))
    assert lab._queue.unfinished([f"{row.id}:1"]) == {f"{row.id}:1": True}
    ended = lab.wait(row.id)
    assert (ended.state, ended.runs) == (State.SUCCEEDED, 2)
    assert len(lab.simulator.world.tasks()) == 1


def test_no_more_creates_are_in_flight_than_allowed(make_lab: Callable[..., Lab]) -> None:
    """With two creates at once and a slow server, the third POST leaves only when one of the first is answered."""
    lab = make_lab(max_creates_in_flight=2)
    assert lab.simulator is not None
    world = lab.simulator.world
    world.add_fault("slow", route="create", times=None, delay_s=0.3)
    ids = [lab.submit(REQUEST).id for _ in range(6)]
    assert {lab.wait(id_).state for id_ in ids} == {State.SUCCEEDED}
    at = [post.at for post in world.requests("create")]
    assert len(at) == 6
    assert all(third - first >= 0.25 for first, third in zip(at, at[2:], strict=False))


def test_twenty_rows_at_once_end_once_each(make_lab: Callable[..., Lab]) -> None:
    """Twenty rows run side by side: twenty tasks, twenty clips, and the jobs' threads are gone after the end."""
    lab = make_lab(max_creates_in_flight=8)
    assert lab.simulator is not None
    ids = [lab.submit(REQUEST).id for _ in range(20)]
    assert {lab.wait(id_).state for id_ in ids} == {State.SUCCEEDED}
    tasks = lab.simulator.world.tasks()
    assert sorted(str(task.idempotency_key) for task in tasks) == sorted(ids)
    lab.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("rivya-", "queue-worker"))]


@pytest.mark.parametrize(
    ("answer_s", "left"), [(60.0, State.RUNNING), (0.0, State.SUBMITTING)], ids=["soon", "too_late"]
)
def test_a_lab_closed_in_the_middle_ends_its_jobs_before_their_clients(
    make_lab: Callable[..., Lab],
    tmp_path: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer_s: float,
    left: State,
) -> None:
    """Creates on their way get a moment to be answered; nobody takes a closed client for a fault; no more are sent."""
    monkeypatch.setattr(context, "ANSWER_S", answer_s)
    monkeypatch.setattr(context, "CLOSE_S", 120.0)
    with SimulatorServer(tmp_path / "world.sqlite3", speed=0.01) as simulator:  # no task ends meanwhile
        simulator.world.add_fault("slow", route="create", times=None, delay_s=HELD_S)
        lab = make_lab(max_creates_in_flight=4, api_key=simulator.api_key, base_url=simulator.base_url)
        for _ in range(8):
            lab.submit(REQUEST)
        until(lambda: len(simulator.world.requests("create")) == 4)
        closing_lab = threading.Thread(target=lab.close)
        closing_lab.start()
        if left is State.RUNNING:
            until(lambda: lab._jobs._closed)
            simulator.world.clear_faults()
        closing_lab.join()
        simulator.world.clear_faults()
        assert len(simulator.world.requests("create")) == 4
    with closing(sqlite3.connect(data_dir / "lab.sqlite3")) as database:
        rows = database.execute("SELECT state, error FROM lab_generations ORDER BY seq").fetchall()
    assert rows == [(left, None)] * 4 + [(State.WAITING, None)] * 4


def test_no_job_begins_in_a_lab_that_closes(lab: Lab) -> None:
    """A workflow that reached the event loop when nothing was at work there yet leaves its row to the next start."""
    lab.close()

    async def begin() -> bool:
        return lab._jobs.start_work("g1")

    assert asyncio.run(begin()) is False


def test_the_engine_stores_ids_and_plain_words_only(make_lab: Callable[..., Lab], data_dir: Path) -> None:
    """What the engine keeps of a generation is its id and how it went: no prompt, no key, no object."""
    lab = make_lab()
    row = lab.wait(lab.submit(REQUEST).id)
    until(lambda: not lab._queue.unfinished([f"{row.id}:1"]))
    lab.close()
    database = sqlite3.connect(data_dir / "lab.sqlite3")
    inputs = [found for (found,) in database.execute("SELECT inputs FROM workflow_input")]
    outputs = [found for (found,) in database.execute("SELECT output FROM workflow_output")]
    database.close()
    assert len(inputs) == 1
    assert row.id in str(plain(inputs[0]))
    assert [str(plain(output)) for output in outputs] == ["ended"]
    assert PROMPT not in "".join(str(plain(stored)) for stored in [*inputs, *outputs])


def plain(stored: str) -> object:
    """What a stored value of the engine is: a pickle in base64, or JSON."""
    try:
        return pickle.loads(base64.b64decode(stored, validate=True))
    except (ValueError, pickle.UnpicklingError, EOFError):
        return stored


def test_a_stop_does_not_wait_for_a_thread_that_is_still_being_made(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python lists it before it runs; a stop that fell over it left the engine half stopped, and the next one dead."""
    made = threading.Thread(target=lambda: None, name=f"{QUEUE_THREADS}late")
    listed = threading.enumerate
    monkeypatch.setattr(threading, "enumerate", lambda: [*listed(), made])
    lab.close()
    monkeypatch.undo()
    assert not [one.name for one in threading.enumerate() if one.name.startswith(QUEUE_THREADS)]


def test_the_threads_of_the_queue_are_known_by_their_names(lab: Lab) -> None:
    """A stop waits for them, and the library may call them something else one day."""
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    names = [one.name for one in threading.enumerate()]
    assert [name for name in names if name.endswith(QUEUE_MANAGER)]
    assert [name for name in names if name.startswith(QUEUE_THREADS)]


def test_on_one_machine_nobody_claims_or_beats(lab: Lab) -> None:
    """The row of a job has no worker, the tables of workers stay empty, and no thread beats."""
    row = lab.wait(lab.submit(REQUEST).id)
    assert row.state is State.SUCCEEDED
    column = generations.c
    with lab.ledger.reading() as connection:
        [found] = connection.execute(sa.select(column.worker_id, column.fence, column.posting_at)).all()
        assert tuple(found) == (None, 0, None)
        for table in (workers, rates):
            assert connection.execute(sa.select(table)).all() == []
    assert "rivya-beat" not in [thread.name for thread in threading.enumerate()]
