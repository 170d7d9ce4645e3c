"""Column types that SQLAlchemy lacks: timezone-aware UTC datetimes on SQLite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from rivya_core.api.errors import DamagedValueError


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
