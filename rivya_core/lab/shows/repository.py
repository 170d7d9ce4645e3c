"""Store and load shows. Every function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.ledger.ids import searchable
from rivya_core.lab.ledger.schema import show_clips, show_slides, shows
from rivya_core.lab.people.acting import acting_address
from rivya_core.lab.shows.clip_store import HeldClip
from rivya_core.lab.shows.show import Listed, Show, ShownClip, Slide, clip_json, facts_json, mode_of, to_clip, to_facts
from rivya_core.mode_words import ModeWord

# -- writing -----------------------------------------------------------------------------------------------------------


def add(connection: sa.Connection, show: Show, clips: Iterable[HeldClip]) -> None:
    """Store a new show with the clips that it holds."""
    connection.execute(
        sa.insert(shows).values(id=show.id, created_at=show.created_at, person=acting_address(), **_columns(show))
    )
    hold(connection, show.id, clips)
    _write_slides(connection, show)


def put(connection: sa.Connection, show: Show, before: Show) -> None:
    """Store what a show has become; the clips that it held before stay held."""
    for key, clip in show.clips.items():
        if before.clips.get(key, clip) != clip:
            mine = (show_clips.c.show_id == show.id, show_clips.c.sha256 == key)
            connection.execute(sa.update(show_clips).where(*mine).values(facts=clip_json(clip)))
    connection.execute(
        sa.update(shows).where(shows.c.id == show.id).values(changed_by=acting_address(), **_columns(show))
    )
    connection.execute(sa.delete(show_slides).where(show_slides.c.show_id == show.id))
    _write_slides(connection, show)


def hold(connection: sa.Connection, show_id: str, clips: Iterable[HeldClip], *, anew: bool = False) -> None:
    """Write down the clips that a show holds; one that it holds already stays as it was written down, or is written ``anew``."""
    fresh = {clip.shown.sha256: clip for clip in clips}
    mine = sa.and_(show_clips.c.show_id == show_id, show_clips.c.sha256.in_(fresh))
    if anew:
        connection.execute(sa.delete(show_clips).where(mine))
    for stored in connection.scalars(sa.select(show_clips.c.sha256).where(mine)).all():
        del fresh[stored]
    if not fresh:
        return
    connection.execute(
        sa.insert(show_clips),
        [
            {
                "show_id": show_id,
                "sha256": sha256,
                "generation_id": clip.generation_id,
                "archive_key": clip.archive_key,
                "poster_key": clip.poster_key,
                "facts": clip_json(clip.shown),
            }
            for sha256, clip in fresh.items()
        ],
    )


def set_deleted(connection: sa.Connection, show_id: str, now: datetime, *, is_deleted: bool) -> bool:
    """Take a show out of the list, or bring it back; False when it stood so already."""
    column = shows.c
    other = column.deleted_at.is_(None) if is_deleted else column.deleted_at.is_not(None)
    written: dict[str, Any] = {"deleted_at": now if is_deleted else None}
    if acting_address() is not None:  # the person and the time of the last change go together
        written |= {"changed_by": acting_address(), "changed_at": now}
    query = sa.update(shows).where(column.id == searchable(show_id), other).values(written)
    return bool(connection.execute(query).rowcount)


def _columns(show: Show) -> dict[str, Any]:
    return {
        "title": show.title,
        "sweep_id": show.sweep_id,
        "facts": facts_json(show.facts),
        "offered": list(show.offered),
        "changed_at": show.changed_at,
    }


def _write_slides(connection: sa.Connection, show: Show) -> None:
    rows = [
        {
            "show_id": show.id,
            "number": slide.number,
            "place": place,
            "layout": slide.layout,
            "caption": slide.caption,
            "about": slide.about,
            "clips": list(slide.clips),
        }
        for place, slide in enumerate(show.slides)
    ]
    if rows:
        connection.execute(sa.insert(show_slides), rows)


# -- reading -----------------------------------------------------------------------------------------------------------


def find(connection: sa.Connection, show_id: str) -> Show | None:
    """The show with its slides and the clips that they hold, or None; also a deleted one is None.

    Raises:
        StorageError: what is stored of it is damaged.
    """
    mine = (shows.c.id == searchable(show_id), shows.c.deleted_at.is_(None))
    row = connection.execute(sa.select(shows).where(*mine)).first()
    if row is None:
        return None
    try:
        return _show(row, _slides(connection, [row.id])[row.id], _clips(connection, row.id))
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            "A show cannot be read",
            f"What the database holds of {row.id} is damaged. The clips are where they were.",
            "Make the show again.",
            field="show",
        ) from error


def must_find(connection: sa.Connection, show_id: str) -> Show:
    """The show. Raises LabError for an unknown id."""
    show = find(connection, show_id)
    if show is None:
        raise no_show(show_id)
    return show


def listed(connection: sa.Connection) -> list[Listed]:
    """All shows that are not deleted, newest first."""
    column = shows.c
    mode = column.facts["mode"].as_string().label("mode")
    query = (
        sa.select(
            column.id,
            column.title,
            column.sweep_id,
            column.created_at,
            column.changed_at,
            column.person,
            column.changed_by,
            mode,
        )
        .where(column.deleted_at.is_(None))
        .order_by(column.created_at.desc(), column.id.desc())
    )
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    slides, modes = _slides(connection, ids), _modes(connection, ids)
    return [_listed(row, slides[row.id], modes[row.id]) for row in rows]


def held(connection: sa.Connection, show_id: str, sha256: str | None = None) -> list[HeldClip]:
    """The clips that a show holds or held, or the one with this hash; nothing of a deleted show."""
    column = show_clips.c
    query = (
        sa.select(show_clips)
        .join_from(show_clips, shows, shows.c.id == column.show_id)
        .where(column.show_id == searchable(show_id), shows.c.deleted_at.is_(None))
    )
    if sha256 is not None:
        query = query.where(column.sha256 == searchable(sha256))
    return [
        HeldClip(row.generation_id, row.archive_key, row.poster_key, to_clip(row.facts))
        for row in connection.execute(query.order_by(column.sha256))
    ]


def no_show(show_id: object) -> LabError:
    """Say that there is no such show."""
    return LabError(
        "There is no such show",
        f"The id {str(show_id)[:60]!r} is not in this data folder.",
        "Look it up in the list of shows.",
        field="id",
    )


def _listed(row: Any, slides: Sequence[Slide], modes: Mapping[str, ModeWord]) -> Listed:
    clips = dict.fromkeys(key for slide in slides for key in slide.clips)
    return Listed(
        row.id,
        row.title,
        row.sweep_id,
        mode_of([row.mode, *(modes.get(key) for key in clips)]),
        len(slides),
        len(clips),
        row.created_at,
        row.changed_at,
        next(iter(clips), None),
        row.person,
        row.changed_by,
    )


def _slides(connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[Slide, ...]]:
    column = show_slides.c
    query = sa.select(show_slides).where(column.show_id.in_(ids)).order_by(column.show_id, column.place)
    by_show: dict[str, tuple[Slide, ...]] = dict.fromkeys(ids, ())
    for row in connection.execute(query):
        slide = Slide(row.number, row.layout, tuple(row.clips), row.caption, row.about)
        by_show[row.show_id] = (*by_show[row.show_id], slide)
    return by_show


def _modes(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, ModeWord]]:
    """Whether the clips that some shows hold are live or simulated, by show and hash."""
    column = show_clips.c
    query = sa.select(column.show_id, column.sha256, column.facts["mode"].as_string())
    by_show: dict[str, dict[str, ModeWord]] = {one: {} for one in ids}
    for show_id, sha256, mode in connection.execute(query.where(column.show_id.in_(ids))):
        by_show[show_id][sha256] = mode
    return by_show


def _clips(connection: sa.Connection, show_id: str) -> dict[str, ShownClip]:
    query = sa.select(show_clips.c.sha256, show_clips.c.facts).where(show_clips.c.show_id == show_id)
    return {sha256: to_clip(stored) for sha256, stored in connection.execute(query)}


def _show(row: sa.Row[Any], slides: tuple[Slide, ...], clips: dict[str, ShownClip]) -> Show:
    show = Show(
        row.id,
        row.title,
        row.sweep_id,
        row.created_at,
        row.changed_at,
        to_facts(row.facts),
        slides,
        clips,
        tuple(row.offered),
    )
    return replace(show, clips={key: clips[key] for key in shown_keys(show)})


def shown_keys(show: Show) -> tuple[str, ...]:
    """The hashes of the clips that the slides of a show hold, each once, in the order shown."""
    return tuple(dict.fromkeys(key for slide in show.slides for key in slide.clips))
