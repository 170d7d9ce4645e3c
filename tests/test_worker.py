"""The worker without a dashboard: what it refuses, in one sentence and with exit code 2, and what it writes of its work."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rivya_core import worker
from rivya_core.log_lines import LineFormatter
from tests import postgresql
from tests.flow.outside import ROOT
from tests.until import HANGS_S

SHARED = {
    "RIVYA_DATABASE_URL": "postgresql+psycopg://ann:secret-word@127.0.0.1:9/rivya",
    "RIVYA_API_KEY": "rvya_sk_simulator_0123456789abcdef0123456789abcdef",
    "RIVYA_BASE_URL": "http://127.0.0.1:9",
    "RIVYA_SIMULATED": "1",
}
"""Settings of a shared database; nothing listens at port 9."""


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    """A worker is a whole process: what it sets for all of it is set back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    loggers = [logging.getLogger(name) for name in ("rivya", "rivya_core")]
    levels = [logger.level for logger in loggers]
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (dict.fromkeys(SHARED, ""), "A data folder needs no worker. The dashboard runs the jobs"),
        ({"RIVYA_READ_ONLY": "1"}, "A read-only worker would do nothing"),
        ({"RIVYA_DATABASE_URL": "mysql://ann:secret-word@db/rivya"}, "database_url: must be an address such as"),
        (
            {"RIVYA_API_KEY": "", "RIVYA_BASE_URL": "", "RIVYA_SIMULATED": ""},
            "cannot be used with the built-in simulator",
        ),
    ],
    ids=["data folder", "read-only", "unusable setting", "embedded simulator"],
)
def test_a_worker_that_cannot_start_says_why(
    changes: dict[str, str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    data_dir: Path,
) -> None:
    """One line of words, no traceback, no password, exit code 2; nothing was made."""
    for name, value in (SHARED | changes).items():
        monkeypatch.setenv(name, value)
    assert worker.main([]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert "secret-word" not in said
    assert not data_dir.exists() or not list(data_dir.iterdir())


def test_a_database_without_tables_is_refused(
    postgresql_server: postgresql.Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker never makes them: the sentence names the command that does."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    postgresql.create(postgresql_server, name)
    try:
        for variable, value in (SHARED | {"RIVYA_DATABASE_URL": postgresql_server.url(name)}).items():
            monkeypatch.setenv(variable, value)
        assert worker.main([]) == 2
        said = capsys.readouterr().err
        assert "python -m rivya_core.admin migrate" in said
        assert said.count("\n") == 1
    finally:
        postgresql.drop(postgresql_server, postgresql_server.url(name))


def test_an_event_is_one_line_with_its_ids() -> None:
    """What an event was told of itself stands behind it; what is not known is left out."""
    extra = {"generation_id": "gen-1", "task_id": None, "run": 2}
    record = logging.getLogger("rivya.jobs").makeRecord(
        "rivya.jobs", logging.INFO, __file__, 1, "task %s", ("accepted",), None, extra=extra
    )
    record.created = 0.0
    assert (
        LineFormatter().format(record) == "1970-01-01T00:00:00Z INFO rivya.jobs task accepted generation_id=gen-1 run=2"
    )


def test_a_worker_that_has_closed_is_gone_at_once() -> None:
    """A thread that still waits for a server does not keep the process; what was said is out, and the exit code is its own."""
    waits = "threading.Thread(target=threading.Event().wait).start()"
    program = f"import threading; from rivya_core import worker; {waits}; print('said', end=''); worker.leave(1)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=HANGS_S, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stdout) == (1, "said")
