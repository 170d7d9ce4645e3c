"""Moments in their order, one below the other, with the time that passed between them. Text only.

In: the moments, each with ``when``, ``what``, ``gap``, ``note`` and ``tone``. Out: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pages._ui.components import component

_component = component("timeline", shared=("dom",), isolated=False)


class Moment(NamedTuple):
    """One point of a timeline. ``tone`` is the name of a theme colour: green, red, orange, blue, gray."""

    when: str
    what: str
    gap: str = ""
    note: str = ""
    tone: str = "gray"


def timeline(moments: Sequence[Moment], *, key: str) -> None:
    """Draw moments in their order, with the time that passed between them."""
    _component(key=key, data=[moment._asdict() for moment in moments])
