"""The ballot: two clips side by side on one clock, the votes, and reasons. It holds nothing that names a clip.

What it is given: two neutral addresses, what is the same for both, and how far the votes are. Clips are called A and B and nothing
else; their element is told no name, size or length before the file tells it.

In: ``pair`` (what the two are known by), ``left`` and ``right`` (their addresses), ``prompt``, ``whys``, ``undo`` and
:class:`Told`. Out: the trigger ``vote``: ``vote``, ``whys``, and the ``pair`` and ``number`` that were on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import streamlit as st

from pages._ui import addresses
from pages._ui.components import component
from rivya_core.lab.evaluation.votes.ballots import Ballot
from rivya_core.lab.evaluation.votes.votes import OUTCOMES, WHYS, Outcome

_component = component("ballot", shared=("dom", "sync_clock"))


@dataclass(frozen=True, slots=True)
class Act:
    """What the voter did: voted (``outcome``), took the last vote back, or ended the round at the stop.

    ``pair`` and ``number``: what was on the screen.
    """

    what: Literal["vote", "undo", "end"]
    outcome: Outcome | None
    whys: tuple[str, ...]
    pair: str
    number: int


@dataclass(frozen=True, slots=True)
class Told:
    """What stands beside the pair.

    ``number``: votes and skips of the round so far; ``count``: how far the votes are, in words; ``stop``: that they are enough, or
    ""; ``finish``: the button that then leads to the result; ``mark``: SIMULATED or LIVE where the page's header does not say it.
    """

    number: int
    count: str
    stop: str
    finish: str
    mark: str


def ballot(shown: Ballot, told: Told, *, key: str, on_act: Callable[[], None]) -> None:
    """Draw a pair; ``on_act`` is called before the next run."""
    _component(
        key=key,
        data={
            "pair": shown.left_token,
            "left": addresses.ballot_clip(shown.left_token),
            "right": addresses.ballot_clip(shown.right_token),
            "prompt": shown.prompt,
            "undo": told.number > 0,
            "whys": WHYS,
            **asdict(told),
        },
        on_vote_change=on_act,
    )


def act(key: str) -> Act | None:
    """Read what was done, inside ``on_act``; nonsense is None."""
    state: Any = st.session_state.get(key)
    sent = state.get("vote") if isinstance(state, Mapping) else None
    if not isinstance(sent, Mapping):
        return None
    vote, whys, number = sent.get("vote"), sent.get("whys"), sent.get("number")
    screen = str(sent.get("pair")), number if isinstance(number, int) else -1
    if vote in {"undo", "end"}:
        return Act(vote, None, (), *screen)
    if vote not in OUTCOMES:
        return None
    return Act("vote", vote, tuple(why for why in WHYS if isinstance(whys, list) and why in whys), *screen)
