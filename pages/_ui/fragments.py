"""The parts of a page that draw themselves anew every few seconds, and draw the whole page when it is due.

Every watch-and-redraw loop of the pages is one of the functions here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
T = TypeVar("T")


def part(draw: Callable[P, T], every_s: float | None) -> Callable[P, T]:
    """Make ``draw`` a fragment that runs again every ``every_s`` seconds; None: only when something in it is pressed."""
    return st.fragment(draw, run_every=every_s)


def live_part(draw: Callable[P, object], shown: object, every_s: float | None) -> Callable[P, None]:
    """Make ``draw`` such a fragment that also draws the whole page again once the rest of it is out of date.

    Args:
        draw: Draws the part, and returns what the rest of the page shows of the matter, as it is now.
        shown: The same as the rest of the page was drawn from.
        every_s: Seconds between two runs; None: it runs when something in it is pressed.
    """

    @wraps(draw)
    def draw_and_compare(*args: P.args, **kwargs: P.kwargs) -> None:
        if draw(*args, **kwargs) != shown:
            st.rerun()

    return part(draw_and_compare, every_s)


def watch(look: Callable[[], object], shown: object, every_s: float) -> None:
    """Draw nothing; draw the whole page again when ``look`` no longer gives what was ``shown``.

    It is asked from the second run on: in its first the page has just looked by itself.
    """
    runs = iter([True])

    @wraps(look)
    def compare() -> None:
        if not next(runs, False) and look() != shown:
            st.rerun()

    part(compare, every_s)()
