"""A data folder with ten thousand generations, for the pages."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, State, open_lab
from rivya_core.api.texts import reuse_hash
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.history.search_words import stored_words
from rivya_core.lab.ledger.ledger import NewGeneration
from rivya_core.lab.ledger.schema import events, generations, movements
from tests.bench.labs import in_state, request, settings_for, until
from tests.bench.scripted import tiny_clip

ROWS = 10_000
WITH_FILES = 40
WORDS = [
    "a",
    "paper",
    "boat",
    "crosses",
    "the",
    "flooded",
    "street",
    "while",
    "slow",
    "rain",
    "falls",
    "on",
    "neon",
    "signs",
    "camera",
    "glides",
    "low",
    "over",
    "water",
    "reflections",
    "shimmer",
    "in",
    "violet",
    "light",
    "an",
    "old",
    "fox",
    "waits",
    "under",
    "the",
    "bridge",
    "handheld",
    "soft",
    "focus",
    "dawn",
    "mist",
]


def fill(base_url: str, folder: str, rows: int = ROWS, running: int = 0) -> None:
    """Fill the folder: ``rows`` ended generations, nine in ten with a clip, and ``running`` that run for good."""
    with open_lab(settings_for(base_url, folder)) as lab:
        _store(lab, rows)
        for number in range(running):
            lab.submit(request(number))
        until(lambda: in_state(lab, State.RUNNING) >= running, "all run")


def _store(lab: Lab, rows: int) -> None:
    draw = random.Random(3)
    start = datetime.now(UTC) - timedelta(days=90)
    clip = tiny_clip()
    template = GenerationRequest(prompt="to be replaced")
    kept: list[dict[str, Any]] = []
    for number in range(rows):
        at = start + timedelta(minutes=number * 90 * 24 * 60 / (rows + 1))
        new = NewGeneration(
            intent_id=f"bench-{number:08d}",
            take=1,
            request=template,
            expected_credits=160,
            mode=lab.mode,
            connection=lab.connection,
        )
        columns = lab.ledger._new_columns(new, at)
        columns["prompt"] = " ".join(draw.choice(WORDS) for _ in range(30))
        columns["request"] = {**columns["request"], "prompt": columns["prompt"]}
        columns["reuse_sha256"] = reuse_hash(columns["request"])
        columns["search_words"] = stored_words(columns["prompt"])
        kept.append(columns | ended(number, at, good=draw.random() < 0.9))
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.insert(generations), kept)
        connection.execute(sa.insert(events), [event for columns in kept for event in _events(columns)])
        connection.execute(sa.insert(movements), [move for columns in kept for move in _movements(columns)])
    for columns in [columns for columns in kept if columns["clip_key"]][-WITH_FILES:]:
        _write(lab.archive.path(columns["clip_key"]), clip)
        lab.archive.make_poster(columns["clip_key"])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def ended(number: int, at: datetime, *, good: bool) -> dict[str, Any]:
    """How a generation went: with a clip, or failed and put away."""
    done = at + timedelta(seconds=40)
    times = {"first_attempt_at": at, "submitted_at": at, "processing_at": at, "ready_at": done, "finished_at": done}
    facts = {"task_id": f"task_old_{number:08d}", "attempts": 1, "body": b'{"prompt": "..."}', **times}
    clip = {
        "clip_key": f"clips/{at:%Y/%m}/bench-{number:08d}-1.mp4" if good else None,
        "poster_key": f"posters/{at:%Y/%m}/bench-{number:08d}-1.jpg" if good else None,
        "clip_bytes": 5_000_000,
        "clip_width_px": 1280,
        "clip_height_px": 720,
        "clip_duration_s": 5.0,
    }
    end = {
        "state": (State.SUCCEEDED if good else State.FAILED).value,
        "settlement": "settled" if good else "released",
        "held_credits": 160 if good else 0,
        "final_credits": 160 if good else 0,
        "reserved_credits": 160,
        "dismissed_at": None if good else done,
    }
    return {**facts, **clip, **end}


def _events(columns: dict[str, Any]) -> list[dict[str, Any]]:
    passage = ["waiting", "submitting", "running", "saving", "succeeded"]
    return [
        {"generation_id": columns["id"], "at": columns["created_at"], "kind": "state", "detail": {"to": state}}
        for state in passage
    ]


def _movements(columns: dict[str, Any]) -> list[dict[str, Any]]:
    one = {
        "generation_id": columns["id"],
        "at": columns["created_at"],
        "mode": columns["mode"],
        "provisional": False,
        "reason": "",
    }
    first = {**one, "kind": "reserve", "credits": 160}
    if columns["settlement"] != "settled":
        return [first, {**one, "kind": "release", "credits": -160}]
    return [
        first,
        {**one, "kind": "settle", "credits": 0, "provisional": True},
        {**one, "kind": "settle", "credits": 0},
    ]
