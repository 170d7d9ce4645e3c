"""Queries for screens: pages of History, the latest clip, what runs, what failed, how long clips take. Read-only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from rivya_core.lab.ledger.database import reading
from rivya_core.lab.ledger.history import history_choices, marks
from rivya_core.lab.ledger.history.history_choices import Choices
from rivya_core.lab.ledger.history.history_query import Sort
from rivya_core.lab.ledger.history.listing import page_of, rows_of, seqs_of
from rivya_core.lab.ledger.history.marks import Marks, SweepName
from rivya_core.lab.ledger.mapping import EVERY_COLUMN, readable, to_record
from rivya_core.lab.ledger.query_cache import remembered_of
from rivya_core.lab.ledger.records import GenerationRecord, HistoryFilter, HistoryPage
from rivya_core.lab.ledger.schema import experiments, generations
from rivya_core.lab.ledger.states import State
from rivya_core.lab.ledger.unwatched import under_way
from rivya_core.settings import Mode

T = TypeVar("T")

PAGE_SIZE: Final = 25
KEPT_ROWS_MAX: Final = 100  # longer pages are not cached: only scripts ask for them, once each
EXPORT_CHUNK: Final = 200
TYPICAL_OF: Final = 200
TYPICAL_LOOK_BACK: Final = 1000

IN_PROGRESS: Final = (State.WAITING, State.SUBMITTING, State.RUNNING, State.SAVING)
TROUBLED: Final = (State.FAILED, State.UNCONFIRMED, State.UNSAVED)


_ALONE: Final = (
    generations.c.dismissed_at.is_(None),
    sa.or_(
        generations.c.experiment_id.is_(None),
        generations.c.experiment_id.not_in(sa.select(experiments.c.id).where(experiments.c.deleted_at.is_(None))),
    ),
)
"""Rows that were not dismissed and are not reported by a sweep."""


ENOUGH_TO_TELL: Final = 5
"""Clips of one kind from which on their times say something of the next ones."""


class Typical(NamedTuple):
    """Quantiles of the seconds from the task's start (its id arrived) to an end, over the last ``count`` clips of one kind."""

    p10_s: float
    p90_s: float
    count: int  # type: ignore[assignment]  # shadows tuple.count, which is not used here

    def left_s(
        self, *, rounds: float = 1, gone_s: float = 0.0, enough: int = ENOUGH_TO_TELL
    ) -> tuple[float, float] | None:
        """How long clips of the kind still take, from the quick ones to the slow ones; the one estimate that screens show.

        Args:
            rounds: How many full loads they are, if Rivya makes no more at once than are sent at a time.
            gone_s: Seconds since the last of them was sent.
            enough: Clips that there must have been.

        Returns:
            Seconds from now, the second below zero when it takes longer than usual; None with too few clips to go by.
        """
        if self.count < enough:
            return None
        return max(0.0, self.p10_s - gone_s), self.p90_s * rounds - gone_s


class SweepTrouble(NamedTuple):
    """Failures of one sweep. ``failed``: ids of its failed generations; ``waiting``: how many others need a person."""

    experiment_id: str
    name: str
    failed: tuple[str, ...] = ()
    waiting: int = 0


class History:
    """Read-only views of the ledger; safe to use from any thread."""

    def __init__(self, database: sa.Engine) -> None:
        self._database = database
        self._remembered = remembered_of(database)
        self._lock = Lock()
        self._choices = Choices()

    def page(
        self, wanted: HistoryFilter | None = None, page: int = 1, size: int = PAGE_SIZE, sort: Sort = "newest"
    ) -> HistoryPage:
        """Return one page of the filtered rows, in the given order; a page beyond the end is the last one."""
        asked = (wanted or HistoryFilter(), max(1, page), size, sort)
        if size > KEPT_ROWS_MAX:
            with reading(self._database) as connection:
                return page_of(connection, *asked)
        return self._once(("page", *asked), lambda connection: page_of(connection, *asked))

    def export_rows(self, wanted: HistoryFilter | None = None) -> Iterator[GenerationRecord]:
        """Yield every filtered row, newest first, read in batches so that no transaction stays open."""
        asked, below = wanted or HistoryFilter(), None
        while True:
            with reading(self._database) as connection:
                seqs = seqs_of(connection, asked, EXPORT_CHUNK, below=below)
                rows = rows_of(connection, seqs)
            if not seqs:
                return
            yield from rows
            below = seqs[-1]

    def some(self, ids: Sequence[str]) -> list[GenerationRecord]:
        """Return the generations with these ids, in their order; deleted and unknown ones are left out."""
        column = generations.c
        wanted = {one: place for place, one in enumerate(dict.fromkeys(ids))}
        where = [column.id.in_(wanted), column.deleted_at.is_(None)]
        with reading(self._database) as connection:
            found = readable(connection, sa.select(*EVERY_COLUMN).where(*where), to_record)
        return sorted(found, key=lambda row: wanted[row.id])

    def marks(self, ids: Sequence[str], *, votes: bool = False) -> dict[str, Marks]:
        """Return what people and sweeps added to some generations, by id; votes only when asked for."""
        return self._once(
            ("marks", tuple(ids), votes), lambda connection: marks.read(connection, ids, votes=votes)
        ).copy()

    def marked(self, rows: Iterable[GenerationRecord]) -> Iterator[tuple[GenerationRecord, Marks]]:
        """Yield each row with all its marks, read in batches so that no transaction stays open."""
        left = iter(rows)
        while piece := list(islice(left, EXPORT_CHUNK)):
            with reading(self._database) as connection:
                found = marks.read(connection, [row.id for row in piece], votes=True)
            yield from ((row, found[row.id]) for row in piece)

    def choices(self) -> Choices:
        """Return the models and parameter values to filter by."""
        return self._once("choices", self._more_choices)

    def _more_choices(self, connection: sa.Connection) -> Choices:
        with self._lock:
            self._choices = history_choices.more(connection, self._choices)
            return self._choices

    def sweep_names(self) -> list[SweepName]:
        """Return the newest sweeps that are neither hidden nor deleted, at most 200."""
        return list(self._once("sweep_names", history_choices.sweeps))

    def latest(self, mode: Mode | None = None) -> GenerationRecord | None:
        """Return the generation whose clip was archived last, or None."""
        modes: tuple[Mode, ...] = ("live", "simulated") if mode is None else (mode,)
        with reading(self._database) as connection:
            found = [row for row in (_latest(connection, one) for one in modes) if row is not None]
        return max(found, key=lambda row: (row.finished_at or row.created_at, row.seq), default=None)

    def newest_clips(self, limit: int) -> list[GenerationRecord]:
        """Return the newest succeeded generations, at most ``limit``, without a total."""
        wanted = HistoryFilter(states=frozenset({State.SUCCEEDED}))
        read = self._once(
            ("newest_clips", limit), lambda connection: rows_of(connection, seqs_of(connection, wanted, limit))
        )
        return list(read)

    def examples(self) -> list[str]:
        """Return the ids of the first start's examples that were not removed."""
        where = [generations.c.source == "example", generations.c.deleted_at.is_(None)]
        with reading(self._database) as connection:
            return list(connection.execute(sa.select(generations.c.id).where(*where)).scalars())

    def running(self, limit: int = 20, mode: Mode | None = None) -> list[GenerationRecord]:
        """Return unfinished generations, newest first, at most ``limit``."""
        return self._in_states("running", IN_PROGRESS, limit, mode)

    def failures(self, limit: int = 20, mode: Mode | None = None) -> list[GenerationRecord]:
        """Return failed, unconfirmed and unsaved generations that were not dismissed, newest first, at most ``limit``.

        Those of sweeps are reported per sweep instead, by ``sweep_troubles``.
        """
        return self._in_states("failures", TROUBLED, limit, mode, *_ALONE)

    def running_count(self, mode: Mode | None = None) -> int:
        """Count the unfinished generations."""
        return self._once(
            ("running_count", mode), lambda connection: len(_unordered(connection, _of_states(IN_PROGRESS, mode)))
        )

    def running_ids(self) -> list[str]:
        """Return the ids of all unfinished generations, in no order."""
        query = sa.select(generations.c.id).where(*_of_states(IN_PROGRESS, None))
        return list(self._once("running_ids", lambda connection: connection.execute(query).scalars().all()))

    def clips_kept(self) -> tuple[int, int]:
        """Return how many clips rows name, and their bytes together."""
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(generations.c.clip_bytes), 0)).where(
            generations.c.clip_key.is_not(None)
        )
        count, size_bytes = self._once("clips_kept", lambda connection: connection.execute(query).one())
        return int(count), int(size_bytes)

    def failures_count(self, mode: Mode | None = None) -> int:
        """Count the failure cards that were not dismissed."""
        with reading(self._database) as connection:
            return len(_unordered(connection, [*_of_states(TROUBLED, mode), *_ALONE]))

    def sweep_troubles(self) -> list[SweepTrouble]:
        """Return per sweep what failed or needs a person and was not dismissed, newest first."""
        return list(self._once("sweep_troubles", _sweep_troubles))

    def children(self, generation_id: str, limit: int = 8) -> list[GenerationRecord]:
        """Return the generations made from a generation's settings, or repeating it, newest first, at most ``limit``."""
        column = generations.c
        born = sa.select(column.seq).where(column.id == generation_id).scalar_subquery()
        where = [column.seq > born, column.parent_id == generation_id, column.deleted_at.is_(None)]
        with reading(self._database) as connection:
            query = sa.select(column.seq).where(*where).order_by(column.seq.desc()).limit(limit)
            return rows_of(connection, connection.execute(query).scalars().all())

    def _in_states(
        self, name: str, states: Sequence[State], limit: int, mode: Mode | None, *more: sa.ColumnElement[bool]
    ) -> list[GenerationRecord]:
        def read(connection: sa.Connection) -> list[GenerationRecord]:
            found = sorted(_unordered(connection, [*_of_states(states, mode), *more]), reverse=True)
            return rows_of(connection, found[:limit])

        return list(self._once((name, limit, mode), read))

    def _once(self, name: Hashable, read: Callable[[sa.Connection], T]) -> T:
        return self._remembered.reading(("history", name), read)

    def typical_s(self, model: str, mode: Mode, duration: str | None = None) -> Typical | None:
        """Return how long recent clips of a model, mode and duration (or number of frames) took; None without any.

        From the task's start to the archived clip: the same span as ``GenerationRecord.elapsed_s``, so that a running clock
        can be compared with it.
        """
        return self._took_s(model, mode, duration, generations.c.finished_at)

    def rendering_s(self, model: str, mode: Mode, duration: str | None = None) -> Typical | None:
        """The same, up to the poll that found the task finished; polls are scheduled by it."""
        return self._took_s(model, mode, duration, generations.c.ready_at)

    def _took_s(self, model: str, mode: Mode, duration: str | None, ended_at: sa.Column[Any]) -> Typical | None:
        took = _took(model, mode, duration, ended_at)
        with reading(self._database) as connection:
            seconds = sorted(
                (ended - sent).total_seconds() for ended, sent in connection.execute(took) if ended and sent
            )
        if not seconds:
            return None
        return Typical(
            p10_s=_quantile(seconds, 0.1),
            p90_s=_quantile(seconds, 0.9),
            count=len(seconds),
        )


def _sweep_troubles(connection: sa.Connection) -> list[SweepTrouble]:
    column = generations.c
    where = [*_of_states(TROUBLED, None), column.dismissed_at.is_(None), experiments.c.deleted_at.is_(None)]
    query = sa.select(column.seq, column.experiment_id, experiments.c.name, column.id, column.state).where(*where)
    joined = query.join(experiments, experiments.c.id == column.experiment_id)
    rows = sorted(connection.execute(joined), reverse=True)  # here, for the reason that ``_unordered`` gives
    names = {row.experiment_id: row.name for row in rows}
    failed: dict[str, list[str]] = {one: [] for one in names}
    waiting = Counter(row.experiment_id for row in rows if row.state != State.FAILED.value)
    for row in rows:
        if row.state == State.FAILED.value:
            failed[row.experiment_id].append(row.id)
    return [SweepTrouble(one, name, tuple(failed[one]), waiting[one]) for one, name in names.items()]


def _of_states(states: Sequence[State], mode: Mode | None) -> list[sa.ColumnElement[bool]]:
    where: list[sa.ColumnElement[bool]] = [
        generations.c.state.in_([state.value for state in states]),
        generations.c.deleted_at.is_(None),
        under_way(),
    ]
    if mode is not None:
        where.append(generations.c.mode == mode)
    return where


def _unordered(connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]]) -> Sequence[int]:
    """Select the sequence numbers of the few rows in some states; with ORDER BY, SQLite would scan all rows instead."""
    return connection.execute(sa.select(generations.c.seq).where(*where)).scalars().all()


def _latest(connection: sa.Connection, mode: Mode) -> GenerationRecord | None:
    column = generations.c
    query = (
        sa.select(*EVERY_COLUMN)
        .where(column.mode == mode, column.finished_at.is_not(None), column.state == State.SUCCEEDED.value)
        .where(column.clip_key.is_not(None), column.deleted_at.is_(None))
        .order_by(column.finished_at.desc())
        .limit(1)
    )
    return next(iter(readable(connection, query, to_record)), None)


def _took(model: str, mode: Mode, duration: str | None, ended_at: sa.Column[Any]) -> sa.Select[Any]:
    column = generations.c
    lately = (
        sa.select(
            ended_at.label("ended_at"), column.submitted_at, column.state, column.model, column.request, column.source
        )
        .where(column.mode == mode, column.finished_at.is_not(None))
        .order_by(column.finished_at.desc())
        .limit(TYPICAL_LOOK_BACK)
        .subquery()
    )
    query = (
        sa.select(lately.c.ended_at, lately.c.submitted_at)
        .where(lately.c.state == State.SUCCEEDED.value, lately.c.model == model)
        .where(lately.c.source.not_in(("example", "adopted")))  # an adopted task was not followed from its start
        .where(lately.c.ended_at.is_not(None), lately.c.submitted_at.is_not(None))
        .limit(TYPICAL_OF)
    )
    if duration:
        params = lately.c.request["params"]
        lengths = sa.func.coalesce(params["duration"].as_string(), params["n_frames"].as_string())
        query = query.where(sa.cast(lengths, sa.String) == duration)
    return query


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile ``share`` (0..1) of sorted values, interpolated linearly."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
