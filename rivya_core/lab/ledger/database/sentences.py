"""User-facing messages for database errors, and the mapping from each database's error codes to them."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from rivya_core.api.errors import Charged, StorageError


class Sentence(NamedTuple):
    """Template of a StorageError; ``passes``: a retry may help. ``charged``: ``unknown`` when the write may have been stored."""

    title: str
    detail: str
    hint: str
    passes: bool = False
    charged: Charged = "no"

    def error(self) -> StorageError:
        """Build the error."""
        return StorageError(
            self.title, self.detail, self.hint, charged=self.charged, retryable=self.passes, field="database"
        )


FULL: Final = Sentence(
    "The disk is full",
    "The database could not grow, so nothing was stored.",
    "Free some space and try again.",
    passes=True,
)
DAMAGED: Final = Sentence(
    "The database is damaged",
    "SQLite cannot read a part of it any more. Nothing more is sent to Rivya.",
    "Stop the program and start it again: it then says what can be saved, and how to go on.",
)
NO_DATABASE: Final = Sentence(
    "The database file is not a database",
    "The file holds something else, or its beginning was overwritten.",
    "Restore the newest backup from the data folder, or choose another folder with RIVYA_DATA_DIR.",
)
READ_ONLY: Final = Sentence(
    "The database cannot be written",
    "The file or its folder is read-only.",
    "Give this user the right to write to the data folder.",
)
LOCKED: Final = Sentence(
    "The database is locked",
    "Another process held it for too long; nothing was stored.",
    "Try again; if it stays so, look for a second program that has the file open.",
    passes=True,
)

SQLITE: Final = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Sentence(
        "The database cannot be opened",
        "The file is missing, or this user may not read it.",
        "Look at the data folder and its permissions.",
    ),
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: NO_DATABASE,
    sqlite3.SQLITE_IOERR: Sentence(
        "The disk does not answer",
        "Reading or writing the database failed.",
        "Check the disk; nothing was stored.",
        passes=True,
    ),
}
"""By primary code of SQLite. Source: sqlite.org/rescode.html."""

SQLITE_PHRASES: Final = {
    "database or disk is full": sqlite3.SQLITE_FULL,
    "database is locked": sqlite3.SQLITE_BUSY,
    "database table is locked": sqlite3.SQLITE_BUSY,
    "disk I/O error": sqlite3.SQLITE_IOERR,
    "malformed": sqlite3.SQLITE_CORRUPT,
    "file is not a database": sqlite3.SQLITE_NOTADB,
    "readonly database": sqlite3.SQLITE_READONLY,
    "unable to open database file": sqlite3.SQLITE_CANTOPEN,
}
"""What a library's report says where it left out the error itself."""

AWAY: Final = Sentence(
    "The database cannot be reached",
    "PostgreSQL does not answer, or it is being started or stopped; nothing was stored.",
    "This goes on by itself once it answers. If it stays so, look at the server of RIVYA_DATABASE_URL.",
    passes=True,
)
CUT_OFF: Final = Sentence(
    "The database was cut off while it stored",
    "The connection was lost before PostgreSQL answered, so nobody knows whether this was stored.",
    "Look whether it is there before you do it again.",
    passes=True,
    charged="unknown",
)
BUSY: Final = Sentence(
    "The database is busy",
    "Another process held it for too long; nothing was stored.",
    "Try again; if it stays so, look for a program that keeps a transaction open.",
    passes=True,
)
REFUSED: Final = Sentence(
    "The database refuses this user",
    "PostgreSQL does not know the user, the password or the database, or does not allow them.",
    "Check RIVYA_DATABASE_URL, and what the server's pg_hba.conf and its grants allow.",
)
UNFIT: Final = Sentence(
    "The database's address cannot be used",
    "It has an option that PostgreSQL's client does not know, or asks for SSL where the server has none or another one.",
    "Check what follows the ? in RIVYA_DATABASE_URL.",
)
CROWDED: Final = Sentence(
    "The database has no connection left",
    "PostgreSQL serves as many as its max_connections allows; nothing was stored.",
    "Try again; if it stays so, raise max_connections or start fewer processes.",
    passes=True,
)

_STATES: Final = {
    "53100": Sentence(
        "The database's disk is full",
        "PostgreSQL could not grow, so nothing was stored.",
        "Free some space on its server and try again.",
        passes=True,
    ),
    "53300": CROWDED,
    "25006": Sentence(
        "The database cannot be written",
        "PostgreSQL is read-only: a standby, or set so.",
        "Let RIVYA_DATABASE_URL name the server that takes writes.",
        passes=True,
    ),
    "25P03": BUSY,  # ended by idle_in_transaction_session_timeout: this process stood still for too long
    "40P01": BUSY,
    "55P03": BUSY,
    "57014": BUSY,
    "3D000": REFUSED,
    "42501": REFUSED,
}
_CLASSES: Final = {"08": AWAY, "28": REFUSED, "57": AWAY}

_CONNECTING: Final = {
    "authentication failed": REFUSED,
    "no pg_hba.conf entry": REFUSED,
    "no password supplied": REFUSED,
    "does not exist": REFUSED,
    "permission denied": REFUSED,
    "is not permitted": REFUSED,
    "too many c": CROWDED,  # clients already; connections for role, or for database
    "remaining connection slots": CROWDED,
    "invalid connection option": UNFIT,
    "invalid sslmode": UNFIT,
    "SSL was required": UNFIT,
    "certificate verify failed": UNFIT,
}


def of_sqlite(code: int) -> Sentence | None:
    """Return the message for an error code of SQLite; None for a bug of ours."""
    return SQLITE.get(code & 0xFF)  # the low byte is the primary code, the rest is detail


def of_postgresql(state: str | None, text: str, *, lost: bool) -> Sentence | None:
    """Return the sentence for an SQLSTATE; None for an error of the code.

    ``lost``: the connection is gone, or there never was one. Then the client library gives no SQLSTATE, only what the server
    said. Source: postgresql.org/docs/current/errcodes-appendix.html.
    """
    if state is not None:
        return _STATES.get(state) or _CLASSES.get(state[:2])
    connecting = next((sentence for phrase, sentence in _CONNECTING.items() if phrase in text), None)
    return connecting or (AWAY if lost else None)
