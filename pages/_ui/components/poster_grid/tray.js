// Several posters are ticked, and lie in a tray in the order of the ticks, until "Compare" is pressed: so ticking is instant, and
// turning pages loses nothing.

function tick(grid, clip) {
  const { several } = grid;
  const at = several.chosen.findIndex((one) => one.id === clip.id);
  several.full = at < 0 && several.chosen.length >= grid.data.most;
  if (at >= 0) several.chosen.splice(at, 1);
  else if (!several.full) several.chosen.push(clip);
  markTicked(grid);
}

function markTicked(grid) {
  const { several, data } = grid;
  for (const button of grid.list.querySelectorAll('.poster')) {
    const at = several.chosen.findIndex((one) => one.id === button.dataset.id);
    button.setAttribute('aria-pressed', String(at >= 0));
    button.querySelector('.tick').textContent = at >= 0 ? String(at + 1) : '';
  }
  fillTray(grid);
  const count = several.chosen.length;
  several.els.count.textContent = several.full
    ? `${data.most} at most: take one out first.`
    : count === 0
      ? `Choose ${data.least} to ${data.most} clips.`
      : count < data.least
        ? 'One more, at least.'
        : `${count} of at most ${data.most}`;
  const { go, clear } = several.els;
  go.textContent = count < data.least ? 'Compare' : `Compare ${count} clips`;
  go.disabled = count < data.least;
  clear.hidden = count === 0;
}

function fillTray(grid) {
  const { root, several } = grid;
  const tray = several.els.chosen;
  const focused = root.activeElement && root.activeElement.dataset.out;
  tray.replaceChildren(
    ...several.chosen.map((clip, index) => {
      const button = part('button');
      button.type = 'button';
      button.dataset.out = String(index);
      button.setAttribute('aria-label', `Take clip ${index + 1} out: ${clip.name}`);
      button.title = clip.name;
      button.onclick = () => tick(grid, clip);
      if (clip.poster) {
        const image = part('img');
        image.loading = 'lazy';
        image.alt = '';
        image.src = clip.poster;
        button.append(image);
      }
      button.append(part('span', 'out', '\u00D7'));
      const row = part('li');
      row.append(button);
      return row;
    }),
  );
  if (!focused) return;
  const again = tray.querySelectorAll('button');
  if (again.length) again[Math.min(Number(focused), again.length - 1)].focus();
  else grid.list.querySelector('.poster')?.focus();
}

function makeTray(list) {
  const [chosen, count, clear, go] = [
    part('ol', 'chosen'),
    part('p', 'count'),
    part('button', 'clear', 'Clear'),
    part('button', 'go'),
  ];
  count.setAttribute('role', 'status');
  clear.type = go.type = 'button';
  const tray = part('div', 'tray');
  tray.setAttribute('role', 'group');
  tray.setAttribute('aria-label', 'Chosen clips');
  tray.append(chosen, count, clear, go);
  list.after(tray);
  return { chosen, count, clear, go };
}

function drawTray(grid, send) {
  const { list, data, several } = grid;
  if (!several || several.start !== data.start) {
    // whoever comes back here with Back finds what was ticked
    const chosen = history.state?.picked ?? [...data.chosen];
    grid.several = { start: data.start, chosen, full: false, els: several ? several.els : makeTray(list) };
  }
  const { go, clear } = grid.several.els;
  go.onclick = () => {
    const { chosen } = grid.several;
    history.replaceState({ ...history.state, picked: chosen }, '');
    send(chosen.map((clip) => clip.id));
  };
  clear.onclick = () => {
    grid.several.chosen = [];
    grid.several.full = false;
    markTicked(grid);
    grid.list.querySelector('.poster')?.focus();
  };
  markTicked(grid);
}
