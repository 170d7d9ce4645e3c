const STORE = 'rivya-history-selection';
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
const states = new WeakMap();

function make(parent, tag, name, text = '') {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  parent.append(made);
  return made;
}

function button(parent, text, name = '') {
  const made = make(parent, 'button', name, text);
  made.type = 'button';
  return made;
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE)) || [];
  } catch {
    return [];
  }
}

function remember(its) {
  try {
    sessionStorage.setItem(STORE, JSON.stringify([...its.selected]));
  } catch {
    /* it lasts as long as the page */
  }
}

// -- rows ------------------------------------------------------------------------------------------------------------

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

// -- selecting -------------------------------------------------------------------------------------------------------

function tick(its, id, on, isRange) {
  const order = [...its.lines.keys()];
  const from = isRange ? order.indexOf(its.anchor) : -1;
  const to = order.indexOf(id);
  const some = from < 0 ? [id] : order.slice(Math.min(from, to), Math.max(from, to) + 1);
  for (const one of some) its.selected[on ? 'add' : 'delete'](one);
  its.anchor = id;
  show(its);
}

function tickAll(its, on) {
  for (const id of its.lines.keys()) its.selected[on ? 'add' : 'delete'](id);
  show(its);
}

function show(its) {
  remember(its);
  const count = its.selected.size;
  for (const [id, { line }] of its.lines) {
    const on = its.selected.has(id);
    line.querySelector('input').checked = on;
    line.classList.toggle('ticked', on);
  }
  const here = [...its.lines.keys()].filter((id) => its.selected.has(id)).length;
  its.every.checked = here > 0 && here === its.lines.size;
  its.every.indeterminate = here > 0 && here < its.lines.size;
  its.count.textContent = count
    ? `${count.toLocaleString('en')} selected`
    : 'Tick clips to compare, label or download them';
  its.bar.classList.toggle('idle', !count);
  const { least, most } = its.data;
  its.acts.compare.disabled = count < least || count > most;
  its.acts.compare.title = its.acts.compare.disabled ? `Select ${least} to ${most} clips` : '';
  its.acts.zip.disabled = count > its.data.zipMax;
  its.acts.zip.title = its.acts.zip.disabled ? `A ZIP holds at most ${its.data.zipMax} clips` : '';
  if (!count) its.labeller.hidden = its.shower.hidden = true;
  if (!its.acts.cassette) return;
  its.acts.cassette.disabled = count > its.data.zipMax;
  its.acts.cassette.title = its.acts.cassette.disabled
    ? `At most ${its.data.zipMax} clips`
    : 'To be played again without key or network';
}

// -- acting ----------------------------------------------------------------------------------------------------------

function act(its, name, label = '', ids = [...its.selected]) {
  if (ids.length) its.send('act', { act: name, ids, label, at: Date.now() });
}

function download(its, address) {
  const form = document.createElement('form');
  Object.assign(form, { method: 'post', action: address, hidden: true });
  for (const id of its.selected) {
    const field = make(form, 'input', '');
    Object.assign(field, { type: 'hidden', name: 'id', value: id });
  }
  document.body.append(form);
  form.submit();
  form.remove();
}

function drawBar(its, parent) {
  its.bar = make(parent, 'div', 'bar');
  its.bar.setAttribute('role', 'group');
  its.bar.setAttribute('aria-label', 'Selected clips');
  its.count = make(its.bar, 'span', 'count');
  its.count.setAttribute('role', 'status');
  const buttons = make(its.bar, 'span', 'acts');
  its.acts = {};
  const add = (name, text, press) => {
    its.acts[name] = button(buttons, text);
    its.acts[name].onclick = press;
  };
  add('compare', 'Compare', () => act(its, 'compare'));
  if (its.data.mayWrite) {
    add('favorite', 'Favorite', () => act(its, 'favorite'));
    add('label', 'Label', () => {
      its.labeller.hidden = !its.labeller.hidden;
      if (!its.labeller.hidden) its.labeller.querySelector('input').focus();
    });
    add('show', 'Add to show', () => {
      its.shower.hidden = !its.shower.hidden;
      if (!its.shower.hidden) its.shower.querySelector('select').focus();
    });
  }
  add('zip', 'Download ZIP', () => download(its, '/exports/clips.zip'));
  if (its.data.mayRecord) add('cassette', 'Cassette', () => download(its, '/exports/cassette.zip'));
  if (its.data.mayWrite) add('delete', 'Delete', () => act(its, 'delete'));
  add('clear', 'Clear', () => {
    its.selected.clear();
    show(its);
  });
  its.labeller = make(parent, 'form', 'labeller');
  its.labeller.hidden = true;
  const field = make(its.labeller, 'input', '');
  Object.assign(field, { maxLength: 40, placeholder: 'Label', autocomplete: 'off' });
  field.setAttribute('aria-label', 'Label for the selected clips');
  field.setAttribute('list', 'labels');
  its.known = make(its.labeller, 'datalist', '');
  its.known.id = 'labels';
  const give = (name) => {
    if (field.value.trim()) {
      act(its, name, field.value);
      field.value = '';
      its.labeller.hidden = true;
    }
  };
  make(its.labeller, 'button', '', 'Add').type = 'submit';
  button(its.labeller, 'Remove').onclick = () => give('unlabel');
  its.labeller.onsubmit = (event) => {
    event.preventDefault();
    give('label');
  };
  its.labeller.onkeydown = (event) => {
    if (event.key === 'Escape') {
      its.labeller.hidden = true;
      its.acts.label.focus();
    }
  };
}

function drawShower(its, parent) {
  its.shower = make(parent, 'form', 'labeller');
  its.shower.hidden = true;
  its.shows = make(its.shower, 'select', '');
  its.shows.setAttribute('aria-label', 'Show for the selected clips');
  make(its.shower, 'button', '', 'Add').type = 'submit';
  const close = () => {
    its.shower.hidden = true;
    its.acts.show.focus();
  };
  its.shower.onsubmit = (event) => {
    event.preventDefault();
    act(its, 'show', its.shows.value);
    close();
  };
  its.shower.onkeydown = (event) => {
    if (event.key === 'Escape') close();
  };
}

function fillShows(its, shows) {
  const written = JSON.stringify(shows);
  if (its.shows.dataset.written === written) return;
  its.shows.dataset.written = written;
  its.shows.replaceChildren(...shows.map(([id, title]) => new Option(title, id)));
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

export default function ({ data, parentElement, setTriggerValue }) {
  let its = states.get(parentElement);
  if (!its) {
    its = {
      data,
      root: make(parentElement, 'div', 'rows'),
      lines: new Map(),
      selected: new Set(remembered()),
      anchor: null,
    };
    states.set(parentElement, its);
    drawBar(its, its.root);
    drawShower(its, its.root);
    drawTable(its, its.root);
    its.body.onkeydown = (event) => walk(its, event);
  }
  Object.assign(its, { data, send: setTriggerValue });
  for (const id of data.gone) its.selected.delete(id);
  its.root.classList.toggle('gallery', data.view === 'gallery');
  its.known.replaceChildren(
    ...data.labels.map((label) => Object.assign(document.createElement('option'), { value: label })),
  );
  fillShows(its, data.shows);
  drawRows(its);
  mark(its, data.opened);
  show(its);
}
