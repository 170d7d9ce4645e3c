"""Shows currently shared in the network: each has a listener of its own, which is closed with the lab.

Sharing state is kept in memory only, on purpose: after a restart nothing is shared.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from rivya_core.api.errors import LabError
from rivya_core.http_server.listener import Listener
from rivya_core.lab.media.stored import StoredObject

SHARED_FOR: Final = timedelta(hours=4)
LINES_MAX: Final = 500
IS_OPEN: Final = timedelta(minutes=1)
"""Seconds since its last request within which a browser counts as having the show open."""

ADDRESS_SIGNS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Alphabet of the token in the URL, which people also type from a screen: lower-case letters and digits without look-alikes."""
ADDRESS_LENGTH: Final = 20
"""Characters of the token, out of 31: 99 random bits."""

_BROWSERS_MAX: Final = 1000
_CONNECTIONS_MAX: Final = 200
_SHARE_OF_FILES: Final = 4
_KEEP_ALIVE_S: Final = 15


@dataclass(frozen=True, slots=True)
class Source:
    """Where a room takes what it serves from.

    ``has``: whether a slide has the clip with this hash. ``render``: the page and its headers, by what its addresses begin
    with and whether it leads to a ballot. ``accept``: counts a line for the ballot of an id; what was counted, in words.
    """

    has: Callable[[str], bool]
    clip: Callable[[str], Path | StoredObject | None]
    poster: Callable[[str], Path | StoredObject | None]
    render: Callable[[str, bool], tuple[str, Mapping[str, str]]]
    accept: Callable[[str, str], str]
    clock: Callable[[], datetime]


class OpenRoom:
    """One show that is shared; what its listener serves, and what is known of who asked. Safe to use from any thread."""

    def __init__(self, source: Source, address: str, port: int) -> None:
        from rivya_core.lab.shows.room.app import RoomApp  # noqa: PLC0415 - loads Starlette: only who shares pays for it

        self.token = "".join(secrets.choice(ADDRESS_SIGNS) for _ in range(ADDRESS_LENGTH))
        self.expires_at = source.clock() + SHARED_FOR
        self.votes = 0
        self.ballot_refused: str | None = None
        self._source = source
        self._address = address
        self._is_stopped = False
        self._ballot: tuple[str, Path] | None = None
        self._browsers: dict[str, datetime] = {}
        self._lock, self._counting = threading.Lock(), threading.Lock()
        self._listener = Listener(
            RoomApp(self),
            "rivya-room",
            host=address,
            port=port,
            keep_alive_s=_KEEP_ALIVE_S,
            connections_max=_connections_max(),
            is_over=self.is_over,
        )

    def start(self) -> None:
        """Begin to listen. Raises OSError when the port is taken, or the address is not this machine's."""
        self._listener.start()

    def stop(self) -> None:
        """Stop listening and drop open connections, without waiting for work that still runs in a thread."""
        self._is_stopped = True
        self._listener.close()

    def wait(self) -> None:
        """Wait until no thread works for it any more."""
        self._listener.stop(at_once=True)

    @property
    def is_ending(self) -> bool:
        """True while one of its threads still runs."""
        return self._listener.is_running

    @property
    def port(self) -> int:
        """The port it listens at."""
        return self._listener.port

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{self._address}:{self.port}/{self.token}/"

    @property
    def ballot_id(self) -> str | None:
        """The ballot that is served, or None."""
        return None if self._ballot is None else self._ballot[0]

    def serve_ballot(self, ballot_id: str, path: Path) -> None:
        """Serve a ballot from here on, and count votes for it."""
        self._ballot = ballot_id, path

    def browsers(self) -> tuple[int, int]:
        """How many browsers asked for something within the last minute, and how many ever did."""
        since = self._source.clock() - IS_OPEN
        with self._lock:
            return sum(seen_at_s > since for seen_at_s in self._browsers.values()), len(self._browsers)

    # -- what the listener asks ------------------------------------------------------------------------------------

    def is_over(self) -> bool:
        """True once it was stopped or its time is up."""
        return self._is_stopped or self._source.clock() >= self.expires_at

    def met(self, client: str) -> None:
        """Remember that this browser asked for something."""
        with self._lock:
            if client in self._browsers or len(self._browsers) < _BROWSERS_MAX:
                self._browsers[client] = self._source.clock()

    def page(self) -> tuple[str, Mapping[str, str]]:
        """The page and its headers."""
        return self._source.render(f"/{self.token}", self._ballot is not None)

    def clip(self, sha256: str) -> Path | StoredObject | None:
        """The file of a clip on one of the slides. Raises RivyaError: there is none."""
        self._refuse_other(sha256)
        return self._source.clip(sha256)

    def poster(self, sha256: str) -> Path | StoredObject | None:
        """The file of its poster, or None. Raises RivyaError: the slides have no such clip."""
        self._refuse_other(sha256)
        return self._source.poster(sha256)

    def ballot(self) -> Path | None:
        """The page of the ballot, or None."""
        return None if self._ballot is None else self._ballot[1]

    def count(self, line: str) -> str:
        """Count the line of a voter; what was counted, in words. Raises RivyaError: it was not."""
        ballot_id = self.ballot_id
        with self._counting:
            if ballot_id is None or self.votes >= LINES_MAX:
                raise LabError("This vote is not counted", f"{LINES_MAX} votes were sent here, and no more are taken.")
            message = self._source.accept(line, ballot_id)
            self.votes += 1
        return message

    def _refuse_other(self, sha256: str) -> None:
        """Raise for a clip that was removed from the slides; the lab keeps its file for an undo, but it must not be served."""
        if not self._source.has(sha256):
            raise LabError("There is no such clip", "No slide of this show has it.", field="clip")


def _connections_max() -> int:
    """Return the connection limit of a room: most of the process's file descriptors are left to the lab."""
    try:
        import resource  # noqa: PLC0415 - not on Windows, which has no such limit
    except ImportError:
        return _CONNECTIONS_MAX
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _CONNECTIONS_MAX if files == resource.RLIM_INFINITY else min(_CONNECTIONS_MAX, files // _SHARE_OF_FILES)


class OpenRooms:
    """All rooms of this process, at most one a show."""

    def __init__(self) -> None:
        self._rooms: dict[str, OpenRoom] = {}
        self._ended: list[OpenRoom] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def start(self, show_id: str, make: Callable[[], OpenRoom]) -> OpenRoom:
        """The room of a show: the one that is open, or a new one. Raises OSError as ``OpenRoom.start`` does."""
        with self._lock:
            if self._is_closed:
                raise LabError("The lab is closed", "Nothing is shared.", "Open it again.")
            existing = self._rooms.get(show_id)
            if existing is not None and not existing.is_over():
                return existing
            self._end(show_id)  # frees its port, which the new room may be asked to use
            room = make()
            room.start()
            self._rooms[show_id] = room
            return room

    def current(self, show_id: str) -> OpenRoom | None:
        """The room of a show, or None when it is not shared."""
        room = self._rooms.get(show_id)
        return None if room is None or room.is_over() else room

    def stop(self, show_id: str) -> bool:
        """Stop sharing a show; False when it was not shared."""
        was_shared = self.current(show_id) is not None
        with self._lock:
            self._end(show_id)
        return was_shared

    def close(self) -> None:
        """Stop sharing anything, for good, and wait for the end of it."""
        with self._lock:
            self._is_closed = True
            for show_id in list(self._rooms):
                self._end(show_id)
        for room in self._ended:
            room.wait()

    def _end(self, show_id: str) -> None:
        ended = self._rooms.pop(show_id, None)
        if ended is not None:
            ended.stop()
            self._ended = [room for room in (*self._ended, ended) if room.is_ending]
