"""Rows of a data folder in a shared database: what SQLite takes and PostgreSQL does not, and what a database has for itself."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core.lab.ledger import moved_rows
from rivya_core.lab.ledger.database import begin_immediate, migrate, open_database, reading
from rivya_core.lab.ledger.given_up import NOTE
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import features, generations
from tests.lab.given import NOON, added

pytestmark = pytest.mark.database("postgresql")


def test_every_json_value_of_a_folder_can_be_taken_apart_there(database: sa.Engine, tmp_path: Path) -> None:
    """A figure that is no number, and characters in a server's text that PostgreSQL cannot hold; the rest as it was."""
    path = tmp_path / "rivya.db"
    folder = open_database(path)
    migrate(folder, path)
    ledger, row = Ledger(folder), added(Ledger(folder))
    ledger.key_value.set(NOTE, ["of the folder"])
    kept = {"cap": 8000, "draft": {"text": r"\u0000 তুষারে 🦊", "of": [1.5, None, "NaN"]}, "label": "8000"}
    for name, value in kept.items():
        ledger.key_value.set(name, value)
    with begin_immediate(folder) as connection:
        connection.execute(sa.update(generations).values(error={"title": "odd\0 \ud800 text", "code": "odd"}))
        figures = {"of": math.nan, "more": [math.inf, 2]}
        of = {"generation_id": row.id, "version": 1, "took_s": 0.0, "measured_at": NOON}
        connection.execute(sa.insert(features).values(figures=figures, **of))
    there = Ledger(database).key_value
    there.set(NOTE, ["of the target"])
    with reading(folder) as source, begin_immediate(database) as target:
        moved_rows.refuse_filled(target, "there")
        moved_rows.clear(target)
        moved_rows.copy_all(source, target, lambda: None)
        moved_rows.refuse_difference(moved_rows.totals(source), moved_rows.totals(target))
    folder.dispose()
    with reading(database) as connection:
        error = connection.execute(sa.select(generations.c.error["title"].as_string())).scalar()
        measured = connection.execute(sa.select(features.c.figures)).scalar()
    assert error == "odd\ufffd ? text"
    assert measured == {"of": None, "more": [None, 2]}
    assert {name: there.get(name) for name in kept} == kept
    assert there.get(NOTE) == ["of the target"]
