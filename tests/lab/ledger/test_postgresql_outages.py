"""A server that is stopped as hard as by a loss of power, a process that freezes while it writes: told in words, and gone by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from rivya_core.api.errors import StorageError
from rivya_core.lab.ledger.database import begin_immediate, open_shared, trouble_of
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import notes
from tests import postgresql
from tests.lab.given import added
from tests.until import until

pytestmark = pytest.mark.process


@pytest.fixture
def server() -> Iterator[postgresql.Server]:
    """A server of this test's own, which keeps what was committed."""
    with postgresql.own_server(fsync="on") as own:
        yield own


def test_a_server_that_was_stopped_comes_back_by_itself(server: postgresql.Server) -> None:
    """While it is away reads, writes and the question for changes say so; afterwards all three go on, and nothing is lost."""
    database = open_shared(SecretStr(server.url(postgresql.TEMPLATE)))
    ledger = Ledger(database)
    row = added(ledger)
    changes = ledger.changes()
    server.stop()
    for act in (ledger.rows.ping, ledger.changes, lambda: added(ledger)):
        with pytest.raises(StorageError, match="cannot be reached") as caught:
            act()
        assert caught.value.retryable
    trouble = trouble_of(database).current()
    assert trouble is not None
    assert trouble.title == "The database cannot be reached"
    server.start()
    assert ledger.get(row.id).state == "waiting"
    assert ledger.changes() > changes
    added(ledger)
    assert trouble_of(database).current() is None
    database.dispose()


FREEZE = """
import sys
from pydantic import SecretStr
from rivya_core.lab.ledger.database import begin_immediate, open_shared
engine = open_shared(SecretStr(sys.argv[1]), session={"idle_in_transaction_session_timeout": "200ms"})
with begin_immediate(engine) as connection:
    connection.exec_driver_sql("INSERT INTO lab_settings VALUES ('frozen', '1', now())")
    print("here", flush=True)
    sys.stdin.readline()
"""


def test_a_writer_that_froze_holds_nobody_up(postgresql_url: str) -> None:
    """Stopped while it holds the lock of all writers, a process is ended by the server; what it had written is not there."""
    frozen = subprocess.Popen(
        [sys.executable, "-c", FREEZE, postgresql_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    database = open_shared(SecretStr(postgresql_url))
    try:
        assert frozen.stdout is not None
        assert frozen.stdout.readline() == "here\n"
        frozen.send_signal(signal.SIGSTOP)
        with begin_immediate(database) as connection:
            assert connection.execute(notes.select()).all() == []
        frozen.send_signal(signal.SIGCONT)
        said = frozen.communicate("go\n")[1]
        assert "StorageError" in said
        assert "INSERT" not in said.splitlines()[-1]
    finally:
        with suppress(ProcessLookupError):
            os.kill(frozen.pid, signal.SIGKILL)
        database.dispose()


def test_a_server_that_is_full_of_connections_says_so(server: postgresql.Server) -> None:
    """A process too many is told what to do, and gets its turn when another one ends."""
    engines: list[sa.Engine] = []

    def open_all() -> None:
        while len(engines) < postgresql.CONNECTIONS_MAX:
            engines.append(open_shared(SecretStr(server.url("postgres"))))

    with pytest.raises(StorageError, match="no connection left") as caught:
        open_all()
    assert caught.value.retryable
    for engine in engines:
        engine.dispose()
    until(lambda: _opens(server))


def _opens(server: postgresql.Server) -> bool:
    with suppress(StorageError):
        open_shared(SecretStr(server.url("postgres"))).dispose()
        return True
    return False
