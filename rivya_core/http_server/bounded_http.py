"""HTTP for strangers in a network: so many connections and no more, none that only waits, and nothing of theirs in the log.

uvicorn counts connections only once a request has come in whole, and waits for that without an end: whoever sends nothing would
hold as many of this process's files as there are, and the lab that keeps paid clips could open none.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

STALLED_S: Final = 10.0
"""An answer that the other side has not read on for so long gives way, where there is no room for somebody else."""


def _is_told(record: logging.LogRecord) -> bool:
    """Tell what is worth a line: neither a request that is none, nor an answer that the end of it all cut."""
    was_cut = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return record.levelno >= logging.ERROR and not was_cut


log = logging.getLogger("rivya.http")
log.addFilter(_is_told)


class BoundedHttp(H11Protocol):
    """One connection, of ``limit_concurrency`` at most; a new one takes the place of the one that has waited longest.

    A connection without a request under way is closed after ``timeout_keep_alive`` seconds, whatever part of a request came.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.logger = log
        self._most, self.limit_concurrency = self.limit_concurrency, None
        self.moved_s = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take the connection, or close it at once where all others are at work."""
        super().connection_made(transport)
        self.moved_s = self.loop.time()
        self._close_late(self.timeout_keep_alive)
        if self._most is not None and len(self.connections) > self._most:
            (self._giving_way() or self).cut()

    def data_received(self, data: bytes) -> None:
        """Read on; what comes before a request is whole does not count as work."""
        if not self.waits:
            self.moved_s = self.loop.time()
        super().data_received(data)

    def resume_writing(self) -> None:
        """Send on."""
        self.moved_s = self.loop.time()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Wait for the next request from here on."""
        self.moved_s = self.loop.time()
        super().on_response_complete()

    @property
    def waits(self) -> bool:
        """True while no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def _giving_way(self) -> BoundedHttp | None:
        """The connection that is missed least: of those that wait, else of those that have stalled, the one of the longest."""
        others = [one for one in self.connections if isinstance(one, BoundedHttp) and one is not self]
        waiting = [one for one in others if one.waits]
        stalled = [one for one in others if self.loop.time() - one.moved_s > STALLED_S]
        return min(waiting or stalled, key=lambda one: one.moved_s, default=None)

    def _close_late(self, in_s: float) -> None:
        self.loop.call_later(in_s, self._close_if_late)

    def _close_if_late(self) -> None:
        if self not in self.connections:
            return
        left_s = self.moved_s + self.timeout_keep_alive - self.loop.time()
        if self.waits and left_s <= 0:
            self.cut()
        else:
            self._close_late(max(left_s, 1.0))

    def cut(self) -> None:
        """Close the connection as it stands."""
        self.connections.discard(self)  # at once: the next one that comes counts anew
        self.transport.abort()
