// The wall's keyboard. C and R are Streamlit's (clear caches, run again) and never ours; inside the wall they do nothing at all.
// Streamlit cannot see that a field inside a component has the focus, so what is typed there is kept from it.

const HELP = [
  ['Space', 'Play or pause'],
  ['\u2190  \u2192  or  ,  .', 'One frame back or on'],
  ['Shift + \u2190  \u2192', 'One second back or on'],
  ['Home  End', 'First or last frame'],
  ['J  K  L', 'Slower, normal speed, faster'],
  ['1 to 9', 'Choose a clip'],
  ['M', 'Sound of the chosen clip'],
  ['W', 'Wipe: the chosen clip over the other one'],
  ['[  ]', 'Move the divider of the wipe'],
  ['I  O', 'The loop begins or ends here'],
  ['X', 'Loop the whole clip again'],
  ['Shift + L', 'Loop on or off'],
  ['H', 'Short clips wait at their end, or loop'],
  ['B', 'Take the chosen clip as baseline'],
  ['N', 'Write a note at this time'],
  ['Shift + 1 to 5', 'Stars for the chosen clip; Shift + 0 takes them back'],
  ['S', 'Next criterion for the stars'],
  ['F', 'Full screen'],
  ['?', 'This list'],
];

function help(wall) {
  const { help: dialog } = wall.els;
  if (dialog.open) {
    dialog.close();
    return;
  }
  if (!dialog.childElementCount) {
    const title = part('h2', 'title', 'Keyboard');
    title.id = 'wall-keys';
    const list = part('dl', 'keys');
    for (const [keys, what] of HELP) {
      const row = part('div');
      row.append(part('dt', '', keys), part('dd', '', what));
      list.append(row);
    }
    dialog.append(
      title,
      list,
      press('button', () => dialog.close(), 'Close'),
    );
    dialog.onclose = () => home(wall);
  }
  dialog.showModal();
}

function fullScreen(wall) {
  if (document.fullscreenElement) document.exitFullscreen();
  else wall.els.section.requestFullscreen().catch(() => {});
}

function nextCriterion(wall) {
  const names = wall.data.criteria.map((criterion) => criterion.name);
  wall.criterion = names[(names.indexOf(wall.criterion) + 1) % names.length];
  const label = wall.data.criteria.find((criterion) => criterion.name === wall.criterion).label;
  wall.els.spoken.textContent = `Shift and a digit now rate: ${label}`;
  draw(wall);
}

// What a key does, or undefined when it is not ours.
function meaning(wall, event) {
  const { clock } = wall;
  const shift = event.shiftKey;
  const digit = /^(Digit|Numpad)([0-9])$/u.exec(event.code);
  if (digit && shift && digit[1] === 'Digit')
    return digit[2] <= '5' ? () => rate(wall, wall.chosen, wall.criterion, Number(digit[2])) : undefined;
  if (digit && !shift && digit[2] !== '0') {
    const clip = clock.clips[Number(digit[2]) - 1];
    return clip ? () => choose(wall, clip.id) : undefined;
  }
  const second = Math.max(1, Math.round(fpsOf(clock)));
  return {
    ' ': () => toggle(clock),
    ArrowLeft: () => stepBy(clock, shift ? -second : -1),
    ArrowRight: () => stepBy(clock, shift ? second : 1),
    ',': () => stepBy(clock, -1),
    '.': () => stepBy(clock, 1),
    Home: () => seek(clock, 0),
    End: () => bring(clock, middleOf(clock, lastFrame(clock)), false),
    j: () => changeSpeed(clock, -1),
    k: () => setSpeed(clock, 1),
    l: () => changeSpeed(clock, 1),
    L: () => {
      clock.looping = !clock.looping;
      clock.changed();
    },
    m: () => sound(wall, wall.clips.get(wall.chosen)),
    w: () => setWipe(wall, !wall.wipe.on),
    '[': () => setCut(wall, wall.wipe.cut - 2),
    ']': () => setCut(wall, wall.wipe.cut + 2),
    i: () => markLoop(clock, 'start'),
    o: () => markLoop(clock, 'end'),
    x: () => markLoop(clock, ''),
    h: () => setShort(clock, clock.short === 'hold' ? 'loop' : 'hold'),
    b: () => {
      if (wall.chosen !== wall.data.base) send(wall, { kind: 'base', id: wall.chosen });
    },
    n: () => newNote(wall),
    s: () => nextCriterion(wall),
    f: () => fullScreen(wall),
    '?': () => help(wall),
  }[event.key];
}

function pressed(wall, event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.composedPath()[0];
  if (target.matches && target.matches('input, textarea, select, [contenteditable]')) return;
  if (wall.els.help.open && event.key !== '?') return;
  if ([' ', 'Enter'].includes(event.key) && target.closest && target.closest('button, a, summary')) return;
  const act = meaning(wall, event);
  if (!act) return;
  act();
  event.preventDefault();
  event.stopImmediatePropagation();
}

// Keys count inside the wall, and on the bare page; never while something else of the page has the focus.
function listen(wall) {
  const { section } = wall.els;
  section.addEventListener('keydown', (event) => {
    pressed(wall, event);
    event.stopPropagation();
  });
  wall.onPage = (event) => {
    if (!wall.root.isConnected) {
      dispose(wall);
      return;
    }
    const target = event.target;
    const bare =
      target === document.body ||
      target === document.documentElement ||
      /^st(Main|App)/u.test((target.dataset && target.dataset.testid) || '');
    if (bare) pressed(wall, event);
  };
  document.addEventListener('keydown', wall.onPage);
  section.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (event.detail > 0 && button && wall.root.activeElement === button) home(wall); // so that Space plays again
  });
  wall.els.divider.onkeydown = (event) => {
    const step = {
      ArrowLeft: -2,
      ArrowDown: -2,
      ArrowRight: 2,
      ArrowUp: 2,
      PageUp: 10,
      PageDown: -10,
      Home: -100,
      End: 100,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setCut(wall, wall.wipe.cut + step);
  };
  wall.els.arena.onpointerdown = (event) => {
    const held = event.target.closest('.frame, .divider');
    if (wall.wipe.on && held && !event.target.closest('button')) {
      event.preventDefault();
      dragDivider(wall, event);
    }
  };
  wall.els.stage.addEventListener('scroll', () => {
    clearTimeout(wall.scrolled);
    wall.scrolled = setTimeout(() => swiped(wall), 90);
  });
  wall.sized = new ResizeObserver(() => {
    layout(wall);
    showColumn(wall);
  });
  wall.sized.observe(section);
  wall.onResize = () => layout(wall);
  window.addEventListener('resize', wall.onResize);
}
