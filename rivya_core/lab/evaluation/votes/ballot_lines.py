"""Exported ballots, and the votes imported from their lines. Every function works inside the caller's transaction.

An imported line is stored as one ended round with its pairs, so that everything that counts votes counts it. Lines count in
order of import. Each (ballot, voter) is imported once; an excluded line stays listed and can be included again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.evaluation.votes import repository as box, vote_lines
from rivya_core.lab.evaluation.votes.pairing import Shown
from rivya_core.lab.evaluation.votes.vote_lines import Line, Plan, refused
from rivya_core.lab.evaluation.votes.votes import NO_NAME
from rivya_core.lab.ledger.key_value import read_note, write_note
from rivya_core.lab.ledger.schema import ballot_lines, ballots, experiments, vote_pairs, vote_rounds
from rivya_core.lab.people.acting import acting_address

LINES_MAX: Final = 500
TEXT_MAX: Final = 1_000_000
_LAB: Final = "ballot_lab"
_LAB_BYTES, _ID_BYTES, _KEY_BYTES = 3, 5, 16
_LIKE_A_LINE: Final = re.compile(r"RV1\.|(?<![^.])(?:[^.]++\.){4}")
"""Four parts with their dots; written without backtracking, so that matching takes linear time on hostile input."""


@dataclass(frozen=True, slots=True)
class BallotRow:
    """A ballot that was made. ``cells``: of each clip its combination; ``among``: the combinations that had a clip then."""

    id: str
    experiment_id: str
    show_id: str | None
    question: str
    made_at: datetime
    key: str
    plan: Plan
    cells: Mapping[str, int]
    among: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ImportedVote:
    """A line that was counted. ``line``: its number here; ``votes``: cast in it, ``skipped`` pairs apart."""

    line: int
    ballot: str
    experiment_id: str
    question: str
    name: str
    votes: int
    skipped: int

    @property
    def sentence(self) -> str:
        """What was counted, in words."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.name}: {self.votes} vote{'' if self.votes == 1 else 's'} counted{skipped}."


@dataclass(frozen=True, slots=True)
class LineRecord:
    """A line as it stands in the list. ``taken_out_at``: since when its votes are left out, or None; ``taken_out_by``: who did it."""

    id: int
    ballot: str
    question: str
    name: str
    imported_at: datetime
    votes: int
    skipped: int
    taken_out_at: datetime | None
    taken_out_by: str | None = None


@dataclass(frozen=True, slots=True)
class Pasted:
    """What became of one line of a pasted text: ``vote`` was counted, or it was ``refused`` for a reason."""

    line: str
    vote: ImportedVote | None = None
    refused: RivyaError | None = None

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.vote is not None:
            return self.vote.sentence
        return " ".join(part for part in (self.refused.detail, self.refused.hint) if part) if self.refused else ""


# -- ballots -----------------------------------------------------------------------------------------------------------


def new_id(connection: sa.Connection, now: datetime) -> str:
    """A new ballot's id: what it begins with tells ballots of this data folder from those of others."""
    lab = read_note(connection, _LAB)
    if not isinstance(lab, str):
        lab = secrets.token_hex(_LAB_BYTES)
        write_note(connection, _LAB, lab, now)
    return lab + secrets.token_hex(_ID_BYTES)


def new_key() -> str:
    """A new key to seal lines with."""
    return secrets.token_hex(_KEY_BYTES)


def add(connection: sa.Connection, row: BallotRow) -> None:
    """Store a ballot."""
    connection.execute(
        sa.insert(ballots).values(
            id=row.id,
            experiment_id=row.experiment_id,
            show_id=row.show_id,
            question=row.question,
            seal_key=row.key,
            plan={**row.plan.json(), "cells": dict(row.cells), "among": list(row.among)},
            size_bytes=row.size_bytes,
            made_at=row.made_at,
        )
    )


def find(connection: sa.Connection, ballot_id: str) -> BallotRow | None:
    """The ballot, or None."""
    row = connection.execute(sa.select(ballots).where(ballots.c.id == ballot_id)).first()
    return None if row is None else _ballot(row)


def made(connection: sa.Connection, experiment_id: str, show_id: str | None = None) -> list[BallotRow]:
    """The ballots of a sweep, newest first; with a show those of that show only."""
    query = sa.select(ballots).where(ballots.c.experiment_id == experiment_id)
    if show_id is not None:
        query = query.where(ballots.c.show_id == show_id)
    return [_ballot(row) for row in connection.execute(query.order_by(ballots.c.made_at.desc(), ballots.c.id))]


def _ballot(row: sa.Row[Any]) -> BallotRow:
    return BallotRow(
        row.id,
        row.experiment_id,
        row.show_id,
        row.question,
        row.made_at,
        row.seal_key,
        Plan.of_json(row.plan),
        row.plan["cells"],
        tuple(row.plan["among"]),
        row.size_bytes,
    )


# -- lines -------------------------------------------------------------------------------------------------------------


def import_line(
    connection: sa.Connection,
    text: str,
    now: datetime,
    *,
    experiment_id: str | None = None,
    ballot_id: str | None = None,
) -> ImportedVote:
    """Count one line. With a sweep or a ballot given, only lines for it.

    Raises:
        LabError: the line is not counted; the detail says why.
    """
    line = text.strip()
    ballot = _its_ballot(connection, vote_lines.ballot_of(line))
    if ballot_id not in {None, ballot.id}:
        raise refused("It is for another ballot.", "Use the page it was sent from.")
    if experiment_id not in {None, ballot.experiment_id}:
        raise refused(f"It is for a ballot of another sweep, {_name_of(connection, ballot)}.", "Paste it there.")
    read = vote_lines.read(line, ballot.key, ballot.plan)
    _refuse_duplicate(connection, read, line)
    return _keep(connection, ballot, read, line, now)


def _its_ballot(connection: sa.Connection, ballot_id: str) -> BallotRow:
    ballot = find(connection, ballot_id)
    if ballot is not None:
        return ballot
    lab = read_note(connection, _LAB)
    if isinstance(lab, str) and ballot_id.startswith(lab):
        raise refused("It is for a ballot that is not in this data folder, or was damaged.")
    raise refused("It is for a ballot of another lab, or was damaged.", "Give it back to whoever made the ballot.")


def _name_of(connection: sa.Connection, ballot: BallotRow) -> str:
    return str(
        connection.execute(sa.select(experiments.c.name).where(experiments.c.id == ballot.experiment_id)).scalar()
    )


def _refuse_duplicate(connection: sa.Connection, read: Line, line: str) -> None:
    column = ballot_lines.c
    duplicate = connection.execute(
        sa.select(column.sha256, column.taken_out_at).where(column.ballot_id == read.ballot, column.voter == read.voter)
    ).first()
    if duplicate is None:
        return
    if duplicate.sha256 != vote_lines.digest(line):
        raise refused("A line of this voter was seen before; the first one stays.", "")
    if duplicate.taken_out_at is None:
        raise refused("It was seen before and is counted already.", "")
    raise refused("It was seen before and was taken out.", "Put it back in the list of lines.")


def _keep(connection: sa.Connection, ballot: BallotRow, read: Line, line: str, now: datetime) -> ImportedVote:
    """Store a line as an ended round with its pairs."""
    round_id, name = secrets.token_hex(8), read.name or NO_NAME
    detail = {
        "seed": "",
        "question": ballot.question,
        "ballot": ballot.id,
        "voter": read.voter,
        "draws": [[0, list(ballot.among)]],
    }
    row = {"id": round_id, "experiment_id": ballot.experiment_id, "voter": name, "detail": detail}
    connection.execute(sa.insert(vote_rounds).values(**row, started_at=now, ended_at=now))
    pairs = vote_lines.deal(ballot.plan, ballot.key, ballot.id, read.voter)
    for (left, right), (outcome, whys) in zip(pairs, read.marks, strict=True):
        shown = Shown(ballot.cells[left], ballot.cells[right], left, right)
        box.cast(connection, box.add_pair(connection, round_id, shown, now).id, outcome, whys, now)
    added = connection.execute(
        sa.insert(ballot_lines).values(
            ballot_id=ballot.id, voter=read.voter, round_id=round_id, sha256=vote_lines.digest(line)
        )
    )
    [number] = added.inserted_primary_key or (0,)
    skipped = sum(outcome == "skip" for outcome, _ in read.marks)
    votes = len(read.marks) - skipped
    return ImportedVote(int(number), ballot.id, ballot.experiment_id, ballot.question, name, votes, skipped)


def found_in(text: str) -> list[str]:
    """What in a pasted text is a vote or may have been one, each on its own; chat and mail around it are passed over.

    A mail program may break a line; a piece that goes on where one lacks its end is put back.

    Raises:
        LabError: the text is longer than 1 MB, or holds more than 500 lines.
    """
    if len(text) > TEXT_MAX:
        raise LabError("This is too much text", "At most 1 MB of lines can be pasted at once.", field="text")
    vote_lines_: list[str] = []
    for word in text.split():
        if vote_lines_ and _continues(vote_lines_[-1], word):
            vote_lines_[-1] += word
        elif _LIKE_A_LINE.search(word):
            vote_lines_.append(word[max(word.find("RV1."), 0) :])
    if len(vote_lines_) > LINES_MAX:
        detail = f"{len(vote_lines_):,} lines are in this text, and one paste takes {LINES_MAX}."
        raise LabError("These are too many votes at once", detail, "Paste them in parts.", field="text")
    return vote_lines_


def _continues(line: str, word: str) -> bool:
    dots = line.count(".")
    lacks_its_end = dots < vote_lines.PARTS - 1 or len(line.rpartition(".")[2]) < vote_lines.SEAL_LENGTH
    is_short = len(line) + len(word) <= vote_lines.LINE_MAX
    fits = is_short and set(word) <= {*vote_lines.SIGNS, "."} and dots + word.count(".") < vote_lines.PARTS
    return lacks_its_end and fits and "RV1." not in word


def lines(connection: sa.Connection, experiment_id: str) -> list[LineRecord]:
    """The lines of a sweep in the order they came in."""
    voted = sa.func.sum(sa.case((vote_pairs.c.outcome != "skip", 1), else_=0))
    query = (
        sa.select(
            ballot_lines.c.id,
            ballot_lines.c.ballot_id,
            vote_rounds.c.detail,
            vote_rounds.c.voter,
            vote_rounds.c.started_at,
            ballot_lines.c.taken_out_at,
            ballot_lines.c.taken_out_by,
            voted.label("votes"),
            sa.func.count().label("pairs"),
        )
        .join_from(ballot_lines, vote_rounds, vote_rounds.c.id == ballot_lines.c.round_id)
        .join(vote_pairs, vote_pairs.c.round_id == vote_rounds.c.id)
        .where(vote_rounds.c.experiment_id == experiment_id)
        .group_by(ballot_lines.c.id, vote_rounds.c.id)
        .order_by(ballot_lines.c.id)
    )
    return [
        LineRecord(
            row.id,
            row.ballot_id,
            row.detail["question"],
            row.voter,
            row.started_at,
            row.votes,
            row.pairs - row.votes,
            row.taken_out_at,
            row.taken_out_by,
        )
        for row in connection.execute(query)
    ]


def set_taken_out(connection: sa.Connection, line_id: int, now: datetime | None) -> None:
    """Leave a line's votes out from now on, or (None) count them again. Raises LabError for an unknown line."""
    existing = {row.id for row in connection.execute(sa.select(ballot_lines.c.id))}
    if line_id not in existing:  # compared in Python: SQLite rejects integers beyond 64 bits
        raise LabError("There is no such line", f"Line {line_id!r} was never imported here.", field="line")
    connection.execute(
        sa.update(ballot_lines)
        .where(ballot_lines.c.id == line_id)
        .values(taken_out_at=now, taken_out_by=acting_address())
    )
