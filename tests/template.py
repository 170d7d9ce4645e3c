"""A migrated database, made once in a process and copied for each test: all its tables come from the same revisions.

What the revisions do is tested in ``tests/lab/ledger/test_migrations.py``, the first opening of an empty folder in
``tests/test_services.py``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rivya_core.lab.jobs.engine import prepare
from rivya_core.lab.ledger.database import migrate, open_database
from rivya_core.private_files import make_file, make_folder


def copy_template(path: Path) -> None:
    """Put an empty database with the newest tables at ``path``, its folder included; a file that is there stays."""
    if path.exists():
        return
    make_folder(path.parent)
    make_file(path)  # as the lab makes it: for this user alone
    path.write_bytes(_template())


@cache
def _template() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lab.sqlite3"
        database = open_database(path)
        migrate(database, path)
        prepare(path)
        with database.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.dispose()
        return path.read_bytes()
