"""The cassettes of a lab: write one of any finished work; know the one that is played."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.shows.cassette import export
from rivya_core.lab.shows.cassette.replay import Replay
from rivya_core.settings import Mode, Settings


class Cassettes:
    """Write cassettes; safe to use from any thread. ``playing``: the one that this lab plays, or None."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        history: History,
        archive: Archive,
        replay: Replay | None,
    ) -> None:
        self._source = export.Source(settings, ledger, history, archive, replay)
        self.playing: Replay | None = replay

    def export(self, selection: str | Iterable[str], path: str | Path, *, images: bool = False) -> Path:
        """Write a cassette of a selection and return its path; the same rows give the same bytes.

        Args:
            selection: The id of a sweep, or ids of generations and sweeps.
            path: Where the file is written.
            images: Put the reference images in as well; without them what was made from an image is not played at a press.

        Raises:
            LabError: nothing of it can be recorded, or it is too much.
            StorageError: a clip was changed on the disk, or the file cannot be written.
        """
        return export.export(self._source, selection, path, images=images)

    def pieces(self, selection: str | Iterable[str], *, images: bool = False) -> Iterator[bytes]:
        """Return the bytes of a cassette piece by piece, to be sent; raises before the first one. See :meth:`export`."""
        return export.pieces(self._source, selection, images=images)

    def mode_of(self, selection: Iterable[str]) -> Mode | None:
        """Return the mode of all that a selection holds, or None when it holds both, or nothing."""
        return export.mode_of(self._source, selection)
