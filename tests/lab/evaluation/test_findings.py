"""What the one sentence of a sweep promises: the variable that was asked about first, clips chosen by rule, no more than is held."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import Lab
from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation import findings
from rivya_core.lab.evaluation.findings import Outcome, SweepVerdict, Voted
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import experiments
from tests.lab.evaluation.trial import MODEL, store

TWO = {"cfg_scale": ["0", "1"]}
STRONG = {("0",): 8.0, ("1",): 0.0}
TABLE = {"animal": ["fox", "heron"], "cfg_scale": ["0", "1"]}


def found(lab: Lab, experiment_id: str = "xtrial") -> SweepVerdict:
    """The finding, which is there."""
    told = lab.verdicts.finding(experiment_id)
    assert told is not None
    return told


def ask(lab: Lab, **columns: Any) -> None:
    """Give the trial another question or name."""
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.update(experiments).where(experiments.c.id == "xtrial").values(**columns))


def test_a_finding_is_one_plain_sentence_with_its_evidence(lab: Lab) -> None:
    """Which value does what, that it is beyond chance, and two clips that show it, chosen by a rule that is told."""
    ids = store(lab, TWO, STRONG)
    told = found(lab)
    assert told.text == "cfg_scale 0 moves more than 1; clearly beyond take-to-take variation."
    [variable] = told.variables
    assert (variable.axis, variable.word, variable.possible, variable.outlook) == ("cfg_scale", "clear", "", "")
    assert variable.clips is not None
    assert variable.clips.first in ids[0]
    assert variable.clips.second in ids[1]
    assert variable.clips.names == ("0", "1")
    assert variable.clips.how.startswith("Chosen by rule: two takes alike in all else")


def test_the_clips_are_typical_and_alike_in_all_else(lab: Lab) -> None:
    """Of one combination of the other variables; no pair of such is closer to the difference that was found."""
    store(lab, TABLE, {("fox", "0"): 5.0, ("heron", "0"): 5.0}, takes=3)
    verdict = next(one for one in lab.verdicts.wait("xtrial").axes if one.axis == "cfg_scale")
    clips = findings.shown_clips(verdict)
    assert clips is not None
    points = {point.generation_id: point for point in verdict.points}
    first, second = points[clips.first], points[clips.second]
    assert first.block == second.block
    lead = verdict.lead
    assert lead is not None
    off = abs(first.figures[lead.key] - second.figures[lead.key] - lead.difference)
    others = [
        abs(one.figures[lead.key] - other.figures[lead.key] - lead.difference)
        for one in verdict.points
        for other in verdict.points
        if (one.level, other.level) == (lead.most, lead.least) and one.block == other.block
    ]
    assert off == min(others)


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        ({"question": "Does cfg scale change anything?"}, "cfg_scale"),
        ({"question": "Which animal reads better, and does cfg_scale matter?"}, "animal"),
        ({"question": "Is the heron better than the fox?"}, "animal"),
        ({"question": "", "name": "CFG_SCALE on ice"}, "cfg_scale"),
        ({"question": "Who is it?"}, "animal"),
    ],
    ids=["name", "earlier name", "value", "name of the sweep", "none"],
)
def test_the_variable_that_was_asked_about_comes_first(lab: Lab, columns: dict[str, str], first: str) -> None:
    """By the words of the question, else of the sweep's name, else as they were planned."""
    store(lab, TABLE, takes=3)
    ask(lab, **columns)
    told = found(lab)
    assert told.variables[0].axis == first
    assert told.text == told.variables[0].text
    assert {one.axis for one in told.variables} == {"animal", "cfg_scale"}


def test_nothing_clear_tells_what_is_possible_and_what_more_costs(lab: Lab) -> None:
    """In words, with takes, clips and credits."""
    store(lab, TWO, {("0",): 1.9}, seed=3)
    [variable] = found(lab).variables
    assert variable.text == "No clear difference between cfg_scale 0 and 1."
    assert variable.possible.startswith("Still possible: a difference of up to ")
    assert variable.further is not None
    assert f"{variable.further.credits:,} credits" in variable.outlook


def test_there_is_no_finding_before_there_is_a_verdict(lab: Lab) -> None:
    """Nor where nothing was varied."""
    store(lab, TWO, takes=0, planned=2)
    assert lab.verdicts.finding("xtrial") is None
    store(lab, {"cfg_scale": ["0.5"]}, experiment_id="xone")
    assert lab.verdicts.finding("xone") is None
    with pytest.raises(LabError):
        lab.verdicts.finding("nothing")


def test_an_old_verdict_of_sameness_stays_readable(lab: Lab) -> None:
    """It is no longer given; what was kept of one beside a knob is told in the words it had."""
    kept = {"verdict": "same", "words": "same as re-rolling", "experiment_id": "xold", "kind": "verdict"}
    kept |= {"at": "2026-11-20T10:00:00+00:00", "started_at": "2026-11-20T09:00:00+00:00"}
    lab.ledger.key_value.set(f"knob:simulated:{MODEL}:cfg_scale", kept)
    note = lab.verdicts.knob(MODEL, "cfg_scale")
    assert note is not None
    assert (note.verdict, note.words, note.experiment_id) == ("same", "same as re-rolling", "xold")


def voted(key: str, outcome: Outcome) -> Voted:
    """Votes on a question; a winner is called "that"."""
    return Voted(key, key or "whole combinations", outcome, "that" if outcome == "winner" else "")


@pytest.mark.parametrize(
    ("motion", "outcome", "said"),
    [
        (STRONG, "winner", ""),
        (STRONG, "open", ""),
        (STRONG, "undecided", "Votes and figures disagree on cfg_scale: a measured difference is clear"),
        ({}, "winner", "Votes and figures disagree on cfg_scale: voters prefer that"),
        ({}, "undecided", ""),
    ],
)
def test_votes_that_disagree_are_told_in_one_sentence(lab: Lab, motion: Any, outcome: Outcome, said: str) -> None:
    """Only where they do."""
    store(lab, TWO, motion, seed=5)
    told = findings.against_votes(found(lab), [voted("cfg_scale", outcome)])
    assert [one[: len(said)] for one in told] == ([said] if said else [])
    assert findings.against_votes(None, [voted("cfg_scale", outcome)]) == ()


@pytest.mark.parametrize(
    ("votes", "on"),
    [
        ({"cfg_scale": "winner", "animal": "undecided"}, []),
        ({"animal": "winner", "cfg_scale": "open"}, ["animal"]),
        ({"cfg_scale": "undecided", "animal": "winner"}, ["cfg_scale", "animal"]),
        ({"": "winner"}, []),
        ({"": "undecided"}, ["whole combinations"]),
        ({"another": "winner"}, []),
    ],
    ids=["each as measured", "of the other variable", "both", "combinations agree", "combinations", "not measured"],
)
def test_each_variable_is_set_against_its_own_finding(lab: Lab, votes: dict[str, Outcome], on: list[str]) -> None:
    """A clear difference of one variable does not speak for votes on another one."""
    store(lab, TABLE, {("fox", "0"): 8.0, ("heron", "0"): 8.0}, seed=5)
    assert {one.axis: one.word for one in found(lab).variables} == {"animal": "unclear", "cfg_scale": "clear"}
    told = findings.against_votes(found(lab), [voted(*one) for one in votes.items()])
    assert [one.removeprefix("Votes and figures disagree on ").split(":")[0] for one in told] == on


def test_nothing_disagrees_with_too_few_takes(lab: Lab) -> None:
    """They say neither that there is a difference nor that there is none."""
    store(lab, TWO, takes=2)
    assert [one.word for one in found(lab).variables] == ["too few"]
    assert findings.against_votes(found(lab), [voted("cfg_scale", "winner")]) == ()
