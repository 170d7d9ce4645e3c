"""A real table of words and figures: one element, text only, readable by screen readers, a list of facts where it is narrow.

Names come from people: they reach the page as ``textContent``. Links are addresses of our own pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import streamlit as st

Kind = Literal["text", "word", "number"]


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


_CSS = """
.rv-sheet { container-type: inline-size; }
.rv-sheet table { width: 100%; border-collapse: collapse; font-family: var(--st-font); font-size: 0.865rem; line-height: 1.4;
  color: var(--st-text-color); font-variant-numeric: tabular-nums; }
.rv-sheet caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.rv-sheet th, .rv-sheet td { padding: 0.42rem 0.75rem 0.42rem 0; text-align: start; unicode-bidi: plaintext; vertical-align: top; font-weight: 400;
  border-bottom: 1px solid var(--st-border-color); overflow-wrap: anywhere; }
.rv-sheet :is(th, td):last-child { padding-right: 0; }
.rv-sheet thead th { font-size: 0.8rem; font-weight: 550; opacity: 0.76; white-space: nowrap; overflow-wrap: normal; }
.rv-sheet tbody tr:last-child > * { border-bottom: 0; }
.rv-sheet tfoot > tr > * { border-top: 1px solid var(--st-border-color); border-bottom: 0; font-weight: 600; }
.rv-sheet .number { text-align: right; white-space: nowrap; overflow-wrap: normal; }
.rv-sheet .word { white-space: nowrap; overflow-wrap: normal; }
.rv-sheet a { color: var(--st-link-color, var(--st-primary-color)); text-decoration: underline; text-underline-offset: 2px; }
.rv-sheet .note { display: block; font-size: 0.8rem; opacity: 0.76; white-space: normal; }
.rv-sheet .bar { display: block; height: 4px; margin-top: 4px; min-width: 48px; border-radius: 2px;
  background: var(--st-border-color); overflow: hidden; }
.rv-sheet .bar i { display: block; height: 100%; background: var(--st-primary-color); }
.rv-sheet .bar.full i { background: var(--st-orange-color, #d97706); }
@container (max-width: 520px) {
  .rv-sheet.wide thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .rv-sheet.wide table, .rv-sheet.wide tbody, .rv-sheet.wide tfoot { display: block; }
  .rv-sheet.wide tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: 0.15rem 1rem;
    padding: 0.6rem 0; border-bottom: 1px solid var(--st-border-color); }
  .rv-sheet.wide tbody tr:last-child { border-bottom: 0; }
  .rv-sheet.wide :is(th, td) { display: block; border: 0; padding: 0; text-align: left; }
  .rv-sheet.wide tfoot > tr > * { border-top: 0; }
  .rv-sheet.wide tr > :first-child { grid-column: 1 / -1; font-weight: 550; }
  .rv-sheet.wide tr > :not(:first-child)::before { content: attr(data-label); display: block; font-size: 0.75rem; font-weight: 400;
    opacity: 0.76; }
  .rv-sheet.wide tr > :empty { display: none; }
}
"""

_JS = """
const put = (parent, tag, words, name) => {
  const made = document.createElement(tag);
  if (words) made.textContent = words;
  if (name) made.className = name;
  parent.appendChild(made);
  return made;
};
const fill = (place, cell) => {
  if (cell.href) {
    const link = put(place, "a", cell.text);
    link.href = cell.href;
    link.target = "_self";
  } else if (cell.text) put(place, "span", cell.text);
  if (cell.bar !== null) {
    const bar = put(place, "span", "", cell.bar >= 1 ? "bar full" : "bar");
    bar.setAttribute("aria-hidden", "true");
    put(bar, "i", "").style.width = Math.min(100, Math.max(0, cell.bar * 100)) + "%";
  }
  if (cell.note) put(place, "span", cell.note, "note");
};
const line = (parent, cells, columns) => {
  const row = put(parent, "tr", "");
  row.setAttribute("role", "row");
  cells.forEach((cell, place) => {
    const column = columns[place];
    const made = put(row, place === 0 ? "th" : "td", "", column.kind);
    made.setAttribute("role", place === 0 ? "rowheader" : "cell");
    if (place === 0) made.scope = "row";
    made.dataset.label = column.name;
    fill(made, cell);
  });
};
export default function ({ data, parentElement }) {
  let box = parentElement.querySelector("div.rv-sheet");
  if (!box) { box = document.createElement("div"); parentElement.appendChild(box); }
  box.className = data.columns.length > 3 ? "rv-sheet wide" : "rv-sheet";
  const table = document.createElement("table");
  table.setAttribute("role", "table");
  put(table, "caption", data.caption);
  const head = put(table, "thead", "");
  head.setAttribute("role", "rowgroup");
  const names = put(head, "tr", "");
  names.setAttribute("role", "row");
  for (const column of data.columns) {
    const made = put(names, "th", column.name, column.kind);
    made.scope = "col";
    made.setAttribute("role", "columnheader");
  }
  const body = put(table, "tbody", "");
  body.setAttribute("role", "rowgroup");
  for (const cells of data.rows) line(body, cells, data.columns);
  if (data.foot) {
    const foot = put(table, "tfoot", "");
    foot.setAttribute("role", "rowgroup");
    line(foot, data.foot, data.columns);
  }
  box.replaceChildren(table);
}
"""

_sheet = st.components.v2.component("rivya_sheet", css=_CSS, js=_JS, isolate_styles=False)


def sheet(
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
    _sheet(key=key, data=data)


def _cells(row: Sequence[Cell | str]) -> list[Mapping[str, Any]]:
    return [(cell if isinstance(cell, Cell) else Cell(cell))._asdict() for cell in row]
