"""The command that makes and changes the tables of a shared database, and what everybody else says about those tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from rivya_core import admin, local_time
from rivya_core.api.errors import ConfigurationError, StorageError
from rivya_core.lab.ledger.database import begin_immediate, open_shared
from rivya_core.lab.ledger.migrations import VERSION_TABLE
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.workers import Workers, refuse_while_at_work
from rivya_core.services import close_all, open_lab
from rivya_core.settings import Settings
from rivya_core.simulator import SimulatorServer
from tests import postgresql


@pytest.fixture
def empty_url(postgresql_server: postgresql.Server) -> Iterator[str]:
    """A database without tables."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    postgresql.create(postgresql_server, name)
    yield postgresql_server.url(name)
    close_all()
    postgresql.drop(postgresql_server, postgresql_server.url(name))


def settings(url: str, server: SimulatorServer | None = None, **changes: str) -> Settings:
    """Of a process that works on a shared database."""
    base_url = "http://127.0.0.1:9" if server is None else server.base_url
    key = "rvk_live_0123456789abcdef0123456789abcdef" if server is None else server.api_key
    return Settings(
        database_url=url, base_url=base_url, api_key=key, simulated=True, first_start_examples=False, **changes
    )


def set_revision(url: str, revision: str) -> None:
    """Let the database say that it holds another revision."""
    engine = open_shared(SecretStr(url))
    with begin_immediate(engine) as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = :new"), {"new": revision})
    engine.dispose()


def test_an_empty_database_is_made_and_opened(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it everybody says how; it asks nothing, a second time it finds nothing to do, and the days are one zone's."""
    with SimulatorServer(tmp_path / "world.sqlite3") as server:
        zoned = settings(empty_url, server, time_zone="Asia/Dhaka")
        with pytest.raises(StorageError, match=r"empty.*rivya_core\.admin migrate"):
            open_lab(zoned)
        for name, value in (
            ("DATABASE_URL", empty_url),
            ("BASE_URL", "http://127.0.0.1:9"),
            ("API_KEY", server.api_key),
        ):
            monkeypatch.setenv(f"RIVYA_{name}", value)
        monkeypatch.setenv("RIVYA_TIME_ZONE", "Asia/Dhaka")
        assert admin.main(["migrate"]) == 0
        assert "was empty" in capsys.readouterr().out
        monkeypatch.delenv("RIVYA_TIME_ZONE")
        assert admin.main(["migrate"]) == 0
        said = capsys.readouterr().out
        assert "is up to date" in said
        assert "midnight of Asia/Dhaka" in said
        assert "not-a-secret" not in said
        lab = open_lab(zoned)
        assert lab.history.page(HistoryFilter()).rows == ()
        assert local_time.zone_name() == "Asia/Dhaka"
        lab.close()
    assert local_time.shared_zone() is None


def test_another_time_zone_is_refused(empty_url: str) -> None:
    """A day that moved would change what its cap allows; who names no zone takes what is kept."""
    assert "UTC" in admin.migrate(settings(empty_url))
    for act in (admin.migrate, open_lab):
        with pytest.raises(ConfigurationError, match=r"Europe/Berlin, but the days .* begin at midnight of UTC"):
            act(settings(empty_url, time_zone="Europe/Berlin"))


def test_a_filled_database_is_changed_only_after_a_dump(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without word that a dump was taken nothing is changed; nobody opens what is older."""
    admin.migrate(settings(empty_url))
    set_revision(empty_url, "0006")
    for act in (admin.migrate, open_lab):
        with pytest.raises(StorageError, match=r"older.*0006.*pg_dump.*--dumped"):
            act(settings(empty_url))


def test_nothing_is_changed_while_somebody_works(empty_url: str) -> None:
    """A process that beats stands in the way, with a dump, too; one that was silent for long does not."""
    admin.migrate(settings(empty_url))
    database = open_shared(SecretStr(empty_url))
    Workers(database, beat_s=5, silent_s=30).begin("w1", role="worker", host="alpha", version="1")
    set_revision(empty_url, "0008")
    with pytest.raises(StorageError, match=r"in use.*worker on alpha"):
        admin.migrate(settings(empty_url), dumped=True)
    with begin_immediate(database) as connection:
        connection.exec_driver_sql("UPDATE lab_workers SET seen_at = seen_at - interval '31 seconds'")
        refuse_while_at_work(connection, 30)
    database.dispose()


def test_a_newer_database_is_left_alone(empty_url: str) -> None:
    """What a later version made is neither opened nor changed, dump or not."""
    admin.migrate(settings(empty_url))
    set_revision(empty_url, "9999")
    with pytest.raises(StorageError, match="newer"):
        open_lab(settings(empty_url))
    with pytest.raises(StorageError, match="newer"):
        admin.migrate(settings(empty_url), dumped=True)


def test_a_data_folder_needs_no_such_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a shared database there is nothing to do, and it says so."""
    assert admin.main(["migrate"]) == 1
    assert "database_url: is not set" in capsys.readouterr().err
