"""What the tests of the ledger start from: a clock to turn, a request, rows in a state, a small real clip."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import sqlalchemy as sa

from rivya_core.api import GenerationRequest
from rivya_core.api.contract import Generation
from rivya_core.api.errors import TransportError
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.ledger import Ledger, NewGeneration, new_intent_id
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord
from rivya_core.lab.ledger.schema import movements
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.workers import Workers
from rivya_core.lab.media.archive import Clip
from rivya_core.settings import Mode

HERE = "http://127.0.0.1:9"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CARD = ErrorCard("Something broke", "A detail.", "Try again.", "unknown", "create", code="odd", request_id="req_1")
CLIP = Clip("clips/2026/11/x.mp4", "posters/2026/11/x.jpg", "a" * 64, 1000, 640, 360, 5.0, 24.0, "whole")


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> datetime:
        """Move the hands; the new time."""
        self.now += timedelta(seconds=seconds)
        return self.now


def give_up(workers: Workers, clock: Clock, by: str) -> None:
    """Let one worker beat for 50 seconds and then give up those that did not."""
    for _ in range(10):
        clock.turn(5.0)
        workers.beat(by)
    assert workers.reap(by, lambda *_: None, {})


def new(prompt: str = "A red fox in the snow", **changes: Any) -> NewGeneration:
    """A generation to be added."""
    params = changes.pop("params", {"duration": "5"})
    image = changes.pop("reference_image", None)
    values: dict[str, Any] = {
        "intent_id": new_intent_id(),
        "take": 1,
        "request": GenerationRequest(prompt=prompt, params=params, reference_image=image),
        "expected_credits": 160,
        "mode": "simulated",
        "connection": HERE,
    }
    return NewGeneration(**{**values, **changes})


def added(ledger: Ledger, prompt: str = "A red fox in the snow", **changes: Any) -> GenerationRecord:
    """A waiting generation."""
    with begin_immediate(ledger.database) as connection:
        return ledger.add(connection, new(prompt, **changes))


def answer(status: str, **fields: Any) -> Generation:
    """An answer of the API."""
    return Generation.model_validate({"id": "task_1", "status": status, **fields})


def attempted(ledger: Ledger, generation_id: str, body: bytes = b'{"a":1}') -> GenerationRecord:
    """A row whose POST has begun."""
    ledger.rows.move(generation_id, {State.WAITING}, State.SUBMITTING)
    begun = ledger.jobs.begin_attempt(generation_id, body, hashlib.sha256(body).hexdigest())
    assert begun is not None
    return begun


def in_state(ledger: Ledger, state: State, prompt: str = "A red fox in the snow", **changes: Any) -> GenerationRecord:
    """A generation that came to a state by the legal way."""
    row = added(ledger, prompt, **changes)
    if state is State.CANCELLED:
        ledger.actions.cancel(row.id)
    if state not in {State.WAITING, State.CANCELLED}:
        attempted(ledger, row.id)
    if state is State.UNCONFIRMED:
        ledger.jobs.end_attempt(row.id, TransportError("No answer"), outcome_known=False)
        ledger.rows.move(row.id, {State.SUBMITTING}, State.UNCONFIRMED, error=CARD)
    if state is State.FAILED:
        ledger.jobs.fail(row.id, CARD)
    if state in {State.RUNNING, State.SAVING, State.UNSAVED, State.SUCCEEDED}:
        accept(ledger, row.id)
    if state in {State.SAVING, State.UNSAVED, State.SUCCEEDED}:
        ledger.jobs.ready(
            row.id, answer("succeeded", reserved_credits=160, result={"primary_url": "http://127.0.0.1/c"})
        )
    if state is State.UNSAVED:
        ledger.jobs.unsaved(row.id, CARD, in_s=60)
    if state is State.SUCCEEDED:
        ledger.jobs.saved(row.id, CLIP)
        ledger.jobs.succeed(row.id)
    row = ledger.get(row.id)
    assert row.state is state
    return row


def accept(
    ledger: Ledger,
    generation_id: str,
    *,
    task_id: str | None = None,
    reserved: int | None = 160,
    simulated: bool = False,
) -> bool:
    """Give a row its task."""
    return ledger.jobs.accept(
        generation_id,
        task_id=task_id or f"task_{generation_id}",
        reserved_credits=reserved,
        task_status="queued",
        simulated=simulated,
    )


def held(ledger: Ledger, mode: Mode = "simulated") -> int:
    """The sum of all movements of a mode."""
    with begin_immediate(ledger.database) as connection:
        total = sa.select(sa.func.coalesce(sa.func.sum(movements.c.credits), 0)).where(movements.c.mode == mode)
        found = connection.execute(total).scalar_one()
    return int(found)


def make_mp4(path: Path, *, frames: int = 48, width: int = 128, height: int = 72, key_every: int = 250) -> Path:
    """Write a small moving picture, its index at the front as Rivya's clips have it; same numbers, same bytes."""
    path.write_bytes(_mp4(frames, width, height, key_every))
    return path


@cache
def _mp4(frames: int, width: int, height: int, key_every: int) -> bytes:
    """Encode it, once for all tests of a process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"preset": "ultrafast", "g": str(key_every)}
            picture = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(np.roll(picture, number, axis=1), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path.read_bytes()
