"""The examples of a first start where several processes open a new database at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from rivya_core.lab.examples.first_clips import add_examples_once
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.media.archive import Archive

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_one_of_many_adds_the_examples(database: sa.Engine, archive: Archive) -> None:
    """Eight that come at once, each with a ledger of its own as a process has: the examples are there once, with their files."""
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda _: add_examples_once(Ledger(database), archive, NOW), range(8)))
    assert sorted(added)[:-1] == [0] * 7
    rows = History(database).page().rows
    assert len(rows) == max(added) > 0
    assert all(archive.exists(str(row.clip_key)) for row in rows)


def test_a_store_that_takes_no_files_puts_them_off(ledger: Ledger, tmp_path: Path) -> None:
    """Opening goes on without them, and a later start adds them."""
    broken = Archive(tmp_path / "broken")
    (tmp_path / "broken" / "clips").write_text("in the way")
    assert add_examples_once(ledger, broken, NOW) == 0
    assert add_examples_once(ledger, Archive(tmp_path / "whole"), NOW) > 0
