// What is ticked, kept in the browser's tab while other pages of the table are shown.

const STORE = 'rivya-history-selection';

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
    : `Tick clips to compare${its.data.mayWrite ? ', label' : ''} or download them`;
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
