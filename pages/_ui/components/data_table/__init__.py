"""A real table of words and figures: one element, text only, readable by screen readers, a list of facts where it is narrow.

Names come from people: they reach the page as ``textContent``. Links are addresses of our own pages.

In: ``caption``, ``columns`` (``name``, ``kind``), ``rows`` and ``foot`` (cells with ``text``, ``href``, ``note``, ``bar``).
Out: nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pages._ui.components import component

Kind = Literal["text", "word", "number"]

_component = component("data_table", shared=("dom",), isolated=False)


class Column(NamedTuple):
    """A column: its heading and what stands in it; a ``word`` is never broken."""

    name: str
    kind: Kind = "text"


class Cell(NamedTuple):
    """A cell: its words, a link to a page of ours, a smaller remark, and a bar of so many parts of one."""

    text: str
    href: str = ""
    note: str = ""
    bar: float | None = None


def data_table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell | str]],
    *,
    key: str,
    foot: Sequence[Cell | str] | None = None,
) -> None:
    """Draw a table; ``caption`` says what it shows to those who cannot see it, ``foot`` is its sum."""
    data: dict[str, Any] = {
        "caption": caption,
        "columns": [column._asdict() for column in columns],
        "rows": [_cells(row) for row in rows],
        "foot": None if foot is None else _cells(foot),
    }
    _component(key=key, data=data)


def _cells(row: Sequence[Cell | str]) -> list[Mapping[str, Any]]:
    return [(cell if isinstance(cell, Cell) else Cell(cell))._asdict() for cell in row]
