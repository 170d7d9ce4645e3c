"""The standing as a table: place, name, share with its interval as a bar, votes. Names are people's words: text only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages._ui.direction import COMPONENT_CSS
from rivya_core.lab.judging.ratings import Rated
from rivya_core.lab.judging.standings import ERROR_RATE, Standing

_HTML = """
<section class="standing">
  <h2 class="sentence"></h2>
  <p class="rate"></p>
  <table>
    <caption></caption>
    <thead><tr><th scope="col">Place</th><th scope="col">Variant</th>
      <th scope="col" class="wide">Chance to be preferred to another one, 95 % interval</th>
      <th scope="col">Votes</th></tr></thead>
    <tbody></tbody>
  </table>
  <ul class="notes"></ul>
</section>
"""

_CSS = """
:host { display: block; }
.standing { font: 400 14px/1.45 var(--st-font); color: var(--st-text-color); }
h2 { margin: 0 0 4px; font: 600 1.2rem/1.35 var(--st-heading-font, var(--st-font)); overflow-wrap: anywhere; }
.rate { margin: 0 0 14px; font-size: 13px; opacity: .82; max-width: 80ch; }
table { width: 100%; border-collapse: collapse; table-layout: auto; }
caption { text-align: left; font-size: 13px; opacity: .82; padding-bottom: 6px; }
th { text-align: start; font-weight: 500; font-size: 12.5px; padding: 6px 12px 6px 0; vertical-align: bottom;
  border-bottom: 1px solid var(--st-border-color); }
td { padding: 11px 12px 11px 0; border-bottom: 1px solid var(--st-border-color); vertical-align: middle; }
tr:last-child td { border-bottom: 0; }
.place { font-weight: 600; font-variant-numeric: tabular-nums; width: 3.2em; }
.name { overflow-wrap: anywhere; min-width: 8em; font-weight: 500; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 4px; }
.chip { font: 500 12px/1.5 var(--st-font); padding: 1px 8px; border-radius: 999px; border: 1px solid var(--st-border-color); }
.chip.won { color: var(--st-green-text-color); border-color: currentColor; }
.chip.soft { color: var(--st-orange-text-color); border-color: currentColor; }
.wide { width: 46%; }
.figure { display: flex; align-items: center; gap: 12px; }
.figures { flex: none; width: 10.5em; font-variant-numeric: tabular-nums; font-size: 13px; }
.share { font-weight: 600; font-size: 14px; }
.scale { position: relative; flex: 1 1 auto; height: 22px; min-width: 90px; }
.scale::before { content: ""; position: absolute; inset: 10px 0 auto; height: 2px; background: var(--st-border-color); }
.half { position: absolute; top: 1px; bottom: 1px; left: 50%; border-left: 1px dashed color-mix(in srgb, var(--st-text-color) 45%, transparent); }
.span { position: absolute; top: 8px; height: 6px; border-radius: 3px; background: color-mix(in srgb, var(--st-primary-color) 45%, transparent); }
.dot { position: absolute; top: 5px; width: 12px; height: 12px; margin-left: -6px; border-radius: 50%; background: var(--st-primary-color);
  border: 2px solid var(--st-background-color); box-sizing: border-box; }
.counts { font-variant-numeric: tabular-nums; white-space: nowrap; }
.notes { margin: 12px 0 0; padding: 0; list-style: none; font-size: 13px; }
.notes li { margin: 4px 0; opacity: .88; max-width: 90ch; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, caption, tbody, tr, td { display: block; }
  tr { padding: 10px 0; border-bottom: 1px solid var(--st-border-color); position: relative; }
  tr:last-child { border-bottom: 0; }
  td { border: 0; padding: 2px 0; }
  td.place { position: absolute; left: 0; top: 10px; }
  td.name, td.wide, td.counts { margin-left: 2.2em; width: auto; }
  .figure { flex-direction: column; align-items: stretch; gap: 2px; }
  .figures { width: auto; }
}
"""

_JS = """
function part(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

const percent = (share) => `${Math.round(share * 100)} %`;

function scale(row) {
  const line = part('div', 'scale');
  line.setAttribute('aria-hidden', 'true');
  const span = part('div', 'span');
  span.style.left = `${row.low * 100}%`;
  span.style.width = `${(row.high - row.low) * 100}%`;
  const dot = part('div', 'dot');
  dot.style.left = `${row.share * 100}%`;
  line.append(part('div', 'half'), span, dot);
  return line;
}

function draw(row) {
  const line = part('tr');
  line.append(part('td', 'place', String(row.place)));
  const name = part('td', 'name', row.name);
  const chips = part('div', 'chips');
  for (const chip of row.chips) chips.append(part('span', `chip ${chip.tone}`, chip.text));
  if (row.chips.length) name.append(chips);
  const wide = part('td', 'wide');
  const figure = part('div', 'figure');
  const figures = part('div', 'figures');
  figures.append(part('span', 'share', percent(row.share)), ` (${percent(row.low)} to ${percent(row.high)})`);
  figure.append(figures, scale(row));
  wide.append(figure);
  line.append(name, wide, part('td', 'counts', row.counts));
  return line;
}

export default function ({ data, parentElement }) {
  const find = (name) => parentElement.querySelector(name);
  find('.sentence').textContent = data.sentence;
  find('.rate').textContent = data.rate;
  find('caption').textContent = data.caption;
  find('tbody').replaceChildren(...data.rows.map(draw));
  find('.notes').replaceChildren(...data.notes.map((note) => part('li', '', note)));
}
"""

_component = st.components.v2.component("rivya_standing", html=_HTML, css=_CSS + COMPONENT_CSS, js=_JS)


def standing_table(standing: Standing, sentence: str, notes: Sequence[str], *, key: str) -> None:
    """Draw the sentence, the error rate, the ranking and ``notes`` below it."""
    votes = f"{standing.votes} vote" + ("" if standing.votes == 1 else "s")
    simulated = "SIMULATED clips · " if standing.mode == "simulated" else ""
    _component(
        key=key,
        data={
            "sentence": sentence,
            "rate": ERROR_RATE,
            "caption": f"{simulated}{votes} of all rounds, ranked by the lower end of the interval",
            "rows": [_row(standing, one) for one in standing.rated],
            "notes": list(notes),
        },
    )


def _row(standing: Standing, one: Rated) -> dict[str, Any]:
    return {
        "place": one.place,
        "name": standing.titles[one.variant],
        "share": round(one.share, 3),
        "low": round(one.low, 3),
        "high": round(one.high, 3),
        "counts": f"{one.won} won · {one.lost} lost · {one.ties} tied",
        "chips": _chips(standing, one),
    }


def _chips(standing: Standing, one: Rated) -> list[dict[str, str]]:
    chips = []
    if standing.winner == one.variant:
        chips.append({"text": "Winner", "tone": "won"})
    after = dict(standing.progress.out).get(one.variant)
    if after is not None:
        chips.append({"text": f"out after {after} votes", "tone": ""})
    if one.preliminary:
        chips.append({"text": "preliminary", "tone": "soft"})
    whys = standing.whys.get(one.variant, {})
    chips += [
        {"text": f"{why} ({count})", "tone": ""} for why, count in sorted(whys.items(), key=lambda item: -item[1])
    ]
    return chips
