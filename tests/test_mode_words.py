"""What ``rivya_core/mode_words.py`` promises: live, simulated or a replay, and credits that say of what they are."""

from __future__ import annotations

from typing import get_args

import pytest

from rivya_core.mode_words import MARK_LINES, MARKS, MEANINGS, ModeWord, ShownMode, amount, mode_word
from rivya_core.settings import EMBEDDED_CONNECTION, REPLAY_CONNECTION, Mode


@pytest.mark.parametrize(
    ("mode", "connection", "word"),
    [
        ("live", "https://rivya.example", "live"),
        ("simulated", "https://rivya.example", "simulated"),
        ("simulated", EMBEDDED_CONNECTION, "simulated"),
        ("simulated", REPLAY_CONNECTION, "replay"),
        (None, REPLAY_CONNECTION, "replay"),
        (None, EMBEDDED_CONNECTION, None),
    ],
)
def test_what_work_is_called_follows_from_its_connection(
    mode: Mode | None, connection: str, word: ModeWord | None
) -> None:
    """A replay is simulated in the books, and REPLAY to people."""
    assert mode_word(mode, connection) == word


def test_an_amount_says_what_its_credits_are() -> None:
    """In the singular as well."""
    assert amount(1600, "live") == "1,600 credits"
    assert amount(1, "simulated") == "1 simulated credit"
    assert amount(0, "replay") == "0 replay credits"


def test_every_mode_has_its_mark_and_what_the_mark_means() -> None:
    """No page, picture or file says less of one mode than of another; a line begins with the mark."""
    modes = set(get_args(ShownMode))
    assert modes == set(MARKS) == set(MEANINGS) == set(MARK_LINES)
    assert all(line.startswith(MARKS[mode]) for mode, line in MARK_LINES.items())
