"""What the observations promise: filled by normal work, counted without a write each, never in the way, never a secret."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab
from rivya_core.api.contract import Generation
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.observations.observer import ANSWER_MAX, FLUSH_EVERY_S, KINDS_MAX, Observer
from rivya_core.lab.ledger.observations.questions import QUESTIONS
from rivya_core.lab.ledger.schema import observations
from rivya_core.simulator import SimulatorServer
from tests.until import until

SECRET = "SENTINEL"


def seen(lab: Lab) -> dict[str, list[str]]:
    """Answers by question."""
    found: dict[str, list[str]] = {}
    for one in lab.server.observations():
        found.setdefault(one.question, []).extend([one.answer] if one.seen else [])
    return found


def test_a_generation_fills_them(lab: Lab) -> None:
    """Every open question is there, with what one clip tells; all of it is simulated."""
    lab.wait(lab.submit(GenerationRequest(prompt=SECRET)).id)
    found = seen(lab)
    assert set(QUESTIONS) <= set(found)
    assert found["price"] == ["kling-v2-1-master 5 s: 160 credits reserved"]
    assert found["create_status"][0].startswith("HTTP 2")
    assert found["clip_codec"] == ["h264"]
    assert found["clip_type"] == ["declared video/mp4"]
    assert found["result_host"] == ["127.0.0.1"]
    for question in ("ready", "final_price", "address_life", "clip_picture", "clip_size", "trace_id", "result_address"):
        assert found[question], question
    assert all(one.simulated for one in lab.server.observations() if one.seen)
    assert SECRET not in str(lab.server.observations())
    assert lab.server.observations()[0].last_at is not None


def test_faults_are_observed(lab: Lab) -> None:
    """The status of a short wallet, a Retry-After, a replay, a dead address."""
    lab.simulator.world.add_fault("rate_limited", route="create", retry_after=1, times=1)
    lab.simulator.world.add_fault("drop_after_accept", route="create", times=1)
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    found = seen(lab)
    assert found["retry_after"] == ["HTTP 429, rate_limited: Retry-After 1 s"]
    assert "HTTP 429, rate_limited, to a create" in found["errors"]
    assert any(one.startswith("asked again with the same key: a task") for one in found["replay"])


def test_a_simulator_at_a_live_address_is_not_counted_as_rivya(make_lab: Callable[..., Lab], tmp_path: Any) -> None:
    """Its answers are marked, and stand apart."""
    with SimulatorServer(tmp_path / "outside.sqlite3", speed=40.0) as server:
        live = make_lab(api_key=server.api_key, base_url=server.base_url)
        live.wait(live.submit(GenerationRequest(prompt="A red fox")).id)
        assert all(one.simulated for one in live.server.observations() if one.seen)
        live.close()


class Steps:
    """A clock that a test turns."""

    now = datetime(2026, 11, 25, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def counted(database: sa.Engine) -> list[tuple[str, int]]:
    """What is stored."""
    with database.connect() as connection:
        return [(row.answer, row.seen) for row in connection.execute(sa.select(observations))]


def test_news_are_written_at_once_and_repetitions_together(database: sa.Engine) -> None:
    """Not one write for each."""
    clock = Steps()
    observer = Observer(database, clock)
    observer.note("here", "price", "160")
    observer.flush_if_due(1000.0)
    for _ in range(50):
        observer.note("here", "price", "160")
    observer.flush_if_due(1001.0)
    assert counted(database) == [("160", 1)]
    clock.now += timedelta(seconds=FLUSH_EVERY_S)
    observer.flush_if_due(1000.0 + FLUSH_EVERY_S)
    assert counted(database) == [("160", 51)]


def test_a_database_that_cannot_take_them_loses_none_and_stops_nobody(database: sa.Engine) -> None:
    """They wait in memory."""
    observer = Observer(database)
    with database.begin() as connection:
        connection.execute(sa.text("ALTER TABLE lab_observations RENAME TO lab_away"))
    observer.note("here", "price", "160")
    observer.flush()
    with database.begin() as connection:
        connection.execute(sa.text("ALTER TABLE lab_away RENAME TO lab_observations"))
    observer.flush()
    assert counted(database) == [("160", 1)]


HOOKS = ["created", "refused", "uploaded", "ended", "fetched", "coded", "fetch_failed", "settled_late"]


@pytest.mark.parametrize("hook", HOOKS)
def test_no_hook_ever_raises(database: sa.Engine, hook: str) -> None:
    """Whatever it is given: the money path calls it."""
    observer = Observer(database)
    for broken in (None, SimpleNamespace(), 5):
        getattr(observer, hook)(broken, broken)
        getattr(observer, hook)(broken, broken, broken)


def test_answers_are_bounded_and_hold_no_address(database: sa.Engine) -> None:
    """A server that says something else each time fills no disk, and a signed address leaves its host only."""
    observer = Observer(database)
    for place in range(KINDS_MAX + 50):
        observer.note("here", "errors", f"code {place} " + "x" * 5000)
    observer.flush()
    rows = counted(database)
    assert len(rows) == KINDS_MAX
    assert max(len(answer) for answer, _ in rows) <= ANSWER_MAX
    result = {"primary_url": f"https://media.example/{SECRET}/a.mp4?sig={SECRET}"}
    task = Generation.model_validate({"id": "t", "status": "succeeded", "result": result})
    row: Any = SimpleNamespace(
        connection="here", mode="live", model="m", length="5", source="page", elapsed_s=lambda _: 20.0
    )
    observer.ended(row, task)
    observer.flush()
    answers = " ".join(answer for answer, _ in counted(database))
    assert "media.example" in answers
    assert "with a query, probably signed" in answers
    assert SECRET not in answers


def test_what_another_thread_has_taken_to_write_is_read_too(lab: Lab) -> None:
    """The housekeeping writes at any moment; whoever looks meanwhile misses nothing."""
    observer = lab._jobs.observer
    observer.note(lab.connection, "price", "one credit", simulated=True)
    with ThreadPoolExecutor(2) as threads:
        with begin_immediate(lab.ledger.database):
            writes = threads.submit(observer.flush)
            until(lambda: not observer._pending, what="the answer is taken")
            looks = threads.submit(seen, lab)
        writes.result()
    assert looks.result()["price"] == ["one credit"]
