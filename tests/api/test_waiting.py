"""A wait follows the documented schedule and ends only with the task or the caller's deadline. Every test runs over both clients."""

from __future__ import annotations

from typing import Any

import pytest

from rivya_core.api import GenerationFailedError, GenerationRequest, WaitTimeoutError
from tests.api.conftest import Clock
from tests.api.scripted import TASK, Act, Script, answer, drop, error


def state(status: str, **more: Any) -> Act:
    """Answer with the task in a state."""
    return answer(200, {**TASK, "status": status, **more})


DONE = state("succeeded", final_credits=160, result={"primary_url": "https://media.example/x.mp4", "urls": []})


def test_waiting_survives_every_fault_and_unknown_word(client: Any, server: Script, clock: Clock) -> None:
    """Nothing that a read answers ends a wait but the end of the task, and the reads keep their distance."""
    server.does(
        state("queued"), state("dreaming"), drop, answer(500, b""), error(404, "not_found"), error(401, "api_key_invalid"),
        answer(200, b"<html>"), error(400, "brand_new"), state("processing"), DONE,
    )  # fmt: skip
    assert client.wait("task_1", 300).primary_url == "https://media.example/x.mp4"
    assert 2.0 <= clock.slept[0] <= 3.0
    assert all(5.0 <= pause <= 70.0 for pause in clock.slept[1:])


def test_a_wait_keeps_its_deadline_and_names_the_task(client: Any, server: Script, clock: Clock) -> None:
    """The deadline is exact, the last read comes just before it, and the id is in the words."""
    server.does(state("processing"))
    began = clock.now
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait("task_1", 30)
    assert clock.now - began == pytest.approx(30, abs=0.01)
    assert caught.value.charged == "unknown"
    assert "task_1" in caught.value.detail
    assert 3 <= len(server.received) <= 7


def test_waiting_no_time_reads_once(client: Any, server: Script) -> None:
    """A deadline of zero is a question, not a refusal."""
    server.does(DONE)
    assert client.wait("task_1", 0).is_final


def test_a_long_wait_reads_seldom(client: Any, server: Script, clock: Clock) -> None:
    """docs/api-generation-status: 2-3 s, then 5-10 s; wide until a clip may be ready, close from there, wider with age."""
    server.does(*[state("processing")] * 40, DONE)
    client.generate(GenerationRequest(prompt="a paper boat"), wait=True, timeout_s=600)
    assert len(server.received) == 42 - 1
    first, early, late = clock.slept[0], clock.slept[1:3], clock.slept[3:]
    assert 2.0 <= first <= 3.0
    assert all(5.0 <= gap <= 10.0 for gap in [*early, *late])
    assert first + sum(early) == pytest.approx(22.0, abs=1.0)
    assert max(late[:6]) < min(late[-6:])


@pytest.mark.parametrize(("final", "charged"), [(0, "no"), (160, "yes"), (None, "unknown")])
def test_a_failed_task_is_raised_with_its_code(client: Any, server: Script, final: int | None, charged: str) -> None:
    """A failed task says why, with its id, and whether credits were taken."""
    server.does(state("failed", final_credits=final, error={"code": "generation_failed", "message": "too dark"}))
    with pytest.raises(GenerationFailedError) as caught:
        client.wait("task_1", 60)
    assert (caught.value.code, caught.value.charged) == ("generation_failed", charged)
    assert "too dark" in caught.value.detail
    assert "task_1" in caught.value.detail
