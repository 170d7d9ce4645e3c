"""The study that `docs/` tells of: made, measured, voted on and decided on the simulator, from the first request to the decision.

The voters are scripts. They vote through the same blind ballots as people do, each by one measured figure of a clip.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

from rivya_core import GenerationRequest, Lab, Settings, Sweep
from rivya_core.lab.evaluation import observations
from rivya_core.lab.evaluation.findings import evidence
from rivya_core.lab.experiments.service import Labelled

NAME = "Opening shot of the winter film"
QUESTION = "Which opening shot makes people stay, and how calmly should it move?"
PROMPT = "{{shot}}, slow push in"
SHOTS = (
    Labelled("Northern lights over a frozen lake", "Northern lights"),
    Labelled("A harbour at sunrise, gulls overhead", "Harbour at sunrise"),
)
GUIDANCE = (0, 0.5, 1)
TAKES = 2
CREDITS = 6000

WHY = "The water glitters, and at 1 it moves slowly enough to set a title over it."
WHO = "Ana"

TASTES = {"movement": ("motion", 1), "detail": ("sharpness", 1), "steadiness": ("flicker", -1), "calm": ("motion", -1)}
"""Voters by what they like: the figure that decides, and whether more of it is better."""

SHOT_TURNS = ("movement", "detail", "steadiness", "detail", "steadiness")
GUIDANCE_TURNS = ("calm", "steadiness")
"""Who votes in turn until the votes are enough. Of five who look at the shots, one likes the northern lights better."""


def settings(folder: Path, **more: Any) -> Settings:
    """The settings it is made under: a simulator in a hurry."""
    quick = {"poll_first_s": 0.05, "poll_min_s": 0.05, "poll_max_s": 0.2, "poll_reads_per_s": 1000.0}
    return Settings(data_dir=folder, simulator_speed=40, first_start_examples=False, **quick, **more)


def sweep() -> Sweep:
    """What is asked for: two shots with three values of ``cfg_scale``."""
    base = GenerationRequest(prompt=PROMPT, params={"duration": "5", "aspect_ratio": "16:9"})
    return Sweep(NAME, QUESTION, base, {"shot": SHOTS, "cfg_scale": GUIDANCE}, takes=TAKES)


def make(lab: Lab) -> str:
    """Run the whole study; the id of its sweep."""
    lab.simulator.world.configure(cfg_effect="strong", credits=CREDITS)
    sweep_id = lab.start(sweep())
    lab.wait_sweep(sweep_id, 600)
    lab.verdicts.wait(sweep_id, 600)
    vote(lab, sweep_id, "cfg_scale", GUIDANCE_TURNS)
    vote(lab, sweep_id, "shot", SHOT_TURNS)
    decide(lab, sweep_id)
    return sweep_id


def vote(lab: Lab, sweep_id: str, question: str, turns: tuple[str, ...]) -> None:
    """Let the voters vote in turn until it is said that it is enough."""
    with lab.ledger.reading() as connection:
        observed = observations.read(connection, sweep_id)
    assert observed is not None
    figures = {take.generation_id: take.figures or {} for take in observed.measured}
    rounds = {voter: lab.ballots.start(sweep_id, f"Example voter for {voter}", question) for voter in turns}
    for voter in cycle(turns):
        round_id, (figure, sign) = rounds[voter], TASTES[voter]
        ballot = None if lab.ballots.round(round_id).is_enough else lab.ballots.ballot(round_id)
        if ballot is None:
            break
        tokens = (ballot.left_token, ballot.right_token)
        left, right = (sign * (figures[lab.ballots.clip(token)].get(figure) or 0.0) for token in tokens)
        lab.ballots.vote(round_id, ballot.left_token, "left" if left >= right else "right")
    for round_id in rounds.values():
        lab.ballots.end(round_id)


def decide(lab: Lab, sweep_id: str) -> None:
    """Keep the combination that the votes name, with what is known of it."""
    winner = lab.votes.winner(sweep_id)
    assert winner is not None
    status, ranking = lab.sweep(sweep_id), lab.votes.ranking(sweep_id)
    labels = next(cell.labels for cell in status.cells if cell.cell == winner)
    title = " · ".join(f"{name}: {label}" for name, label in labels.items())
    votes = {"words": ranking.sentence, "count": ranking.votes, "winner": winner}
    known = evidence(lab.verdicts.judge(sweep_id).axes, votes, status)
    lab.sweeps.decide(sweep_id, {"cell": winner, "title": title, "why": WHY, "who": WHO, **known})
