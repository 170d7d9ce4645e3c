"""History and the search over many rows, a submit and a batch: SQLite and PostgreSQL side by side, on the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import sqlalchemy as sa
from pydantic import SecretStr

from rivya_core import HistoryFilter, State
from rivya_core.lab.jobs.engine import JobQueue, prepare
from rivya_core.lab.ledger.database import migrate, open_database, open_shared
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger, NewGeneration, new_intent_id
from rivya_core.settings import Settings
from tests import postgresql
from tests.bench.bulk import CONNECTION, fill
from tests.bench.figures import Figure, percentile
from tests.bench.labs import request
from tests.bench.scripted import KEY

ROWS: Final = 20_000
ROUNDS: Final = 20
BATCH: Final = 1000
SUBMITS: Final = 100
AT_MOST_MS: Final = {"SQLite": 25.0, "PostgreSQL": 40.0}

_A_MONTH: Final = timedelta(days=30)
QUERIES: Final[dict[str, Callable[[History], object]]] = {
    "newest page": lambda history: history.page(),
    "fifth page": lambda history: history.page(page=5),
    "failed ones": lambda history: history.page(HistoryFilter(states=frozenset({State.FAILED}))),
    "of a month": lambda history: history.page(HistoryFilter(since=datetime.now(UTC) - _A_MONTH)),
    "search, a frequent word": lambda history: history.page(HistoryFilter(text="paper")),
    "search, three words": lambda history: history.page(HistoryFilter(text="paper boat neon")),
    "search, a rare word": lambda history: history.page(HistoryFilter(text="elan")),
    "search, Bengali": lambda history: history.page(HistoryFilter(text="বিড়াল")),
    "search, Japanese": lambda history: history.page(HistoryFilter(text="海辺")),
    "search, no such word": lambda history: history.page(HistoryFilter(text="zebra")),
    "running ones": lambda history: (history.running(), history.failures(), history.latest()),
}


def figures(rows: int = ROWS) -> Iterator[Figure]:
    """Fill both, then ask both the same; each question is asked anew, never answered from the cache."""
    with opened() as databases:
        for database in databases.values():
            fill(database, rows)
        for what, ask in QUERIES.items():
            took = {name: _times_ms(database, ask) for name, database in databases.items()}
            for name, times in took.items():
                words = f"p50 {percentile(times, 0.5):.1f} ms"
                yield _at_most(f"{what}, {rows:,} rows, {name}, p95", percentile(times, 0.95), AT_MOST_MS[name], words)
        for name, database in databases.items():
            times = [_submit_ms(database) for _ in range(SUBMITS)]
            words = f"p50 {percentile(times, 0.5):.1f} ms"
            yield _at_most(f"submit to committed, {rows:,} rows, {name}, p95", percentile(times, 0.95), 50.0, words)
            yield Figure("history", f"{BATCH:,} enqueued in one transaction, {name}", _batch_ms(database), "ms")


def _at_most(what: str, value: float, target: float, words: str) -> Figure:
    return Figure("history", what, value, "ms", "at most", target, words)


@contextmanager
def opened() -> Iterator[dict[str, sa.Engine]]:
    """Both kinds of database, empty and migrated, on the disk and durable; without PostgreSQL only the one."""
    with ExitStack() as stack:
        path = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))) / "lab.sqlite3"
        embedded = open_database(path)
        stack.callback(embedded.dispose)
        migrate(embedded, path)
        prepare(embedded.url)
        databases = {"SQLite": embedded}
        if postgresql.programs() is not None:
            server = stack.enter_context(postgresql.own_server(fsync="on"))
            databases["PostgreSQL"] = open_shared(SecretStr(server.url(postgresql.TEMPLATE)))
            stack.callback(databases["PostgreSQL"].dispose)
        yield databases


def _times_ms(database: sa.Engine, ask: Callable[[History], object]) -> list[float]:
    history = History(database)
    times = []
    for _ in range(ROUNDS + 1):
        history._remembered._results.clear()
        began = time.perf_counter()
        ask(history)
        times.append((time.perf_counter() - began) * 1000)
    return times[1:]  # the first one reads what the others find in memory


def _new(number: int) -> NewGeneration:
    return NewGeneration(
        intent_id=new_intent_id(),
        take=1,
        request=request(number),
        expected_credits=160,
        mode="live",
        connection=CONNECTION,
    )


def _submit_ms(database: sa.Engine) -> float:
    """What a submit writes, in its order: the budget is read, the row stored and enqueued, all of it committed."""
    from rivya_core.lab.ledger import budget  # noqa: PLC0415 - beside what it measures

    ledger, queue = Ledger(database), JobQueue(database)
    settings = Settings(api_key=KEY, base_url=CONNECTION, data_dir=Path("unused"))
    began = time.perf_counter()
    with ledger.writing() as connection:
        budget.read(connection, "live", CONNECTION, settings)
        row = ledger.add(connection, _new(0))
        queue.enqueue(connection, row.id, 1)
    took_ms = (time.perf_counter() - began) * 1000
    queue.close()
    return took_ms


def _batch_ms(database: sa.Engine) -> float:
    """Store and enqueue a whole batch."""
    ledger, queue = Ledger(database), JobQueue(database)
    news = [_new(number) for number in range(BATCH)]
    began = time.perf_counter()
    with ledger.writing() as connection:
        ledger.add_many(connection, news)
        queue.enqueue_many(connection, [(new.id, 1) for new in news])
    took_ms = (time.perf_counter() - began) * 1000
    queue.close()
    return took_ms
