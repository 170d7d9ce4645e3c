"""What was read is kept until any process writes to the database, and not a moment longer."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core import Settings, State
from rivya_core.lab.ledger import budget
from rivya_core.lab.ledger.database import open_database
from rivya_core.lab.ledger.history.history import KEPT_ROWS_MAX, History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.query_cache import RESULTS_MAX, remembered_of
from tests.lab.given import added


def count_of_statements(database: sa.Engine) -> list[str]:
    """Every statement from now on, as the driver gets it."""
    asked: list[str] = []
    sa.event.listen(database, "before_cursor_execute", lambda _c, _u, statement, *_rest: asked.append(statement))
    return asked


def test_nothing_is_asked_twice_while_nobody_writes(ledger: Ledger) -> None:
    """A screen that is drawn again finds all its figures in memory."""
    history = History(ledger.database)

    def look() -> list[object]:
        page = history.page()
        rest = [history.running(), history.failures(), history.sweep_troubles(), history.newest_clips(5)]
        more = [history.running_ids(), history.running_count(), history.marks([row.id for row in page.rows])]
        notes = [
            ledger.key_value.balance("here"),
            ledger.key_value.pause("here"),
            ledger.key_value.get_cap("simulated"),
            ledger.key_value.get("draft"),
        ]
        return [page, *rest, *more, *notes, history.choices(), history.sweep_names()]

    added(ledger)
    first = look()
    asked = count_of_statements(ledger.database)
    assert look() == first
    assert asked == []


def test_a_write_of_this_process_is_seen_at_once(ledger: Ledger) -> None:
    """Who writes and looks sees what was written."""
    history = History(ledger.database)
    assert history.running_ids() == []
    row = added(ledger)
    assert history.running_ids() == [row.id]
    ledger.rows.move(row.id, [State.WAITING], State.CANCELLED)
    assert history.running_ids() == []
    ledger.key_value.set("draft", {"prompt": "one"})
    assert ledger.key_value.get("draft") == {"prompt": "one"}
    ledger.key_value.set("draft", {"prompt": "two"})
    assert ledger.key_value.get("draft") == {"prompt": "two"}


def test_a_write_of_another_process_is_seen_at_once(ledger: Ledger) -> None:
    """Another program on the same folder changes what is shown here."""
    assert ledger.key_value.get_cap("live") is None
    other = Ledger(open_database(Path(str(ledger.database.url.database))))
    other.key_value.set_cap("live", 480, "for a test")
    assert ledger.key_value.get_cap("live") == 480
    other.database.dispose()


def test_what_is_handed_out_can_be_changed_by_who_asked(ledger: Ledger) -> None:
    """Lists and JSON values are copies; what the next one gets is what was read."""
    history = History(ledger.database)
    row = added(ledger)
    history.running_ids().clear()
    history.running().clear()
    history.marks([row.id]).clear()
    ledger.key_value.set("draft", {"prompt": ["a"]})
    ledger.key_value.get("draft")["prompt"].append("b")
    assert history.running_ids() == [row.id]
    assert [one.id for one in history.running()] == [row.id]
    assert list(history.marks([row.id])) == [row.id]
    assert ledger.key_value.get("draft") == {"prompt": ["a"]}


def test_the_budget_of_another_day_is_read_anew(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was spent "today" does not outlive the day, even when nobody writes."""
    day = ["2026-11-25"]
    monkeypatch.setattr("rivya_core.lab.ledger.budget.local_day", lambda _now: day[0])
    asked = count_of_statements(ledger.database)

    def look() -> list[str]:
        asked.clear()
        budget.look(ledger.rows.remembered, "simulated", "here", settings)
        return [one for one in asked if "cap_day" in one]

    settings = Settings()
    assert look() != []
    assert look() == []
    day[0] = "2026-11-26"
    assert look() != []


def test_what_was_read_before_a_write_is_not_kept_for_after_it(ledger: Ledger) -> None:
    """A write while somebody reads: the answer is handed out, and the next one who asks reads for himself."""
    memory = remembered_of(ledger.database)

    def read_while_another_asks() -> str:
        ledger.key_value.set("other", 1)
        assert memory.once("else", lambda: "newer") == "newer"
        return "old"

    assert memory.once("this", read_while_another_asks) == "old"
    assert memory.once("this", lambda: "new") == "new"
    assert memory.once("this", lambda: "newest") == "new"


def test_an_error_is_not_remembered(ledger: Ledger) -> None:
    """What could not be read is asked for again."""
    memory = remembered_of(ledger.database)

    def broken() -> str:
        raise ValueError("unreadable")

    with pytest.raises(ValueError, match="unreadable"):
        memory.once("this", broken)
    assert memory.once("this", lambda: "well") == "well"


def test_no_more_is_kept_than_a_few_screens_need(ledger: Ledger) -> None:
    """Many filters on a folder that nobody writes to do not fill the memory."""
    memory = remembered_of(ledger.database)
    for number in range(3 * RESULTS_MAX):
        memory.once(number, lambda: 0)
    assert len(memory._results) <= RESULTS_MAX


def test_a_script_that_walks_through_all_rows_leaves_nothing_behind(ledger: Ledger) -> None:
    """The pages of screens are kept, the long ones of scripts are not: together they would be the whole ledger."""
    history = History(ledger.database)
    added(ledger)
    memory = remembered_of(ledger.database)
    memory.once("now", lambda: 0)
    before = len(memory._results)
    for page in (1, 2, 3):
        assert history.page(page=page, size=KEPT_ROWS_MAX + 1).total == 1
    assert len(memory._results) == before
    history.page(size=KEPT_ROWS_MAX)
    assert len(memory._results) == before + 1


def test_an_open_database_has_one_memory_that_ends_with_it(tmp_path: Path) -> None:
    """All who read share it, and it does not keep a closed database alive."""
    database = open_database(tmp_path / "one.sqlite3")
    memory = remembered_of(database)
    assert remembered_of(database) is memory
    assert memory.reading("two", lambda connection: connection.execute(sa.text("SELECT 2")).scalar_one()) == 2
    database.dispose()
    gone = weakref.ref(memory)
    del memory, database
    gc.collect()
    assert gone() is None


def test_a_database_that_was_closed_and_opened_again_is_read_anew(ledger: Ledger) -> None:
    """The number that SQLite counts changes by belongs to one connection."""
    memory = remembered_of(ledger.database)
    before = memory.changes()
    ledger.database.dispose()
    assert memory.changes() > before
