"""A migrated database, made once in a process and copied for each test: all its tables come from the same revisions.

What the revisions do is tested in ``tests/lab/ledger/test_migrations.py``, the first opening of an empty folder in
``tests/test_services.py``.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rivya_core.lab.jobs.engine import prepare
from rivya_core.lab.ledger.database import migrate, open_database
from rivya_core.private_files import make_file, make_folder

_making = threading.Lock()
"""Alembic cannot run twice at a time in one process."""


def copy_template(path: Path) -> None:
    """Put an empty database with the newest tables at ``path``, its folder included; a file that is there stays."""
    if path.exists():
        return
    make_folder(path.parent)
    part = make_file(path.with_name(f"{path.name}.{threading.get_ident()}"))  # as the lab makes it: for this user alone
    with _making:
        part.write_bytes(_template())
    with suppress(FileExistsError):  # another thread was first, and may have it open
        os.link(part, path)
    part.unlink()


@cache
def _template() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lab.sqlite3"
        database = open_database(path)
        migrate(database, path)
        prepare(database.url)
        with database.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.dispose()
        return path.read_bytes()
