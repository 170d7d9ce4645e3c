// The open clip, above the grid: it plays at once, and what only the server knows follows. No run of the page closes it.

function control(name, label, text, act) {
  const button = part('button', name, text);
  button.type = 'button';
  button.setAttribute('aria-label', label);
  button.onclick = act;
  return button;
}

// A link that is followed inside the page, and by its address with a key that asks for another tab.
function inPage(link, go) {
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go();
  };
}

const DETAIL_PAUSE_MS = 150; // who turns through many clips asks for the last one

// Every clip on the screen as [combination, its takes with a clip]; the order of the grid.
function filled(view) {
  return view.data.cells
    .map((cell) => ({ cell, takes: cell.takes.filter((take) => take.clip) }))
    .filter((one) => one.takes.length);
}

function openClip(view, cell, take) {
  const dialog = view.parent.querySelector('dialog');
  if (!dialog.open) {
    prepare(view, dialog);
    dialog.showModal();
  }
  showClip(view, cell.k, take.id);
  dialog.querySelector('video').focus();
}

function prepare(view, dialog) {
  const find = (name) => dialog.querySelector(name);
  find('.close').onclick = () => dialog.close();
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.onclose = () => closed(view, dialog);
  find('.take-back').onclick = () => turnTake(view, -1);
  find('.take-next').onclick = () => turnTake(view, 1);
  find('.cell-back').onclick = () => turnCell(view, -1);
  find('.cell-next').onclick = () => turnCell(view, 1);
  find('.loop input').onchange = (event) => {
    find('video').loop = event.target.checked;
  };
  find('.use').onclick = () => view.act('use', view.shown.id);
  inPage(find('.history'), () => view.act('history', view.shown.id));
  dialog.onkeydown = (event) => pressIn(view, event);
}

// Left and right turn combinations, up and down takes, wherever the keyboard is; L loops.
function pressIn(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === 'Escape') return;
  const act = {
    ArrowLeft: () => turnCell(view, -1),
    ArrowRight: () => turnCell(view, 1),
    ArrowUp: () => turnTake(view, -1),
    ArrowDown: () => turnTake(view, 1),
    l: () => view.parent.querySelector('dialog .loop input').click(),
  }[event.key];
  event.stopPropagation(); // neither the grid below nor Streamlit's own keys
  if (!act) return;
  event.preventDefault();
  act();
}

function turnTake(view, step) {
  const { takes } = filled(view).find((one) => one.cell.k === view.shown.k) || { takes: [] };
  if (takes.length < 2) return;
  const at = takes.findIndex((take) => take.id === view.shown.id);
  showClip(view, view.shown.k, takes[(at + step + takes.length) % takes.length].id);
}

// The same take of the next combination, or its first one.
function turnCell(view, step) {
  const cells = filled(view);
  const at = cells.findIndex((one) => one.cell.k === view.shown.k);
  if (cells.length < 2) return;
  const { cell, takes } = cells[(at + step + cells.length) % cells.length];
  const now = view.data.cells.find((one) => one.k === view.shown.k)?.takes.find((take) => take.id === view.shown.id);
  showClip(view, cell.k, (takes.find((take) => take.n === now?.n) || takes[0]).id);
}

function showClip(view, k, id) {
  const dialog = view.parent.querySelector('dialog');
  const cells = filled(view);
  const at = cells.findIndex((one) => one.cell.k === k);
  const { cell, takes } = cells[at];
  const take = takes.find((one) => one.id === id);
  const find = (name) => dialog.querySelector(name);
  view.shown = { k, id };
  find('.title').textContent =
    view.data.axis && !says(cell.name, view.data.axis) ? `${view.data.axis} ${cell.name}` : cell.name;
  const video = find('video');
  video.hidden = Boolean(take.dark);
  video.setAttribute('aria-label', `Clip: ${nameOf(cell, take)}`);
  video.poster = served(`/posters/${id}.jpg`);
  video.loop = find('.loop input').checked;
  if (take.dark) {
    video.removeAttribute('src');
    video.load();
  } else {
    video.src = served(`/clips/${id}.mp4`);
    video.muted = true; // a browser plays nothing loud that was not asked for
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) video.play().catch(() => {});
  }
  find('.takes-of').hidden = cell.takes.length < 2;
  find('.take-at').textContent = `Take ${take.n} of ${cell.takes.length}`;
  find('.cells-of').hidden = cells.length < 2;
  find('.cell-at').textContent = `${at + 1} of ${cells.length}`;
  find('.download').href = served(`/clips/${id}.mp4?download=1`);
  find('.carrying').href = served(`/clips/${id}.mp4?download=settings`);
  find('.history').href = served(`/history?id=${encodeURIComponent(id)}`);
  clearTimeout(view.asking);
  drawDetail(view);
  if (!view.details.has(id)) view.asking = setTimeout(() => view.act('detail', id), DETAIL_PAUSE_MS);
}

function takeDetail(view) {
  if (!view.data.detail) return;
  view.details.set(view.data.detail.id, view.data.detail);
  if (view.shown?.id === view.data.detail.id) drawDetail(view);
}

function drawDetail(view) {
  const dialog = view.parent.querySelector('dialog');
  const detail = view.details.get(view.shown.id);
  const labels = (detail?.labels || []).flatMap(([axis, label]) => [part('dt', '', axis), part('dd', '', label)]);
  dialog.querySelector('.labels').replaceChildren(...labels);
  dialog.querySelector('.fault').textContent = detail?.fault || '';
  dialog.querySelector('.prompt').textContent = detail?.prompt || '';
  dialog.querySelector('.facts').textContent = detail?.facts || '';
  dialog.querySelector('.carrying').hidden = !detail?.carries;
  dialog.querySelector('.use').hidden = !view.data.uses;
}

// The keyboard comes back to the clip that was seen last.
function closed(view, dialog) {
  const video = dialog.querySelector('video');
  video.pause();
  video.removeAttribute('src');
  video.load();
  clearTimeout(view.asking);
  const cell = view.data.cells.find((one) => one.k === view.shown?.k);
  const take = cell?.takes.find((one) => one.id === view.shown.id);
  view.shown = null;
  if (take) focusTake(view, cell, take);
}
