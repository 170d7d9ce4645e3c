"""Tells of generations that ended while nobody looked: in the tab's title, on return, and as a notification where one is wanted.

It draws nothing until then. It works in a tab in the background, where browsers slow timers down to one a minute: what ended
is then told up to a minute late, and nothing is missed.

In: ``running`` (a number) and ``ended`` (pairs of moment and kind, see :class:`Ended`). Out: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pages._ui.components import component

_component = component("ended_jobs", shared=("notifications",))


@dataclass(frozen=True, slots=True)
class Ended:
    """One generation that ended. ``at_us``: when it was noticed; no two share a moment. ``how``: finished, failed or waiting for you."""

    at_us: int
    how: str


def ended_jobs(running: int, ended: Sequence[Ended]) -> None:
    """Tell how many generations run and which have ended lately, the oldest first."""
    _component(key="ended_jobs_watch", data={"running": running, "ended": [[one.at_us, one.how] for one in ended]})
