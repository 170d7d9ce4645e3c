"""The ballot: two clips side by side on one clock, the votes, and reasons. It holds nothing that names a clip.

What it is given: two neutral addresses, what is the same for both, and how far the votes are. Clips are called A and B and nothing
else; their element is told no name, size or length before the file tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import streamlit as st

from pages._ui.components import component
from rivya_core.lab.evaluation.votes.ballots import Ballot
from rivya_core.lab.evaluation.votes.votes import OUTCOMES, WHYS, Outcome

_SIDE = """
  <figure class="side">
    <video muted playsinline preload="auto" disablepictureinpicture aria-label="Clip {letter}" tabindex="-1"></video>
    <span class="letter" aria-hidden="true">{letter}</span>
    <span class="mark" hidden></span>
    <span class="says" role="status"></span>
  </figure>"""

_WHYS = "".join(
    f'<button type="button" class="why" data-why="{why}" aria-pressed="false">{why} <kbd>{key}</kbd></button>'
    for key, why in enumerate(WHYS, start=5)
)

_HTML = f"""
<section class="ballot" tabindex="0" role="group" aria-label="Ballot: clip A and clip B. Keys: 1 or A, 2 or B, 0 or T tie, X both bad, S skip.">
  <p class="prompt" hidden>Shared prompt: <span class="prompt-text"></span></p>
  <div class="pair">{_SIDE.format(letter="A")}{_SIDE.format(letter="B")}
  </div>
  <div class="votes" role="group" aria-label="Your vote">
    <button type="button" data-vote="left" class="big">A is better <kbd>1</kbd></button>
    <button type="button" data-vote="tie">Tie <kbd>0</kbd></button>
    <button type="button" data-vote="bad">Both bad <kbd>X</kbd></button>
    <button type="button" data-vote="skip">Skip <kbd>S</kbd></button>
    <button type="button" data-vote="right" class="big">B is better <kbd>2</kbd></button>
  </div>
  <p class="stop" hidden><strong class="why-stop" role="status"></strong>
    <button type="button" class="finish"><span></span> <kbd>E</kbd></button></p>
  <div class="more">
    <p class="line"><span class="count" role="status"></span></p>
    <div class="whys" role="group" aria-label="Why, if you like to say; choose before you vote"><span class="why-title">Why? Optional, before you vote</span>
      {_WHYS}
    </div>
    <div class="acts">
      <button type="button" class="play"><span>Play</span> <kbd>P</kbd></button>
      <button type="button" class="undo" aria-disabled="true">Undo last vote <kbd>U</kbd></button>
    </div>
  </div>
  <p class="hint"><span class="on">Keys work here. Arrows vote too; comma and full stop step one frame.</span><span class="off">Click into the ballot, or press Tab, to vote by keys.</span></p>
</section>
"""

_component = component("ballot", html=_HTML, shared=("sync_clock",))


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
            "left": f"/ballots/{shown.left_token}.mp4",
            "right": f"/ballots/{shown.right_token}.mp4",
            "prompt": shown.prompt,
            "undo": told.number > 0,
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
