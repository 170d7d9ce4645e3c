"""Auto-refreshing fragments: parts of a page that rerun every few seconds, and rerun the whole page when its data changed.

Every polling loop of the pages is one of the functions here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from pages._ui import outage
from rivya_core.api.errors import RivyaError

P = ParamSpec("P")
T = TypeVar("T")


def part(draw: Callable[P, T], every_s: float | None) -> Callable[P, T | None]:
    """Make ``draw`` a fragment that runs again every ``every_s`` seconds; None: only when something in it is pressed.

    While the database does not answer, one that runs by itself says so in its place, and comes back; any other one leaves
    it to the page.
    """

    @wraps(draw)
    def draw_or_say(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return draw(*args, **kwargs)
        except RivyaError as error:
            if not outage.is_one(error) or (every_s is None and not outage.is_part_of_a_page()):
                raise
            if every_s is None:
                outage.keep_inputs()
                st.rerun()
            st.caption(outage.WORDS)
            return None

    return st.fragment(draw_or_say, run_every=every_s)


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


def come_back(works: Callable[[], object]) -> None:
    """Draw nothing; draw the whole page again as soon as ``works`` raises no error any more."""

    def look() -> None:
        try:
            works()
        except RivyaError:
            return
        st.rerun()

    runs = iter([True])  # in its first run the page has just failed

    def look_later() -> None:
        if not next(runs, False):
            look()

    st.fragment(look_later, run_every=outage.LOOK_EVERY_S)()


def watch(look: Callable[[], object], shown: object, every_s: float) -> None:
    """Draw nothing; draw the whole page again when ``look`` no longer gives what was ``shown``.

    It is asked from the second run on: in its first the page has just looked by itself.
    """
    runs = iter([True])

    @wraps(look)
    def compare() -> None:
        if next(runs, False):
            return
        try:
            is_new = look() != shown
        except RivyaError as error:
            if not outage.is_one(error):
                raise
            return
        if is_new:
            st.rerun()

    part(compare, every_s)()
