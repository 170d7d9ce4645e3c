"""P8: what of a screen must say that it is live or simulated."""

from __future__ import annotations

import pytest

from pages._ui import mode_marks
from rivya_core.settings import Mode


@pytest.mark.parametrize(
    ("header", "shown", "said"),
    [
        ("simulated", ["simulated", "simulated"], ["", ""]),
        ("live", ["live"], [""]),
        ("live", ["simulated"], ["SIMULATED"]),
        ("simulated", ["live", "simulated"], ["LIVE", "SIMULATED"]),
        ("live", ["live", "simulated"], ["LIVE", "SIMULATED"]),
        ("simulated", [], []),
    ],
    ids=["all simulated", "all live", "simulated under live", "live came in", "simulated came in", "nothing"],
)
def test_each_part_says_its_mode_where_the_header_does_not_say_it_for_all(
    header: Mode, shown: list[Mode], said: list[str]
) -> None:
    """The header speaks for all that is of its mode; one part of the other makes every part speak."""
    marks = mode_marks.marks(header, shown)
    assert [marks.of(mode) for mode in shown] == said
