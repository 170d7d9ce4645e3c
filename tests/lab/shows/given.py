"""Shows of small studies with real clips, votes and a decision."""

from __future__ import annotations

import sqlalchemy as sa

from rivya_core import Lab
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import experiments
from tests.lab.evaluation.study import make_study

VALUES = ("calm sea", "rough sea")


def vote(lab: Lab, sweep: str, times: int, voter: str = "Ana", *, end: bool = True) -> None:
    """Cast blind votes, always for what stands first in the list of values."""
    round_id = lab.ballots.start(sweep, voter)
    for _ in range(times):
        ballot = lab.ballots.ballot(round_id)
        assert ballot is not None
        left = lab.get(lab.ballots.clip(ballot.left_token)).prompt.endswith(VALUES[0])
        lab.ballots.vote(round_id, ballot.left_token, "left" if left else "right")
    if end:
        lab.ballots.end(round_id)


def decide(lab: Lab, sweep: str, cell: int | None = 0, why: str = "It is calmer") -> None:
    """Decide for a combination, or (None) to keep the baseline."""
    lab.sweeps.decide(sweep, {"cell": cell, "title": f"Prompt: {VALUES[cell or 0]}", "why": why, "who": "Ben"})


def decided(lab: Lab, *, votes: int = 6) -> str:
    """A measured sweep of two values and two takes, voted on and decided; its id."""
    sweep = make_study(lab, VALUES, clips=2)
    vote(lab, sweep, votes)
    decide(lab, sweep)
    lab.verdicts.wait(sweep, 60)
    return sweep


def based(lab: Lab, sweep: str) -> str:
    """Give a study the base that a started sweep has: what its first combination asks for; its id."""
    base = dict(lab.sweeps.status(sweep).cells[0].request)
    spec = {**lab.sweeps.get(sweep).spec, "base": base}
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.update(experiments).where(experiments.c.id == sweep).values(spec=spec))
    return sweep
