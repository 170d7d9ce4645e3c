"""Turn a database's errors into sentences, keep its health, and log each trouble once, in one line."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import exc

from rivya_core.api.errors import StorageError
from rivya_core.lab.ledger.database import sentences
from rivya_core.lab.ledger.database.sentences import Sentence
from rivya_core.lab.ledger.trouble import Trouble, tell
from rivya_core.lab.ledger.unexpected_errors import trace_of

log = logging.getLogger("rivya.database")

_troubles: Final[WeakKeyDictionary[sa.Engine, Trouble]] = WeakKeyDictionary()


def trouble_of(engine: sa.Engine) -> Trouble:
    """Return the health of an open database, as met by our own queries or by those of the job engine."""
    return _troubles.setdefault(engine, Trouble())


def note_trouble(context: sa.engine.ExceptionContext) -> None:
    """Record an engine's database error in its health; listener of ``handle_error``."""
    error = told(context.original_exception)
    if error is not None and context.engine is not None:
        trouble_of(context.engine).note(error, is_damage=is_damage(error))


@contextmanager
def storage_errors() -> Iterator[None]:
    """Convert database errors with a cause outside the code (disk full, lock, damage) to StorageError; bugs are re-raised."""
    try:
        yield
    except exc.TimeoutError as error:
        raise StorageError(
            "The database is too busy",
            "No connection became free in time.",
            "Try again in a moment; nothing was stored.",
            retryable=True,
            field="database",
        ) from error
    except Exception as error:
        if not isinstance(error, exc.DBAPIError) and not _is_driver(error):
            raise
        sentence = told(error)
        if sentence is None:
            raise
        raise sentence from error


def told(error: BaseException | None) -> StorageError | None:
    """Return the StorageError for a database error whose cause lies outside the code; None for any other error."""
    while error is not None:
        if isinstance(error, StorageError):
            return error if error.field in {"database", "disk"} else None
        orig = error.orig if isinstance(error, exc.DBAPIError) else error
        if orig is not None and _is_driver(orig):
            sentence = _sentence(orig)
            return None if sentence is None else sentence.error()
        error = error.__cause__
    return None


def _is_driver(error: BaseException) -> bool:
    """True for an error of a driver. psycopg is not imported for it: where it is not loaded, there is no error of it."""
    if isinstance(error, sqlite3.DatabaseError):
        return True
    psycopg = sys.modules.get("psycopg")
    return psycopg is not None and isinstance(error, psycopg.Error)


def _sentence(error: BaseException) -> Sentence | None:
    if isinstance(error, sqlite3.Error):
        return sentences.of_sqlite(getattr(error, "sqlite_errorcode", None) or 0)
    is_disconnected = type(error).__name__ in {"OperationalError", "ConnectionTimeout", "AdminShutdown"}
    return sentences.of_postgresql(getattr(error, "sqlstate", None), str(error), lost=is_disconnected)


def is_outage(error: BaseException) -> bool:
    """True for an error of a database that passes by itself, so that it is worth waiting for."""
    return isinstance(error, StorageError) and error.field == "database" and error.retryable


def busy(engine: sa.Engine) -> StorageError:
    """Build the error of a timeout while waiting for the write lock."""
    return (sentences.LOCKED if engine.dialect.name == "sqlite" else sentences.BUSY).error()


def damage_error() -> StorageError:
    """Build the error of a file that was found damaged while open."""
    return sentences.DAMAGED.error()


def is_damage(error: StorageError) -> bool:
    """True for an error that means that the file is damaged."""
    return error.title in {sentences.DAMAGED.title, sentences.NO_DATABASE.title}


class OneLineFilter(logging.Filter):
    """Logging filter that replaces a library's report of a database problem, traceback included, by our one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass everything else."""
        error = told(record.exc_info[1]) if record.exc_info else None
        if error is None:
            text = record.getMessage()
            phrases = sentences.SQLITE_PHRASES
            sentence = next((sentences.SQLITE[code] for phrase, code in phrases.items() if phrase in text), None)
            error = None if sentence is None else sentence.error()
        if error is None:
            return True
        tell(log, error)
        return False


def log_error(logger: logging.Logger, what: str, error: Exception, **extra: object) -> bool:
    """Log an error: a database problem as one line, anything else with its traceback. Returns True for the former.

    The message of any other error is left out: it may contain a prompt or an API key.
    """
    if isinstance(error, StorageError) and error.field in {"row", "value"}:
        logger.error("%s", error, extra=extra)  # the sentence says all
        return False
    sentence = told(error)
    if sentence is None:
        logger.error("%s: %s", what, trace_of(error), extra=extra)
        return False
    tell(logger, sentence)
    return True
