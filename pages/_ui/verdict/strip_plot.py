"""Takes as points: one strip a value, its mean with an interval below, one figure a measured feature. Each point opens its clip.

Drawn by a component of our own: points are links that work with mouse, touch and keyboard (arrows move, Enter opens), words
stay text at any width, and colours follow the theme.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages._ui.direction import COMPONENT_CSS

_HTML = '<div class="figures"></div>'

_CSS = """
:host { display: block; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 26px 34px; }
figure { margin: 0; min-width: 0; }
figcaption { font: 600 14px/1.4 var(--st-font); color: var(--st-text-color); }
.said { margin: 1px 0 8px; font: 400 12.5px/1.5 var(--st-font); color: var(--st-text-color); opacity: .8; min-height: 2.9em; }
.row { display: grid; grid-template-columns: var(--name) 1fr; column-gap: 12px; align-items: center; }
.row + .row:not(:last-child) { border-top: 1px dotted var(--st-border-color); }
.axis { margin: 0 0 2px; font: 400 11.5px/1.4 var(--st-font); color: var(--st-text-color); opacity: .8; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.name { font: 450 13px/1.35 var(--st-font); color: var(--st-text-color); text-align: right; overflow: hidden;
  display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow-wrap: normal; }
.wide .row { grid-template-columns: 1fr; }
.wide .name { text-align: left; padding-top: 6px; -webkit-line-clamp: 1; overflow-wrap: anywhere; }
svg { display: block; width: 100%; overflow: visible; }
.base { stroke: var(--st-border-color); }
.grid { stroke: var(--st-border-color); opacity: .55; }
.tick { font: 400 11.5px var(--st-font); fill: var(--st-text-color); opacity: .8; text-anchor: middle;
  font-variant-numeric: tabular-nums; }
.unit { font: 400 11.5px var(--st-font); fill: var(--st-text-color); opacity: .8; text-anchor: middle; }
.dot { fill: color-mix(in srgb, var(--st-primary-color) 42%, transparent); stroke: var(--st-primary-color); stroke-width: 1.5; }
.hit { fill: transparent; }
a { cursor: pointer; outline: none; }
a:hover .dot { fill: var(--st-primary-color); }
a:focus-visible .dot { fill: var(--st-primary-color); stroke: var(--st-text-color); stroke-width: 2.5; }
a:focus-visible .hit { stroke: var(--st-text-color); stroke-width: 1.5; }
.interval, .mean { stroke: var(--st-text-color); stroke-width: 2; fill: var(--st-text-color); }
.key { margin: 12px 0 0; font: 400 12px/1.5 var(--st-font); color: var(--st-text-color); opacity: .78; }
@media (max-width: 480px) { .said { min-height: 0; } }
"""

_JS = """
const SVG = 'http://www.w3.org/2000/svg';
const AXIS = 40, MANY = 12;
const FEW_TAKES = { high: 46, lanes: [0, -9, 9], middle: 16, below: 38 };
const MANY_TAKES = { high: 64, lanes: [0, -9, 9, -18, 18], middle: 25, below: 57 };
const watchers = new WeakMap();

function html(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function svg(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function lanes(points, x, form) {
  const ends = [];
  return [...points].sort((one, other) => one.value - other.value).map((point) => {
    const at = x(point.value);
    let lane = form.lanes.findIndex((_, index) => ends[index] === undefined || at - ends[index] >= 13);
    if (lane < 0) lane = ends.indexOf(Math.min(...ends));
    ends[lane] = at;
    return { point, at, y: form.middle + form.lanes[lane] };
  });
}

function strip(chart, level, width, open) {
  const x = (value) => 8 + (value - chart.low) / (chart.high - chart.low) * (width - 16);
  const form = chart.levels.some((one) => one.points.length > MANY) ? MANY_TAKES : FEW_TAKES;
  const { high, below } = form;
  const picture = svg('svg', { viewBox: `0 0 ${width} ${high}`, height: high, role: 'group', 'aria-label': level.label });
  for (const tick of chart.ticks) {
    picture.append(svg('line', { class: 'grid', x1: x(tick.at), x2: x(tick.at), y1: 0, y2: high }));
  }
  if (level.low !== null) {
    const from = Math.max(chart.low, level.low), to = Math.min(chart.high, level.high);
    picture.append(svg('line', { class: 'interval', x1: x(from), x2: x(to), y1: below, y2: below }));
    for (const end of [level.low, level.high]) {
      if (end < chart.low || end > chart.high) continue;
      picture.append(svg('line', { class: 'interval', x1: x(end), x2: x(end), y1: below - 4, y2: below + 4 }));
    }
  }
  const middle = x(level.mean);
  picture.append(svg('path', { class: 'mean', d: `M${middle} ${below - 5}l4 5l-4 5l-4 -5z` }));
  for (const { point, at, y } of lanes(level.points, x, form)) {
    const link = svg('a', { href: point.href, tabindex: -1, 'aria-label': point.label, 'data-id': point.id });
    link.append(svg('circle', { class: 'hit', cx: at, cy: y, r: 8 }), svg('circle', { class: 'dot', cx: at, cy: y, r: 5.5 }));
    link.append(svg('title', {}, point.label));
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      open(point.id);
    };
    picture.append(link);
  }
  return picture;
}

function axis(chart, width) {
  const x = (value) => 8 + (value - chart.low) / (chart.high - chart.low) * (width - 16);
  const picture = svg('svg', { viewBox: `0 0 ${width} ${AXIS}`, height: AXIS, 'aria-hidden': 'true' });
  picture.append(svg('line', { class: 'base', x1: 0, x2: width, y1: 1, y2: 1 }));
  for (const tick of chart.ticks) {
    picture.append(svg('line', { class: 'base', x1: x(tick.at), x2: x(tick.at), y1: 1, y2: 6 }));
    picture.append(svg('text', { class: 'tick', x: x(tick.at), y: 19 }, tick.label));
  }
  picture.append(svg('text', { class: 'unit', x: width / 2, y: 36 }, chart.unit));
  return picture;
}

// Width of the longest name and of the longest word of any, as they will be drawn.
function lengths(root, names) {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = `450 13px ${getComputedStyle(root).getPropertyValue('--st-font') || 'sans-serif'}`;
  const widest = (texts) => Math.max(0, ...texts.map((text) => Math.ceil(pen.measureText(text).width) + 1));
  return { name: widest(names), word: widest(names.flatMap((name) => name.split(/\\s+/))) };
}

// One stop of the Tab key a figure; arrows go from point to point, in the order of the values.
function keys(figure) {
  const links = [...figure.querySelectorAll('a')];
  if (links.length) links[0].setAttribute('tabindex', 0);
  figure.onkeydown = (event) => {
    const at = links.indexOf(event.target);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = event.key === 'Home' ? 0 : event.key === 'End' ? links.length - 1 : at + step;
    if (at < 0 || !links[next]) return;
    event.preventDefault();
    event.stopPropagation();
    links[at].setAttribute('tabindex', -1);
    links[next].setAttribute('tabindex', 0);
    links[next].focus();
  };
}

function draw(root, data, open) {
  const total = root.clientWidth;
  if (!total) return;
  const box = root.querySelector('.figures');
  const active = root.getRootNode().activeElement;
  const kept = active && active.dataset && active.dataset.id && [active.closest('figure').dataset.key, active.dataset.id];
  const columns = Math.max(1, Math.floor((total + 34) / 434));
  const each = Math.min(total, (total - 34 * (Math.min(columns, data.charts.length) - 1)) / Math.min(columns, data.charts.length));
  const longest = lengths(root, data.charts[0].levels.map((level) => level.name));
  const room = Math.max(24, each * .28);
  const stacked = longest.word > room || longest.name > (each < 380 ? 42 : 135);
  const name = Math.max(24, Math.min(room, longest.name));
  const width = Math.max(160, Math.floor(stacked ? each : each - name - 12));
  box.style.setProperty('--name', `${name}px`);
  box.classList.toggle('wide', stacked);
  box.replaceChildren(...data.charts.map((chart) => {
    const figure = html('figure');
    figure.dataset.key = chart.key;
    figure.append(html('figcaption', '', chart.title), html('p', 'said', chart.said));
    const axisName = html('p', 'axis', chart.axis);
    axisName.title = chart.axis;
    figure.append(axisName);
    for (const level of chart.levels) {
      const row = html('div', 'row');
      const name = html('span', 'name', level.name);
      name.title = level.name;
      row.append(name, strip(chart, level, width, open));
      figure.append(row);
    }
    const last = html('div', 'row');
    last.append(...(stacked ? [] : [html('span', 'name', '')]), axis(chart, width));
    figure.append(last);
    keys(figure);
    return figure;
  }));
  if (kept) {
    const again = box.querySelector(`figure[data-key="${CSS.escape(kept[0])}"] a[data-id="${CSS.escape(kept[1])}"]`);
    if (again) again.focus();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let root = parentElement.querySelector('.plots');
  if (!root) {
    root = html('div', 'plots');
    parentElement.querySelector('.figures').replaceWith(root);
    root.append(html('div', 'figures'), html('p', 'key'));
  }
  root.querySelector('.key').textContent = data.key;
  const again = () => draw(root, data, (id) => setTriggerValue('open', id));
  again();
  const before = watchers.get(parentElement);
  if (before) before.disconnect();
  let width = root.clientWidth;
  const watcher = new ResizeObserver(() => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    again();
  });
  watcher.observe(root);
  watchers.set(parentElement, watcher);
  return () => { if (!parentElement.isConnected) watcher.disconnect(); };
}
"""

_component = st.components.v2.component("rivya_strip_plot", html=_HTML, css=_CSS + COMPONENT_CSS, js=_JS)

TICKS = 4
BEYOND = 0.6
"""How far an interval may widen the axis beyond the points, as a share of their range; a longer one is cut at the edge."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One clip. ``label``: read aloud and shown on hover; ``href``: its permanent address."""

    id: str
    value: float
    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One value of the axis with its takes; the interval is None where there are too few of them."""

    name: str
    dots: Sequence[Dot]
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Chart:
    """One feature. ``said``: what was found, in a sentence; ``unit``: of the axis below; ``axis``: what the strips are values of."""

    key: str
    title: str
    said: str
    unit: str
    axis: str
    strips: Sequence[Strip]


def strip_plot(charts: Sequence[Chart], *, note: str, key: str) -> str | None:
    """Draw the charts; the id of the clip whose point was opened just now, or None."""
    result = _component(
        key=key,
        data={
            "charts": [_drawn(chart) for chart in charts],
            "key": note,
        },
        on_open_change=_nothing,
    )
    return result.open if isinstance(result.open, str) else None


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""


def _drawn(chart: Chart) -> Mapping[str, Any]:
    low, high = _domain(chart.strips)
    return {
        "key": chart.key,
        "title": chart.title,
        "said": chart.said,
        "unit": f"{chart.title}, {chart.unit}",
        "axis": chart.axis,
        "low": low,
        "high": high,
        "ticks": [{"at": at, "label": label} for at, label in ticks(low, high)],
        "levels": [
            {
                "name": strip.name,
                "label": f"{chart.axis} {strip.name}: {len(strip.dots)} takes",
                "mean": strip.mean,
                "low": strip.low,
                "high": strip.high,
                "points": [
                    {"id": dot.id, "value": dot.value, "label": dot.label, "href": dot.href} for dot in strip.dots
                ],
            }
            for strip in chart.strips
        ],
    }


def _domain(strips: Sequence[Strip]) -> tuple[float, float]:
    values = [dot.value for strip in strips for dot in strip.dots] + [strip.mean for strip in strips]
    low, high = min(values), max(values)
    room = (high - low) or abs(high) * 0.1 or 1.0
    ends = [end for strip in strips for end in (strip.low, strip.high) if end is not None]
    low = min([low, *(max(end, low - BEYOND * room) for end in ends)])
    high = max([high, *(min(end, high + BEYOND * room) for end in ends)])
    return low - 0.04 * room, high + 0.04 * room


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round numbers between two ends, three to seven of them, with their labels."""
    raw = (high - low) / TICKS
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(number * step, f"{number * step:.{digits}f}") for number in range(first, last + 1)]
