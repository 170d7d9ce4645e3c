"""Results of the votes on a sweep, by question: what can be voted on, the ranking, and the takes that became redundant.

Everything here reveals what was compared: never show it on a screen with an open round, which must stay blind.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation import redundant_takes
from rivya_core.lab.evaluation.redundant_takes import RedundantTakes
from rivya_core.lab.evaluation.votes import ballot_lines, repository as box, standings
from rivya_core.lab.evaluation.votes.ballot_lines import ImportedVote, LineRecord, Pasted
from rivya_core.lab.evaluation.votes.questions import Question, asked, known, questions
from rivya_core.lab.evaluation.votes.repository import VotableClips
from rivya_core.lab.evaluation.votes.standings import Standing
from rivya_core.lab.evaluation.votes.tally import Tally, is_on, tally
from rivya_core.lab.evaluation.votes.votes import VoteRecord
from rivya_core.lab.experiments import repository
from rivya_core.lab.experiments.records import CellRecord, ExperimentRecord
from rivya_core.lab.ledger.database import begin_immediate, reading_at_once
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.settings import Settings


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """One question that can be voted on, and its progress.

    ``key``: a variable, several joined by " + " when they only change together, "" for whole combinations. ``values``: names of
    what is compared; ``blocks``: settings of all other variables, over which the winner is preferred on average. ``votes`` of at
    most ``limit`` were cast and count, in ``rounds`` of which ``voting_rounds`` are open and hold a vote. ``can_start``: two values have clips in one block.
    ``is_default``: asked about first.
    """

    key: str
    values: tuple[str, ...]
    blocks: int
    votes: int
    limit: int
    rounds: int
    voting_rounds: int
    can_start: bool
    is_default: bool


@dataclass(frozen=True, slots=True)
class Case:
    """Snapshot of a sweep: its cells and clips, its questions, and every vote."""

    experiment: ExperimentRecord
    cells: tuple[CellRecord, ...]
    field: VotableClips
    questions: tuple[Question, ...]
    votes: tuple[VoteRecord, ...]

    @property
    def default(self) -> Question:
        """The only variable; of several the one that the sweep's question or name names first; else the first."""
        return asked(self.questions, self.experiment.question, self.experiment.name)

    def question(self, key: str | None) -> Question:
        """Find a question by its key; None = the one voted on last, else the default. Raises LabError for an unknown key."""
        if key is None:
            last = next((known(self.questions, vote.question) for vote in reversed(self.votes)), None)
            return last or self.default
        found = known(self.questions, key)
        if found is None:
            names = ", ".join(repr(one.key) for one in self.questions)
            raise LabError("This cannot be voted on", f"One of {names} is meant, not {key[:60]!r}.", field="question")
        return found

    def tally(self, question: Question) -> Tally:
        """Count the votes on a question."""
        return tally(question, self.field.clips, self.votes)


def read_case(connection: sa.Connection, experiment_id: str) -> Case:
    """Read everything that the votes of a sweep depend on. Raises LabError when there is no such sweep.

    ``connection``: one that writes, or of ``reading_at_once``, so that every vote's round is among those read.
    """
    experiment = repository.must_find(connection, experiment_id)
    cells = repository.read_cells(connection, experiment_id)
    return Case(
        experiment,
        cells,
        box.field(connection, experiment_id, experiment.mode),
        questions(cells),
        tuple(box.votes(connection, experiment_id)),
    )


class Votes:
    """Read the results of blind votes; import and exclude ballot lines. Safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._database = ledger.database

    def questions(self, experiment_id: str) -> tuple[QuestionRecord, ...]:
        """Return what can be voted on in a sweep: each variable, and whole combinations if there are several.

        Raises:
            LabError: no such sweep.
        """
        with reading_at_once(self._database) as connection:
            case = read_case(connection, experiment_id)
            rounds = box.rounds(connection, experiment_id)
        voted = {vote.round_id for vote in case.votes if vote.outcome != "skip"}
        found = []
        for question in case.questions:
            tallied = case.tally(question)
            own = [row for row in rounds if known(case.questions, row.question) is question]
            found.append(
                QuestionRecord(
                    question.key,
                    tuple(question.titles.values()),
                    len(question.block_titles),
                    tallied.progress.votes,
                    tallied.progress.limit,
                    len(own),
                    sum(row.ended_at is None and row.id in voted for row in own),
                    bool(tallied.grid.variants),
                    question is case.default,
                )
            )
        return tuple(found)

    def ranking(self, experiment_id: str, question: str | None = None) -> Standing:
        """Return the ranking from all votes on a question so far. Reveals everything: not for a screen with an open round.

        Args:
            experiment_id: The sweep.
            question: The key of a question, see ``questions``; None = the one voted on last.

        Raises:
            LabError: no such sweep or question.
        """
        with reading_at_once(self._database) as connection:
            case = read_case(connection, experiment_id)
            rounds = box.rounds(connection, experiment_id)
            lines = ballot_lines.lines(connection, experiment_id)
        tallied = case.tally(case.question(question))
        own = [vote for vote in case.votes if is_on(tallied.question, vote)]
        taken_out = sum(
            line.taken_out_at is not None and known(case.questions, line.question) is tallied.question for line in lines
        )
        return standings.build(case.experiment, case.cells, case.field, rounds, tallied, own, taken_out)

    def winner(self, experiment_id: str) -> int | None:
        """Return the number of the winning combination: the winner among combinations, else the one of all variables' winners.

        The latter is a suggestion: each of its values was preferred on average, but their combination was not voted on.
        """
        with reading_at_once(self._database) as connection:
            case = read_case(connection, experiment_id)
        *single, whole = [(question, case.tally(question).progress.winner) for question in case.questions]
        if whole[1] is not None:
            return whole[1]
        fits = [
            cell.cell
            for cell in case.cells
            if all(question.variant_of[cell.cell] == winner for question, winner in single)
        ]
        return fits[0] if single and len(fits) == 1 else None

    def cast(self, experiment_id: str) -> tuple[VoteRecord, ...]:
        """Return every vote of a sweep, over all rounds and questions, in the order they were cast."""
        with reading_at_once(self._database) as connection:
            return tuple(box.votes(connection, experiment_id))

    # -- votes that come back as lines of text ---------------------------------------------------------------------

    def accept(self, line: str, *, experiment_id: str | None = None, ballot: str | None = None) -> ImportedVote:
        """Import one line of a ballot, after all votes so far.

        Args:
            line: The line, as the ballot's page wrote it.
            experiment_id: Only a line for a ballot of this sweep counts.
            ballot: Only a line for this ballot counts.

        Raises:
            LabError: the line was damaged, shortened, changed, is too long, was seen before, or is for another ballot, sweep or
                lab; the detail says which. Also when the lab is read-only.
        """
        refuse_if_read_only(self._settings)
        with begin_immediate(self._database) as connection:
            now = self._ledger.clock()
            return ballot_lines.import_line(connection, line, now, experiment_id=experiment_id, ballot_id=ballot)

    def paste(self, text: str, experiment_id: str | None = None) -> tuple[Pasted, ...]:
        """Import every vote line in a text from chat or mail, in order; return the outcome of each.

        Args:
            text: Any text; whatever is no vote line is skipped.
            experiment_id: Only lines for ballots of this sweep count.

        Raises:
            LabError: the lab is read-only, or the text is longer than 1 MB or holds more than 500 lines; then none counts.
        """
        refuse_if_read_only(self._settings)
        found = []
        for line in ballot_lines.found_in(text):
            try:
                found.append(Pasted(line, self.accept(line, experiment_id=experiment_id)))
            except LabError as error:
                found.append(Pasted(line, refused=error))
        return tuple(found)

    def lines(self, experiment_id: str) -> tuple[LineRecord, ...]:
        """Return the imported lines of a sweep, in the order of import, in which they count."""
        with reading_at_once(self._database) as connection:
            return tuple(ballot_lines.lines(connection, experiment_id))

    def take_out(self, line: int) -> None:
        """Exclude a line's votes; from then on no error rate holds, since the choice may depend on the result; the ranking says so.

        Raises:
            LabError: no such line, or the lab is read-only.
        """
        self._set_taken_out(line, taken_out=True)

    def put_back(self, line: int) -> None:
        """Include an excluded line again, at its old position. Raises as ``take_out`` does."""
        self._set_taken_out(line, taken_out=False)

    def _set_taken_out(self, line: int, *, taken_out: bool) -> None:
        refuse_if_read_only(self._settings)
        with begin_immediate(self._database) as connection:
            ballot_lines.set_taken_out(connection, line, self._ledger.clock() if taken_out else None)

    # -- what need not be made any more ----------------------------------------------------------------------------

    def needless(self, experiment_id: str) -> RedundantTakes:
        """Return the planned and waiting takes of eliminated combinations, with their credits.

        Eliminating a value of one variable makes no take redundant: its combinations serve the questions on the others.
        """
        with reading_at_once(self._database) as connection:
            return self._needless(connection, experiment_id)

    def drop_needless(self, experiment_id: str) -> int:
        """Drop those takes: planned ones are dropped, waiting ones cancelled; return how many. Nothing sent is touched.

        Raises:
            LabError: the lab is read-only, or there is no such sweep.
        """
        refuse_if_read_only(self._settings)
        with begin_immediate(self._database) as connection:
            found = self._needless(connection, experiment_id)
            dropped = redundant_takes.drop_planned(connection, experiment_id, found)
        return dropped + sum(self._ledger.actions.cancel(generation_id) for generation_id in found.waiting)

    def _needless(self, connection: sa.Connection, experiment_id: str) -> RedundantTakes:
        case = read_case(connection, experiment_id)
        return redundant_takes.find(connection, experiment_id, case.tally(case.questions[-1]).out)
