"""Share one show with the people in a network: ``lab.shows.room``.

The dashboard itself is not shared, only the page of one show, its clips, and its ballot if there is one, under an unguessable
URL; over plain http, so anyone on the network path can read it.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.evaluation.results import Votes
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.server.background_reads import BackgroundReads
from rivya_core.lab.shows.room.open_room import OpenRoom, OpenRooms, Source
from rivya_core.lab.shows.room.own_address import own_address
from rivya_core.settings import Settings

if TYPE_CHECKING:
    from rivya_core.lab.shows.shows import Shows

_PORT_MAX: Final = 65_535
_BEING_ENCODED: Final = "The ballot is being made, about a second a clip."


@dataclass(frozen=True, slots=True)
class Share:
    """A show that is shared at this moment: as it is now, so that who opens it again sees what was changed meanwhile.

    ``opened``: browsers that asked for something within the last minute; ``opened_ever``: since it began. Both are estimates:
    two phones of one kind behind one address count once, and a page that only stands there asks for nothing.
    ``ballot_url``: None while there is no ballot, and ``ballot_said`` tells why. ``votes``: lines counted here, at most 500.
    """

    show_id: str
    url: str
    port: int
    expires_at: datetime
    opened: int
    opened_ever: int
    ballot_url: str | None
    ballot_said: str
    votes: int


class Room:
    """Share shows and stop it; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        rooms: OpenRooms,
        background: BackgroundReads,
        shows: Shows,
        votes: Votes,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._rooms = rooms
        self._background = background
        self._shows, self._votes = shows, votes

    def start(self, show_id: str, *, port: int = 0) -> Share:
        """Share a show for four hours, or tell how it is shared already.

        The listener is bound to one address of this machine and no other: the one that it goes out by, or that of the setting
        ``share_address``. A show of a sweep brings its ballot, which is made in the background when there is none yet.

        Args:
            show_id: The show.
            port: The port to listen at; 0 takes a free one.

        Raises:
            LabError: no such show, the machine is in no network, the port cannot be used, or the lab is read-only.
        """
        refuse_if_read_only(self._settings)
        show = self._shows.get(show_id)
        if isinstance(port, bool) or not 0 <= port <= _PORT_MAX:
            raise LabError("The port is not usable", f"It must be 0 to {_PORT_MAX}, not {port!r}.", field="port")
        address = self._settings.share_address or own_address()
        source = self._source(show.id)
        try:
            room = self._rooms.start(show.id, lambda: OpenRoom(source, address, port))
        except OSError as error:
            raise _refused(error, address, port) from error
        self._stop_if_deleted(show.id)
        if show.sweep_id is not None and room.ballot_id is None:
            self._background.run(_task_name(show.id), lambda: self._bring_ballot(show.id))
        return self._share(show.id, room)

    def current(self, show_id: str) -> Share | None:
        """How a show is shared now, or None."""
        room = self._rooms.current(show_id)
        return None if room is None else self._share(show_id, room)

    def stop(self, show_id: str) -> bool:
        """Stop sharing a show; False when it was not shared. When this returns, nothing listens there any more.

        A vote that is being counted at that moment may still be counted.
        """
        return self._rooms.stop(show_id)

    def _stop_if_deleted(self, show_id: str) -> None:
        """Stop sharing, and raise, when the show was deleted while sharing started: the deletion found nothing to stop (race)."""
        try:
            self._shows.get(show_id)
        except RivyaError:
            self._rooms.stop(show_id)
            raise

    def _share(self, show_id: str, room: OpenRoom) -> Share:
        opened, ever = room.browsers()
        ballot_url = None if room.ballot_id is None else f"{room.url}ballot"
        refusal = room.ballot_refused or ""
        if ballot_url is None and self._background.is_running(_task_name(show_id)):
            refusal = _BEING_ENCODED
        return Share(show_id, room.url, room.port, room.expires_at, opened, ever, ballot_url, refusal, room.votes)

    def _source(self, show_id: str) -> Source:
        def render(base: str, has_ballot: bool) -> tuple[str, Mapping[str, str]]:
            from rivya_core.lab.shows.page import page  # noqa: PLC0415 - loads Jinja2: only who shows pays for it

            data = self._shows.data(show_id)
            ballot = f"{base}/ballot" if has_ballot else None
            return page.render(data, page.ServedMedia(base), served=True, shared=True, ballot=ballot), page.headers()

        return Source(
            has=lambda sha256: sha256 in self._shows.get(show_id).clips,
            clip=lambda sha256: self._shows.serve(show_id, sha256),
            poster=lambda sha256: self._shows.serve(show_id, sha256, poster=True),
            render=render,
            accept=lambda line, ballot: self._votes.accept(line, ballot=ballot).sentence,
            clock=self._ledger.clock,
        )

    def _bring_ballot(self, show_id: str) -> None:
        """Make the ballot, or find it, and hand it to the room that is open when it is there."""
        try:
            ballot = self._shows.ballot(show_id)
            page = ballot.path
        except RivyaError as error:
            room = self._rooms.current(show_id)
            if room is not None:
                room.ballot_refused = f"There is no ballot. {error.detail}"
            return
        room = self._rooms.current(show_id)
        if room is not None:
            room.serve_ballot(ballot.id, page)


def _task_name(show_id: str) -> str:
    return f"room-ballot-{show_id}"


def _refused(error: OSError, address: str, port: int) -> LabError:
    """Why the listener could not be opened, in words."""
    reasons = {
        errno.EADDRINUSE: (f"Port {port} is taken by another program.", "Choose another port, or 0 for a free one."),
        errno.EACCES: (f"This user may not listen at port {port}.", "Choose a port from 1024 on, or 0 for a free one."),
        errno.EADDRNOTAVAIL: (f"{address} is no address of this machine.", "Correct or unset RIVYA_SHARE_ADDRESS."),
    }
    untold = (f"{address} cannot be listened at: {error.strerror}.", "Hand the show over as a file.")
    detail, hint = reasons.get(error.errno or 0, untold)
    return LabError("The show cannot be shared", detail, hint, field="port" if port else "address")
