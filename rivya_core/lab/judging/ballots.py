"""Blind votes: rounds, pairs under neutral addresses, what the votes say, and what need not be made any more.

While a round is open nothing that leaves here for the voter names a cell, a clip or an experiment; ``standing`` does, and
belongs on a screen only after the round. A vote costs nothing and is taken on read-only servers too, in rounds begun there:
whoever holds the id of such a round is its voter. A round begun elsewhere is shown and left alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab import submission
from rivya_core.lab.database import begin_immediate, reading
from rivya_core.lab.experiments import book
from rivya_core.lab.judging import ballot_box as box
from rivya_core.lab.judging import needless, standings
from rivya_core.lab.judging.ballot_box import RoundRow
from rivya_core.lab.judging.needless import Needless
from rivya_core.lab.judging.neutral import neutral_copy, remove_copies
from rivya_core.lab.judging.pairing import next_clips, next_variants
from rivya_core.lab.judging.standings import Ballot, Candidate, OpenRound, RoundRecord, Standing
from rivya_core.lab.judging.stopping import follow
from rivya_core.lab.judging.votes import OUTCOMES, WHYS, Outcome, VoteRecord, comparisons
from rivya_core.lab.parts import Parts
from rivya_core.lab.read_only import is_protected, refuse_writes

__all__ = ["Ballot", "Ballots", "Candidate", "Needless", "OpenRound", "RoundRecord", "Standing"]

VOTER_MAX: Final = 60
FEWEST_CELLS: Final = 2


class Ballots:
    """Hold blind rounds of an experiment; safe to use from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._database = parts.database

    # -- rounds ----------------------------------------------------------------------------------------------------

    def candidates(self) -> tuple[Candidate, ...]:
        """Every experiment that is not hidden, newest first, with what there is to vote on."""
        with reading(self._database) as connection:
            return tuple(Candidate(**row) for row in box.counted(connection))

    def candidate(self, experiment_id: str) -> Candidate | None:
        """One experiment, hidden or not, with what there is to vote on; None when there is no such one."""
        with reading(self._database) as connection:
            return next((Candidate(**row) for row in box.counted(connection, experiment_id)), None)

    def start(self, experiment_id: str, voter: str) -> str:
        """Open a round for somebody and return its id, which is random and says nothing; their open one goes on.

        A visitor of a read-only server is known by no name: there an open one goes on only while it holds no vote.

        Raises:
            LabError: no name, no such experiment, or fewer than two cells with a clip.
        """
        name = " ".join(voter.split())
        if not 0 < len(name) <= VOTER_MAX or not name.isprintable():
            rule = f"It is kept with the votes; one line of 1 to {VOTER_MAX} characters."
            raise LabError("A name is needed", rule, field="voter")
        with begin_immediate(self._database, even_read_only=True) as connection:
            record = book.must_find(connection, experiment_id)
            if len(box.field(connection, experiment_id, record.mode).clips) < FEWEST_CELLS:
                raise LabError(
                    "There is nothing to compare yet",
                    "A vote needs clips of at least two cells.",
                    "Wait until the sweep has made them.",
                    field="experiment",
                )
            going = [
                row
                for row in box.rounds(connection, experiment_id)
                if row.ended_at is None and row.voter.casefold() == name.casefold()
            ]
            visitor = is_protected(self._database)
            if visitor:
                going = [row for row in going if row.is_visitors and box.last_voted(connection, row.id) is None]
            if going:
                return going[-1].id
            return box.add_round(connection, experiment_id, name, self._now(), is_visitors=visitor)

    def round(self, round_id: str) -> RoundRecord:
        """A round as its voter may see it. Raises LabError for an unknown id."""
        with reading(self._database) as connection:
            row = box.find_round(connection, round_id)
            experiment = book.must_find(connection, row.experiment_id)
            field = box.field(connection, row.experiment_id, experiment.mode)
            votes = box.votes(connection, row.experiment_id)
        own = [vote for vote in votes if vote.round_id == round_id]
        skipped = sum(vote.outcome == "skip" for vote in own)
        return RoundRecord(
            row.id,
            row.experiment_id,
            row.voter,
            row.started_at,
            row.ended_at,
            field.mode,
            len(own) - skipped,
            skipped,
            follow(field.cells, comparisons(votes)).is_over,
            self._may_vote(row),
        )

    def open_rounds(self, experiment_id: str) -> tuple[OpenRound, ...]:
        """The rounds that nobody has ended, oldest first; nothing of it tells what is compared."""
        with reading(self._database) as connection:
            rows = [row for row in box.rounds(connection, experiment_id) if row.ended_at is None]
            votes = box.votes(connection, experiment_id)
        found = []
        for row in rows:
            own = [vote for vote in votes if vote.round_id == row.id]
            counted = sum(vote.outcome != "skip" for vote in own)
            last = max((vote.voted_at for vote in own), default=row.started_at)
            found.append(OpenRound(row.id, row.voter, row.started_at, counted, last))
        return tuple(found)

    def ballot(self, round_id: str) -> Ballot | None:
        """The pair that waits for a vote, drawn now if none does; None when the round is over or nothing is left to compare."""
        with self._in_round(round_id) as (connection, row):
            if row.ended_at is not None:
                return None
            experiment = book.must_find(connection, row.experiment_id)
            field = box.field(connection, row.experiment_id, experiment.mode)
            pair = box.open_pair(connection, round_id)
            if pair is not None:
                clips = {clip for ones in field.clips.values() for clip in ones}
                if {pair.shown.left_clip, pair.shown.right_clip} <= clips:
                    return Ballot(pair.left_token, pair.right_token, field.mode)
                box.drop_pair(connection, pair.id)  # a clip was deleted meanwhile
            if len(field.clips) < FEWEST_CELLS:
                return None
            known = box.pairs(connection, row.experiment_id)
            own = [one.shown for one in known if one.round_id == round_id]
            rng = random.Random(f"{row.seed}:{len(own)}")  # noqa: S311 - drawn again from the stored seed, no secret
            found = comparisons(box.votes(connection, row.experiment_id))
            out = {variant for variant, _ in follow(field.cells, found).out}
            last = (own[-1].left, own[-1].right) if own else ()
            variants = next_variants(field.cells, out, found, rng, last=last)
            shown = next_clips(variants, field.clips, [one.shown for one in known], rng, last=own[-1] if own else None)
            pair = box.add_pair(connection, round_id, shown, self._now())
            return Ballot(pair.left_token, pair.right_token, field.mode)

    def vote(self, round_id: str, left_token: str, outcome: Outcome, whys: Sequence[str] = ()) -> bool:
        """Cast the vote of the pair that was shown under ``left_token``; False when it is not the one that waits.

        A key pressed twice is one vote, because the second one names a pair that has its vote.

        Raises:
            LabError: no such round, outcome or reason, or the round is not this server's to vote in.
        """
        if outcome not in OUTCOMES:
            raise LabError("There is no such vote", f"One of {', '.join(sorted(OUTCOMES))} is meant.", field="outcome")
        if not set(whys) <= set(WHYS):
            raise LabError("There is no such reason", f"Some of {', '.join(WHYS)} are meant.", field="whys")
        with self._in_round(round_id) as (connection, row):
            pair = box.open_pair(connection, round_id)
            if row.ended_at is not None or pair is None or pair.left_token != left_token:
                return False
            box.cast(connection, pair.id, outcome, [why for why in WHYS if why in whys], self._now())
            return True

    def undo(self, round_id: str) -> bool:
        """Take the last vote of an open round back and show its pair again; False when there is none."""
        with self._in_round(round_id) as (connection, row):
            last = box.last_voted(connection, round_id)
            if row.ended_at is not None or last is None:
                return False
            waiting = box.open_pair(connection, round_id)
            if waiting is not None:
                box.drop_pair(connection, waiting.id)
            box.cast(connection, last.id, None, [], None)
            return True

    def end(self, round_id: str) -> None:
        """End a round, one's own or one that was left; from here on its clips have names, and its votes stay counted.

        Raises:
            LabError: an unknown id, or the round is not this server's to end.
        """
        with self._in_round(round_id) as (connection, row):
            experiment_id = row.experiment_id
            box.end_round(connection, round_id, self._now())
            going = any(row.ended_at is None for row in box.rounds(connection, experiment_id))
            shown = [] if going else box.pairs(connection, experiment_id)
        clips = {clip for pair in shown for clip in (pair.shown.left_clip, pair.shown.right_clip)}
        remove_copies(self._parts.archive, sorted(clips))

    def clip(self, token: str) -> str:
        """The generation behind a neutral address. Raises LabError when there is none, or its round is over."""
        with reading(self._database) as connection:
            found = box.behind(connection, token)
        if found is None:
            raise LabError("There is no such clip", "This address is not in use.", field="token")
        return found

    def file(self, token: str) -> Path:
        """The file behind a neutral address: the pictures of the clip and nothing else. Raises as ``clip`` does."""
        row = self._parts.ledger.get(self.clip(token))
        if row.clip_key is None:
            raise LabError("There is no such clip", "It has no file.", field="token")
        return neutral_copy(self._parts.archive, row.clip_key, row.id)

    # -- what the votes say ----------------------------------------------------------------------------------------

    def votes(self, experiment_id: str) -> tuple[VoteRecord, ...]:
        """Every vote of an experiment, over all rounds, in the order they were cast."""
        with reading(self._database) as connection:
            return tuple(box.votes(connection, experiment_id))

    def standing(self, experiment_id: str) -> Standing:
        """What all votes of an experiment say by now. Names everything: not for a screen with an open round.

        Raises:
            LabError: no such experiment.
        """
        with reading(self._database) as connection:
            experiment = book.must_find(connection, experiment_id)
            return standings.build(
                experiment,
                book.read_cells(connection, experiment_id),
                box.field(connection, experiment_id, experiment.mode),
                box.rounds(connection, experiment_id),
                box.votes(connection, experiment_id),
            )

    # -- what need not be made any more ----------------------------------------------------------------------------

    def needless(self, experiment_id: str) -> Needless:
        """The takes of cells voted out that are planned or wait, with their credits."""
        with reading(self._database) as connection:
            return self._needless(connection, experiment_id)

    def drop_needless(self, experiment_id: str) -> int:
        """Forget those takes: planned ones are dropped, waiting ones taken back; how many. Nothing sent is touched.

        Raises:
            LabError: the lab is read-only, or there is no such experiment.
        """
        submission.refuse_if_read_only(self._parts.settings)
        with begin_immediate(self._database) as connection:
            found = self._needless(connection, experiment_id)
            dropped = needless.drop_planned(connection, experiment_id, found)
        return dropped + sum(self._parts.ledger.cancel(generation_id) for generation_id in found.waiting)

    def _needless(self, connection: sa.Connection, experiment_id: str) -> Needless:
        experiment = book.must_find(connection, experiment_id)
        field = box.field(connection, experiment_id, experiment.mode)
        progress = follow(field.cells, comparisons(box.votes(connection, experiment_id)))
        return needless.find(connection, experiment_id, [cell for cell, _ in progress.out])

    @contextmanager
    def _in_round(self, round_id: str) -> Iterator[tuple[sa.Connection, RoundRow]]:
        """Write in a round. Raises LabError for an unknown one, and where it is for others to write in it."""
        with begin_immediate(self._database, even_read_only=True) as connection:
            row = box.find_round(connection, round_id)
            if not self._may_vote(row):
                refuse_writes(self._database)
            yield connection, row

    def _may_vote(self, row: RoundRow) -> bool:
        return row.is_visitors or not is_protected(self._database)

    def _now(self) -> datetime:
        return self._parts.ledger.clock()
