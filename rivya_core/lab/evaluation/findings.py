"""Findings of a sweep as shown to others: one sentence, the two clips that show it, and its evidence. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rivya_core.lab.evaluation import wording
from rivya_core.lab.evaluation.axis_analysis import AxisVerdict, Further, Point
from rivya_core.lab.evaluation.votes.questions import WHOLE
from rivya_core.lab.experiments.records import SweepStatus

if TYPE_CHECKING:
    from rivya_core.lab.evaluation.significance import Effect, Word

Outcome = Literal["undecided", "open", "winner"]
"""Outcome of blind votes: undecidable; more votes may decide; one is preferred."""


@dataclass(frozen=True, slots=True)
class ShownClips:
    """Two clips of a variable that show its finding. ``first`` is the one with more of the feature; ``names``: their values.

    ``how``: the rule that chose them, in a sentence. They are never chosen by hand.
    """

    first: str
    second: str
    names: tuple[str, str]
    how: str


@dataclass(frozen=True, slots=True)
class VariableFinding:
    """Finding about one variable.

    ``text``: the sentence, with its full stop. ``word``: clear, unclear or too few. ``possible``: the largest difference that is
    still compatible with the clips, ``outlook``: what more takes would bring and cost; both "" after a clear verdict.
    ``further``: those takes as figures. ``clips``: None while the feature has no two clips to compare.
    """

    axis: str
    text: str
    word: Word
    possible: str
    outlook: str
    further: Further | None
    clips: ShownClips | None


@dataclass(frozen=True, slots=True)
class Voted:
    """Outcome of the blind votes on one question.

    ``key``: the question, see ``questions``; ``name``: the same for a person; ``preferred``: the name of the winner, or "".
    """

    key: str
    name: str
    outcome: Outcome
    preferred: str = ""


@dataclass(frozen=True, slots=True)
class SweepVerdict:
    """What a sweep found. ``text``: of the variable that was asked about, which is the first of ``variables``."""

    experiment_id: str
    text: str
    variables: tuple[VariableFinding, ...]


def of_sweep(experiment_id: str, verdicts: Sequence[AxisVerdict]) -> SweepVerdict:
    """Build the finding of a sweep from its verdicts, at least one, in their order."""
    variables = tuple(of_variable(verdict) for verdict in verdicts)
    return SweepVerdict(experiment_id, variables[0].text, variables)


def of_variable(verdict: AxisVerdict) -> VariableFinding:
    """Build the finding of one verdict."""
    return VariableFinding(
        axis=verdict.axis,
        text=f"{wording.headline(verdict)}.",
        word=verdict.finding.word,
        possible=wording.possible(verdict),
        outlook=wording.outlook(verdict),
        further=verdict.to_clear,
        clips=shown_clips(verdict),
    )


def evidence(
    verdicts: Sequence[AxisVerdict], votes: Mapping[str, Any] | None, status: SweepStatus, *, no_verdict: str = ""
) -> dict[str, Any]:
    """Return the present evidence, as it is stored with a decision.

    ``votes``: ``words``, ``count`` and ``winner`` (a cell's number), or None. ``no_verdict``: why there is none.
    """
    return {
        "verdicts": [
            {"axis": verdict.axis, "verdict": verdict.finding.word, "words": wording.headline(verdict)}
            for verdict in verdicts
        ],
        "no_verdict": no_verdict,
        "votes": None if votes is None else dict(votes),
        "spent_credits": status.spent_credits,
        "quoted_credits": status.experiment.quoted_credits,
    }


def shown_clips(verdict: AxisVerdict) -> ShownClips | None:
    """Choose the pair of clips that shows the verdict's leading feature at its average: neither the best nor the worst case.

    Both clips are of one combination of the other variables; of all such pairs, theirs is the difference closest to the
    estimated one; of equal pairs the first takes.
    """
    lead = verdict.lead
    if lead is None or lead.constant:
        return None
    pairs = [
        (one, other)
        for one in verdict.points
        for other in verdict.points
        if one.level == lead.most and other.level == lead.least and one.block == other.block
    ]
    if not pairs:
        return None
    first, second = min(pairs, key=lambda pair: _off(lead, *pair))
    noun = verdict.feature(lead).noun
    return ShownClips(
        first.generation_id,
        second.generation_id,
        (verdict.levels[lead.most], verdict.levels[lead.least]),
        f"Chosen by rule: two takes alike in all else, whose difference in {noun} is the closest to the average one.",
    )


def _off(lead: Effect, one: Point, other: Point) -> float:
    return abs(one.figures[lead.key] - other.figures[lead.key] - lead.difference)


def against_votes(verdict: SweepVerdict | None, votes: Sequence[Voted]) -> tuple[str, ...]:
    """Return one sentence for each question, in order, on which measurements and votes disagree.

    Votes on a variable are compared with the finding about that variable, votes on whole combinations with all findings. With
    too few takes there is no finding to disagree with.
    """
    if verdict is None:
        return ()
    return tuple(sentence for voted in votes if (sentence := _against(verdict, voted)))


def _against(verdict: SweepVerdict, voted: Voted) -> str:
    words = {one.word for one in verdict.variables if voted.key in {WHOLE, one.axis}}
    if voted.outcome == "winner" and "unclear" in words and "clear" not in words:
        return (
            f"Votes and figures disagree on {voted.name}: voters prefer {voted.preferred}, while no measured difference is "
            "clear. People may see what the five figures do not measure."
        )
    if voted.outcome == "undecided" and "clear" in words:
        return (
            f"Votes and figures disagree on {voted.name}: a measured difference is clear, while voters prefer none. "
            "It may not matter to people."
        )
    return ""
