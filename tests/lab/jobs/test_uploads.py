"""One upload serves the generations of one connection and key for ten minutes, and never changes bytes that were committed.

Counted at the simulator: how many uploads it saw, and how many tasks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core.api import check_image
from rivya_core.api.contract import UploadedFile
from rivya_core.api.images import ReferenceImage
from rivya_core.lab.jobs import StepResult, create, save, uploads, wait
from rivya_core.lab.jobs.context import utc_now
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import uploads as table
from rivya_core.lab.ledger.states import State
from rivya_core.simulator import SimulatorServer
from rivya_core.simulator.state.world import World
from tests.api.images import png
from tests.lab.given import in_state
from tests.lab.jobs.test_jobs import Bench
from tests.pace import quicken

MINUTE_S = 60.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch)


@pytest.fixture
def world(simulator: SimulatorServer) -> Iterator[World]:
    """The simulator's side; a declared fault that never fired fails the test."""
    yield simulator.world
    assert simulator.world.unfired_faults() == []


@pytest.fixture
def bench(tmp_path: Path, simulator: SimulatorServer) -> Iterator[Bench]:
    """The steps of a row on the simulator, with a clock to turn."""
    made = Bench(tmp_path / "data", simulator.base_url, simulator.api_key)
    as_a_new_process(made)
    yield made
    made.close()


class Ahead:
    """The real clock, turned on by hand."""

    def __init__(self) -> None:
        self.by_s = 0.0

    def __call__(self) -> datetime:
        """The moment."""
        return utc_now() + timedelta(seconds=self.by_s)


def as_a_new_process(bench: Bench, *, key: str | None = "a" * 16) -> None:
    """Forget all that is in memory, as a restart does; ``key``: fingerprint of the API key that is set then."""
    clock = bench.ledger.clock if isinstance(bench.ledger.clock, Ahead) else Ahead()
    bench.ledger = Ledger(bench.database, clock, key_fingerprint=key)


def turn(bench: Bench, seconds: float) -> None:
    """Let time pass."""
    assert isinstance(bench.ledger.clock, Ahead)
    bench.ledger.clock.by_s += seconds


@pytest.fixture
def image(bench: Bench) -> ReferenceImage:
    """A picture in the archive."""
    return kept_image(bench)


def kept_image(bench: Bench, colour: str = "teal") -> ReferenceImage:
    """A picture of one colour in the archive."""
    image = check_image(png(colour=colour))
    bench.ledger.assets.store(image, bench.archive)
    return image


def address_sent(row: GenerationRecord) -> str:
    """The address in the bytes that a row has committed."""
    assert row.body is not None
    items = json.loads(row.body)["params"]["referenceMediaItems"]
    return str(items[0]["url"])


def created(bench: Bench, image: ReferenceImage) -> GenerationRecord:
    """A row that went through its create, whatever became of it."""
    row = bench.add(reference_image=image)
    bench.run(row.id, create)
    return bench.ledger.get(row.id)


def create_together(bench: Bench, rows: list[GenerationRecord]) -> list[StepResult]:
    """Run the create of several rows at the same time, on one event loop as the jobs do."""

    async def together() -> list[StepResult]:
        context = bench.make_context()
        try:
            return list(await asyncio.gather(*(create(context, row.id) for row in rows)))
        finally:
            await context.aclose()

    return asyncio.run(together())


def keys_of_tasks(world: World) -> list[str]:
    """The idempotency keys of all tasks: each generation's own, once, when nothing was paid twice."""
    return sorted(str(task.idempotency_key) for task in world.tasks())


# -- sharing -------------------------------------------------------------------------------------------------------


def test_takes_that_start_together_upload_once(bench: Bench, world: World, image: ReferenceImage) -> None:
    """Four takes at the same moment: one upload, four tasks, the same address in all four bodies."""
    rows = [bench.add(reference_image=image) for _ in range(4)]
    assert create_together(bench, rows) == [StepResult.NEXT] * 4
    done = [bench.ledger.get(row.id) for row in rows]
    assert len({address_sent(row) for row in done}) == 1
    assert len({(row.file_url, row.file_id) for row in done}) == 1
    assert len(world.requests("upload")) == 1
    assert keys_of_tasks(world) == sorted(row.id for row in rows)


def test_each_image_is_uploaded_for_itself(bench: Bench, world: World, image: ReferenceImage) -> None:
    """Two pictures never share an address."""
    first, second = created(bench, image), created(bench, kept_image(bench, "orange"))
    assert address_sent(first) != address_sent(second)
    assert len(world.requests("upload")) == 2


@pytest.mark.parametrize(("age_s", "count"), [(0.0, 1), (9.9 * MINUTE_S, 1), (10.1 * MINUTE_S, 2), (-MINUTE_S, 2)])
def test_an_address_serves_for_ten_minutes(
    bench: Bench, world: World, image: ReferenceImage, age_s: float, count: int
) -> None:
    """A later take uses it while it is young; one that is too old, or of a clock that ran ahead, is uploaded anew."""
    first = created(bench, image)
    turn(bench, age_s)
    second = created(bench, image)
    assert len(world.requests("upload")) == count
    assert (address_sent(first) == address_sent(second)) is (count == 1)
    assert keys_of_tasks(world) == sorted([first.id, second.id])


def test_an_address_outlives_the_process(bench: Bench, world: World, image: ReferenceImage) -> None:
    """After a restart in between the next take still uses it."""
    created(bench, image)
    as_a_new_process(bench)
    created(bench, image)
    assert (len(world.requests("upload")), len(world.tasks())) == (1, 2)


def test_another_key_uploads_for_itself(bench: Bench, world: World, image: ReferenceImage) -> None:
    """A file belongs to the account of its key: after a rotation nothing of the old key is used, and nothing after it either."""
    first = created(bench, image)
    as_a_new_process(bench, key="b" * 16)
    second = created(bench, image)
    assert address_sent(first) != address_sent(second)
    as_a_new_process(bench)
    third = created(bench, image)
    assert address_sent(third) == address_sent(first)
    assert len(world.requests("upload")) == 2


def test_another_connection_uploads_for_itself(ledger: Ledger) -> None:
    """The address of one server means nothing to another."""
    image = check_image(png())
    row = in_state(ledger, State.WAITING)
    with begin_immediate(ledger.database) as connection:
        connection.exec_driver_sql(
            "INSERT INTO lab_assets (sha256, created_at, kind, mime, size_bytes, name, archive_key)"
            " VALUES (?, '2026-11-20 12:00:00', 'image', 'image/png', 1, 'a.png', 'images/a.png')",
            (image.sha256,),
        )
    uploads.keep(ledger.rows, row.connection, image.sha256, UploadedFile(url="https://a.example/1", id="file_1"))
    found = uploads.find(ledger.rows, row.connection, image.sha256)
    assert found is not None
    assert (found.url, found.id) == ("https://a.example/1", "file_1")
    assert uploads.find(ledger.rows, "https://rivya.ai", image.sha256) is None
    assert uploads.find(ledger.rows, row.connection, "0" * 64) is None


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_before", "drop_after_accept", "truncated_body", "empty_body"])
def test_a_lost_answer_to_the_upload_costs_one_more_upload(
    bench: Bench, world: World, image: ReferenceImage, fault: str
) -> None:
    """Two takes wait for one upload whose answer is lost: it is made again, once, and both are sent once."""
    world.add_fault(fault, route="upload")
    rows = [bench.add(reference_image=image) for _ in range(2)]
    assert create_together(bench, rows) == [StepResult.NEXT] * 2
    assert len(world.requests("upload")) == 2
    assert keys_of_tasks(world) == sorted(row.id for row in rows)


@pytest.mark.parametrize("restarts", [False, True])
def test_a_lost_answer_to_a_create_sends_the_same_bytes_whatever_is_kept_since(
    bench: Bench, world: World, image: ReferenceImage, *, restarts: bool
) -> None:
    """The address got old and a newer one is kept: the row that may have been accepted sends its own bytes, and is paid once."""
    first = created(bench, image)
    world.add_fault("drop_after_accept", route="create")
    row = bench.add(reference_image=image)
    bench.run(row.id, create, enough=lambda: len(world.tasks()) == 2)
    before = bench.ledger.get(row.id).body
    assert before is not None
    turn(bench, 11 * MINUTE_S)
    if restarts:
        as_a_new_process(bench)
    newer = created(bench, image)
    assert address_sent(newer) != address_sent(first)
    bench.run(row.id, create)
    row = bench.ledger.get(row.id)
    assert (row.state, row.body, address_sent(row)) == (State.RUNNING, before, address_sent(first))
    posts = [seen for seen in world.requests("create") if seen.idempotency_key == row.id]
    assert len({post.body_sha256 for post in posts}) == 1
    assert len(world.requests("upload")) == 2
    assert keys_of_tasks(world) == sorted([first.id, row.id, newer.id])


@pytest.mark.parametrize(("code", "status"), [("validation_failed", 400), ("not_found", 404)])
def test_a_refused_address_is_forgotten_and_no_committed_body_is_rebuilt(
    bench: Bench, world: World, image: ReferenceImage, code: str, status: int
) -> None:
    """The row that met the refusal ends uncharged with its bytes; the next take uploads anew and is made."""
    first = created(bench, image)
    world.add_fault("error", route="create", code=code, status=status)
    refused = created(bench, image)
    assert (refused.state, refused.held_credits) == (State.FAILED, 0)
    assert address_sent(refused) == address_sent(first)
    third = created(bench, image)
    assert address_sent(third) != address_sent(first)
    assert len(world.requests("upload")) == 2
    assert keys_of_tasks(world) == sorted([first.id, third.id])


def test_an_address_whose_task_failed_is_not_used_again(bench: Bench, world: World, image: ReferenceImage) -> None:
    """Rivya may have failed to fetch the file: the next take uploads it anew."""
    world.add_fault("task_failed", route="create")
    row = bench.add(reference_image=image)
    bench.run(row.id, create, wait, save)
    assert bench.ledger.get(row.id).state is State.FAILED
    created(bench, image)
    assert len(world.requests("upload")) == 2


def test_a_refusal_forgets_no_newer_address(bench: Bench, image: ReferenceImage) -> None:
    """A row that was sent with an old address says nothing of the one that is kept now."""
    row = created(bench, image)
    turn(bench, 11 * MINUTE_S)
    created(bench, image)
    uploads.forget(bench.ledger.rows, row)
    assert uploads.find(bench.ledger.rows, row.connection, image.sha256) is not None


@pytest.mark.parametrize("code", ["rate_limited", "public_api_disabled", "insufficient_credits", "internal_error"])
def test_what_does_not_concern_the_file_keeps_its_address(bench: Bench, world: World, code: str) -> None:
    """A stop of the queue or trouble of the server is no word on the file: the row waits, and goes on without an upload."""
    image = kept_image(bench)
    created(bench, image)
    world.add_fault("error", route="create", code=code, status=None if code != "internal_error" else 500)
    row = bench.add(reference_image=image)
    bench.run(row.id, create, enough=lambda: not world.unfired_faults())
    assert uploads.find(bench.ledger.rows, row.connection, image.sha256) is not None
    bench.ledger.key_value.set_pause(row.connection, None)
    bench.run(row.id, create)
    assert bench.ledger.get(row.id).state is State.RUNNING
    assert (len(world.requests("upload")), len(world.tasks())) == (1, 2)


def test_a_file_with_a_token_of_its_own_is_not_shared(bench: Bench, image: ReferenceImage) -> None:
    """A duration token belongs to one upload, so an answer that holds one serves the take that got it alone."""
    uploads.keep(bench.ledger.rows, "here", image.sha256, UploadedFile(url="https://a.example/1", duration_token="t"))
    assert uploads.find(bench.ledger.rows, "here", image.sha256) is None


def test_an_address_is_kept_once_an_image_and_key(bench: Bench, image: ReferenceImage) -> None:
    """The newest replaces the one before, also where no key is known."""
    for key in (None, "a" * 16):
        as_a_new_process(bench, key=key)
        for number in range(2):
            uploads.keep(bench.ledger.rows, "here", image.sha256, UploadedFile(url=f"https://a.example/{key}/{number}"))
        found = uploads.find(bench.ledger.rows, "here", image.sha256)
        assert found is not None
        assert found.url == f"https://a.example/{key}/1"
    with bench.database.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 2
