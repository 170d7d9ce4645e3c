"""Files of shows: sizes, export and streaming, and small copies made in the background, since pages must not block."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.jobs import submission
from rivya_core.lab.ledger.database import reading_at_once
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.server.background_reads import BackgroundReads
from rivya_core.lab.shows import export, previews, repository, slides
from rivya_core.lab.shows.clip_store import HeldClip, file_of
from rivya_core.lab.shows.export import INSIDE_MAX_BYTES, Material
from rivya_core.lab.shows.own_key import refuse_key
from rivya_core.settings import Settings

Kind = Literal["file", "zip", "folder"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

FRAME_BYTES: Final = 500_000
"""About what a page is without clips and posters: words, scripts, fonts."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a show's files come to. ``left``: clips without a small copy; ``small_bytes``: about one file, None while some are left."""

    clips: int
    left: int
    small_bytes: int | None
    originals_bytes: int

    @property
    def fits_inside(self) -> bool:
        """Whether one file may hold the clips as they are."""
        return self.originals_bytes <= INSIDE_MAX_BYTES


class ShowFiles:
    """Write and send the files of shows; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        archive: Archive,
        refuse_if_closed: Callable[[], None],
        background: BackgroundReads,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._archive = archive
        self._refuse_if_closed = refuse_if_closed
        self._background = background
        self._failures: dict[str, RivyaError] = {}

    def export(self, show_id: str, path: str | Path, kind: Kind = "file", originals: bool = False) -> Path:
        """Write a show; see ``Shows.export``."""
        if kind not in KINDS:
            raise LabError(
                "There is no such kind of file", f"{str(kind)[:40]!r} was asked for.", "Take file, zip or folder."
            )
        target = Path(path)
        if kind == "folder":
            return export.write_folder(self._material(show_id), target)
        if kind == "file" and not originals:
            self._make_small(show_id)
        content, size_bytes = self._content(show_id, kind, originals=originals)
        return export.write_file(content, target, size_bytes)

    def pieces(self, show_id: str, kind: Literal["file", "zip"], *, originals: bool = False) -> Iterator[bytes]:
        """Return one file or the ZIP piece by piece, to be sent; raises before the first one, also while small copies are missing."""
        return self._content(show_id, kind, originals=originals)[0]

    def sizes(self, show_id: str) -> Sizes:
        """How large the files of a show are. Raises LabError for an unknown id."""
        archive = self._archive
        data, held = self._read(show_id)
        ready = [key for key in held if previews.is_made(archive, key)]
        small = None
        if len(ready) == len(held):
            names = [name(key) for key in ready for name in (previews.clip_key, previews.poster_key)]
            sizes = [facts.size_bytes for name in names if (facts := archive.facts(name)) is not None]
            small = FRAME_BYTES + sum(sizes) * 4 // 3
        originals = sum(clip["size_bytes"] for clip in data["clips"].values())
        return Sizes(len(held), len(held) - len(ready), small, originals)

    # -- for pages, which never wait -------------------------------------------------------------------------------

    def ask(self, show_id: str) -> None:
        """Have the small copies made in the background; returns at once. Raises LabError on a read-only lab."""
        refuse_if_read_only(self._settings)
        self._failures.pop(show_id, None)

        def make() -> None:
            try:
                self._make_small(show_id)
            except RivyaError as error:
                self._failures[show_id] = error

        self._background.run(_task_name(show_id), make)

    def is_making(self, show_id: str) -> bool:
        """True while small copies of the show are made in the background; ``sizes`` says how many are left."""
        return self._background.is_running(_task_name(show_id))

    def failure(self, show_id: str) -> RivyaError | None:
        """Why the last that were asked for could not be made, or None."""
        return self._failures.get(show_id)

    # -- reading ---------------------------------------------------------------------------------------------------

    def _read(self, show_id: str) -> tuple[dict[str, Any], Mapping[str, HeldClip]]:
        """The data of a show and the clips in it, as they stand at one moment."""
        with reading_at_once(self._ledger.database) as connection:
            show = repository.must_find(connection, show_id)
            held = {one.shown.sha256: one for one in repository.held(connection, show_id)}
        data = slides.to_data(show)
        refuse_key(self._settings, json.dumps(data, ensure_ascii=False))
        return data, {sha256: held[sha256] for sha256 in data["clips"]}

    def _material(self, show_id: str) -> Material:
        """The show with its clips as they are."""
        archive, (data, held) = self._archive, self._read(show_id)
        clips, posters = {}, {}
        for sha256, one in held.items():
            clips[sha256] = file_of(archive, one.archive_key)
            posters[sha256] = None if one.poster_key is None else file_of(archive, one.poster_key)
        return Material(data, clips, posters)

    def _small(self, show_id: str) -> Material:
        """The show with small copies of its clips."""
        archive, (data, held) = self._archive, self._read(show_id)
        missing = sum(not previews.is_made(archive, key) for key in held)
        if missing:
            raise LabError(
                "This file is not ready",
                f"{missing} of {len(held)} clips have no small copy yet.",
                "Have them made on the page Shows.",
                field="previews",
            )
        named = {key: previews.poster_key(key) for key in held}
        paths = {key: archive.find_local(name) for key, name in named.items()}
        return Material(data, {key: archive.local(previews.clip_key(key)) for key in held}, paths)

    def _content(self, show_id: str, kind: Kind, *, originals: bool) -> tuple[Iterator[bytes], int]:
        """One file or the ZIP in pieces, and about how large it is."""
        if kind == "file" and not originals:
            return export.one_file(self._small(show_id), are_originals=False), self.sizes(show_id).small_bytes or 0
        material = self._material(show_id)
        if kind == "zip":
            return export.zip_file(material), material.size_bytes
        if material.size_bytes > INSIDE_MAX_BYTES:
            raise LabError(
                "These clips are too large for one file",
                f"They have {material.size_bytes / 1e6:,.0f} MB, and one file holds {INSIDE_MAX_BYTES / 1e6:,.0f}.",
                "Take one file with small copies, or the ZIP.",
                field="originals",
            )
        return export.one_file(material, are_originals=True), material.size_bytes * 4 // 3

    def _make_small(self, show_id: str) -> None:
        """Make the small copies that are missing. Raises LabError in a read-only lab when one is."""
        archive, material = self._archive, self._material(show_id)
        for key, clip in material.clips.items():
            if previews.is_made(archive, key):
                continue
            refuse_if_read_only(self._settings)
            self._refuse_if_closed()
            submission.check_disk(self._settings, archive)
            previews.make(archive, key, clip, material.posters[key])


def _task_name(show_id: str) -> str:
    return f"show-{show_id}"
