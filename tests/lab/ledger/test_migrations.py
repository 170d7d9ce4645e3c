"""The schema's history: from nothing, from an old filled file, by two processes at once, beside the engine's tables."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from dbos import DBOS
from hypothesis import given, strategies as st

from rivya_core.api import GenerationRequest
from rivya_core.api.errors import StorageError
from rivya_core.api.texts import reuse_hash
from rivya_core.lab.ledger import migrations
from rivya_core.lab.ledger.database import migrate, open_database, reading
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.migrations.versions import v0003_marks
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.schema import metadata
from rivya_core.lab.ledger.states import State
from tests.lab.given import added, in_state
from tests.until import HANGS_S

NEXT = '''
"""A later revision that rebuilds a table."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    with op.batch_alter_table("lab_assets", recreate="always") as batch:
        batch.add_column(sa.Column("caption", sa.Text()))
    op.add_column("lab_settings", sa.Column("author", sa.Text()))
'''

HEAD = ScriptDirectory.from_config(migrations.config()).get_current_head()


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The revisions of a later version: ours and one more."""
    folder = tmp_path / "later"
    shutil.copytree(Path(migrations.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v9999_later.py").write_text(NEXT.replace("{head}", str(HEAD)))
    return folder


@pytest.fixture
def database(database_path: Path) -> Iterator[sa.Engine]:
    """A database that the revisions themselves have made."""
    engine = open_database(database_path)
    migrate(engine, database_path)
    yield engine
    engine.dispose()


def differences(database: sa.Engine) -> list[object]:
    """What autogenerate would change."""
    with reading(database) as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=migrations.OPTIONS), metadata))


def tables(database: sa.Engine) -> set[str]:
    """The names of all tables."""
    with reading(database) as connection:
        return set(sa.inspect(connection).get_table_names())


def test_a_new_file_gets_the_whole_schema(database: sa.Engine, database_path: Path) -> None:
    """An empty file comes out as the code describes it, without a backup."""
    assert differences(database) == []
    assert set(metadata.tables) <= tables(database)
    assert list(database_path.parent.glob("*.backup-*")) == []


def test_the_tables_of_the_engine_are_never_touched(database_path: Path) -> None:
    """With the engine's own tables in the file, autogenerate finds nothing to do and the migration leaves them alone."""
    database = open_database(database_path)
    DBOS.migrate(f"sqlite:///{database_path}")
    theirs = tables(database)
    assert "workflow_status" in theirs
    migrate(database, database_path)
    DBOS.migrate(f"sqlite:///{database_path}")
    assert differences(database) == []
    assert theirs < tables(database)
    assert {name for name in tables(database) - theirs if not name.startswith("lab_")} <= {"sqlite_sequence"}
    database.dispose()


def test_a_second_run_changes_nothing(database: sa.Engine, database_path: Path) -> None:
    """Migrating a file that is up to date writes nothing."""
    before = Ledger(database).changes()
    migrate(database, database_path)
    assert list(database_path.parent.glob("*.backup-*")) == []
    assert Ledger(database).changes() == before


def test_an_old_filled_file_is_copied_and_upgraded(
    database: sa.Engine, database_path: Path, ledger: Ledger, later: Path
) -> None:
    """Every row survives an upgrade that rebuilds a table, the index finds them, and the copy holds the old form."""
    rows = [in_state(ledger, state, f"বিড়াল number {state}") for state in State]
    migrate(database, database_path, scripts=later)
    assert [ledger.get(row.id) for row in rows] == rows
    assert History(database).page(HistoryFilter(text="বিড়াল number")).total == len(rows)
    added(ledger, "new ones are found as well")
    assert History(database).page(HistoryFilter(text="found")).total == 1
    copy = sqlite3.connect(f"{database_path}.backup-{HEAD}")
    assert copy.execute("SELECT version_num FROM lab_alembic_version").fetchone() == (HEAD,)
    assert copy.execute("SELECT count(*) FROM lab_generations").fetchone() == (len(rows),)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(prompt=texts, negative=texts, number=st.sampled_from([0, 0.5, 1]), trace=st.sampled_from([None, "t"]))
def test_rows_of_older_versions_are_marked_as_new_ones_are(
    prompt: str, negative: str, number: float, trace: str | None
) -> None:
    """The hash that the revision fills in is the one by which requests are compared today."""
    params = {"negative_prompt": negative, "cfg_scale": number}
    for image in (None, {"sha256": "a" * 64, "mime": "image/png", "name": "x.png", "width_px": 1, "height_px": 2}):
        asked = {"model": "m", "prompt": prompt, "params": params, "reference_image": image, "client_request_id": trace}
        assert v0003_marks._reuse_hash(asked) == reuse_hash(asked)


def test_ten_thousand_rows_are_marked_in_few_statements(database_path: Path) -> None:
    """Every generation and every cell of a file of the version before is marked; what holds no request stays unmarked."""
    database = open_database(database_path)
    settings = migrations.config()
    with database.connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0002")
        connection.commit()
    asked = [GenerationRequest(prompt=f"fox {number}\r\n").canonical() for number in range(10_000)]
    rows = [(str(number), json.dumps(one)) for number, one in enumerate(asked)]
    with sqlite3.connect(database_path) as raw:
        raw.execute(
            "INSERT INTO lab_experiments SELECT 'x', 'sweep', '', '', '', '', '', '{}', 0, 0, 0, 0, '', '', '', '{}', '', ''"
        )
        raw.executemany(
            "INSERT INTO lab_generations (id, intent_id, take, source, state, mode, connection, model, prompt,"
            " negative_prompt, request, request_sha256, idempotency_key, attempts, open_attempts, runs,"
            " expected_credits, held_credits, settlement, cap_day, created_at, starred)"
            " VALUES (?1, ?1, 1, '', '', '', '', '', '', '', ?2, '', ?1, 0, 0, 0, 0, 0, '', '', '', 0)",
            [*rows, ("odd", "null")],
        )
        raw.executemany(
            "INSERT INTO lab_cells (experiment_id, cell, labels, request, request_sha256, expected_credits)"
            " VALUES ('x', ?, '{}', ?, '', 0)",
            rows[:1000],
        )
    raw.close()
    statements: list[str] = []
    sa.event.listen(database, "before_cursor_execute", lambda *told: statements.append(told[2]))
    migrate(database, database_path)
    assert sum("reuse_sha256" in one or "request" in one for one in statements) < 50
    with reading(database) as connection:
        marked = connection.execute(sa.text("SELECT reuse_sha256 FROM lab_generations ORDER BY seq")).scalars().all()
        of_cells = connection.execute(sa.text("SELECT reuse_sha256 FROM lab_cells ORDER BY cell")).scalars().all()
    database.dispose()
    assert marked == [*(reuse_hash(one) for one in asked), None]
    assert of_cells == marked[:1000]


@pytest.mark.parametrize(
    "damaged", ['{"prompt": "a", ', "[]", "null", '{"params": [1]}', '{"reference_image": "x"}', ""]
)
def test_one_damaged_request_does_not_keep_a_folder_from_opening(
    ledger: Ledger, database: sa.Engine, database_path: Path, damaged: str
) -> None:
    """It is left unmarked, and the others are marked."""
    first, second = added(ledger), added(ledger)
    with closing(sqlite3.connect(database_path)) as file, file:
        file.execute("UPDATE lab_generations SET request = ? WHERE id = ?", (damaged, first.id))
        file.execute("UPDATE lab_generations SET reuse_sha256 = NULL")
    with database.begin() as connection:
        v0003_marks._mark_generations(connection)
    with closing(sqlite3.connect(database_path)) as file:
        marked = dict(file.execute("SELECT id, reuse_sha256 FROM lab_generations").fetchall())
    assert marked == {first.id: None, second.id: second.reuse_sha256}


def test_foreign_keys_are_back_after_an_upgrade(database: sa.Engine, database_path: Path, later: Path) -> None:
    """The connection that upgraded enforces references again."""
    migrate(database, database_path, scripts=later)
    for _ in range(3):
        with database.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_newer_file_is_refused_and_left_alone(
    database: sa.Engine, database_path: Path, ledger: Ledger, later: Path
) -> None:
    """A version that does not know the file's revision says so instead of guessing."""
    row = added(ledger)
    migrate(database, database_path, scripts=later)
    with pytest.raises(StorageError, match="9999") as caught:
        migrate(database, database_path)
    assert caught.value.title == "The database belongs to a newer Rivya Lab"
    assert ledger.get(row.id) == row


def test_an_upgrade_that_fails_half_way_leaves_the_old_form(
    database: sa.Engine, database_path: Path, ledger: Ledger, later: Path
) -> None:
    """All or nothing: after an error the file is what it was, and works."""
    broken = later / "versions" / "v9999_later.py"
    broken.write_text(broken.read_text() + '    op.execute("SELECT nonsense FROM nowhere")\n')
    row = added(ledger)
    with pytest.raises(sa.exc.OperationalError):
        migrate(database, database_path, scripts=later)
    assert differences(database) == []
    assert ledger.get(row.id) == row
    migrate(database, database_path)


START = """
import sys
from pathlib import Path
from rivya_core.lab.ledger.database import migrate, open_database
path = Path(sys.argv[1])
sys.stdin.readline()
engine = open_database(path)
migrate(engine, path)
engine.dispose()
print("ready")
"""


@pytest.mark.process
def test_four_processes_start_at_once_on_an_empty_folder(database_path: Path) -> None:
    """Whoever comes first makes the schema; the others wait for it and find it whole."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(database_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=HANGS_S) for process in started]
    assert [out.strip() for out, _ in told] == ["ready"] * 4, told
    database = open_database(database_path)
    assert differences(database) == []
    database.dispose()
