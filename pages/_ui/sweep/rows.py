"""Experiments as rows that open one, in a single element: how far each is, what it found out, what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages._ui import direction, words
from pages._ui.direction import COMPONENT_CSS
from pages._ui.sweep import grid
from pages._ui.sweep import words as sweep_words
from rivya_core import Lab
from rivya_core.lab.experiments.records import ExperimentRecord, SweepStatus

WINNER_MAX = 160

_HTML = """
<ul class="rows"></ul>
"""

_CSS = """
:host { display: block; font-family: var(--st-font); color: var(--st-text-color); }
.rows { list-style: none; margin: 0; padding: 0; display: grid; gap: 12px; }
a { display: block; padding: 14px 16px; border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
  color: inherit; text-decoration: none; transition: border-color .15s; }
a:hover { border-color: var(--st-primary-color); }
a:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
.top { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; justify-content: space-between; }
.name { font: 600 16px/1.4 var(--st-heading-font, var(--st-font)); overflow-wrap: anywhere; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; }
.chip { padding: 1px 8px; border-radius: 6px; font-size: 12.5px; line-height: 1.6; }
.winner { margin: 3px 0 0; font-size: 14px; font-weight: 600; line-height: 1.5; overflow-wrap: anywhere; }
.question { margin: 3px 0 0; font-size: 14px; line-height: 1.5; overflow-wrap: anywhere; }
.bar { display: flex; gap: 2px; height: 6px; margin-top: 10px; border-radius: 3px; overflow: hidden;
  background: var(--st-secondary-background-color); box-shadow: inset 0 0 0 1px var(--st-border-color); }
.done { background: #1f9d57; } .moving { background: var(--st-primary-color); } .bad { background: #c0342b; } .care { background: #c2620a; }
.facts { display: flex; flex-wrap: wrap; gap: 0 16px; justify-content: space-between; margin: 7px 0 0; font-size: 13px; line-height: 1.5;
  font-variant-numeric: tabular-nums; opacity: .8; }
"""

_JS = """
function part(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function chip(label, tone) {
  const made = part('span', 'chip', label);
  made.style.background = `var(--st-${tone}-background-color)`;
  made.style.color = `var(--st-${tone}-text-color)`;
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector('.rows');
  const focused = parentElement.activeElement && parentElement.activeElement.dataset.id;
  list.replaceChildren(...data.rows.map((row) => {
    const item = part('li');
    const link = part('a');
    link.href = `/sweep?experiment=${encodeURIComponent(row.id)}`;
    link.dataset.id = row.id;
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      setTriggerValue('open', row.id);
    };
    const top = part('div', 'top');
    const chips = part('span', 'chips');
    row.chips.forEach(([label, tone]) => chips.append(chip(label, tone)));
    top.append(part('span', 'name', row.name), chips);
    link.append(top);
    if (row.question) link.append(part('p', 'question', row.question));
    if (row.winner) link.append(part('p', 'winner', row.winner));
    const bar = part('div', 'bar');
    for (const [name, number] of Object.entries(row.parts).filter(([, count]) => count)) {
      const piece = part('span', name);
      piece.style.width = `${(number / Math.max(1, row.total)) * 100}%`;
      bar.append(piece);
    }
    const facts = part('p', 'facts');
    row.facts.forEach((text) => facts.append(part('span', '', text)));
    link.append(bar, facts);
    item.append(link);
    return item;
  }));
  if (focused) {
    const again = list.querySelector(`[data-id="${CSS.escape(focused)}"]`);
    if (again) again.focus();
  }
}
"""

_component = st.components.v2.component("rivya_sweep_rows", html=_HTML, css=_CSS + COMPONENT_CSS, js=_JS)


def sweep_rows(lab: Lab, statuses: Sequence[SweepStatus], *, key: str) -> str | None:
    """Draw the rows; the id of the experiment that was opened just now, or None."""
    result = _component(key=key, data={"rows": [_row(lab, status) for status in statuses]}, on_open_change=_nothing)
    return str(result.open) if result.open else None


def _row(lab: Lab, status: SweepStatus) -> dict[str, Any]:
    experiment = status.experiment
    state = sweep_words.state(lab, status)
    strip = grid.strip_of(status)
    kind = sweep_words.KINDS.get(experiment.kind)
    simulated = experiment.mode == "simulated"
    return {
        "id": experiment.id,
        "name": experiment.name,
        "question": words.excerpt(experiment.question, 240),
        "winner": winner(experiment),
        "chips": [
            *([[kind.label, kind.color]] if kind is not None else []),
            ["SIMULATED" if simulated else "LIVE", "violet" if simulated else "red"],
            [state.label, state.color],
        ],
        "total": strip["total"],
        "parts": strip["parts"],
        "facts": [
            f"{sweep_words.shape(experiment)} · {strip['count']}",
            f"{strip['money']} · {words.clock(experiment.created_at)}",
        ],
    }


def winner(experiment: ExperimentRecord) -> str:
    """Say what was decided; "" while nothing is."""
    title = str((experiment.decision or {}).get("title") or "")
    return f"Winner: {direction.within(words.excerpt(title, WINNER_MAX))}" if title else ""


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""
