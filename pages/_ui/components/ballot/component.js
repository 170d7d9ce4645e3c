const boxes = new WeakMap();
const KEYS = {
  1: 'left',
  a: 'left',
  ArrowLeft: 'left',
  2: 'right',
  b: 'right',
  ArrowRight: 'right',
  0: 'tie',
  t: 'tie',
  x: 'bad',
  s: 'skip',
  e: 'end',
};
const WHY_KEYS = ['5', '6', '7'];
const SAID = {
  left: 'Noted: A.',
  right: 'Noted: B.',
  tie: 'Noted: a tie.',
  bad: 'Noted: both bad.',
  skip: 'Skipped.',
  undo: 'Taken back.',
  end: 'Ending the round.',
};
const UNLOCK_MS = 6000;

function whyButton(why, index) {
  const button = part('button', 'why', `${why} `);
  button.type = 'button';
  button.dataset.why = why;
  button.setAttribute('aria-pressed', 'false');
  button.append(part('kbd', '', WHY_KEYS[index]));
  return button;
}

function newBox(root, whys) {
  const box = { root, pair: '', locked: true, drawn: -1, stop: 0, timer: 0 };
  box.clock = newClock(() => showPlay(box));
  box.clock.clips = [...root.querySelectorAll('.side')].map((side) => ({
    video: side.querySelector('video'),
    says: side.querySelector('.says'),
    state: 'loading',
    fps: 24,
    duration: 0,
    from: 0,
  }));
  box.votes = [...root.querySelectorAll('[data-vote]')];
  box.whys = whys.map(whyButton);
  root.querySelector('.whys').append(...box.whys);
  box.undo = root.querySelector('.undo');
  box.playing = root.querySelector('.play');
  box.count = root.querySelector('.count');
  box.stop_line = root.querySelector('.stop');
  box.finish = root.querySelector('.finish');
  return box;
}

function showPlay(box) {
  const words = isPlaying(box.clock) ? 'Pause' : 'Play';
  if (box.playing.firstChild.textContent !== words) box.playing.firstChild.textContent = words;
}

function lock(box, locked) {
  box.locked = locked;
  const broken = box.clock.clips.some((clip) => clip.state === 'failed');
  for (const button of box.votes) {
    button.setAttribute('aria-disabled', String(locked || (broken && button.dataset.vote !== 'skip')));
  }
  box.undo.setAttribute('aria-disabled', String(locked || !box.data.undo));
}

// What is the same for both clips, and how far the votes are: at the stop the way to the result is the primary button.
function tell(box) {
  const { data, root } = box;
  for (const mark of root.querySelectorAll('.mark')) {
    mark.textContent = data.mark;
    mark.hidden = !data.mark;
  }
  root.querySelector('.prompt').hidden = !data.prompt;
  root.querySelector('.prompt-text').textContent = data.prompt;
  root.classList.toggle('stopped', Boolean(data.stop));
  box.stop_line.hidden = !data.stop;
  box.stop_line.querySelector('.why-stop').textContent = data.stop;
  box.finish.firstChild.textContent = data.finish;
}

function chosen(box) {
  return box.whys
    .filter((button) => button.getAttribute('aria-pressed') === 'true')
    .map((button) => button.dataset.why);
}

function send(box, vote) {
  const others = { undo: box.undo, end: box.finish };
  const button = others[vote] || box.votes.find((one) => one.dataset.vote === vote);
  if (button.getAttribute('aria-disabled') === 'true' || (vote === 'end' && !box.data.stop)) return;
  lock(box, true);
  button.classList.add('pressed');
  box.count.textContent = SAID[vote];
  box.set('vote', { vote, whys: others[vote] ? [] : chosen(box), pair: box.pair, number: box.data.number });
  clearTimeout(box.timer);
  box.timer = setTimeout(() => {
    if (box.locked && box.pair === box.data.pair) settle(box);
  }, UNLOCK_MS);
}

function settle(box) {
  for (const button of [...box.votes, box.undo, box.finish]) button.classList.remove('pressed');
  box.count.textContent = box.data.count;
  const known = box.clock.clips.every((clip) => clip.state !== 'loading');
  lock(box, !known);
}

function whenKnown(box) {
  if (!box.clock.clips.every((clip) => clip.state !== 'loading')) return;
  const shapes = box.clock.clips.map((clip) => clip.video).filter((video) => video.videoWidth);
  const ratio = Math.min(...shapes.map((video) => video.videoWidth / video.videoHeight), 4);
  box.root.style.setProperty('--ratio', String(ratio));
  settle(box);
  if (!matchMedia('(prefers-reduced-motion: reduce)').matches) play(box.clock);
}

function load(box, clip, src) {
  clip.state = 'loading';
  clip.duration = 0;
  clip.says.textContent = 'Loading';
  const { video } = clip;
  video.onloadeddata = () => {
    clip.duration = video.duration;
    clip.state = 'ready';
    clip.says.textContent = '';
    whenKnown(box);
  };
  video.onerror = () => {
    clip.state = 'failed';
    clip.says.textContent = 'This clip cannot be played here. Skip the pair.';
    whenKnown(box);
  };
  video.src = src;
}

function press(box, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === 'c' || key === 'r') {
    event.stopPropagation();
    return;
  } // Streamlit would clear caches or run again
  const on = event.target.closest('button');
  const why = WHY_KEYS.indexOf(key);
  if (KEYS[key] && !event.repeat) send(box, KEYS[key]);
  else if (why >= 0) box.whys[why].click();
  else if (key === 'u' && !event.repeat) send(box, 'undo');
  else if (key === ' ' && !on) toggle(box.clock);
  else if (key === 'p') toggle(box.clock);
  else if (key === ',') stepBy(box.clock, -1);
  else if (key === '.') stepBy(box.clock, 1);
  else if (!KEYS[key]) return;
  event.preventDefault();
  event.stopPropagation();
}

function wire(box) {
  for (const button of box.votes) button.onclick = () => send(box, button.dataset.vote);
  for (const button of box.whys) {
    button.onclick = () => button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
  }
  box.undo.onclick = () => send(box, 'undo');
  box.finish.onclick = () => send(box, 'end');
  box.playing.onclick = () => toggle(box.clock);
  box.root.onkeydown = (event) => press(box, event);
  const look = () => {
    tick(box.clock);
    box.stop = requestAnimationFrame(look);
  };
  box.stop = requestAnimationFrame(look);
  box.root.focus({ preventScroll: true });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.ballot');
  let box = boxes.get(root);
  if (!box) {
    box = newBox(root, data.whys);
    boxes.set(root, box);
    box.data = data;
    wire(box);
  }
  box.data = data;
  box.set = setTriggerValue;
  tell(box);
  if (box.pair !== data.pair) {
    box.pair = data.pair;
    bring(box.clock, 0, false);
    lock(box, true);
    for (const button of box.whys) button.setAttribute('aria-pressed', 'false');
    box.clock.clips.forEach((clip, index) => load(box, clip, index ? data.right : data.left));
    box.count.textContent = data.count;
    for (const button of [...box.votes, box.undo, box.finish]) button.classList.remove('pressed');
  } else if (box.drawn !== data.number) {
    settle(box);
  }
  box.drawn = data.number;
  return () => {
    if (parentElement.isConnected) return;
    cancelAnimationFrame(box.stop);
    clearTimeout(box.timer);
    boxes.delete(root);
    for (const { video } of box.clock.clips) {
      video.onloadeddata = video.onerror = null;
      video.removeAttribute('src');
      video.load();
    }
  };
}
