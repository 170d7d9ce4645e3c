"""The wording of votes, shared by Vote and the verdict of a sweep."""

from __future__ import annotations

from rivya_core.lab.evaluation.votes.questions import WHOLE
from rivya_core.lab.evaluation.votes.standings import Standing
from rivya_core.lab.experiments.axes import variable_name

WHOLE_WORDS = "Whole combinations"


def question(key: str) -> str:
    """Name what is voted on: a variable, several that change together, or whole combinations."""
    if key == WHOLE:
        return WHOLE_WORDS
    return " + ".join(variable_name(name) for name in key.split(" + "))


def sentence(standing: Standing) -> str:
    """Say how far a question is; an undecided one does not name itself by its values, so it goes with its name."""
    if standing.winner is not None:
        return standing.sentence
    return f"{question(standing.question.key)}: {standing.sentence[:1].lower()}{standing.sentence[1:]}"


def votes_of(counted: int, limit: int) -> str:
    """Write how far the votes on a question are, on the rule's own horizon; nobody waits for more beyond it."""
    if counted <= limit:
        return f"{counted} of at most {limit} votes"
    return f"{counted} votes"
