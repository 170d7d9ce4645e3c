"""A data folder moves into PostgreSQL and a bucket: all of it, once, whatever interrupts it; open paid tasks go on there."""

from __future__ import annotations

import hashlib
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from filelock import FileLock
from pydantic import SecretStr

from rivya_core import GenerationRequest, Lab, admin, moving
from rivya_core.api.errors import ConfigurationError, LabError, RivyaError, StorageError
from rivya_core.lab.ledger.database import begin_immediate, open_database, open_shared
from rivya_core.lab.ledger.moved_rows import totals
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.ledger.states import State
from rivya_core.services import DATABASE, close_all, open_lab, open_worker
from rivya_core.settings import Settings
from tests import postgresql
from tests.api.images import png
from tests.conftest import FAST
from tests.flow.conftest import Child
from tests.flow.outside import Outside
from tests.flow.test_kill import PRICE
from tests.lab.evaluation.study import make_study
from tests.object_store import Bucket
from tests.until import HANGS_S, until

BENGALI = "তুষারে একটি লাল শিয়াল"


@pytest.fixture
def url(postgresql_server: postgresql.Server) -> Iterator[str]:
    """A database without tables."""
    name = f"moved_{uuid.uuid4().hex[:12]}"
    postgresql.create(postgresql_server, name)
    yield postgresql_server.url(name)
    close_all()
    postgresql.drop(postgresql_server, postgresql_server.url(name))


@pytest.fixture
def source(data_dir: Path, outside: Outside) -> Settings:
    """The settings of the folder that is moved."""
    outside.configure(settle_delay_s=0.0)
    return Settings(**{**FAST, **outside.live, "data_dir": data_dir})


def there(source: Settings, url: str, bucket: Bucket, folder: Path) -> Settings:
    """The settings of a process that works where the folder was moved to, on another machine."""
    values = {**FAST, "base_url": source.base_url, "api_key": source.api_key, "data_dir": folder / "elsewhere"}
    return Settings(**values, database_url=url, archive_url=bucket.url, worker_beat_s=0.2, worker_silent_s=2.0)


def fill(source: Settings, outside: Outside, intent: str) -> list[str]:
    """A folder with a finished clip from an image, a study, and two paid tasks that are under way; the ids of all but the study."""
    lab = open_lab(source)
    done = lab.submit(GenerationRequest(prompt=BENGALI, reference_image=png(640, 360)), intent_id=intent)
    lab.wait(done.id)
    until(lambda: lab.get(done.id).settlement == "settled", what="settled")
    lab.star(done.id, True)
    lab.set_cap(8000, "enough for the week")
    make_study(lab)
    stalled = outside.add_fault("stall_media", times=None, after_bytes=10, delay_s=3600.0)
    open_ids = [lab.submit(GenerationRequest(prompt="A fox"), intent_id=f"{intent}{n}").id for n in range(2)]
    until(lambda: all(lab.get(id_).task_id for id_ in open_ids), what="both accepted")
    until(lambda: next(seen for seen in outside.faults() if seen.id == stalled.id).fired >= 2, what="both stand still")
    close_all()
    outside.clear_faults()
    return [done.id, *open_ids]


def sums(engine: sa.Engine) -> dict[str, Any]:
    """Counts and credits of a database."""
    with engine.connect() as connection:
        found = totals(connection)
    engine.dispose()
    return found


def assert_gone_on(lab: Lab, ids: list[str], outside: Outside) -> None:
    """Every task ended, was charged once, and its clip is playable there."""
    for id_ in ids:
        row = lab.wait(id_, HANGS_S)
        assert (row.state, row.error) == (State.SUCCEEDED, None)
        until(lambda id_=id_: lab.get(id_).settlement == "settled", what="settled")  # type: ignore[misc]  # of this turn
        assert hashlib.sha256(lab.clip(id_).read_bytes()).hexdigest() == lab.get(id_).clip_sha256
        tasks = [task for task in outside.tasks() if task.idempotency_key == id_]
        assert [outside.charges()[task.id] for task in tasks] == [PRICE]


@pytest.mark.parametrize(("point", "turn"), [("rows", 3), ("files", 2), ("mark", 1), ("open", 1)])
def test_a_move_that_is_killed_goes_on_and_loses_nothing(
    point: str,
    turn: int,
    source: Settings,
    url: str,
    bucket: Bucket,
    outside: Outside,
    tmp_path: Path,
    start_child: Callable[..., Child],
) -> None:
    """Until it is finished the target is closed; then everything is there, and the paid tasks under way end there, once."""
    ids = fill(source, outside, f"move{point}{uuid.uuid4().hex[:6]}")
    before = sums(open_database(source.data_dir / DATABASE))
    plain = {**FAST, **outside.live, "data_dir": source.data_dir}
    child = start_child(
        plain, module="tests.flow.moving_child", database=url, archive=bucket.url, kill_at=point, kill_on=turn
    )
    assert child.wait(HANGS_S) == -signal.SIGKILL
    target = there(source, url, bucket, tmp_path)
    with pytest.raises(LabError, match="move into this database is not finished"):
        open_worker(target)
    said = moving.move(source, moving.target_of(url, bucket.url, "UTC"))
    assert "Credits and counts agree" in said
    assert "not-a-secret-at-all" not in said
    assert sums(open_shared(SecretStr(url))) == before
    with pytest.raises(LabError, match=r"This data folder was moved.*RIVYA_DATABASE_URL"):
        open_lab(source)
    lab = open_worker(target)
    assert_gone_on(lab, ids, outside)
    assert lab.get(ids[0]).starred
    assert lab.cap() == 8000
    assert [row.id for row in lab.history.page(HistoryFilter(text="শিয়াল")).rows] == [ids[0]]
    new = lab.submit(GenerationRequest(prompt="Another fox"))
    assert new.seq > max(lab.get(id_).seq for id_ in ids)
    close_all()
    assert "before" in moving.move(source, moving.target_of(url, bucket.url, "UTC"))


def test_a_dry_run_changes_nothing_and_says_what_would_be_moved(
    source: Settings, url: str, bucket: Bucket, outside: Outside, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """By the command itself: counts, bytes, and what the target is."""
    fill(source, outside, f"dry{uuid.uuid4().hex[:6]}")
    for name, value in {"BASE_URL": source.base_url, "API_KEY": outside.api_key, "DATA_DIR": source.data_dir}.items():
        monkeypatch.setenv(f"RIVYA_{name}", str(value))
    files = {
        path: path.read_bytes() for path in source.data_dir.rglob("*") if path.is_file() and "-shm" not in path.name
    }
    arguments = ["move", "--to-database", url, "--to-archive", bucket.url, "--dry-run", "--time-zone", "Asia/Dhaka"]
    assert admin.main(arguments) == 0
    said = capsys.readouterr().out
    assert "Nothing was changed" in said
    assert "5 generations" in said
    assert "its tables would be made" in said
    assert {path: path.read_bytes() for path in files} == files
    assert bucket.objects() == []
    database = open_shared(SecretStr(url))
    assert sa.inspect(database).get_table_names() == []
    database.dispose()


def test_what_stops_a_move_is_said_before_anything_is_changed(
    source: Settings, url: str, bucket: Bucket, make_lab: Callable[..., Lab], tmp_path: Path, outside: Outside
) -> None:
    """A program that runs, open work of the built-in simulator, a filled target, a bucket that is not there."""
    target = moving.target_of(url, bucket.url, "UTC")
    with pytest.raises(ConfigurationError, match="holds no database"):
        moving.move(source, target)
    lab = make_lab(simulator_speed=0.01)
    row = lab.submit(GenerationRequest(prompt="A fox"))
    embedded = lab.settings
    until(lambda: lab.health().engine == "running", what="the lock is held")
    with pytest.raises(LabError, match="data folder is in use"):
        moving.move(embedded, target)
    close_all()
    with pytest.raises(LabError, match=f"built-in simulator are still open.*{row.id}"):
        moving.move(embedded, target)
    database = open_database(embedded.data_dir / DATABASE)
    with begin_immediate(database) as connection:
        connection.execute(sa.update(generations).values(state=State.CANCELLED.value))
    database.dispose()
    wrong = moving.target_of(url, "s3://lab-of-nobody/x", "UTC")
    with pytest.raises(StorageError, match="bucket does not exist"):
        moving.move(embedded, wrong)
    assert not [thread for thread in threading.enumerate() if thread.name == "rivya-archive-probe"]
    unreachable = moving.target_of("postgresql://ann:very-secret@127.0.0.1:9/rivya", bucket.url, "UTC")
    with pytest.raises(RivyaError) as caught:
        moving.move(embedded, unreachable)
    assert "very-secret" not in str(caught.value)
    assert "moved to" in moving.move(embedded, target)
    other = Settings(**{**FAST, "data_dir": tmp_path / "other"})
    open_lab(other)
    close_all()
    with pytest.raises(StorageError, match="target is not empty"):
        moving.move(other, target)
    with FileLock(other.data_dir / "executor.lock"), pytest.raises(LabError, match="in use"):
        moving.move(other, replace(target, archive_url=""))


def test_what_is_written_during_a_move_is_moved_too(
    source: Settings, url: str, bucket: Bucket, make_lab: Callable[..., Lab]
) -> None:
    """A dashboard that was left open writes between the copy of the rows and the mark: the rows are copied again."""
    lab = make_lab()
    row = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    settings = lab.settings
    until(lambda: lab.get(row.id).settlement == "settled", what="settled")
    close_all()
    turns: list[str] = []

    def step(point: moving.Point) -> None:
        if point != "mark" or turns:
            return
        turns.append(point)
        database = open_database(settings.data_dir / DATABASE)
        with begin_immediate(database) as connection:
            connection.execute(sa.update(generations).values(starred=True))
        database.dispose()

    moving.move(settings, moving.target_of(url, bucket.url, "UTC"), step=step)
    database = open_shared(SecretStr(url))
    with database.connect() as connection:
        assert connection.execute(sa.select(generations.c.starred)).scalars().all() == [True]
    database.dispose()
