const SVG = 'http://www.w3.org/2000/svg';
const AXIS = 40,
  MANY = 12;
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
  return [...points]
    .sort((one, other) => one.value - other.value)
    .map((point) => {
      const at = x(point.value);
      let lane = form.lanes.findIndex((_, index) => ends[index] === undefined || at - ends[index] >= 13);
      if (lane < 0) lane = ends.indexOf(Math.min(...ends));
      ends[lane] = at;
      return { point, at, y: form.middle + form.lanes[lane] };
    });
}

function strip(chart, level, width, open) {
  const x = (value) => 8 + ((value - chart.low) / (chart.high - chart.low)) * (width - 16);
  const form = chart.levels.some((one) => one.points.length > MANY) ? MANY_TAKES : FEW_TAKES;
  const { high, below } = form;
  const picture = svg('svg', {
    viewBox: `0 0 ${width} ${high}`,
    height: high,
    role: 'group',
    'aria-label': level.label,
  });
  for (const tick of chart.ticks) {
    picture.append(svg('line', { class: 'grid', x1: x(tick.at), x2: x(tick.at), y1: 0, y2: high }));
  }
  if (level.low !== null) {
    const from = Math.max(chart.low, level.low),
      to = Math.min(chart.high, level.high);
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
    link.append(
      svg('circle', { class: 'hit', cx: at, cy: y, r: 8 }),
      svg('circle', { class: 'dot', cx: at, cy: y, r: 5.5 }),
    );
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
  const x = (value) => 8 + ((value - chart.low) / (chart.high - chart.low)) * (width - 16);
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
  return { name: widest(names), word: widest(names.flatMap((name) => name.split(/\s+/u))) };
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
  const kept = active &&
    active.dataset &&
    active.dataset.id && [active.closest('figure').dataset.key, active.dataset.id];
  const columns = Math.max(1, Math.floor((total + 34) / 434));
  const each = Math.min(
    total,
    (total - 34 * (Math.min(columns, data.charts.length) - 1)) / Math.min(columns, data.charts.length),
  );
  const longest = lengths(
    root,
    data.charts[0].levels.map((level) => level.name),
  );
  const room = Math.max(24, each * 0.28);
  const stacked = longest.word > room || longest.name > (each < 380 ? 42 : 135);
  const name = Math.max(24, Math.min(room, longest.name));
  const width = Math.max(160, Math.floor(stacked ? each : each - name - 12));
  box.style.setProperty('--name', `${name}px`);
  box.classList.toggle('wide', stacked);
  box.replaceChildren(
    ...data.charts.map((chart) => {
      const figure = html('figure');
      figure.dataset.key = chart.key;
      figure.append(html('figcaption', '', chart.title), html('p', 'said', chart.said));
      const axisName = html('p', 'axis', chart.axis);
      axisName.title = chart.axis;
      figure.append(axisName);
      for (const level of chart.levels) {
        const row = html('div', 'row');
        const label = html('span', 'name', level.name);
        label.title = level.name;
        row.append(label, strip(chart, level, width, open));
        figure.append(row);
      }
      const last = html('div', 'row');
      last.append(...(stacked ? [] : [html('span', 'name', '')]), axis(chart, width));
      figure.append(last);
      keys(figure);
      return figure;
    }),
  );
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
  return () => {
    if (!parentElement.isConnected) watcher.disconnect();
  };
}
