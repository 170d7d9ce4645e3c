"""Column types that SQLAlchemy lacks, or that differ between SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from rivya_core.api.errors import DamagedValueError
from rivya_core.lab.ledger.history.search_words import as_vector

LARGE_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A key of 64 bits: SQLite's every integer has them, and only its ``INTEGER`` counts a primary key up by itself."""

UNLIMITED: Final = sa.String(64).with_variant(sa.Text(), "postgresql")
"""Text of the API, of any length: SQLite ignores a length, PostgreSQL would refuse to store the row."""


class UtcMoment(TypeDecorator[datetime]):
    """A timezone-aware UTC datetime with microseconds, stored without its zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn an aware datetime into naive UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def result_processor(self, dialect: Any, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Parse a stored datetime. Raises DamagedValueError for an unreadable one."""
        read = super().result_processor(dialect, coltype)
        if read is None:
            return None

        def careful(value: Any) -> datetime | None:
            try:
                return read(value)
            except (ValueError, TypeError, AttributeError) as error:
                raise DamagedValueError from error

        return careful

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn naive UTC back into an aware datetime."""
        return None if value is None else value.replace(tzinfo=UTC)


class WholeNumber(TypeDecorator[int]):
    """An integer of 64 bits. A sum of such is one, too, which PostgreSQL gives as a decimal."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Choose the type: SQLite's every integer has 64 bits."""
        return dialect.type_descriptor(sa.Integer() if dialect.name == "sqlite" else sa.BigInteger())

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], int | None] | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn a decimal back into an integer."""
        return None if dialect.name == "sqlite" else _whole


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


class SearchWords(TypeDecorator[str]):
    """Words of ``search_words.stored_words``: text on SQLite, where FTS5 indexes it; a ``tsvector`` on PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Choose the type."""
        return dialect.type_descriptor(TSVECTOR() if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Write the words as the database wants them."""
        return as_vector(value) if value is not None and dialect.name == "postgresql" else value


class TookSeconds(FunctionElement[float]):
    """Seconds from a row's submission to its end, as the database computes them: whole ones on SQLite."""

    type = sa.Float()
    inherit_cache = True


@compiles(TookSeconds, "sqlite")
def _took_on_sqlite(_took: TookSeconds, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST(strftime('%s', finished_at) AS INTEGER) - CAST(strftime('%s', created_at) AS INTEGER)"


@compiles(TookSeconds, "postgresql")
def _took_on_postgresql(_took: TookSeconds, _compiler: SQLCompiler, **_options: Any) -> str:
    return "CAST(EXTRACT(epoch FROM finished_at - created_at) AS double precision)"
