// The wall's beginning and end.

const walls = new WeakMap();
const home = (wall) => wall.els.section.focus({ preventScroll: true });

function draw(wall) {
  if (!wall.data || !wall.clock.clips.length) return;
  drawCards(wall);
  drawBar(wall);
  drawChosen(wall);
  drawDifferences(wall);
  drawWipe(wall);
  layout(wall);
  showColumn(wall);
}

function spin(wall) {
  if (wall.spinning) return;
  wall.spinning = true;
  const turn = () => {
    if (!wall.root.isConnected) {
      dispose(wall);
      return;
    }
    tick(wall.clock);
    paint(wall);
    if (wall.clock.mode === 'still' && !wall.clock.busy) wall.spinning = false;
    else requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
}

function begins(wall) {
  const { clock } = wall;
  if (wall.begun || clock.clips.some((clip) => clip.state === 'loading')) return;
  wall.begun = true;
  if (!wall.calm.matches && ready(clock).length && clock.mode === 'still' && !clock.busy && clock.at === 0) play(clock);
}

function build(root) {
  const find = (name) => root.querySelector(`.${name}`);
  const els = {};
  for (const name of ['arena', 'stage', 'divider', 'bar', 'chosen', 'differences', 'help', 'said', 'spoken'])
    els[name] = find(name);
  els.section = find('wall');
  const wall = {
    root,
    els,
    clips: new Map(),
    chosen: null,
    criterion: 'overall',
    pending: [],
    seq: 0,
    told: new Set(),
    uid: crypto.getRandomValues(new Uint32Array(2)).join('-'),
    wipe: { on: false, left: null, right: null, cut: 50 },
    calm: matchMedia('(prefers-reduced-motion: reduce)'),
    author: '',
  };
  try {
    wall.author = localStorage.getItem(STORED_NAME) || '';
  } catch {
    /* no storage: the name lasts as long as the page */
  }
  wall.clock = newClock(() => {
    if (wall.data) {
      drawBar(wall);
      spin(wall);
      begins(wall);
    }
  });
  return wall;
}

function dispose(wall) {
  document.removeEventListener('keydown', wall.onPage);
  window.removeEventListener('resize', wall.onResize);
  if (wall.sized) wall.sized.disconnect();
  clearTimeout(wall.unheard);
  for (const clip of wall.clips.values()) drop(clip);
  wall.clips.clear();
  wall.clock.clips = [];
  wall.clock.next = null;
  wall.clock.mode = 'still';
  walls.delete(wall.root);
}

export default function ({ data, parentElement, setTriggerValue }) {
  let wall = walls.get(parentElement);
  const first = !wall;
  if (first) {
    wall = build(parentElement);
    walls.set(parentElement, wall);
  }
  wall.trigger = setTriggerValue;
  if (first) {
    wall.data = data;
    if (data.person) wall.author = data.person; // who is signed in reviews in no other name
    buildBar(wall);
    buildPanels(wall);
    listen(wall);
  }
  received(wall, data);
  syncCards(wall);
  draw(wall);
  begins(wall);
  return () =>
    setTimeout(() => {
      if (!parentElement.isConnected) dispose(wall);
    }, 0);
}
