// The table of rows; each opens its generation, and has a box before it.

const COLUMNS = [
  ['clip', 'Clip'],
  ['prompt', 'Prompt'],
  ['state', 'State'],
  ['sweep', 'Sweep'],
  ['made', 'Made'],
  ['credits', 'Credits'],
  ['settings', 'Settings'],
  ['took', 'Took'],
];

function chip(parent, text, tone) {
  const made = make(parent, 'span', 'chip', text);
  made.style.setProperty('--chip-back', `var(--st-${tone}-background-color)`);
  made.style.setProperty('--chip-text', `var(--st-${tone}-text-color)`);
}

function cell(line, name) {
  const made = make(line, 'td', name);
  made.setAttribute('role', 'cell');
  return made;
}

function drawRow(its, row) {
  const line = document.createElement('tr');
  line.setAttribute('role', 'row');
  line.dataset.row = row.id;
  const box = make(make(cell(line, 'box'), 'label', 'hit'), 'input', '');
  box.type = 'checkbox';
  box.setAttribute('aria-label', `Select: ${row.name}`);
  box.onclick = (event) => tick(its, row.id, box.checked, event.shiftKey);
  const frame = make(cell(line, 'clip'), 'span', 'poster');
  if (row.poster) {
    const picture = make(frame, 'img', '');
    Object.assign(picture, { loading: 'lazy', alt: '', src: row.poster });
  }
  hoverPlay(its.data.view === 'gallery' ? line : frame, frame, row.clip);
  const words = cell(line, 'prompt');
  const open = button(words, (row.favorite ? '★ ' : '') + row.prompt, 'open');
  open.setAttribute('aria-label', `Open: ${row.favorite ? 'favorite, ' : ''}${row.name}`);
  if (its.data.view === 'gallery') hoverPlay(open, frame, row.clip);
  open.onclick = () => openRow(its, row.id);
  const marks = make(words, 'span', 'marks');
  for (const label of row.labels) make(marks, 'span', 'label', label);
  if (row.marks) make(marks, 'span', 'quiet', row.marks);
  const chips = cell(line, 'state');
  chip(chips, row.state, row.tone);
  if (row.mode) chip(chips, row.mode, row.modeTone);
  const sweep = cell(line, 'sweep');
  if (row.sweep.length) {
    const link = make(sweep, 'a', '', row.sweep[0]);
    link.href = row.sweep[1];
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      act(its, 'sweep', '', [row.sweep[2]]);
    };
  }
  for (const name of ['made', 'credits', 'settings', 'took']) cell(line, name).textContent = row[name];
  line.onclick = (event) => {
    if (!event.target.closest('button, a, label, input')) openRow(its, row.id);
  };
  return line;
}

function drawRows(its) {
  const before = its.lines;
  its.lines = new Map();
  const held = its.root.getRootNode().activeElement;
  const focus = held && its.body.contains(held) ? [held.closest('tr')?.dataset.row, held.type === 'checkbox'] : null;
  const wanted = its.data.rows.map((row) => {
    const written = JSON.stringify([row, its.data.view]);
    const known = before.get(row.id);
    const line = known && known.written === written ? known.line : drawRow(its, row);
    its.lines.set(row.id, { line, written });
    return line;
  });
  if (wanted.length !== its.body.children.length || wanted.some((line, at) => its.body.children[at] !== line)) {
    its.body.replaceChildren(...wanted);
    if (focus) control(its, focus[0], focus[1])?.focus({ preventScroll: true });
  }
}

function drawTable(its, parent) {
  const table = make(parent, 'table', '');
  table.setAttribute('role', 'table');
  table.setAttribute('aria-label', 'Generations');
  const head = make(table, 'thead', '');
  head.setAttribute('role', 'rowgroup');
  const line = make(head, 'tr', '');
  line.setAttribute('role', 'row');
  const first = make(line, 'th', 'box');
  first.setAttribute('role', 'columnheader');
  its.every = make(make(first, 'label', 'hit'), 'input', '');
  its.every.type = 'checkbox';
  its.every.setAttribute('aria-label', 'Select all on this page');
  its.every.onclick = () => tickAll(its, its.every.checked);
  for (const [name, title] of COLUMNS) make(line, 'th', name, title).setAttribute('role', 'columnheader');
  its.body = make(table, 'tbody', '');
  its.body.setAttribute('role', 'rowgroup');
  its.table = table;
}

function control(its, id, isBox) {
  return its.lines.get(id)?.line.querySelector(isBox ? 'input' : 'button.open');
}

function openRow(its, id) {
  mark(its, id);
  its.send('open', id);
  if (matchMedia('(max-width: 1023px)').matches) document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
}

function mark(its, opened) {
  for (const [id, { line }] of its.lines) {
    line.classList.toggle('opened', id === opened);
    line.querySelector('button.open').toggleAttribute('aria-current', id === opened);
  }
}

function walk(its, event) {
  const line = event.target.closest('tbody tr');
  if (!line) return;
  const order = [...its.lines.keys()];
  const isBox = event.target.type === 'checkbox';
  if ((event.ctrlKey || event.metaKey) && event.key === 'a') {
    event.preventDefault();
    tickAll(its, true);
    return;
  }
  if (event.key === 'Escape') {
    its.selected.clear();
    show(its);
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const to = step && order[order.indexOf(line.dataset.row) + step];
  if (!to) return;
  event.preventDefault();
  control(its, to, isBox).focus();
  if (isBox && event.shiftKey) {
    its.anchor ??= line.dataset.row;
    tick(its, line.dataset.row, true, false);
    tick(its, to, true, false);
  } else if (!isBox && its.data.view === 'list') {
    openRow(its, to);
  }
}
