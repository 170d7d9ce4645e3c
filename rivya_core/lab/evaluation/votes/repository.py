"""Store and load rounds, pairs and votes. Every function works inside the caller's transaction."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.votes.pairing import Shown
from rivya_core.lab.evaluation.votes.votes import Outcome, VoteRecord
from rivya_core.lab.experiments.reuse import is_judgeable
from rivya_core.lab.ledger.history.marks import is_in_the_sum
from rivya_core.lab.ledger.schema import cell_takes, experiments, generations, vote_pairs, vote_rounds
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.video_probe import UNOPENED
from rivya_core.lab.people.acting import acting_address
from rivya_core.settings import Mode

TOKEN_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class VotableClips:
    """What can be voted on: clips by cell, all of one mode."""

    mode: Mode
    clips: Mapping[int, tuple[str, ...]]

    @property
    def cells(self) -> tuple[int, ...]:
        """The cells that have a clip, in grid order."""
        return tuple(self.clips)


@dataclass(frozen=True, slots=True)
class RoundRow:
    """A round as it is stored. ``seed`` decides pairs, blocks, clips and sides; ``question``: the key of what is voted on.

    ``is_visitors``: begun on a read-only server. ``draws``: from which pair on which cells had a clip, where that is kept.
    ``ballot``: the ballot whose line this round is, or "" for one that was held here.
    """

    id: str
    experiment_id: str
    voter: str
    started_at: datetime
    ended_at: datetime | None
    seed: str
    is_visitors: bool
    question: str = ""
    draws: tuple[tuple[int, frozenset[int]], ...] = ()
    ballot: str = ""
    ended_by: str | None = None

    def among(self, pair_id: int) -> frozenset[int] | None:
        """The cells that had a clip when a pair was drawn, or None."""
        return next((cells for first, cells in reversed(self.draws) if first <= pair_id), None)


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair that was shown, with its neutral addresses; ``outcome`` is None while nobody voted."""

    id: int
    round_id: str
    left_token: str
    right_token: str
    shown: Shown
    outcome: Outcome | None


def no_round(round_id: str) -> LabError:
    """Say that there is no such round."""
    return LabError("There is no such round", f"The round {round_id[:60]!r} is not in this data folder.", field="round")


# -- what can be voted on ----------------------------------------------------------------------------------------------


def _can_be_shown() -> sa.ColumnElement[bool]:
    """Match clips that may be shown to a voter: not known to be damaged, not hidden, not over the decoding limits."""
    column = generations.c
    return sa.and_(
        column.state == State.SUCCEEDED.value,
        column.clip_key.is_not(None),
        column.deleted_at.is_(None),
        sa.func.coalesce(column.clip_check, "") != UNOPENED,
        is_judgeable(),
    )


def field(connection: sa.Connection, experiment_id: str, mode: Mode) -> VotableClips:
    """The clips of an experiment by cell; live and simulated ones never together, the experiment's own mode first."""
    column = cell_takes.c
    rows = connection.execute(
        sa.select(column.cell, generations.c.id, generations.c.mode)
        .select_from(cell_takes.join(generations, generations.c.id == column.generation_id))
        .where(
            column.experiment_id == experiment_id,
            _can_be_shown(),
        )
        .order_by(column.cell, column.take)
    ).all()
    others: Sequence[Mode] = (mode, "simulated" if mode == "live" else "live")
    for one in others:
        clips: dict[int, tuple[str, ...]] = {}
        for cell, generation_id, clip in rows:
            if clip == one:
                clips[cell] = (*clips.get(cell, ()), generation_id)
        if clips:
            return VotableClips(one, clips)
    return VotableClips(mode, {})


def counted(
    connection: sa.Connection, experiment_id: str | None = None, *, also: str | None = None
) -> list[dict[str, Any]]:
    """Experiments, newest first, with the numbers of their cells that have clips, of clips, and of rounds.

    The one that is named; else all that are neither hidden nor deleted, and the one called ``also`` if it is hidden alone.
    """
    has_vote = sa.exists().where(
        vote_pairs.c.round_id == vote_rounds.c.id, vote_pairs.c.outcome.is_not(None), vote_pairs.c.outcome != "skip"
    )
    is_voting = sa.and_(vote_rounds.c.ended_at.is_(None), has_vote)
    ballot_votes = (
        sa.select(
            cell_takes.c.experiment_id,
            sa.func.count(sa.distinct(cell_takes.c.cell)).label("cells"),
            sa.func.count().label("clips"),
        )
        .select_from(cell_takes.join(generations, generations.c.id == cell_takes.c.generation_id))
        .where(_can_be_shown(), _named(cell_takes.c.experiment_id, experiment_id))
        .group_by(cell_takes.c.experiment_id)
        .subquery()
    )
    round_votes = (
        sa.select(
            vote_rounds.c.experiment_id,
            sa.func.count().label("rounds"),
            sa.func.count(vote_rounds.c.ended_at).label("ended_rounds"),
            sa.func.sum(sa.case((is_voting, 1), else_=0)).label("voting_rounds"),
        )
        .where(_named(vote_rounds.c.experiment_id, experiment_id))
        .group_by(vote_rounds.c.experiment_id)
        .subquery()
    )
    query = (
        sa.select(
            experiments.c.id,
            experiments.c.name,
            experiments.c.question,
            experiments.c.mode,
            experiments.c.created_at,
            experiments.c.cells.label("planned_cells"),
            sa.func.coalesce(ballot_votes.c.cells, 0).label("cells"),
            sa.func.coalesce(ballot_votes.c.clips, 0).label("clips"),
            sa.func.coalesce(round_votes.c.rounds, 0).label("rounds"),
            sa.func.coalesce(round_votes.c.ended_rounds, 0).label("ended_rounds"),
            sa.func.coalesce(round_votes.c.voting_rounds, 0).label("voting_rounds"),
        )
        .select_from(
            experiments.outerjoin(ballot_votes, ballot_votes.c.experiment_id == experiments.c.id).outerjoin(
                round_votes, round_votes.c.experiment_id == experiments.c.id
            )
        )
        .where(_listed(also) if experiment_id is None else experiments.c.id == experiment_id)
        .order_by(experiments.c.created_at.desc(), experiments.c.id.desc())
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _listed(also: str | None) -> sa.ColumnElement[bool]:
    shown = sa.or_(experiments.c.hidden_at.is_(None), experiments.c.id == also)
    return sa.and_(experiments.c.deleted_at.is_(None), shown)


def _named(column: sa.ColumnElement[str], experiment_id: str | None) -> sa.ColumnElement[bool]:
    return sa.true() if experiment_id is None else column == experiment_id


# -- rounds ------------------------------------------------------------------------------------------------------------


def add_round(
    connection: sa.Connection,
    experiment_id: str,
    voter: str,
    now: datetime,
    question: str,
    *,
    is_visitors: bool = False,
) -> str:
    """Store a new round on a question; its id is random and says nothing."""
    id_ = secrets.token_hex(8)
    detail: dict[str, Any] = {"seed": secrets.token_hex(16), "question": question}
    if is_visitors:
        detail["visitor"] = True
    row = {"id": id_, "experiment_id": experiment_id, "voter": voter, "started_at": now, "detail": detail}
    connection.execute(sa.insert(vote_rounds).values(row))
    return id_


def find_round(connection: sa.Connection, round_id: str) -> RoundRow:
    """The round. Raises LabError for an unknown id."""
    row = connection.execute(sa.select(vote_rounds).where(vote_rounds.c.id == round_id)).first()
    if row is None:
        raise no_round(round_id)
    return _round(row)


def rounds(connection: sa.Connection, experiment_id: str) -> list[RoundRow]:
    """The rounds of an experiment, oldest first."""
    query = sa.select(vote_rounds).where(vote_rounds.c.experiment_id == experiment_id)
    return [_round(row) for row in connection.execute(query.order_by(vote_rounds.c.started_at, vote_rounds.c.id))]


def end_round(connection: sa.Connection, round_id: str, now: datetime) -> None:
    """End a round and forget the pair nobody voted on."""
    connection.execute(sa.delete(vote_pairs).where(vote_pairs.c.round_id == round_id, vote_pairs.c.outcome.is_(None)))
    connection.execute(
        sa.update(vote_rounds)
        .where(vote_rounds.c.id == round_id, vote_rounds.c.ended_at.is_(None))
        .values(ended_at=now, ended_by=acting_address())
    )


def keep_draw(connection: sa.Connection, row: RoundRow, pair_id: int, cells: Collection[int]) -> None:
    """Keep from which cells a pair was drawn, when they are others than for the pair before it."""
    among = frozenset(cells)
    if row.draws and row.draws[-1][1] == among:
        return
    detail = connection.execute(sa.select(vote_rounds.c.detail).where(vote_rounds.c.id == row.id)).scalar_one()
    draws = [*detail.get("draws", ()), [pair_id, sorted(among)]]
    connection.execute(
        sa.update(vote_rounds).where(vote_rounds.c.id == row.id).values(detail={**detail, "draws": draws})
    )


def _round(row: sa.Row[Any]) -> RoundRow:
    detail = row.detail
    return RoundRow(
        row.id,
        row.experiment_id,
        row.voter,
        row.started_at,
        row.ended_at,
        detail["seed"],
        "visitor" in detail,
        detail.get("question", ""),
        tuple((first, frozenset(cells)) for first, cells in detail.get("draws", ())),
        detail.get("ballot", ""),
        row.ended_by,
    )


# -- pairs and votes ---------------------------------------------------------------------------------------------------


def add_pair(connection: sa.Connection, round_id: str, shown: Shown, now: datetime) -> PairRow:
    """Store a pair under two fresh addresses that hold nothing but chance."""
    left, right = secrets.token_hex(TOKEN_BYTES), secrets.token_hex(TOKEN_BYTES)
    added = connection.execute(
        sa.insert(vote_pairs).values(
            round_id=round_id,
            left_token=left,
            right_token=right,
            left_cell=shown.left,
            right_cell=shown.right,
            left_generation_id=shown.left_clip,
            right_generation_id=shown.right_clip,
            shown_at=now,
            whys=[],
        )
    )
    [id_] = added.inserted_primary_key or (0,)
    return PairRow(int(id_), round_id, left, right, shown, None)


def open_pair(connection: sa.Connection, round_id: str) -> PairRow | None:
    """The pair of a round that waits for its vote."""
    query = sa.select(vote_pairs).where(vote_pairs.c.round_id == round_id, vote_pairs.c.outcome.is_(None))
    row = connection.execute(query.order_by(vote_pairs.c.id.desc()).limit(1)).first()
    return None if row is None else _pair(row)


def pairs(connection: sa.Connection, experiment_id: str) -> list[PairRow]:
    """Every pair of an experiment that was shown, in order, over all rounds."""
    joined = vote_pairs.join(vote_rounds, vote_rounds.c.id == vote_pairs.c.round_id)
    query = sa.select(vote_pairs).select_from(joined).where(vote_rounds.c.experiment_id == experiment_id)
    return [_pair(row) for row in connection.execute(query.order_by(vote_pairs.c.id))]


def drop_pair(connection: sa.Connection, pair_id: int) -> None:
    """Forget a pair nobody voted on."""
    connection.execute(sa.delete(vote_pairs).where(vote_pairs.c.id == pair_id, vote_pairs.c.outcome.is_(None)))


def cast(
    connection: sa.Connection, pair_id: int, outcome: Outcome | None, whys: Sequence[str], now: datetime | None
) -> None:
    """Set a pair's vote, or (None) take it back."""
    connection.execute(
        sa.update(vote_pairs).where(vote_pairs.c.id == pair_id).values(outcome=outcome, whys=list(whys), voted_at=now)
    )


def last_voted(connection: sa.Connection, round_id: str) -> PairRow | None:
    """The pair of a round that was voted on last."""
    query = sa.select(vote_pairs).where(vote_pairs.c.round_id == round_id, vote_pairs.c.outcome.is_not(None))
    row = connection.execute(query.order_by(vote_pairs.c.id.desc()).limit(1)).first()
    return None if row is None else _pair(row)


def votes(connection: sa.Connection, experiment_id: str) -> list[VoteRecord]:
    """Every vote of an experiment over all rounds, in the order they were cast; those of a line when it came in."""
    by_id = {row.id: row for row in rounds(connection, experiment_id)}
    joined = vote_pairs.join(vote_rounds, vote_rounds.c.id == vote_pairs.c.round_id)
    query = (
        sa.select(vote_pairs)
        .select_from(joined)
        .where(vote_rounds.c.experiment_id == experiment_id, vote_pairs.c.outcome.is_not(None), is_in_the_sum())
        .order_by(vote_pairs.c.voted_at, vote_pairs.c.id)
    )
    return [
        VoteRecord(
            row.round_id,
            by_id[row.round_id].voter,
            row.left_cell,
            row.right_cell,
            row.left_generation_id,
            row.right_generation_id,
            row.outcome,
            tuple(row.whys),
            row.voted_at,
            by_id[row.round_id].question,
            by_id[row.round_id].among(row.id),
            by_id[row.round_id].ballot,
        )
        for row in connection.execute(query)
    ]


def behind(connection: sa.Connection, token: str) -> str | None:
    """The generation behind a neutral address, while its round is open."""
    left, right = vote_pairs.c.left_token == token, vote_pairs.c.right_token == token
    row = connection.execute(
        sa.select(vote_pairs.c.left_token, vote_pairs.c.left_generation_id, vote_pairs.c.right_generation_id)
        .select_from(vote_pairs.join(vote_rounds, vote_rounds.c.id == vote_pairs.c.round_id))
        .where(sa.or_(left, right), vote_rounds.c.ended_at.is_(None))
    ).first()
    if row is None:
        return None
    return str(row.left_generation_id if row.left_token == token else row.right_generation_id)


def _pair(row: sa.Row[Any]) -> PairRow:
    shown = Shown(row.left_cell, row.right_cell, row.left_generation_id, row.right_generation_id)
    return PairRow(row.id, row.round_id, row.left_token, row.right_token, shown, row.outcome)
