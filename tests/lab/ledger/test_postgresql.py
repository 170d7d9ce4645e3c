"""The shared database: one writer at a time, one snapshot for reads, its errors in our words, its password nowhere."""

from __future__ import annotations

import logging
import math
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr

from rivya_core import GenerationRequest, Settings
from rivya_core.api.errors import StorageError
from rivya_core.lab.experiments.repository import failures
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger import migrations
from rivya_core.lab.ledger.database import (
    begin_immediate,
    open_shared,
    reading,
    reading_at_once,
    refuse_other_revision,
    trouble_of,
)
from rivya_core.lab.ledger.database.postgresql import ISOLATION, begin_writing
from rivya_core.lab.ledger.database.sentences import UNFIT, of_postgresql
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.schema import metadata, notes
from rivya_core.services import close_all, open_lab
from tests import postgresql
from tests.conftest import FAST
from tests.cut_commits import CutCommits
from tests.lab.given import NOON, added, new

REQUEST = GenerationRequest(prompt="A red fox in the snow")

OTHERS_ENDED = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def database(postgresql_url: str) -> Iterator[sa.Engine]:
    """An empty, migrated PostgreSQL database."""
    engine = open_shared(SecretStr(postgresql_url))
    yield engine
    engine.dispose()


def shown(connection: sa.Connection, name: str) -> str:
    """A setting of the session."""
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())


def test_every_session_is_ours(database: sa.Engine) -> None:
    """READ COMMITTED, whatever the server's default is; the timeouts, and times in UTC."""
    with begin_immediate(database) as connection:
        found = [
            shown(connection, name)
            for name in (
                "transaction_isolation",
                "idle_in_transaction_session_timeout",
                "lock_timeout",
                "statement_timeout",
                "timezone",
            )
        ]
    assert found == ["read committed", "10s", "30s", "1min", "UTC"]
    assert ISOLATION == "READ COMMITTED"


def test_the_isolation_is_set_by_us(postgresql_server: postgresql.Server, postgresql_url: str) -> None:
    """A database whose default is another one is used as it must be: under REPEATABLE READ a cap would not hold."""
    name = sa.make_url(postgresql_url).database
    engine = sa.create_engine(postgresql_server.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    engine.dispose()
    database = open_shared(SecretStr(postgresql_url))
    with begin_immediate(database) as connection:
        assert shown(connection, "transaction_isolation") == "read committed"
    database.dispose()


@pytest.mark.parametrize("isolation", ["AUTOCOMMIT", "REPEATABLE READ", "SERIALIZABLE"])
def test_a_lock_that_would_not_hold_is_refused(database: sa.Engine, isolation: str) -> None:
    """Outside a transaction the lock is gone at once, and a snapshot would be older than it: nothing is written then."""
    with database.connect() as connection:
        connection.execution_options(isolation_level=isolation)
        with pytest.raises(AssertionError, match="write lock"):
            begin_writing(connection)


def test_a_write_sees_what_was_committed_while_it_waited(database: sa.Engine) -> None:
    """A second writer gets nowhere between the first one's read and its write, and then reads what the first one wrote."""
    found: list[int] = []
    inside = threading.Event()
    other = open_shared(SecretStr(database.url.render_as_string(hide_password=False)))

    def second() -> None:
        inside.wait()
        with begin_immediate(other) as connection:
            found.append(connection.exec_driver_sql("SELECT count(*) FROM lab_settings").scalar_one())

    thread = threading.Thread(target=second)
    thread.start()
    with begin_immediate(database) as connection:
        inside.set()
        thread.join(0.2)
        connection.exec_driver_sql("INSERT INTO lab_settings VALUES ('a', '1', now())")
    thread.join()
    other.dispose()
    assert found == [1]


def test_reads_in_one_snapshot_see_one_moment(database: sa.Engine, postgresql_url: str) -> None:
    """What is committed between two reads is seen by neither; afterwards the connection reads and writes as any other."""
    count = "SELECT count(*) FROM lab_settings"
    with reading_at_once(database) as connection:
        before = connection.exec_driver_sql(count).scalar_one()
        with begin_immediate(database) as writer:
            writer.exec_driver_sql("INSERT INTO lab_settings VALUES ('a', '1', now())")
        assert connection.exec_driver_sql(count).scalar_one() == before == 0
        with pytest.raises(sa.exc.InternalError):
            connection.exec_driver_sql("DELETE FROM lab_settings")
    with begin_immediate(database) as connection:
        assert connection.exec_driver_sql(count).scalar_one() == 1


def test_the_tables_are_those_of_the_code(database: sa.Engine) -> None:
    """The revisions lead to what the code describes, beside the engine's tables; the words of prompts are indexed."""
    with reading(database) as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=migrations.OPTIONS), metadata) == []
        indexes = {str(one["name"]) for one in sa.inspect(connection).get_indexes("lab_generations")}
    assert "ix_lab_generations_search_words" in indexes
    refuse_other_revision(database, "here")


def test_a_change_of_any_process_is_seen(database: sa.Engine) -> None:
    """The number grows with a commit of anybody, also after the connection that asks was ended; and not by reading."""
    ledger = Ledger(database)
    other = open_shared(SecretStr(database.url.render_as_string(hide_password=False)))
    seen = ledger.changes()
    added(Ledger(other))
    assert ledger.changes() > seen
    with other.connect() as connection:
        connection.exec_driver_sql(OTHERS_ENDED)
    seen = ledger.changes()
    added(Ledger(other))
    assert ledger.changes() > seen
    other.dispose()


def test_who_is_not_there_is_told_without_the_password(tmp_path: str, caplog: pytest.LogCaptureFixture) -> None:
    """A server that does not answer is a sentence that says that it passes; the password is in no part of it."""
    url = SecretStr(f"postgresql+psycopg://rivya:s3cr3t-word@/none?host={tmp_path}")
    with caplog.at_level(logging.DEBUG), pytest.raises(StorageError) as caught:
        open_shared(url)
    error: BaseException | None = caught.value
    assert caught.value.title == "The database cannot be reached"
    assert caught.value.retryable
    while error is not None:
        assert "s3cr3t-word" not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__
    assert "s3cr3t-word" not in caplog.text


def test_a_database_that_is_not_there_is_refused(postgresql_server: postgresql.Server) -> None:
    """A wrong name in the address is no trouble that passes."""
    with pytest.raises(StorageError, match="refuses this user") as caught:
        open_shared(SecretStr(postgresql_server.url("nowhere")))
    assert not caught.value.retryable


@pytest.mark.parametrize("option", ["sslmode=nonsense", "nonsense=1"])
def test_an_option_that_nobody_knows_is_told_so(postgresql_url: str, option: str) -> None:
    """It is no trouble that passes, and no fault of the code."""
    with pytest.raises(StorageError, match="address cannot be used") as caught:
        open_shared(SecretStr(f"{postgresql_url}&{option}"))
    assert not caught.value.retryable


def test_ssl_that_the_server_has_not_is_told_so() -> None:
    """Tests speak through a socket file, where SSL is not asked for; these are the words of the client library."""
    text = "connection failed: server does not support SSL, but SSL was required"
    assert of_postgresql(None, text, lost=True) == UNFIT


def test_a_bug_stays_a_bug(database: sa.Engine) -> None:
    """A wrong statement is not dressed up as trouble of the server, and leaves no trouble behind."""
    with pytest.raises(sa.exc.ProgrammingError), reading(database) as connection:
        connection.exec_driver_sql("SELECT nonsense FROM nowhere")
    assert trouble_of(database).current() is None


@pytest.fixture
def cut(postgresql_server: postgresql.Server) -> Iterator[tuple[CutCommits, str]]:
    """A way to the server that can lose the answer to a COMMIT, and the folder of its socket."""
    with TemporaryDirectory(prefix="rivya-cut-") as folder:  # short: a socket's path has at most 107 bytes
        way = CutCommits(Path(folder), postgresql_server.folder)
        yield way, folder
        way.close()


@pytest.fixture
def cut_lab(cut: tuple[CutCommits, str], postgresql_url: str, data_dir: Path) -> Iterator[tuple[Lab, CutCommits]]:
    """A dashboard that reaches the database on that way; its API does not answer."""
    way, folder = cut
    url = sa.make_url(postgresql_url).set(query={"host": folder}).render_as_string(hide_password=False)
    api = {"base_url": "http://127.0.0.1:9", "api_key": "rvya_sk_of_a_test", "simulated": True}
    yield open_lab(Settings(**FAST, **api, database_url=url, data_dir=data_dir)), way
    close_all()


def test_a_submit_whose_commit_was_not_answered_is_stored_once(cut_lab: tuple[Lab, CutCommits]) -> None:
    """The rows were stored: saying that they were not would invite a second, paid submit. Asked again by their ids they are there."""
    lab, way = cut_lab
    way.cut_when("INSERT INTO lab_generations")
    rows = lab.submit_many([REQUEST] * 2)
    assert way.left == 0
    assert [row.id for row in rows] == [row.id for row in lab.ledger.open_rows(lab.connection)]


def test_who_cannot_know_whether_it_was_stored_is_told_so(cut_lab: tuple[Lab, CutCommits]) -> None:
    """Nothing claims that nothing was stored; what can be repeated without harm may be."""
    lab, way = cut_lab
    way.cut_when("INSERT INTO lab_generations")
    with pytest.raises(StorageError, match="cut off while it stored") as caught:
        added(lab.ledger)
    assert (caught.value.charged, caught.value.retryable) == ("unknown", True)
    assert "othing was stored" not in str(caught.value)
    assert len(lab.ledger.open_rows(lab.connection)) == 1


def test_labels_may_stand_beside_a_sum(database: sa.Engine) -> None:
    """PostgreSQL refuses a column that the grouping does not settle; SQLite takes any of its values."""
    with reading(database) as connection:
        assert failures(connection, "nobody") == {}


NASTY = "a\0b \ud800 \\u0000 \\\0"


def test_any_text_is_stored_and_looked_for(database: sa.Engine) -> None:
    """What PostgreSQL cannot hold is written as the sign for it, in columns and in JSON that it takes apart; nothing raises."""
    ledger = Ledger(database)
    row = added(ledger)
    ledger.rows.update(row.id, request_id=NASTY, task_status="s" * 100)
    ledger.key_value.set("draft", {"text": NASTY})
    assert ledger.get(row.id).request_id == "a\ufffdb ? \\u0000 \\\ufffd"
    assert ledger.key_value.get("draft") == {"text": "a\ufffdb ? \\u0000 \\\ufffd"}
    with reading(database) as connection:
        taken = sa.select(notes.c.value["text"].as_string()).where(notes.c.name == "draft")
        assert connection.execute(taken).scalar() == "a\ufffdb ? \\u0000 \\\ufffd"
    assert History(database).page(HistoryFilter(text="\0")).total == 1
    assert History(database).page(HistoryFilter(text="x\0y")).total == 0


def test_a_number_that_json_does_not_know_is_stored_as_none(database: sa.Engine) -> None:
    """A server's answer may hold one, and a filter may measure one: PostgreSQL would refuse the whole row."""
    key_value = Ledger(database).key_value
    key_value.set("draft", {"of": math.nan, "more": [math.inf, (-math.inf, 1.5)], "text": "NaN"})
    assert key_value.get("draft") == {"of": None, "more": [None, [None, 1.5]], "text": "NaN"}


def test_texts_are_in_the_same_order_in_every_language(postgresql_server: postgresql.Server) -> None:
    """A server that is set to a language sorts and compares our texts as SQLite does."""
    name = f"language_{uuid.uuid4().hex[:12]}"
    postgresql.create(
        postgresql_server, name, "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
    )
    url = postgresql_server.url(name)
    try:
        postgresql.migrate_all(url)
        database = open_shared(SecretStr(url))
        with begin_immediate(database) as connection:
            values = [{"name": one, "value": 1, "updated_at": NOON} for one in ("a_b", "a", "B", "é", "Z", "ab")]
            connection.execute(sa.insert(notes), values)
            assert connection.exec_driver_sql("SELECT 'a' < 'B'").scalar_one()
            names = connection.execute(sa.select(notes.c.name).order_by(notes.c.name)).scalars().all()
            assert compare_metadata(MigrationContext.configure(connection, opts=migrations.OPTIONS), metadata) == []
        database.dispose()
    finally:
        postgresql.drop(postgresql_server, url)
    assert names == ["B", "Z", "a", "a_b", "ab", "é"]


def test_a_row_that_was_given_its_number_stops_no_later_one(database: sa.Engine) -> None:
    """Examples have numbers of their own, which later rows pass over."""
    ledger = Ledger(database)
    example = ledger.add_example(new(), at=NOON, took_s=1.0, seq=2)
    assert [added(ledger).seq for _ in range(2)] == [example.seq + 1, example.seq + 2]
