// Arrows move between combinations, comma and full stop between takes; X selects, S makes a favorite.

function press(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const box = event.target.closest('.cell');
  if (!box) return;
  const cell = view.data.cells.find((one) => String(one.k) === box.dataset.cell);
  const shot = event.target.closest('.shot') || box.querySelector('.shot');
  const key = event.key.toLowerCase();
  const near = { arrowleft: [0, -1], arrowright: [0, 1], arrowup: [-1, 0], arrowdown: [1, 0] }[key];
  if (near) move(view, cell, near);
  else if (key === 'x') shot.querySelector('input')?.click();
  else if (key === 's') shot.querySelector('.star')?.click();
  else if (key === ',' || key === '.') nextTake(view, cell, Number(shot.dataset.take), key === '.' ? 1 : -1);
  else {
    if (key === 'c' || key === 'r') event.stopPropagation(); // Streamlit would clear caches or run again
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

function nextTake(view, cell, number, step) {
  const at = cell.takes.findIndex((take) => take.n === number);
  const next = (at + step + cell.takes.length) % cell.takes.length;
  focusTake(view, cell, cell.takes[next]);
}

function focusTake(view, cell, take) {
  view.front.set(cell.k, Math.floor(cell.takes.indexOf(take) / SHOWN) * SHOWN);
  fill(view, cell);
  view.boxes.get(cell.k)?.querySelector(`.shot[data-take="${take.n}"]`)?.querySelector('.open, button')?.focus();
}

function move(view, cell, [down, right]) {
  for (let steps = 1; steps <= view.data.cells.length; steps += 1) {
    const [r, c] = [cell.r + down * steps, cell.c + right * steps];
    const next = view.data.flow
      ? view.data.cells[view.data.cells.indexOf(cell) + (down || right) * steps]
      : view.data.cells.find((one) => one.r === r && one.c === c);
    if (!next) return;
    const target = view.boxes.get(next.k).querySelector('.open, button.blank, .turn button');
    if (target) {
      target.focus();
      return;
    }
  }
}
