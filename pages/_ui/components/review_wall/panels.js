// What is said of the chosen clip.

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
    wall.author = els.name.value.trim().replaceAll(/\s+/gu, ' ');
    try {
      localStorage.setItem(STORED_NAME, wall.author);
    } catch {
      /* kept for this page only */
    }
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

function drawChosen(wall) {
  const { els, data } = wall;
  const clip = wall.clips.get(wall.chosen);
  if (!clip) return;
  els.title.textContent = `Clip ${clip.index + 1}`;
  els.use.hidden = !data.can_spend;
  els.history.href = served(`/history?id=${encodeURIComponent(clip.id)}`);
  els.basis.hidden = clip.id === data.base;
  els.add.hidden = data.read_only;
  els.name.parentElement.hidden = data.read_only || Boolean(data.person);
  els.noNotes.textContent = data.read_only
    ? 'No notes yet.'
    : 'No notes yet. Stop where you see something and press N.';
  for (const [name, { row, stars, others, label }] of Object.entries(els.rows)) {
    stars.show(myStars(wall, clip.id, name), `${label}, clip ${clip.index + 1}`, data.read_only);
    row.classList.toggle('now', name === wall.criterion && !data.read_only);
    others.textContent = otherStars(wall, clip.id, name)
      .map((one) => `${one.author || 'no name'} ${one.stars}`)
      .join(' \u00B7 ');
  }
  drawNotes(wall);
}
