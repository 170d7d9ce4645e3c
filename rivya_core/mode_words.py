"""What work is called to people: live, simulated, or the replay of a recording.

The books know two modes, and a replay is simulated in them: nothing real is spent. Whatever a person reads, on a screen or in
a file, says REPLAY instead, as its clips may come from the real model. The connection that made a row tells which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, overload

from rivya_core.settings import REPLAY_CONNECTION, Mode

ModeWord = Literal["live", "simulated", "replay"]
ShownMode = Literal["simulated", "live", "replay", "mixed"]
"""What a page or file with several clips is: ``mixed`` where they are not all of one kind."""

UNITS: Final[Mapping[ModeWord, str]] = {
    "live": "credits",
    "simulated": "simulated credits",
    "replay": "replay credits",
}
"""What is counted; credits of two kinds never become one figure."""

MARKS: Final[Mapping[ShownMode, str]] = {
    "simulated": "SIMULATED",
    "live": "LIVE",
    "replay": "REPLAY",
    "mixed": "LIVE and SIMULATED",
}
"""What stands on whatever leaves the lab."""

MEANINGS: Final[Mapping[ShownMode, str]] = {
    "simulated": "No real model, no real credits.",
    "live": "Made by the real model.",
    "replay": "Played from a recording. Nothing was spent.",
    "mixed": "Each clip says which it is.",
}
"""What the mark means, in a sentence beside it."""

MARK_LINES: Final[Mapping[ShownMode, str]] = {
    **MARKS,
    "simulated": "SIMULATED: nothing here is real",
    "replay": "REPLAY: played from a recording, nothing was spent",
}
"""Mark and meaning in one line, for pictures, films and lists of files."""


@overload
def mode_word(mode: Mode, connection: str) -> ModeWord: ...
@overload
def mode_word(mode: Mode | None, connection: str) -> ModeWord | None: ...
def mode_word(mode: Mode | None, connection: str) -> ModeWord | None:
    """Say what work of a mode is that was made over a connection; of any mode (None) only where all there is is a replay."""
    return "replay" if connection == REPLAY_CONNECTION else mode


def amount(credits: int, word: ModeWord) -> str:  # noqa: A002 - Rivya's word
    """Write an amount with its unit."""
    unit = UNITS[word]
    return f"{credits:,} {unit[:-1] if credits == 1 else unit}"
