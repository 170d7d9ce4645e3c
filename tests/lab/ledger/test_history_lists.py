"""Every list of History holds the rows that a plain look at all rows finds, in the same order, whichever index it is walked by."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.history import listing, sqlite_walks
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.history.history_query import SORTS
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.schema import cell_takes, cells, experiments, generations, labels, ratings
from rivya_core.lab.ledger.states import State
from tests.lab.given import NOON, new

pytestmark = pytest.mark.database

ROWS = 240
ASKED = 150
WORDS = ("fox", "foxes", "snow", "neon", "rain", "猫が海辺を歩く")
SEARCHED = ("fox", "fo", "neon rain", "snow", "海辺", "zebra", "f-1")
SWEEPS = ("s-one", "s-two", "s-hidden")

Row = dict[str, Any]


def stored(ledger: Ledger, draw: random.Random) -> list[Row]:
    """Rows of every kind, and what people added to them."""
    rows = [_row(ledger, draw, number) for number in range(ROWS)]
    sweep = {"kind": "sweep", "mode": "live", "connection": "here", "model": "m", "spec": {}, "cells": 1, "takes": 1}
    with begin_immediate(ledger.database) as connection:
        connection.execute(sa.insert(generations), rows)
        connection.execute(
            sa.insert(experiments),
            [
                {"id": one, "name": one, "hidden_at": NOON if "hidden" in one else None, "created_at": NOON}
                | sweep
                | {"quoted_credits": 0}
                for one in SWEEPS
            ],
        )
        request = {"request": {}, "request_sha256": "", "expected_credits": 0, "labels": {}}
        connection.execute(sa.insert(cells), [{"experiment_id": "s-one", "cell": 0} | request])
        reused = [row for row in rows if draw.random() < 0.05]
        connection.execute(
            sa.insert(cell_takes),
            [
                {"experiment_id": "s-one", "cell": 0, "take": take, "generation_id": row["id"]}
                for take, row in enumerate(reused, 1)
            ],
        )
        found = {row["id"]: {one for one in ("keep", "no") if draw.random() < 0.2} for row in rows}
        given = [
            {"kind": "generation", "of_id": id_, "label": one, "created_at": NOON}
            for id_, ones in found.items()
            for one in ones
        ]
        connection.execute(sa.insert(labels), given)
        stars = {row["id"]: [draw.randint(1, 5) for _ in range(draw.choice((0, 0, 1, 2)))] for row in rows}
        rated = [
            {"generation_id": id_, "criterion": "overall", "author": str(n), "stars": one, "rated_at": NOON}
            for id_, ones in stars.items()
            for n, one in enumerate(ones)
        ]
        connection.execute(sa.insert(ratings), [*rated, rated[0] | {"criterion": "look", "author": "x"}])
    shown = {row["id"] for row in reused}
    more = [
        {"labels": found[row["id"]], "stars": stars[row["id"]], "shown": row["id"] in shown, "seq": seq}
        for seq, row in enumerate(rows, 1)
    ]
    return [row | one for row, one in zip(rows, more, strict=True)]


def _row(ledger: Ledger, draw: random.Random, number: int) -> Row:
    params = {"duration": draw.choice(("5", "10")), "cfg_scale": draw.choice((0.5, 0.5, 1, 0.25))}
    request = new(" ".join(draw.choices(WORDS, k=3)), params=params, mode=draw.choice(("live", "simulated", "live")))
    at = NOON + timedelta(minutes=draw.randint(0, 3 * ROWS))
    ended = at + timedelta(seconds=draw.randint(1, 9)) if draw.random() < 0.8 else None
    return ledger._new_columns(request, at) | {
        "id": f"f-{number}",
        "idempotency_key": f"f-{number}",
        "task_id": f"task_{number:06}",
        "state": draw.choice([state.value for state in State]),
        "model": draw.choice(("kling", "kling", "sora")),
        "starred": draw.random() < 0.2,
        "deleted_at": NOON if draw.random() < 0.1 else None,
        "experiment_id": draw.choice((None, None, *SWEEPS)),
        "held_credits": draw.choice((0, 160, 320)),
        "clip_duration_s": draw.choice((None, 5.0, 10.0)),
        "finished_at": ended,
    }


PARTS: dict[str, Callable[[random.Random], Any]] = {
    "states": lambda draw: frozenset(draw.sample(list(State), draw.choice((1, 1, 2, 4)))),
    "mode": lambda draw: draw.choice(("live", "simulated")),
    "since": lambda draw: NOON.astimezone(UTC) + timedelta(minutes=draw.randint(0, ROWS)),
    "until": lambda draw: NOON.astimezone(UTC) + timedelta(minutes=draw.randint(ROWS, 3 * ROWS)),
    "starred": lambda _draw: True,
    "models": lambda draw: frozenset(draw.sample(("kling", "sora", "none"), draw.choice((1, 2)))),
    "params": lambda draw: frozenset(
        draw.sample(
            (("duration", "5"), ("cfg_scale", "1.0"), ("cfg_scale", "0.5"), ("prompt", "x")), draw.choice((1, 1, 2))
        )
    ),
    "sweep": lambda draw: draw.choice((*SWEEPS, "none")),
    "labels": lambda draw: frozenset(draw.sample(("keep", "no", "none"), draw.choice((1, 2)))),
    "hidden_sweeps": lambda _draw: False,
    "text": lambda draw: draw.choice(SEARCHED),
}


def matches(row: Row, wanted: HistoryFilter) -> bool:
    """Whether a row is one of those that a filter means, written down as plainly as it can be."""
    params = {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in row["request"]["params"].items()
    }
    asked = {
        name: {value.removesuffix(".0") for one, value in wanted.params if one == name} for name, _ in wanted.params
    }
    return (
        row["deleted_at"] is None
        and (not wanted.states or row["state"] in wanted.states)
        and wanted.mode in {None, row["mode"]}
        and (wanted.since is None or row["created_at"] >= wanted.since)
        and (wanted.until is None or row["created_at"] < wanted.until)
        and (not wanted.starred or row["starred"])
        and (not wanted.models or row["model"] in wanted.models)
        and all(name != "prompt" and params.get(name) in values for name, values in asked.items())
        and (wanted.sweep is None or row["experiment_id"] == wanted.sweep or (wanted.sweep == "s-one" and row["shown"]))
        and (not wanted.labels or bool(wanted.labels & row["labels"]))
        and (wanted.hidden_sweeps or row["experiment_id"] != "s-hidden")
        and (
            not wanted.text
            or wanted.text == row["id"]
            or all(_occurs(word, row["prompt"]) for word in wanted.text.split())
        )
    )


def _occurs(word: str, prompt: str) -> bool:
    if word == "f-1":  # two words that follow each other
        return False
    return any(one.startswith(word) if word.isascii() else word in one for one in prompt.split())


ORDERS: dict[str, Callable[[Row], float | None]] = {
    "newest": lambda row: row["seq"],
    "oldest": lambda row: -row["seq"],
    "credits": lambda row: row["held_credits"],
    "took": lambda row: row["finished_at"] and (row["finished_at"] - row["created_at"]).total_seconds(),
    "length": lambda row: row["clip_duration_s"],
    "rating": lambda row: sum(row["stars"]) / len(row["stars"]) if row["stars"] else None,
}


def ordered(rows: list[Row], sort: str) -> list[int]:
    """The numbers of rows in an order: those without the figure last, equal ones newest first."""
    figures = {row["seq"]: ORDERS[sort](row) for row in rows}
    return sorted(figures, key=lambda seq: ((figures[seq] is not None), figures[seq] or 0.0, seq), reverse=True)


@pytest.mark.parametrize("counted", [10_000, 20], ids=["all are counted", "more than are counted"])
def test_a_list_holds_what_a_plain_look_at_all_rows_finds(
    ledger: Ledger, history: History, monkeypatch: pytest.MonkeyPatch, counted: int
) -> None:
    """Any filters together, any order, any page; many rows or few, so that each way to walk is walked."""
    monkeypatch.setattr(listing, "COUNT_MAX", counted)
    monkeypatch.setattr(sqlite_walks, "LOOKED_AT", 10)
    draw = random.Random(counted)
    rows = stored(ledger, draw)
    for number in range(ASKED):
        names = draw.sample(list(PARTS), draw.choice((0, 1, 1, 2, 2, 3)))
        wanted = HistoryFilter(**{name: PARTS[name](draw) for name in names})
        monkeypatch.setattr(sqlite_walks, "ROW_COST", draw.choice((1, 20)))
        sort, size = draw.choice(SORTS), draw.choice((3, 7))
        expected = ordered([row for row in rows if matches(row, wanted)], sort)
        last = max(1, -(-len(expected) // size))
        page = draw.randint(1, last)
        found = history.page(wanted, page, size, sort)
        assert [row.seq for row in found.rows] == expected[(page - 1) * size :][:size], (number, wanted, sort, page)
        assert (found.total, found.total_is_exact) == (min(len(expected), counted), len(expected) <= counted)
        if sort == "newest":
            assert [row.seq for row in history.export_rows(wanted)] == expected
