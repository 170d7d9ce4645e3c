// Two of the clips over each other, with a divider between them.

function keepWipe(wall) {
  const ids = wall.data.clips.map((clip) => clip.id);
  const { wipe } = wall;
  if (!ids.includes(wipe.left)) wipe.left = wall.data.base && ids.includes(wall.data.base) ? wall.data.base : ids[0];
  if (!ids.includes(wipe.right) || wipe.right === wipe.left) wipe.right = ids.find((id) => id !== wipe.left);
  if (ids.length < 2) wipe.on = false;
}

function setWipe(wall, on) {
  const { wipe } = wall;
  if (on && wall.chosen !== wipe.left) wipe.right = wall.chosen;
  wipe.on = on;
  keepWipe(wall);
  draw(wall);
}

function pickWipe(wall, side, id) {
  const { wipe } = wall;
  const other = side === 'left' ? 'right' : 'left';
  if (wipe[other] === id) wipe[other] = wipe[side];
  wipe[side] = id;
  draw(wall);
}

function setCut(wall, percent) {
  wall.wipe.cut = Math.max(0, Math.min(100, percent));
  drawWipe(wall);
}

function drawWipe(wall) {
  const { arena, divider } = wall.els;
  const { wipe } = wall;
  arena.classList.toggle('wipe', wipe.on);
  divider.hidden = !wipe.on;
  for (const clip of wall.clock.clips) {
    clip.card.classList.toggle('left', wipe.on && clip.id === wipe.left);
    clip.card.classList.toggle('right', wipe.on && clip.id === wipe.right);
  }
  if (!wipe.on) return;
  arena.style.setProperty('--cut', `${wipe.cut}%`);
  arena.style.setProperty('--cut-share', String(wipe.cut / 100));
  const [left, right] = [wall.clips.get(wipe.left), wall.clips.get(wipe.right)];
  divider.setAttribute('aria-valuenow', String(Math.round(wipe.cut)));
  divider.setAttribute(
    'aria-valuetext',
    `Clip ${left.index + 1} on ${Math.round(wipe.cut)} percent from the left, clip ${right.index + 1} on the rest`,
  );
}

function dragDivider(wall, event) {
  const { divider, arena } = wall.els;
  const box = arena.querySelector('.card.left .frame').getBoundingClientRect();
  const at = (moved) => setCut(wall, ((moved.clientX - box.left) / box.width) * 100);
  divider.setPointerCapture(event.pointerId);
  divider.onpointermove = at;
  divider.onpointerup = divider.onpointercancel = () => {
    divider.onpointermove = null;
  };
  divider.focus();
  at(event);
}
