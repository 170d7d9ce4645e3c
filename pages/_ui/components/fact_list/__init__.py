"""Labels with their values, in one element however many there are, and text only.

Values come from people and from the server. They reach the page as ``textContent``, so nothing in them is ever read as
Markdown or HTML; a widget per value would cost ten times the messages.

In: the facts in their order, each with ``label``, ``value``, ``note`` and ``copy``. Out: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pages._ui.components import component

_component = component("fact_list", shared=("dom",), isolated=False)


class Fact(NamedTuple):
    """One line: what it is, what it says, a smaller remark. ``copy`` adds a copy button and the code typeface."""

    label: str
    value: str
    note: str = ""
    copy: bool = False


def fact_list(facts: Sequence[Fact], *, key: str) -> None:
    """Draw labels with their values; facts without a value are left out."""
    _component(key=key, data=[fact._asdict() for fact in facts if fact.value])
