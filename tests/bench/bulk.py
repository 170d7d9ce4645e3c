"""Fill a ledger with very many generations by SQL alone: a thousand are written, the rest are copies of them by the database."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from rivya_core import GenerationRequest
from rivya_core.api.texts import reuse_hash
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.history.search_words import stored_words
from rivya_core.lab.ledger.ledger import Ledger, NewGeneration
from rivya_core.lab.ledger.schema import experiments, generations
from tests.bench.filled import WORDS, ended

BASE: Final = 1000
APART_S: Final = 7
"""Seconds between two rows, so that a million take eighty days."""
RARE: Final = ("aurora", "élan", "বিড়াল", "猫が海辺を歩く")
"""One in a hundred of the written rows has one of these."""
LABELLED_EVERY: Final = 100
RATED_EVERY: Final = 200
SWEPT_EVERY: Final = 10
HIDDEN_SWEEPS: Final = 3
STARRED_EVERY: Final = 100
CFG_SCALES: Final = (0.5, 0.5, 0.5, 0.5, 0.3, 0.7)
RARE_CFG_SCALE: Final = 0.9
"""One in a thousand has it."""
COPIES_AT_ONCE: Final = 50
CONNECTION: Final = "http://127.0.0.1:9"

_SHIFTED: Final = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', {}, '+' || (n * {}) || ' seconds')",
    "postgresql": "{} + n * {} * interval '1 second'",
}
_WORDS: Final = {
    "sqlite": "search_words || ' copy' || n",
    "postgresql": "search_words || ('copy' || n || ':200')::tsvector",
}
_NUMBERS: Final = {
    "sqlite": "(WITH RECURSIVE counted(n) AS (SELECT {} UNION ALL SELECT n + 1 FROM counted WHERE n < {}) SELECT n FROM counted)",
    "postgresql": "(SELECT generate_series({}, {}) AS n) AS counted",
}


def fill(database: sa.Engine, rows: int) -> None:
    """Store ``rows`` generations that have ended, in the order of their numbers."""
    _write_base(database, min(rows, BASE))
    kind = database.dialect.name
    columns = [column.name for column in generations.c if column.name != "seq" and column.computed is None]
    values = ", ".join(_copied(kind, name) for name in columns)
    for first in range(1, rows // BASE, COPIES_AT_ONCE):
        numbers = _NUMBERS[kind].format(first, min(first + COPIES_AT_ONCE, rows // BASE) - 1)
        with begin_immediate(database) as connection:
            connection.exec_driver_sql(
                f"INSERT INTO lab_generations ({', '.join(columns)}) SELECT {values} FROM {numbers}, lab_generations "
                f"WHERE seq <= {BASE} ORDER BY n, seq"
            )
    _mark(database, rows)
    if kind == "postgresql":  # its own daemon does so after a while; SQLite has no statistics in a lab either
        with database.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def _copied(kind: str, name: str) -> str:
    if name in {"id", "intent_id", "idempotency_key", "task_id"}:
        return f"{name} || '-' || n"
    if name in {"created_at", "first_attempt_at", "submitted_at", "processing_at", "ready_at", "finished_at"}:
        return _SHIFTED[kind].format(name, BASE * APART_S)
    if name == "cap_day":
        moment = _SHIFTED[kind].format("created_at", BASE * APART_S)
        return f"substr(CAST({moment} AS TEXT), 1, 10)"
    if name == "experiment_id":
        return "experiment_id || n"
    return _WORDS[kind] if name == "search_words" else name


def _mark(database: sa.Engine, rows: int) -> None:
    """Add what people give to clips, and the sweeps that paid for some; the oldest of the sweeps are hidden."""
    sweep = {
        "kind": "sweep",
        "mode": "live",
        "connection": CONNECTION,
        "model": GenerationRequest(prompt="any").model,
        "spec": {},
        "cells": 1,
        "takes": 1,
        "quoted_credits": 0,
    }
    now = datetime.now(UTC)
    sweeps = [
        {
            "id": f"sweep-{n or ''}",
            "name": f"Sweep {n}",
            "hidden_at": now if n < HIDDEN_SWEEPS else None,
            "created_at": now,
        }
        for n in range(max(1, rows // BASE))
    ]
    with begin_immediate(database) as connection:
        connection.execute(sa.insert(experiments), [sweep | one for one in sweeps])
        connection.execute(
            sa.text(
                "INSERT INTO lab_labels (kind, of_id, label, created_at) SELECT 'generation', id, 'keep', created_at "
                f"FROM lab_generations WHERE seq % {LABELLED_EVERY} = 0"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO lab_ratings (generation_id, criterion, author, stars, rated_at) "
                "SELECT id, 'overall', 'me', 1 + (seq / 7) % 5, created_at "
                f"FROM lab_generations WHERE seq % {RATED_EVERY} = 0"
            )
        )


def _write_base(database: sa.Engine, rows: int) -> None:
    draw = random.Random(3)
    ledger = Ledger(database)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=90)
    kept: list[dict[str, Any]] = []
    for number in range(rows):
        params = {
            "duration": "10" if number % 4 == 0 else "5",
            "aspect_ratio": ("16:9", "9:16", "1:1")[number % 3],
            "cfg_scale": RARE_CFG_SCALE if number == BASE // 2 else CFG_SCALES[number % len(CFG_SCALES)],
        }
        new = NewGeneration(
            intent_id=f"bench-{number:08d}",
            take=1,
            request=GenerationRequest(prompt="to be replaced", params=params),
            expected_credits=160,
            mode="live",
            connection=CONNECTION,
        )
        at = start + timedelta(seconds=number * APART_S)
        columns = ledger._new_columns(new, at)
        words = [draw.choice(WORDS) for _ in range(30)]
        columns["prompt"] = " ".join([*words, RARE[number // 100 % len(RARE)]] if number % 100 == 0 else words)
        columns["request"] = {**columns["request"], "prompt": columns["prompt"]}
        columns["reuse_sha256"] = reuse_hash(columns["request"])
        columns["search_words"] = stored_words(columns["prompt"])
        marks = {
            "experiment_id": "sweep-" if number % SWEPT_EVERY == 0 else None,
            "starred": number % STARRED_EVERY == 1,
            "clip_duration_s": float(params["duration"]),
            "finished_at": at + timedelta(seconds=40 + number % 90),
        }
        kept.append(columns | ended(number, at, good=draw.random() < 0.9) | marks)
    with begin_immediate(database) as connection:
        connection.execute(sa.insert(generations), kept)
