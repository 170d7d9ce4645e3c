"""What the grid looks like in the browser: one component that is filled in place, cell by cell.

A cell whose data did not change is not touched, so that pictures do not flicker and the keyboard stays where it is. Which
take of a cell is in front and which clips are ticked is the browser's own knowledge; Python is told of the ticked ones.
"""

from __future__ import annotations

import streamlit as st

from pages._ui.direction import COMPONENT_CSS

_HTML = """
<div class="strip" hidden>
  <div class="bar" role="img"></div>
  <p class="line"><span class="count"></span><span class="money"></span></p>
</div>
<div class="frame"><div class="board"></div></div>
<div class="picked" role="region" aria-label="Selected clips" hidden>
  <span class="many" aria-live="polite"></span>
  <a class="compare"></a>
  <button type="button" class="clear">Clear</button>
</div>
"""

_CSS = """
:host { display: block; font-family: var(--st-font); color: var(--st-text-color); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
button, a { font: inherit; color: inherit; }
button:focus-visible, a:focus-visible, input:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
.strip { margin: 0 0 14px; }
.bar { display: flex; gap: 2px; height: 8px; border-radius: 4px; overflow: hidden; background: var(--st-secondary-background-color);
  box-shadow: inset 0 0 0 1px var(--st-border-color); }
.bar span { flex: 0 0 auto; transition: width .4s; }
.done { background: #1f9d57; } .moving { background: var(--st-primary-color); } .bad { background: #c0342b; } .care { background: #c2620a; }
.line { display: flex; flex-wrap: wrap; gap: 2px 18px; justify-content: space-between; margin: 7px 0 0;
  font-size: 13px; line-height: 1.5; font-variant-numeric: tabular-nums; }
.money { opacity: .8; }
.frame { container-type: inline-size; }
.board.table { width: 100%; overflow: auto; max-height: min(82vh, 900px); border: 1px solid var(--st-border-color);
  border-radius: var(--st-base-radius); background: var(--st-background-color); }
.board.table .cell { width: clamp(148px, calc((100cqi - 172px) / var(--columns) - 20px), 440px); }
table { width: 100%; border-collapse: separate; border-spacing: 0; }
th { background: var(--st-background-color); text-align: start; vertical-align: top; font-weight: 600; font-size: 13px; line-height: 1.4;
  padding: 10px 12px; overflow-wrap: anywhere; }
th .text { display: -webkit-box; -webkit-line-clamp: 5; -webkit-box-orient: vertical; overflow: hidden; }
thead th { position: sticky; top: 0; z-index: 2; border-bottom: 1px solid var(--st-border-color); }
thead th .text { -webkit-line-clamp: 2; }
tbody th { position: sticky; left: 0; z-index: 1; min-width: 168px; border-right: 1px solid var(--st-border-color); }
thead th:first-child { left: 0; z-index: 3; min-width: 168px; border-right: 1px solid var(--st-border-color); }
tbody tr + tr > * { border-top: 1px solid var(--st-border-color); }
.axis { margin-right: 3px; font-weight: 400; opacity: .76; }
td { width: 1%; padding: 10px; vertical-align: top; }
.board.flow { display: grid; gap: 18px 16px; grid-template-columns: repeat(auto-fill, clamp(180px, calc((100cqi + 15.9px) / var(--columns) - 16px), 440px)); }
.board.flow .name { margin: 8px 0 0; font-weight: 600; font-size: 13px; line-height: 1.4; overflow-wrap: anywhere;
  display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; }
.shot { position: relative; aspect-ratio: 16 / 9; border-radius: 8px; background: var(--st-secondary-background-color); }
.open { all: unset; box-sizing: border-box; display: block; width: 100%; height: 100%; border-radius: 8px; overflow: hidden; cursor: pointer;
  background: #0b0b12; }
.open:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
.open img { display: block; width: 100%; height: 100%; object-fit: contain; transition: transform .2s; }
.open:hover img { transform: scale(1.03); }
.mark { position: absolute; left: 6px; bottom: 6px; padding: 1px 6px; border-radius: 5px; color: #fff; pointer-events: none;
  background: rgb(76 29 149 / .88); font: 600 9.5px/1.6 var(--st-font); letter-spacing: .06em; }
button.blank { width: 100%; cursor: pointer; color: inherit; background: transparent; border: 0; }
button.blank:hover { box-shadow: inset 0 0 0 1px var(--st-primary-color); }
.blank { display: grid; place-content: center; justify-items: center; gap: 7px; height: 100%; padding: 6px; border-radius: 8px; text-align: center;
  font-size: 12.5px; line-height: 1.35; box-shadow: inset 0 0 0 1px var(--st-border-color); }
.blank.planned, .blank.cancelled { background: transparent; box-shadow: none; border: 1px dashed var(--st-border-color); }
.dot { width: 9px; height: 9px; border-radius: 50%; background: var(--st-border-color); }
.waiting .dot { background: transparent; border: 2px solid #c2620a; }
.submitting .dot, .running .dot, .saving .dot { background: var(--st-primary-color); animation: beat 1.6s ease-in-out infinite; }
.failed .dot { background: #c0342b; } .unconfirmed .dot, .unsaved .dot { background: #c2620a; }
.tick { position: absolute; top: 0; left: 0; display: grid; place-content: center; width: 32px; height: 32px; cursor: pointer; }
.tick input { appearance: none; width: 20px; height: 20px; margin: 0; border-radius: 5px; cursor: pointer; display: grid; place-content: center;
  background: rgb(8 8 14 / .72); border: 1.5px solid rgb(255 255 255 / .9); }
.tick input:checked { background: var(--st-primary-color); border-color: #fff; }
.tick input:checked::after { content: ""; width: 9px; height: 5px; margin-top: -2px; border: solid #fff; border-width: 0 0 2px 2px; transform: rotate(-45deg); }
.star { position: absolute; bottom: 4px; right: 4px; width: 26px; height: 26px; padding: 0; border: 0; border-radius: 6px; cursor: pointer;
  background: rgb(8 8 14 / .72); color: #fff; display: grid; place-content: center; }
.star svg { width: 16px; height: 16px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
.star[aria-pressed="true"] svg { fill: #ffd25e; stroke: #ffd25e; }
.has.on .open { box-shadow: 0 0 0 2px var(--st-background-color), 0 0 0 4px var(--st-primary-color); }
.foot { display: flex; gap: 6px; align-items: center; justify-content: space-between; min-height: 28px; margin-top: 5px; font-size: 12.5px; line-height: 1.4; }
.word { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; opacity: .86; }
.turn { flex: none; display: flex; align-items: center; gap: 2px; font-variant-numeric: tabular-nums; }
.turn button { width: 26px; height: 26px; padding: 0; border: 1px solid var(--st-border-color); border-radius: 6px; background: transparent; cursor: pointer; line-height: 1; }
.turn button:hover:not(:disabled) { border-color: var(--st-primary-color); }
.turn button:disabled { opacity: .4; cursor: default; }
.turn .at { min-width: 42px; text-align: center; }
.note { margin: 4px 0 0; font-size: 12.5px; line-height: 1.45; overflow-wrap: anywhere; }
.note.bad { background: none; color: light-dark(#9b1c1c, #ff9d94); } .note.care { background: none; color: var(--st-orange-text-color); }
.none { opacity: .6; font-size: 12.5px; }
.picked { position: sticky; bottom: 10px; z-index: 4; display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; width: fit-content; max-width: 100%;
  margin: 12px auto 0; padding: 8px 10px 8px 14px; border: 1px solid var(--st-border-color); border-radius: 10px; font-size: 13.5px;
  background: var(--st-background-color); box-shadow: 0 6px 24px rgb(0 0 0 / .18); }
.compare { padding: 7px 12px; border-radius: var(--st-button-radius); background: var(--st-primary-color); color: #fff; text-decoration: none; font-weight: 500; }
.compare[aria-disabled="true"] { background: transparent; color: inherit; box-shadow: inset 0 0 0 1px var(--st-border-color); }
.clear { padding: 6px 10px; border: 0; border-radius: var(--st-button-radius); background: transparent; cursor: pointer; text-decoration: underline; }
@keyframes beat { 50% { box-shadow: 0 0 0 5px color-mix(in srgb, var(--st-primary-color) 24%, transparent); } }
@media (prefers-reduced-motion: reduce) { .dot { animation: none !important; } .open img, .bar span { transition: none; } }
@media (max-width: 600px) {
  tbody th, thead th:first-child { width: 92px; min-width: 92px; max-width: 92px; padding: 8px; font-size: 12px; }
  td { padding: 8px; } .board.table .cell { width: clamp(148px, calc((100cqi - 96px) / var(--columns) - 18px), 360px); }
  .board.flow { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px 12px; }
  .foot { flex-wrap: wrap; }
}
"""

_JS = """
const known = new WeakMap();
const STAR = 'M12 3.5l2.6 5.5 6 .8-4.4 4.1 1.1 5.9L12 16.9l-5.3 2.9 1.1-5.9L3.4 9.8l6-.8z';

function part(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function icon(path) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

function control(name, label, text, act) {
  const button = part('button', name, text);
  button.type = 'button';
  button.setAttribute('aria-label', label);
  button.onclick = act;
  return button;
}

// Tell whether a value says its axis already, as "hour 0" of "hour" does.
function says(label, axis) {
  return label.toLowerCase().startsWith(axis.toLowerCase());
}

// -- the strip above the grid

function drawStrip(parent, strip) {
  const box = parent.querySelector('.strip');
  box.hidden = !strip;
  if (!strip) return;
  const bar = box.querySelector('.bar');
  bar.setAttribute('aria-label', strip.count);
  const wanted = Object.entries(strip.parts);
  if (bar.children.length !== wanted.length) bar.replaceChildren(...wanted.map(([name]) => part('span', name)));
  wanted.forEach(([, number], index) => { bar.children[index].style.width = `${(number / Math.max(1, strip.total)) * 100}%`;
    bar.children[index].hidden = !number; });
  box.querySelector('.count').textContent = strip.count;
  box.querySelector('.money').textContent = strip.money;
}

// -- cells

function front(view, cell) {
  const chosen = view.front.get(cell.k);
  if (chosen !== undefined && chosen < cell.takes.length) return chosen;
  const first = cell.takes.findIndex((take) => take.clip);
  if (first >= 0) view.front.set(cell.k, first);
  return Math.max(0, first);
}

function turn(view, cell, step) {
  view.front.set(cell.k, (front(view, cell) + step + cell.takes.length) % cell.takes.length);
  fill(view, cell);
}

function tick(view, id, on) {
  if (on && view.picked.size >= view.data.most) return false;
  if (on) view.picked.add(id); else view.picked.delete(id);
  view.tell([...view.picked]);
  drawPicked(view);
  return true;
}

function shotOf(view, cell, take, name) {
  const shot = part('div', 'shot');
  if (!take.clip) {
    const opens = Boolean(take.note && take.id);
    const blank = opens ? control('blank', `${take.w}: ${name}. Open`, undefined, () => view.act('open', take.id)) : part('div', 'blank');
    blank.classList.add(take.s);
    blank.append(part('span', 'dot'), part('span', '', take.w));
    shot.append(blank);
    return shot;
  }
  const open = control('open', `Open ${name}`, undefined, () => view.act('open', take.id));
  const image = part('img');
  image.loading = 'lazy';
  image.decoding = 'async';
  image.alt = '';
  image.onerror = () => { image.style.visibility = 'hidden'; };  // a clip that could not be opened has none
  image.src = `/posters/${take.id}.jpg`;
  open.append(image);
  shot.append(open);
  if (view.data.simulated) shot.append(part('span', 'mark', 'SIMULATED'));
  const label = part('label', 'tick');
  const box = part('input');
  box.type = 'checkbox';
  box.checked = view.picked.has(take.id);
  box.setAttribute('aria-label', `Select ${name}`);
  box.onchange = () => {
    if (!tick(view, take.id, box.checked)) box.checked = false;
    shot.parentElement.classList.toggle('on', box.checked);
  };
  label.append(box);
  const star = control('star', `Star ${name}`, undefined, () => view.act('star', take.id));
  star.setAttribute('aria-pressed', String(take.star));
  star.append(icon(STAR));
  star.disabled = !view.data.stars;
  shot.append(label);
  if (view.data.stars || take.star) shot.append(star);
  return shot;
}

function footOf(view, cell, take, at) {
  const foot = part('div', 'foot');
  foot.append(part('span', 'word', take.clip ? take.word : ''));
  if (cell.takes.length > 1) {
    const pages = part('span', 'turn');
    pages.append(
      control('back', `Take before, ${cell.name}`, '\\u2039', () => turn(view, cell, -1)),
      part('span', 'at', `${at + 1} of ${cell.takes.length}`),
      control('next', `Next take, ${cell.name}`, '\\u203A', () => turn(view, cell, 1)),
    );
    foot.append(pages);
  }
  return foot;
}

function fill(view, cell) {
  const box = view.boxes.get(cell.k);
  const at = front(view, cell);
  const take = cell.takes[at];
  const drawn = JSON.stringify([take, at, cell.takes.length, cell.name, view.picked.has(take.id)]);
  if (box.dataset.drawn === drawn) return;
  const active = view.parent.activeElement;
  const focused = active && box.contains(active) ? active.className || active.type : '';
  box.dataset.drawn = drawn;
  box.className = `cell ${take.clip ? 'has' : take.s}${view.picked.has(take.id) ? ' on' : ''}`;
  const name = cell.takes.length > 1 ? `${cell.name}, take ${take.n}` : cell.name;
  const parts = [shotOf(view, cell, take, name)];
  if (view.data.flow) {
    const title = part('p', 'name');
    if (view.data.axis && !says(cell.name, view.data.axis)) title.append(part('span', 'axis', view.data.axis), ' ');
    title.append(cell.name);
    title.title = cell.name;
    parts.push(title);
  }
  if (cell.takes.length > 1 || (take.clip && take.word)) parts.push(footOf(view, cell, take, at));
  if (take.note) parts.push(part('p', `note ${take.tone || ''}`, take.note));
  box.replaceChildren(...parts);
  if (focused) {
    const again = box.querySelector(focused === 'checkbox' ? 'input' : `.${focused.split(' ')[0]}`);
    if (again) again.focus();
  }
}

// -- the board

function head(axis, label, title, scope) {
  const cell = part('th');
  cell.scope = scope;
  const text = part('span', 'text');
  if (axis && !says(label, axis)) text.append(part('span', 'axis', axis), ' ');
  text.append(title && label.endsWith('…') ? title : label);
  text.title = title || label;
  cell.append(text);
  return cell;
}

function table(view) {
  const { rows, columns, cells } = view.data;
  const sheet = part('table');
  sheet.setAttribute('aria-label', view.data.label);
  const top = part('tr');
  const first = part('th');
  first.scope = 'col';
  first.append(part('span', 'axis', rows.name));
  top.append(first, ...columns.labels.map((label, c) => head(columns.name, label, columns.titles[c], 'col')));
  const body = part('tbody');
  const places = new Map(cells.map((cell) => [`${cell.r}/${cell.c}`, cell]));
  rows.labels.forEach((label, r) => {
    const line = part('tr');
    line.append(head('', label, rows.titles[r], 'row'));
    columns.labels.forEach((_, c) => {
      const place = part('td');
      const cell = places.get(`${r}/${c}`);
      place.append(cell ? view.boxes.get(cell.k) : part('span', 'none', 'not part of it'));
      line.append(place);
    });
    body.append(line);
  });
  const tops = part('thead');
  tops.append(top);
  sheet.append(tops, body);
  return sheet;
}

function build(view) {
  const board = view.parent.querySelector('.board');
  board.className = `board ${view.data.flow ? 'flow' : 'table'}`;
  board.style.setProperty('--columns', Math.max(1, view.data.flow ? Math.min(5, view.data.cells.length) : view.data.columns.labels.length));
  view.boxes = new Map(view.data.cells.map((cell) => {
    const box = part('div', 'cell');
    box.dataset.cell = cell.k;
    return [cell.k, box];
  }));
  board.replaceChildren(...(view.data.flow ? view.boxes.values() : [table(view)]));
  board.onkeydown = (event) => press(view, event);
}

function drawPicked(view) {
  const bar = view.parent.querySelector('.picked');
  const count = view.picked.size;
  bar.hidden = count === 0;
  if (!count) return;
  bar.querySelector('.many').textContent = count < 2 ? '1 selected, one more to compare'
    : count === view.data.most ? `${count} selected, the most that fit` : `${count} selected`;
  const link = bar.querySelector('.compare');
  link.textContent = 'Compare selected';
  link.setAttribute('aria-disabled', String(count < 2));
  if (count < 2) link.removeAttribute('href');
  else link.href = `/compare?ids=${[...view.picked].map(encodeURIComponent).join(',')}`;
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (count >= 2) view.act('compare', [...view.picked].join(','));
  };
  bar.querySelector('.clear').onclick = () => {
    view.picked.clear();
    view.tell([]);
    view.data.cells.forEach((cell) => fill(view, cell));
    drawPicked(view);
  };
}

// Arrows move between cells; X selects, S stars, comma and full stop turn the takes of the cell.
function press(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const box = event.target.closest('.cell');
  if (!box) return;
  const cell = view.data.cells.find((one) => String(one.k) === box.dataset.cell);
  const key = event.key.toLowerCase();
  const near = { arrowleft: [0, -1], arrowright: [0, 1], arrowup: [-1, 0], arrowdown: [1, 0] }[key];
  if (near) move(view, cell, near);
  else if (key === 'x') box.querySelector('input')?.click();
  else if (key === 's') box.querySelector('.star')?.click();
  else if (key === ',' && cell.takes.length > 1) turn(view, cell, -1);
  else if (key === '.' && cell.takes.length > 1) turn(view, cell, 1);
  else {
    if (key === 'c' || key === 'r') event.stopPropagation();  // Streamlit would clear caches or run again
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

function move(view, cell, [down, right]) {
  let { r, c } = cell;
  for (let steps = 0; steps < view.data.cells.length; steps += 1) {
    r += down;
    c += right;
    const next = view.data.flow ? view.data.cells[view.data.cells.indexOf(cell) + (down || right) * (steps + 1)]
      : view.data.cells.find((one) => one.r === r && one.c === c);
    if (!next) return;
    const target = view.boxes.get(next.k).querySelector('.open, button.blank, .turn button');
    if (target) { target.focus(); return; }
  }
}

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  let view = known.get(parentElement);
  if (!view) {
    view = { parent: parentElement, front: new Map(), picked: new Set(data.picked), boxes: new Map(), shape: '' };
    known.set(parentElement, view);
  }
  view.data = data;
  view.act = (name, id) => setTriggerValue('act', { name, id });
  view.tell = (ids) => setStateValue('picked', ids);
  const shape = JSON.stringify([data.flow, data.rows, data.columns, data.cells.map((cell) => [cell.k, cell.r, cell.c])]);
  if (shape !== view.shape) build(view);
  view.shape = shape;
  drawStrip(parentElement, data.strip);
  data.cells.forEach((cell) => fill(view, cell));
  drawPicked(view);
}
"""

component = st.components.v2.component("rivya_grid", html=_HTML, css=_CSS + COMPONENT_CSS, js=_JS)
