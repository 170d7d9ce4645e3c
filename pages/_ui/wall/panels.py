"""The wall's two panels, in the browser: what is said of the chosen clip, and how the clips' requests differ."""

from __future__ import annotations

JS = """
const STORED_NAME = 'rivya-reviewer';

function buildPanels(wall) {
  const { els, data } = wall;
  els.title = part('h2', 'title');
  els.title.tabIndex = -1;
  els.name = part('input', 'name-field');
  els.name.type = 'text';
  els.name.maxLength = 64;
  els.name.placeholder = 'you';
  els.name.value = wall.author;
  els.name.autocomplete = 'name';
  els.name.onchange = () => {
    wall.author = els.name.value.trim().replace(/\\s+/g, ' ');
    try { localStorage.setItem(STORED_NAME, wall.author); } catch { /* kept for this page only */ }
    draw(wall);
  };
  const named = part('label', 'named', 'Your name ');
  named.append(els.name);
  els.acts = part('div', 'acts');
  els.use = press('button', () => send(wall, { kind: 'use', id: wall.chosen }), 'Use these settings');
  els.history = part('a', 'button', 'Open in History');
  els.history.target = '_blank';
  els.history.rel = 'noopener';
  els.basis = press('button', () => send(wall, { kind: 'base', id: wall.chosen }), 'Set as baseline');
  els.acts.append(els.use, els.history, els.basis);
  els.rows = {};
  const table = part('div', 'criteria');
  for (const criterion of data.criteria) {
    const row = part('div', 'criterion');
    const label = part('div', 'label');
    label.append(part('span', 'what', criterion.label), part('span', 'hint', criterion.hint));
    const stars = starRow((count) => rate(wall, wall.chosen, criterion.name, count));
    const others = part('span', 'others');
    row.append(label, stars.row, others);
    table.append(row);
    els.rows[criterion.name] = { row, stars, others, label: criterion.label };
  }
  buildNotes(wall);
  const head = part('div', 'panel-head');
  head.append(els.title, named);
  els.chosen.append(head, els.acts, table, els.notesBox);
  buildDifferences(wall);
}

function buildNotes(wall) {
  const { els } = wall;
  els.notesBox = part('div', 'notes-box');
  const head = part('div', 'panel-head');
  els.add = press('button', () => newNote(wall), 'Add a note here', 'N');
  head.append(part('h3', '', 'Notes'), els.add);
  els.editor = part('div', 'editor');
  els.editor.hidden = true;
  const label = part('label', 'editor-for');
  els.editorFor = part('span', '');
  els.text = part('textarea');
  els.text.rows = 2;
  els.text.maxLength = 2000;
  els.text.onkeydown = (event) => {
    if (event.key === 'Escape') { event.preventDefault(); closeEditor(wall); }
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); saveNote(wall); }
  };
  label.append(els.editorFor, els.text);
  const row = part('div', 'acts');
  row.append(press('button main', () => saveNote(wall), 'Save note'), press('button', () => closeEditor(wall), 'Cancel'),
    part('span', 'hint', 'Enter saves, Shift+Enter makes a new line, Esc cancels'));
  els.editor.append(label, row);
  els.noNotes = part('p', 'hint', '');
  els.notes = part('ul', 'notes');
  els.notes.setAttribute('aria-label', 'Notes');
  els.notesBox.append(head, els.noNotes, els.notes);
  els.bar.prepend(els.editor);  // in sight of the clips, wherever the page is scrolled to
}

function drawChosen(wall) {
  const { els, data } = wall;
  const clip = wall.clips.get(wall.chosen);
  if (!clip) return;
  els.title.textContent = `Clip ${clip.index + 1}`;
  els.use.hidden = !data.can_spend;
  els.history.href = `/history?id=${encodeURIComponent(clip.id)}`;
  els.basis.hidden = clip.id === data.base;
  els.add.hidden = data.read_only;
  els.name.parentElement.hidden = data.read_only;
  els.noNotes.textContent = data.read_only ? 'No notes yet.' : 'No notes yet. Stop where you see something and press N.';
  for (const [name, { row, stars, others, label }] of Object.entries(els.rows)) {
    stars.show(myStars(wall, clip.id, name), `${label}, clip ${clip.index + 1}`, data.read_only);
    row.classList.toggle('now', name === wall.criterion && !data.read_only);
    others.textContent = otherStars(wall, clip.id, name).map((one) => `${one.author || 'no name'} ${one.stars}`).join(' \\u00b7 ');
  }
  drawNotes(wall);
}

function drawCards(wall) {
  for (const clip of wall.clock.clips) {
    const chosen = clip.id === wall.chosen;
    clip.card.classList.toggle('chosen', chosen);
    clip.name.setAttribute('aria-pressed', String(chosen));
    const others = otherStars(wall, clip.id, 'overall');
    clip.stars.show(myStars(wall, clip.id, 'overall'), `Overall, clip ${clip.index + 1}`, wall.data.read_only);
    clip.stars.row.title = others.map((one) => `${one.author || 'no name'} ${one.stars}`).join(', ');
    face(clip.sound, clip.video.muted ? 'mute' : 'sound',
      `Clip ${clip.index + 1}: ${clip.video.muted ? 'sound is off' : 'sound is on'}${chosen ? ' (M)' : ''}`);
    clip.sound.setAttribute('aria-pressed', String(!clip.video.muted));
  }
}

// -- differences --------------------------------------------------------------------------------------------------------

function buildDifferences(wall) {
  const { els } = wall;
  const head = part('div', 'panel-head');
  els.baseline = part('select');
  els.baseline.onchange = () => send(wall, { kind: 'base', id: els.baseline.value });
  const label = part('label', 'named', 'against ');
  label.append(els.baseline);
  head.append(part('h2', 'title', 'What differs'), label);
  els.table = part('div', 'scroll');
  els.table.tabIndex = 0;
  els.table.setAttribute('role', 'region');
  els.table.setAttribute('aria-label', 'What differs, clip by clip');
  els.same = part('div', 'same');
  els.sweep = part('p', 'hint', 'Sweep: ');
  els.sweepLink = part('a', '');
  els.sweepLink.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    send(wall, { kind: 'sweep' });
  };
  els.sweep.append(els.sweepLink);
  els.table.onscroll = () => cueSideways(els);
  els.sideways = part('p', 'hint');
  els.sideways.hidden = true;
  const shade = part('div', 'shade');
  shade.append(els.table);
  els.differences.append(head, els.sweep, els.sideways, shade, els.same);
}

function drawDifferences(wall) {
  const { els, data } = wall;
  const now = JSON.stringify([data.rows, data.same, data.base, data.clips.map((clip) => clip.id)]);
  if (els.differences.dataset.of !== now) {
    els.differences.dataset.of = now;
    els.baseline.replaceChildren(...data.clips.map((clip, index) => {
      const one = part('option', '', `Clip ${index + 1}`);
      one.value = clip.id;
      return one;
    }));
    els.table.hidden = data.rows.length === 0;
    els.table.replaceChildren(differenceTable(data));
    els.same.replaceChildren();
    if (!data.rows.length)
      els.same.append(part('p', '', 'Nothing: all of these were asked for in the same words and settings. What you see '
        + 'differ is chance, as between any two takes.'));
    if (data.same.length) {
      const list = part('dl', '');
      for (const fact of data.same) list.append(part('dt', '', fact.name), part('dd', '', fact.value));
      const more = part('details', '');
      more.append(part('summary', '', data.rows.length ? 'The same in all' : 'The request'), list);
      els.same.append(more);
    }
  }
  els.baseline.value = data.base;
  els.sideways.textContent = `${data.clips.length} clips. Scroll sideways for more.`;
  els.sweep.hidden = !data.sweep;
  els.sweepLink.textContent = data.sweep ? data.sweep.name : '';
  els.sweepLink.href = data.sweep ? data.sweep.href : '';
  const at = wall.clips.get(wall.chosen);
  for (const cell of els.table.querySelectorAll('[data-clip]'))
    cell.classList.toggle('chosen', Boolean(at) && cell.dataset.clip === at.id);
}

// After the layout: before it the table has no width, or that of another window.
function showColumn(wall) {
  const { els } = wall;
  if (!els.table.clientWidth) return;
  cueSideways(els);
  const column = els.table.querySelector('th.chosen');
  if (!column || wall.columnShown === column.dataset.clip) return;
  wall.columnShown = column.dataset.clip;
  const left = column.offsetLeft - els.table.querySelector('.corner').offsetWidth;
  const right = column.offsetLeft + column.offsetWidth - els.table.clientWidth;
  if (els.table.scrollLeft > left) els.table.scrollLeft = left;
  else if (els.table.scrollLeft < right) els.table.scrollLeft = right;
  cueSideways(els);
}

function cueSideways({ table, sideways }) {
  const left = table.scrollLeft > 1, right = table.scrollLeft + table.clientWidth < table.scrollWidth - 1;
  table.parentElement.classList.toggle('more-right', right);
  sideways.hidden = !left && !right;
}

function differenceTable(data) {
  const table = part('table');
  const head = part('tr');
  const corner = part('td', 'corner');
  head.append(corner);
  data.clips.forEach((clip, index) => {
    const cell = part('th', '', `Clip ${index + 1}`);
    cell.scope = 'col';
    cell.dataset.clip = clip.id;
    if (clip.id === data.base) cell.append(part('span', 'hint', ' baseline'));
    head.append(cell);
  });
  const body = part('tbody');
  for (const row of data.rows) {
    const line = part('tr', row.long ? 'long' : '');
    const name = part('th', '', row.name);
    name.scope = 'row';
    line.append(name);
    row.cells.forEach((cell, index) => {
      const box = part('td', cell.other ? 'other' : '');
      box.dataset.clip = data.clips[index].id;
      for (const [kind, words] of cell.parts)
        box.append(part({ added: 'ins', gone: 'del' }[kind] || 'span', kind === 'quiet' ? 'hint' : '', words));
      line.append(box);
    });
    body.append(line);
  }
  const top = part('thead');
  top.append(head);
  table.append(top, body);
  return table;
}
"""
