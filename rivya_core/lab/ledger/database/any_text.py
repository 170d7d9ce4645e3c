"""Make PostgreSQL accept any text, since text from outside must not fail a job or a search. Loads the driver: import it lazily."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.types.string import StrDumperUnknown


class AnyTextDumper(StrDumperUnknown):
    """Send U+0000, which no text of PostgreSQL can hold, as U+FFFD, and half a surrogate pair as a question mark."""

    def dump(self, obj: str) -> Any:
        """Encode a text."""
        return obj.replace("\0", "\ufffd").encode(self._encoding, "replace")


def take_any_text(dbapi_connection: Connection[Any], _record: object) -> None:
    """Prepare a new connection of a pool."""
    dbapi_connection.adapters.register_dumper(str, AnyTextDumper)
