"""Reviews of single clips: time-coded notes, and stars by criterion.

An author is the address of who is signed in. Without sign-in it is a self-given name, and the empty one is this machine's user.
Nothing here spends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.api.texts import shows_nothing
from rivya_core.lab.ledger.database import begin_immediate, reading
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import clip_notes, generations, ratings
from rivya_core.lab.ledger.texts import checked_person, checked_text
from rivya_core.lab.people.acting import acting_address

NOTE_MAX: Final = 2000
AUTHOR_MAX: Final = 64
STARS_MAX: Final = 5
AFTER_END_S: Final = 0.5
"""Tolerance in seconds: browser and archive may disagree by a few frames about a clip's length."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing a clip is judged by. ``hint``: what five stars mean."""

    name: str
    label: str
    hint: str


CRITERIA: Final = (
    Criterion("overall", "Overall", "Would you show it?"),
    Criterion("prompt", "Prompt match", "Everything asked for is there, nothing else"),
    Criterion("motion", "Motion", "Moves as it should: no jumps, no freezing"),
    Criterion("artefacts", "Artefacts", "Five stars: none seen"),
    Criterion("look", "Look", "Light, colour, composition"),
)
_NAMES: Final = frozenset(criterion.name for criterion in CRITERIA)


@dataclass(frozen=True, slots=True)
class ClipNote:
    """A note at one position of a clip. ``at_s``: seconds from its start."""

    id: int
    generation_id: str
    at_s: float
    text: str
    author: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rating:
    """How many stars, 1 to 5, one author gave a clip by one criterion."""

    generation_id: str
    criterion: str
    author: str
    stars: int
    rated_at: datetime


class Reviews:
    """Store and load notes and stars; safe to use from any thread."""

    def __init__(
        self,
        *,
        ledger: Ledger,
    ) -> None:
        self._database = ledger.database
        self._clock = ledger.clock

    # -- notes -----------------------------------------------------------------------------------------------------

    def notes(self, generation_ids: Sequence[str]) -> list[ClipNote]:
        """Return the notes of some clips, by position in the clip."""
        query = (
            sa.select(clip_notes)
            .where(clip_notes.c.generation_id.in_(generation_ids))
            .order_by(clip_notes.c.at_s, clip_notes.c.id)
        )
        with reading(self._database) as connection:
            return [_note(row) for row in connection.execute(query)]

    def add_note(self, generation_id: str, at_s: float, text: str, author: str = "") -> ClipNote:
        """Store a note of at most 2,000 characters at a position in a clip.

        Raises:
            LabError: no such clip, no such place in it, an empty or too long text, a too long name.
        """
        values: dict[str, Any] = {
            "generation_id": generation_id,
            "text": _text(text),
            "author": _author(author),
        }
        with begin_immediate(self._database) as connection:
            values["at_s"] = _place(_length_s(connection, generation_id), at_s)
            values["created_at"] = self._clock()
            added = connection.execute(sa.insert(clip_notes).values(values).returning(clip_notes)).one()
        return _note(added)

    def edit_note(self, note_id: int, text: str) -> ClipNote:
        """Replace the text of a note; position and time stay, and the author, unless somebody signed in is another one.

        Raises LabError when it is gone or the text is not allowed.
        """
        values = {"text": _text(text)} | ({} if (address := acting_address()) is None else {"author": address})
        change = sa.update(clip_notes).where(clip_notes.c.id == note_id).values(values).returning(clip_notes)
        with begin_immediate(self._database) as connection:
            row = connection.execute(change).first()
        if row is None:
            raise LabError("This note is gone", "Somebody has deleted it meanwhile.", "Write a new one.", field="note")
        return _note(row)

    def delete_note(self, note_id: int) -> ClipNote | None:
        """Delete a note; return it for ``restore_note``, or None when it was already gone."""
        with begin_immediate(self._database) as connection:
            statement = sa.delete(clip_notes).where(clip_notes.c.id == note_id).returning(clip_notes)
            row = connection.execute(statement).first()
        return None if row is None else _note(row)

    def restore_note(self, note: ClipNote) -> bool:
        """Restore a deleted note; False when it already exists."""
        with begin_immediate(self._database) as connection:
            if connection.execute(sa.select(clip_notes.c.id).where(clip_notes.c.id == note.id)).first():
                return False
            connection.execute(
                sa.insert(clip_notes).values(
                    id=note.id,
                    generation_id=note.generation_id,
                    at_s=note.at_s,
                    text=note.text,
                    author=note.author,
                    created_at=note.created_at,
                )
            )
        return True

    # -- stars -----------------------------------------------------------------------------------------------------

    def ratings(self, generation_ids: Sequence[str]) -> list[Rating]:
        """Every author's stars of some clips, in the order they were given."""
        query = (
            sa.select(ratings)
            .where(ratings.c.generation_id.in_(generation_ids))
            .order_by(ratings.c.rated_at, ratings.c.author, ratings.c.generation_id, ratings.c.criterion)
        )
        with reading(self._database) as connection:
            return [_rating(row) for row in connection.execute(query)]

    def rate(self, generation_id: str, criterion: str, stars: int, author: str = "") -> None:
        """Give a clip 1 to 5 stars by a criterion, replacing the author's earlier ones; 0 removes them.

        Raises:
            LabError: no such clip or criterion, another number of stars, a too long name.
        """
        if criterion not in _NAMES:
            raise LabError(
                "There is no such criterion", f"It is one of {', '.join(sorted(_NAMES))}.", field="criterion"
            )
        if isinstance(stars, bool) or not 0 <= stars <= STARS_MAX:
            raise LabError("Stars are out of range", f"Give 1 to {STARS_MAX} stars, or 0 for none.", field="stars")
        key = {
            "generation_id": generation_id,
            "criterion": criterion,
            "author": _author(author),
        }
        with begin_immediate(self._database) as connection:
            _length_s(connection, generation_id)
            connection.execute(sa.delete(ratings).filter_by(**key))
            if stars:
                connection.execute(sa.insert(ratings).values(**key, stars=stars, rated_at=self._clock()))


def _length_s(connection: sa.Connection, generation_id: str) -> float | None:
    """Return the measured length of a clip in seconds, or None. Raises LabError without a clip."""
    query = sa.select(generations.c.clip_key, generations.c.clip_duration_s).where(generations.c.id == generation_id)
    row = connection.execute(query).first()
    if row is None or row.clip_key is None:
        raise LabError(
            "There is no clip to review",
            f"{generation_id[:80]!r} is no generation with an archived clip.",
            "Look it up in History.",
            field="id",
        )
    return None if row.clip_duration_s is None else float(row.clip_duration_s)


def _place(length_s: float | None, at_s: float) -> float:
    end_s = math.inf if length_s is None else length_s + AFTER_END_S
    if not math.isfinite(at_s) or not 0 <= at_s <= end_s:
        raise LabError("The note is not in the clip", f"There is nothing at {at_s:.2f} s.", field="at_s")
    return round(at_s, 3)


def _author(named: str) -> str:
    return acting_address() or checked_person("author", named, AUTHOR_MAX)


def _text(text: str) -> str:
    text = checked_text("text", text).strip()
    if shows_nothing(text):
        raise LabError("The note is empty", "Write what you see.", field="text")
    if len(text) > NOTE_MAX:
        raise LabError("The note is too long", f"It has {len(text):,} characters of {NOTE_MAX:,}.", field="text")
    return text


def _note(row: sa.Row[Any]) -> ClipNote:
    return ClipNote(row.id, row.generation_id, row.at_s, row.text, row.author, row.created_at)


def _rating(row: sa.Row[Any]) -> Rating:
    return Rating(row.generation_id, row.criterion, row.author, row.stars, row.rated_at)
