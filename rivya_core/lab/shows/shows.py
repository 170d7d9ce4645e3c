"""The shows of a lab: make one of a sweep or of clips, change it, bring its facts up to date, hand it out.

Making a show reads the ledger once and pins the clips; from then on it changes only when a person edits it. Nothing here spends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rivya_core.api.errors import LabError
from rivya_core.api.texts import one_line
from rivya_core.lab.evaluation.results import Votes
from rivya_core.lab.evaluation.verdicts import Verdicts
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.ledger.database import begin_immediate, reading, reading_at_once
from rivya_core.lab.ledger.ids import new_intent_id
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_writes
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.stored import StoredObject
from rivya_core.lab.server.background_reads import BackgroundReads
from rivya_core.lab.shows import edits, repository, slides
from rivya_core.lab.shows.ballot.ballot import BallotFile, BallotFiles
from rivya_core.lab.shows.cassette.replay import Replay
from rivya_core.lab.shows.changes import changes
from rivya_core.lab.shows.clip_store import HeldClip, file_of
from rivya_core.lab.shows.edits import ChosenClips, check_count, check_title
from rivya_core.lab.shows.files import Kind, ShowFiles
from rivya_core.lab.shows.own_key import refuse_key
from rivya_core.lab.shows.room.open_room import OpenRooms
from rivya_core.lab.shows.room.room import Room
from rivya_core.lab.shows.show import Facts, Layout, Listed, Show, Slide
from rivya_core.lab.shows.sweep_evidence import Freezer
from rivya_core.lab.shows.take_back import taken_back
from rivya_core.lab.shows.target import free_target
from rivya_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Updated:
    """What bringing facts up to date did. ``before``: the show as it was, for an undo; ``changes``: sentences, none when nothing did."""

    before: Show
    changes: tuple[str, ...]


class Shows:
    """Make, change and hand out shows; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        archive: Archive,
        refuse_if_closed: Callable[[], None],
        background: BackgroundReads,
        rooms: OpenRooms,
        replay: Replay | None,
        verdicts: Verdicts,
        votes: Votes,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._archive = archive
        self._freezer = Freezer(ledger=ledger, archive=archive, replay=replay, verdicts=verdicts, votes=votes)
        self.ballots = BallotFiles(
            settings=settings, ledger=ledger, archive=archive, refuse_if_closed=refuse_if_closed, background=background
        )
        self.files = ShowFiles(
            settings=settings, ledger=ledger, archive=archive, refuse_if_closed=refuse_if_closed, background=background
        )
        self.room = Room(settings=settings, ledger=ledger, rooms=rooms, background=background, shows=self, votes=votes)

    # -- making ----------------------------------------------------------------------------------------------------

    def of_sweep(self, sweep_id: str, title: str | None = None) -> Show:
        """Make a show of a sweep that was decided or has ended, with everything filled in: facts, slides, clips.

        Works the finding out where that has not been done; may take a second. The title is the sweep's name unless one is given.

        Raises:
            LabError: no such sweep; it runs and is not decided, or has no clip yet; the title is not usable; read-only.
            StorageError: a clip's file is gone, or there is no room.
        """
        refuse_writes(self._ledger.database)
        evidence = self._freezer.evidence(sweep_id)
        wanted = check_title(one_line(evidence.status.experiment.name) if title is None else title)
        _check_ended(evidence.status)
        frozen = self._freezer.freeze(evidence)
        told = slides.first_slides(frozen.facts)
        show = self._new(wanted, frozen.facts, told, frozen.held, sweep_id=sweep_id)
        return self._add(show, frozen.held)

    def create(self, title: str, generation_ids: ChosenClips, captions: Sequence[str] | None = None) -> Show:
        """Make a show of clips, one slide each; ids in a list of their own, two to four, stand side by side.

        Args:
            title: At most 120 characters.
            generation_ids: Generations with a finished, whole clip, in order.
            captions: One for each slide, at most 600 characters; none leaves all empty.

        Raises:
            LabError: a title, caption or clip is not usable (``field`` says which), or the lab is read-only.
            StorageError: a clip's file is gone, or there is no room.
        """
        refuse_writes(self._ledger.database)
        wanted = check_title(title)
        groups = edits.groups_of(generation_ids)
        held = self._freezer.hold([id_ for group in groups for id_ in group])
        told = edits.slides_of(groups, edits.captions_for(captions, len(groups)), held, 1)
        facts = Facts(max(one.shown.made_at for one in held.values()), replay=self._freezer.replay)
        return self._add(self._new(wanted, facts, told, held.values()), held.values())

    def add(self, show_id: str, generation_ids: ChosenClips, captions: Sequence[str] | None = None) -> Show:
        """Put clips at the end of a show, as ``create`` does; the show as it was, for an undo.

        Raises:
            LabError: no such show, a clip or caption is not usable, or the lab is read-only.
        """
        refuse_writes(self._ledger.database)
        groups = edits.groups_of(generation_ids)
        self.get(show_id)
        held = self._freezer.hold([id_ for group in groups for id_ in group])

        def grown(show: Show) -> Show:
            first = max((slide.number for slide in show.slides), default=0) + 1
            more = edits.slides_of(groups, edits.captions_for(captions, len(groups)), held, first)
            check_count(len(show.slides) + len(more))
            known = {**{one.shown.sha256: one.shown for one in held.values()}, **show.clips}
            facts = show.facts
            if show.sweep_id is None:
                facts = replace(facts, made_at=max(clip.made_at for clip in known.values()))
            return replace(show, slides=(*show.slides, *more), clips=known, facts=facts)

        return self._changed(show_id, grown, held.values())[0]

    def update_facts(self, show_id: str) -> Updated:
        """Write down anew what is known by now; captions, order, layouts and what was removed stay as they are.

        Raises:
            LabError: no such show, or the lab is read-only. StorageError: a clip's file is gone.
        """
        refuse_writes(self._ledger.database)
        before = self.get(show_id)
        if before.sweep_id is None:
            frozen = self._freezer.again(before.facts, self.held(show_id))
        else:
            with reading(self._ledger.database) as connection:
                known = [one.generation_id for one in repository.held(connection, show_id)]
            frozen = self._freezer.freeze(self._freezer.evidence(before.sweep_id), known)
        known_clips = {one.shown.sha256: one.shown for one in frozen.held}

        def updated(show: Show) -> Show:
            clips = {**show.clips, **known_clips}
            if show.sweep_id is None:
                return replace(show, facts=frozen.facts, clips=clips)
            return replace(
                show,
                facts=frozen.facts,
                slides=slides.brought_up(show, frozen.facts),
                clips=clips,
                offered=slides.offered(show, frozen.facts),
            )

        was, now = self._changed(show_id, updated, frozen.held, anew=True)
        return Updated(was, changes(was, now))

    # -- reading ---------------------------------------------------------------------------------------------------

    def list(self) -> tuple[Listed, ...]:
        """All shows, newest first."""
        with reading_at_once(self._ledger.database) as connection:
            return tuple(repository.listed(connection))

    def get(self, show_id: str) -> Show:
        """One show with its slides and clips. Raises LabError for an unknown id."""
        with reading_at_once(self._ledger.database) as connection:
            return repository.must_find(connection, show_id)

    def data(self, show_id: str) -> dict[str, Any]:
        """The show as JSON-safe data: what page, files and scripts get. The same each time until somebody changes the show.

        Holds no key, balance, host, path, or id of the API. Raises LabError for an unknown id, and where somebody wrote the key.
        """
        data = slides.to_data(self.get(show_id))
        refuse_key(self._settings, json.dumps(data, ensure_ascii=False))
        return data

    def page(self, show_id: str, *, below: str = "") -> str:
        """The show as one HTML page, with addresses of its files below ``/show/<id>``, and of its ballot once there is one.

        ``below``: the path of the host below which the server answers, such as ``/lab``; "" for the root.

        Raises LabError for an unknown id.
        """
        from rivya_core.lab.shows.page.page import ServedMedia, render  # noqa: PLC0415 - loads Jinja2: only who shows pays for it

        base = f"{below}/show/{show_id}"
        ballot = None if self.made_ballot(show_id) is None else f"{base}/ballot"
        return render(self.data(show_id), ServedMedia(base), served=True, ballot=ballot)

    def made_ballot(self, show_id: str) -> BallotFile | None:
        """The ballot of a show, if it was made already. Raises LabError for an unknown id."""
        show = self.get(show_id)
        return None if show.sweep_id is None else self.ballots.beside(show.id, show.sweep_id)

    def ballot(self, show_id: str, question: str | None = None) -> BallotFile:
        """The ballot that goes with a show, made at the first call at about a second a clip; the same one afterwards.

        Args:
            show_id: The show, which is of a sweep.
            question: What is voted on, by its key, see ``lab.votes.questions``; None = what the sweep asks first.

        Raises:
            LabError: no such show, it is not of a sweep, or no ballot can be made; see ``BallotFiles.make``.
        """
        show = self.get(show_id)
        if show.sweep_id is None:
            raise LabError(
                "This show has nothing to vote on",
                "A ballot compares the combinations of a sweep, and this show is of single clips.",
                "Make a show of a sweep.",
                field="show_id",
            )
        return self.ballots.of_show(show.id, show.sweep_id, question)

    def held(self, show_id: str) -> tuple[HeldClip, ...]:
        """The clips that the slides of a show hold, in the order shown, each with its generation. Raises LabError for an unknown id."""
        with reading_at_once(self._ledger.database) as connection:
            show = repository.must_find(connection, show_id)
            known = {one.shown.sha256: one for one in repository.held(connection, show_id)}
        return tuple(known[key] for key in show.clips)

    def clip(self, show_id: str, sha256: str) -> Path:
        """The local path of a clip of the show, by its hash. Raises LabError: no such clip, StorageError: its file is gone."""
        return file_of(self._archive, self._held(show_id, sha256).archive_key)

    def poster(self, show_id: str, sha256: str) -> Path | None:
        """The local path of the poster of a clip that a show holds, or None. Raises LabError: the show holds no such clip."""
        key = self._held(show_id, sha256).poster_key
        return None if key is None else file_of(self._archive, key)

    def serve(self, show_id: str, sha256: str, *, poster: bool = False) -> Path | StoredObject | None:
        """What a route streams a clip of the show from, or its poster; None where it has none. Raises as ``clip`` does."""
        held = self._held(show_id, sha256)
        key = held.poster_key if poster else held.archive_key
        return None if key is None else self._archive.serve(key)

    def export(self, show_id: str, path: str | Path, kind: Kind = "file", originals: bool = False) -> Path:
        """Write the show to hand over, to play from disk without a network; where it is. The same show gives the same bytes.

        Args:
            show_id: The show.
            path: A new file, or for ``folder`` a new folder.
            kind: ``file``: one page with small copies of the clips inside, made once at about a second a clip; ``zip`` and
                ``folder``: the page with its clips beside it, and ``show.json`` with its data.
            originals: Of one file: the clips as they are inside, 40 MB together at most. Beside a page they always are.

        Raises:
            LabError: no such show, the name is taken, the clips are too large for one file, or a small copy cannot be made here.
            StorageError: a clip is gone or was changed on the disk, there is no room, or the place cannot be written.
        """
        return self.files.export(show_id, path, kind, originals=originals)

    def contact_sheet(self, show_id: str, path: str | Path) -> Path:
        """Write the show's grid, or its clips, as one PNG for chats; where it is. May take a second.

        Raises:
            LabError: no such show, or the name is taken. StorageError: a file is gone, or there is no room.
        """
        from rivya_core.lab.shows.pictures import chat_files, contact_sheet  # noqa: PLC0415 - only who makes a file loads this

        self.data(show_id)  # refused where somebody wrote the key into it
        show = self.get(show_id)
        sheet = chat_files.sheet_of(show, lambda sha256: self.poster(show_id, sha256))
        return contact_sheet.contact_sheet(sheet, free_target(path))

    def side_by_side(self, show_id: str, slide: int, path: str | Path) -> Path:
        """Write the one to four clips of a slide as one MP4 for chats, labels burned in; where it is. Takes some seconds.

        Raises:
            LabError: no such show or slide, or it has no or too many clips. StorageError: a file is gone, or there is no room.
        """
        from rivya_core.lab.shows.pictures import chat_files, side_by_side  # noqa: PLC0415 - only who makes a file loads this

        self.data(show_id)  # refused where somebody wrote the key into it
        show = self.get(show_id)
        clips = chat_files.clips_of_slide(show, slide, lambda sha256: self.clip(show_id, sha256))
        return side_by_side.side_by_side(clips, free_target(path), title=show.title)

    def _held(self, show_id: str, sha256: str) -> HeldClip:
        with reading(self._ledger.database) as connection:
            found = repository.held(connection, show_id, sha256)
        if not found:
            raise LabError("There is no such clip", "This show holds no clip with this hash.", field="clip")
        return found[0]

    # -- editing: each hands back the show as it was, for an undo, and raises LabError in a read-only lab -----------------

    def rename(self, show_id: str, title: str) -> Show:
        """Give a show another title, at most 120 characters in one line. Raises LabError: it is empty or too long."""
        return self._change(show_id, edits.renamed(title))

    def caption(self, show_id: str, number: int, text: str) -> Show:
        """Write the caption of a slide, at most 600 characters. Raises LabError: it is too long, or there is no such slide."""
        return self._change(show_id, edits.captioned(number, text))

    def set_layout(self, show_id: str, number: int, layout: Layout) -> Show:
        """Give a slide another layout. Raises LabError: its clips do not go with it, or there is no such slide."""
        return self._change(show_id, edits.laid_out(number, layout))

    def move(self, show_id: str, number: int, by: int) -> Show:
        """Move a slide ``by`` places: -1 is one up. Beyond the ends it stays at the end."""
        return self._change(show_id, edits.moved(number, by))

    def remove(self, show_id: str, number: int) -> Show:
        """Take a slide out; its clips stay held, so that an undo brings it back. Raises LabError: no such slide."""
        return self._change(show_id, edits.without(number))

    def put_back(self, before: Show, after: Show | None = None) -> Show:
        """Make a show what it was before a change; the show as it is now, for a redo.

        ``after``: the show as the change left it: only what the change did is taken back then, what others did since stays.
        """
        return self._change(before.id, lambda show: taken_back(show, before, after or show))

    # -- removing --------------------------------------------------------------------------------------------------

    def delete(self, show_id: str) -> bool:
        """Take a show out of the list and stop sharing it; False when it was not there. What was exported stays, and so do all clips."""
        with begin_immediate(self._ledger.database) as connection:
            was_there = repository.set_deleted(connection, show_id, self._ledger.clock(), is_deleted=True)
        self.room.stop(show_id)
        return was_there

    def undelete(self, show_id: str) -> bool:
        """Bring a deleted show back; False when there is none."""
        with begin_immediate(self._ledger.database) as connection:
            return repository.set_deleted(connection, show_id, self._ledger.clock(), is_deleted=False)

    # -- storing ---------------------------------------------------------------------------------------------------

    def _new(
        self,
        title: str,
        facts: Facts,
        told: tuple[Slide, ...],
        held: Iterable[HeldClip],
        *,
        sweep_id: str | None = None,
    ) -> Show:
        check_count(len(told))
        now = self._ledger.clock()
        return Show(
            id="s" + new_intent_id(now)[1:],
            title=title,
            sweep_id=sweep_id,
            created_at=now,
            changed_at=now,
            facts=facts,
            slides=told,
            clips={one.shown.sha256: one.shown for one in held},
            offered=tuple(slide.about for slide in told if slide.about),
        )

    def _add(self, show: Show, held: Iterable[HeldClip]) -> Show:
        with begin_immediate(self._ledger.database) as connection:
            repository.add(connection, show, held)
            return repository.must_find(connection, show.id)

    def _change(self, show_id: str, change: Callable[[Show], Show]) -> Show:
        return self._changed(show_id, change)[0]

    def _changed(
        self, show_id: str, change: Callable[[Show], Show], held: Collection[HeldClip] = (), *, anew: bool = False
    ) -> tuple[Show, Show]:
        """Change a show in one transaction; as it was before, and as it is now. ``held``, ``anew``: see ``repository.hold``."""
        with begin_immediate(self._ledger.database) as connection:
            before = repository.must_find(connection, show_id)
            after = change(before)
            if after == before and not held:
                return before, before
            repository.hold(connection, show_id, held, anew=anew)
            repository.put(connection, replace(after, changed_at=self._ledger.clock()), before)
            return before, repository.must_find(connection, show_id)


def _check_ended(status: SweepStatus) -> None:
    if status.open_takes and status.experiment.decided_at is None:
        raise LabError(
            "This sweep is still running",
            f"{status.open_takes} of its takes are under way, and nothing was decided.",
            "Make the show when they have ended, or decide first.",
            field="sweep_id",
        )
