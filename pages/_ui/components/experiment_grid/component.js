const known = new WeakMap();

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
  const many = view.data.cells.some((cell) => cell.takes.length > 1);
  board.className = `board ${view.data.flow ? 'flow' : 'table'}${many ? ' several' : ''}`;
  board.style.setProperty(
    '--columns',
    Math.max(1, view.data.flow ? Math.min(many ? 4 : 5, view.data.cells.length) : view.data.columns.labels.length),
  );
  view.boxes = new Map(
    view.data.cells.map((cell) => {
      const box = part('div', 'cell');
      box.dataset.cell = cell.k;
      return [cell.k, box];
    }),
  );
  board.replaceChildren(...(view.data.flow ? view.boxes.values() : [table(view)]));
  board.onkeydown = (event) => press(view, event);
}

function drawPicked(view) {
  const bar = view.parent.querySelector('.picked');
  const count = view.picked.size;
  bar.hidden = count === 0;
  if (!count) return;
  bar.querySelector('.many').textContent =
    count < 2
      ? '1 selected, one more to compare'
      : count === view.data.most
        ? `${count} selected, the most that fit`
        : `${count} selected`;
  const link = bar.querySelector('.compare');
  link.textContent = 'Compare selected';
  link.setAttribute('aria-disabled', String(count < 2));
  if (count < 2) link.removeAttribute('href');
  else link.href = served(`/compare?ids=${[...view.picked].map(encodeURIComponent).join(',')}`);
  inPage(link, () => {
    if (count >= 2) view.act('compare', [...view.picked].join(','));
  });
  bar.querySelector('.clear').onclick = () => {
    view.picked.clear();
    view.tell([]);
    view.data.cells.forEach((cell) => fill(view, cell));
    drawPicked(view);
  };
}

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  let view = known.get(parentElement);
  if (!view) {
    view = {
      parent: parentElement,
      front: new Map(),
      picked: new Set(data.picked),
      boxes: new Map(),
      details: new Map(),
      shape: '',
      shown: null,
    };
    view.player = playAll(view);
    known.set(parentElement, view);
  }
  view.data = data;
  view.act = (name, id, on) => setTriggerValue('act', { name, id, on: Boolean(on) });
  view.tell = (ids) => setStateValue('picked', ids);
  const shape = JSON.stringify([
    data.flow,
    data.rows,
    data.columns,
    data.cells.map((cell) => [cell.k, cell.r, cell.c, cell.takes.length > 1]),
  ]);
  if (shape !== view.shape) build(view);
  view.shape = shape;
  drawStrip(parentElement, data.strip);
  data.cells.forEach((cell) => fill(view, cell));
  drawPicked(view);
  view.player.offer();
  takeDetail(view);
  return () => {
    if (!parentElement.isConnected) view.player.stop();
  };
}
