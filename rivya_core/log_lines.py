"""Log lines of a process that no dashboard speaks for: one event, one line, with the ids it is about.

Only what the project itself logs is written from INFO on; libraries are heard when they warn.
"""

from __future__ import annotations

import logging
import time
from typing import Final

_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class LineFormatter(logging.Formatter):
    """``2026-11-25T22:31:04Z INFO rivya.jobs task accepted generation_id=... task_id=...``: moments in UTC."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Write the line, and behind it what the event was told of itself."""
        told = {name: value for name, value in vars(record).items() if name not in _KNOWN and value is not None}
        return " ".join([super().formatMessage(record), *(f"{name}={value}" for name, value in told.items())])


def log_to_stderr() -> None:
    """Write the project's events to the standard error stream, one line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("rivya").setLevel(logging.INFO)
    logging.getLogger("rivya_core").setLevel(logging.INFO)
