"""Blind voting: rounds on a question, and pairs under neutral URLs.

Nothing returned here for a voter may name a cell, a clip, a value or a sweep; results come from ``results`` and may be shown
only after the round. Votes are free and allowed on read-only servers, too, in rounds started there: the round's random id is
the voter's only credential. Rounds started elsewhere can be viewed there but not changed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.clean_copies import neutral_copy, remove_copies
from rivya_core.lab.evaluation.results import Case, read_case
from rivya_core.lab.evaluation.votes import repository as box
from rivya_core.lab.evaluation.votes.pairing import Shown, next_block, next_clips, next_variants
from rivya_core.lab.evaluation.votes.repository import PairRow, RoundRow
from rivya_core.lab.evaluation.votes.standings import Ballot, Candidate, OpenRound, RoundRecord
from rivya_core.lab.evaluation.votes.tally import Tally
from rivya_core.lab.evaluation.votes.votes import OUTCOMES, WHYS, Outcome
from rivya_core.lab.ledger.database import begin_immediate, reading, reading_at_once
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import is_protected, refuse_writes
from rivya_core.lab.ledger.texts import checked_person
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.people.acting import acting_address

__all__ = ["Ballot", "Ballots", "Candidate", "OpenRound", "RoundRecord"]

VOTER_MAX: Final = 60
FEWEST_CELLS: Final = 2


class Ballots:
    """Hold blind rounds of an experiment; safe to use from any thread."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        archive: Archive,
    ) -> None:
        self._ledger = ledger
        self._archive = archive
        self._database = ledger.database

    # -- rounds ----------------------------------------------------------------------------------------------------

    def candidates(self, also: str | None = None) -> tuple[Candidate, ...]:
        """Every experiment that is not hidden, newest first, with what there is to vote on; ``also``: one that may be hidden."""
        with reading(self._database) as connection:
            return tuple(Candidate(**row) for row in box.counted(connection, also=also))

    def candidate(self, experiment_id: str) -> Candidate | None:
        """One experiment, hidden or not, with what there is to vote on; None when there is no such one."""
        with reading(self._database) as connection:
            return next((Candidate(**row) for row in box.counted(connection, experiment_id)), None)

    def start(self, experiment_id: str, voter: str, question: str | None = None) -> str:
        """Open a round for somebody and return its id, which is random and says nothing; their open one on the question goes on.

        A visitor of a read-only server is known by no name: there an open one goes on only while it holds no vote.

        Args:
            experiment_id: The sweep.
            voter: The name that is kept with the votes, one line of 1 to 60 characters; with sign-in, the address is.
            question: What is voted on, by its key, see ``Votes.questions``; None = what the sweep asks first.

        Raises:
            LabError: no name or an unusable one, no such sweep or question, or nothing that can be compared.
        """
        name = acting_address() or checked_person("voter", voter, VOTER_MAX)
        if not name:
            rule = f"It is kept with the votes; one line of 1 to {VOTER_MAX} characters."
            raise LabError("A name is needed", rule, field="voter")
        with begin_immediate(self._database, even_read_only=True) as connection:
            case = read_case(connection, experiment_id)
            on = case.default if question is None else case.question(question)
            if not case.tally(on).grid.variants:
                raise LabError(
                    "There is nothing to vote on yet",
                    "A vote needs clips of at least two combinations"
                    + ("." if on.is_whole else f" that differ in {on.key} alone."),
                    "Wait until the sweep has made them.",
                    field="experiment",
                )
            going = [
                row
                for row in box.rounds(connection, experiment_id)
                if row.ended_at is None
                and row.voter.casefold() == name.casefold()
                and case.question(row.question) is on
            ]
            visitor = is_protected(self._database)
            if visitor:
                going = [row for row in going if row.is_visitors and box.last_voted(connection, row.id) is None]
            if going:
                return going[-1].id
            return box.add_round(connection, experiment_id, name, self._now(), on.key, is_visitors=visitor)

    def round(self, round_id: str) -> RoundRecord:
        """A round as its voter may see it. Raises LabError for an unknown id."""
        with reading_at_once(self._database) as connection:
            row = box.find_round(connection, round_id)
            case = read_case(connection, row.experiment_id)
        tallied = case.tally(case.question(row.question))
        own = [vote for vote in case.votes if vote.round_id == round_id]
        skipped = sum(vote.outcome == "skip" for vote in own)
        return RoundRecord(
            row.id,
            row.experiment_id,
            row.voter,
            row.started_at,
            row.ended_at,
            case.field.mode,
            tallied.question.key,
            len(own) - skipped,
            skipped,
            tallied.progress.votes,
            tallied.progress.limit,
            tallied.is_over,
            tallied.progress.winner is not None,
            self._may_vote(row),
            row.ended_by,
        )

    def open_rounds(self, experiment_id: str) -> tuple[OpenRound, ...]:
        """The rounds that nobody has ended, oldest first; nothing of it tells what is compared."""
        with reading_at_once(self._database) as connection:
            rows = [row for row in box.rounds(connection, experiment_id) if row.ended_at is None]
            votes = box.votes(connection, experiment_id)
        open_ = []
        for row in rows:
            own = [vote for vote in votes if vote.round_id == row.id]
            counted = sum(vote.outcome != "skip" for vote in own)
            last = max((vote.voted_at for vote in own), default=row.started_at)
            open_.append(OpenRound(row.id, row.voter, row.started_at, counted, last))
        return tuple(open_)

    def ballot(self, round_id: str) -> Ballot | None:
        """The pair that waits for a vote, drawn now if none does; None when the round is over or nothing is left to compare."""
        with self._in_round(round_id) as (connection, row):
            if row.ended_at is not None:
                return None
            case = read_case(connection, row.experiment_id)
            clips = case.field.clips
            pair = box.open_pair(connection, round_id)
            if pair is not None:
                if {pair.shown.left_clip, pair.shown.right_clip} <= {clip for ones in clips.values() for clip in ones}:
                    return _ballot(case, pair)
                box.drop_pair(connection, pair.id)  # a clip was deleted meanwhile
            tallied = case.tally(case.question(row.question))
            if not tallied.grid.variants:
                return None
            shown = _draw(tallied, clips, row, box.pairs(connection, row.experiment_id))
            pair = box.add_pair(connection, round_id, shown, self._now())
            if not tallied.question.is_whole:
                box.keep_draw(connection, row, pair.id, clips)
            return _ballot(case, pair)

    def vote(self, round_id: str, left_token: str, outcome: Outcome, whys: Sequence[str] = ()) -> bool:
        """Cast the vote on the pair that was shown under ``left_token``; False when it is not the pending one.

        Deduplicates double key presses: the second one names a pair that has its vote already.

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
        with self._in_round(round_id, votes=False) as (connection, row):
            experiment_id = row.experiment_id
            box.end_round(connection, round_id, self._now())
            going = any(row.ended_at is None for row in box.rounds(connection, experiment_id))
            shown = [] if going else box.pairs(connection, experiment_id)
        clips = {clip for pair in shown for clip in (pair.shown.left_clip, pair.shown.right_clip)}
        remove_copies(self._archive, sorted(clips))

    def clip(self, token: str) -> str:
        """The generation behind a neutral address. Raises LabError when there is none, or its round is over."""
        with reading(self._database) as connection:
            generation_id = box.behind(connection, token)
        if generation_id is None:
            raise LabError("There is no such clip", "This address is not in use.", field="token")
        return generation_id

    def file(self, token: str) -> Path:
        """The file behind a neutral address: the pictures of the clip and nothing else. Raises as ``clip`` does."""
        return self._archive.local(self.copy_key(token))

    def copy_key(self, token: str) -> str:
        """The archive key of ``file``."""
        row = self._ledger.get(self.clip(token))
        if row.clip_key is None:
            raise LabError("There is no such clip", "It has no file.", field="token")
        return neutral_copy(self._archive, row.clip_key, row.id)

    @contextmanager
    def _in_round(self, round_id: str, *, votes: bool = True) -> Iterator[tuple[sa.Connection, RoundRow]]:
        """Write in a round. Raises LabError for an unknown one, and where it is for others to write in it, or to vote."""
        with begin_immediate(self._database, even_read_only=True) as connection:
            row = box.find_round(connection, round_id)
            if not self._may_vote(row):
                refuse_writes(self._database)
            if votes and acting_address() not in {None, row.voter}:
                raise LabError(
                    "This is another person's round",
                    "Votes count for who gives them.",
                    "Start a round of your own.",
                    field="voter",
                )
            yield connection, row

    def _may_vote(self, row: RoundRow) -> bool:
        return row.is_visitors or not is_protected(self._database)

    def _now(self) -> datetime:
        return self._ledger.clock()


def _draw(tallied: Tally, clips: Mapping[int, Sequence[str]], row: RoundRow, pairs: Sequence[PairRow]) -> Shown:
    """Draw the next pair of a round: its variants by what was learned, its block by chance, then clips and sides."""
    own = [one.shown for one in pairs if one.round_id == row.id]
    seed = f"{row.seed}:{len(own)}"
    rng = random.Random(seed)  # noqa: S311 - drawn again from the stored seed, no secret
    grid, variant_of = tallied.grid, tallied.question.variant_of
    last = (variant_of[own[-1].left], variant_of[own[-1].right]) if own else ()
    one, other = next_variants(grid.variants, tallied.out, tallied.found, rng, last=last, allowed=set(grid.pairs))
    block = next_block(grid.shared(one, other), seed)
    cells = (grid.cells[one][block], grid.cells[other][block])
    return next_clips(cells, clips, [pair.shown for pair in pairs], rng, last=own[-1] if own else None)


def _ballot(case: Case, pair: PairRow) -> Ballot:
    """The pair as its voter sees it: with the prompt where both clips have the same one."""
    prompts = {
        str(cell.request.get("prompt", "")) for cell in case.cells if cell.cell in {pair.shown.left, pair.shown.right}
    }
    return Ballot(pair.left_token, pair.right_token, case.field.mode, prompts.pop() if len(prompts) == 1 else "")
