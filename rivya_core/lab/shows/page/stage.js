'use strict';
// The slide show. The slides beside the one on screen are made ready; a change shows the new slide clear over the old one until
// its pictures are drawn, and only then takes the old one away.

const PICTURE_MS = 600; // the longest a change waits for a picture
const POSTER_MS = 400;
const DIGIT_MS = 900;
const IDLE_MS = 2500;
const SWIPE_PX = 50;
const ICONS = {
  back: 'M15 5l-7 7 7 7',
  on: 'M9 5l7 7-7 7',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  close: 'M6 6l12 12M18 6L6 18',
};
const KEYS = {
  ArrowRight: 'on',
  ArrowDown: 'on',
  PageDown: 'on',
  n: 'on',
  ArrowLeft: 'back',
  ArrowUp: 'back',
  PageUp: 'back',
  Backspace: 'back',
  p: 'back',
  Home: 'first',
  End: 'last',
  ' ': 'pause',
  '.': 'black',
  b: 'black',
  f: 'full',
  F5: 'full',
  i: 'settings',
  c: 'captions',
  Enter: 'enter',
  Escape: 'close',
};

const within = (promise, limit_ms) =>
  Promise.race([
    promise,
    new Promise((done) => {
      setTimeout(done, limit_ms);
    }),
  ]);
const twoFrames = () =>
  new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(done));
  });
const framePainted = (video) =>
  new Promise((done) => {
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(done);
    else done();
  });
const hasPicture = (video) => video.readyState >= 2 || Boolean(video.error);

function posterDrawn(video) {
  const image = new Image();
  image.src = video.poster;
  return image.decode().catch(() => {});
}

function makeStage(show, sources, report) {
  const count = show.slides.length;
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  const stage = el('div', 'stage');
  const panel = el('aside', 'panel');
  const black = el('div', 'black');
  const made = new Map();
  let at = 0;
  let shown = null;
  let turn = 0;
  let isChanging = false;
  let clock = null;
  let digits = '';
  let digitTimer = 0;
  let idleTimer = 0;
  let lock = null;
  let isFullWanted = false;
  let wasGoing = false;

  stage.tabIndex = -1;
  stage.hidden = panel.hidden = black.hidden = true;
  stage.setAttribute('role', 'region');
  stage.setAttribute('aria-roledescription', 'slide show');
  stage.setAttribute('aria-label', show.title);
  panel.setAttribute('aria-label', 'Settings');
  panel.tabIndex = 0;

  // -- the bar ---------------------------------------------------------------------------------------------------------------

  const bar = el('div', 'bar');
  const place = el('p', 'place');
  const said = el('p', 'sr');
  place.setAttribute('aria-hidden', 'true');
  said.setAttribute('aria-live', 'polite');
  const buttons = {};

  function addButton(action, name, { icon, text, wide }) {
    const button = el('button', wide ? 'wide' : '', text);
    button.type = 'button';
    if (icon) {
      const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      svg.setAttribute('viewBox', '0 0 24 24');
      svg.setAttribute('aria-hidden', 'true');
      path.setAttribute('d', icon);
      svg.append(path);
      button.append(svg);
      button.setAttribute('aria-label', name);
    }
    button.title = name;
    button.addEventListener('click', () => act(action));
    bar.append(button);
    buttons[action] = button;
  }

  addButton('back', 'Previous slide', { icon: ICONS.back });
  bar.append(place);
  addButton('on', 'Next slide', { icon: ICONS.on });
  addButton('captions', 'Captions (c)', { text: 'Captions', wide: true });
  addButton('settings', 'Settings (i)', { text: 'Settings' });
  addButton('full', 'Full screen (f)', { icon: ICONS.full });
  addButton('close', 'Leave the slides (Esc)', { icon: ICONS.close });
  buttons.captions.setAttribute('aria-pressed', 'true');
  buttons.settings.setAttribute('aria-pressed', 'false');
  stage.append(el('span', 'mark', markOf(show)), panel, bar, said, black);
  document.body.append(stage);

  function wake() {
    stage.classList.remove('idle');
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => stage.classList.add('idle'), IDLE_MS);
  }

  // -- slides ----------------------------------------------------------------------------------------------------------------

  const near = (index) => [index, index + 1, index - 1].filter((one) => one >= 0 && one < count);

  function nearestClips() {
    const order = [...Array(count).keys()].sort(
      (one, other) => Math.abs(one - at) - Math.abs(other - at) || other - one,
    );
    return order.flatMap((index) => (show.slides[index].clips.length > PLAYERS_MAX ? [] : show.slides[index].clips));
  }

  // A slide that waits takes the whole clip at once; the one on screen keeps playing and takes it when its own source fails.
  const keepOn = keepClips(sources, nearestClips, (key) => {
    stage.dataset.kept = [...sources.values()].filter((source) => source.blob).length;
    for (const slide of made.values()) {
      for (const video of slide.players) {
        if (video.dataset.key === key && (slide !== shown || video.error) && slide.index !== at)
          video.src = sources.get(key).blob;
      }
    }
  });

  function rescue(event) {
    const source = sources.get(event.target.dataset.key);
    if (!source.blob || event.target.src === source.blob) return;
    event.target.src = source.blob;
    if (clock && clock.isGoing()) event.target.play().catch(() => {});
  }

  function make(index) {
    if (!made.has(index)) {
      const slide = buildSlide(show, index, sources);
      for (const video of slide.players) video.addEventListener('error', rescue);
      stage.insertBefore(slide.box, stage.firstChild);
      made.set(index, slide);
    }
    return made.get(index);
  }

  function drop(index) {
    const { box, players } = made.get(index);
    made.delete(index);
    for (const video of players) {
      video.removeEventListener('error', rescue);
      video.pause();
      video.removeAttribute('src');
      video.load();
    }
    box.remove();
  }

  async function pictures(slide, next) {
    if (!slide.players.length) return;
    if (!slide.players.every(hasPicture)) {
      await within(Promise.all(slide.players.map(posterDrawn)), POSTER_MS);
      slide.box.classList.add('over');
      if (!calm.matches) next.play();
      return;
    }
    const painted = Promise.all(slide.players.map((video) => (video.error ? null : framePainted(video))));
    slide.box.classList.add('over');
    if (calm.matches) await twoFrames();
    else next.play();
    await within(painted, calm.matches ? 0 : PICTURE_MS);
  }

  async function go(index) {
    const to = Math.max(0, Math.min(count - 1, index));
    if (shown && to === at && (isChanging || to === shown.index)) return;
    const mine = ++turn;
    const slide = make(to);
    const next = playTogether(slide.players);
    at = to;
    isChanging = true;
    place.textContent = `${to + 1} / ${count}`;
    for (const video of slide.players) if (video.currentTime > 0) video.currentTime = 0;
    await pictures(slide, next);
    await twoFrames();
    if (mine !== turn) {
      // overtaken by a later change
      next.stop();
      if (slide.index !== at) slide.box.classList.remove('over');
      return;
    }
    swap(slide, next);
    isChanging = false;
    for (const one of near(to)) make(one);
    for (const one of [...made.keys()]) if (!near(to).includes(one)) drop(one);
    keepOn();
  }

  function swap(slide, next) {
    for (const { box } of made.values()) box.classList.remove('over');
    if (clock) clock.stop();
    if (shown && shown !== slide) {
      shown.box.classList.remove('on');
      shown.box.setAttribute('aria-hidden', 'true');
      for (const video of shown.players) if (video.currentTime > 0) video.currentTime = 0;
    }
    slide.box.classList.add('on');
    slide.box.removeAttribute('aria-hidden');
    shown = slide;
    clock = next;
    stage.dataset.slide = slide.index + 1;
    buttons.back.disabled = slide.index === 0;
    buttons.on.disabled = slide.index === count - 1;
    said.textContent = `Slide ${slide.index + 1} of ${count}: ${nameOf(show, show.slides[slide.index])}`;
    if (!panel.hidden) fillPanel();
    keepAddress(slide.index + 1);
  }

  function fillPanel() {
    panel.replaceChildren(buildSettings(show, show.slides[at]));
    panel.scrollTop = 0;
  }

  // -- what a person does ----------------------------------------------------------------------------------------------------

  function act(action) {
    if (action !== 'black' && !black.hidden) setBlack(false);
    if (action === 'on') go(at + 1);
    else if (action === 'back') go(at - 1);
    else if (action === 'first') go(0);
    else if (action === 'last') go(count - 1);
    else if (action === 'pause' && clock) clock.toggle();
    else if (action === 'black') setBlack(black.hidden);
    else if (action === 'full') document.fullscreenElement ? leaveFull() : fill();
    else if (action === 'close') close();
    else if (action === 'captions') {
      buttons.captions.setAttribute('aria-pressed', String(!stage.classList.toggle('plain')));
    } else if (action === 'settings') {
      panel.hidden = !panel.hidden;
      buttons.settings.setAttribute('aria-pressed', String(!panel.hidden));
      if (!panel.hidden) fillPanel();
    }
  }

  function setBlack(isBlack) {
    black.hidden = !isBlack;
    if (isBlack) {
      wasGoing = Boolean(clock && clock.isGoing());
      if (clock) clock.pause();
    } else if (clock && wasGoing) {
      clock.play();
    }
  }

  function jump() {
    clearTimeout(digitTimer);
    const number = Number(digits);
    digits = '';
    place.textContent = `${at + 1} / ${count}`;
    if (number) go(number - 1);
  }

  function typeDigit(digit) {
    digits = (digits + digit).slice(-4);
    place.textContent = `${digits} …`;
    clearTimeout(digitTimer);
    wake();
    if (Number(digits) * 10 > count) jump();
    else digitTimer = setTimeout(jump, DIGIT_MS);
  }

  function onKey(event) {
    if (stage.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Tab') wake();
    const isOnButton = event.target instanceof HTMLButtonElement;
    const isDigit = /^[0-9]$/.test(event.key);
    const action = KEYS[event.key];
    if (isOnButton && (event.key === ' ' || event.key === 'Enter')) return;
    if (event.target === panel && event.key.startsWith('Arrow')) return;
    if (!action && !isDigit) return;
    event.preventDefault();
    event.stopPropagation();
    if (isDigit) typeDigit(event.key);
    else if (event.repeat && (isChanging || (action !== 'on' && action !== 'back'))) return; // a held key does not queue
    else if (action === 'enter' && digits) jump();
    else act(action === 'enter' ? 'on' : action);
  }

  let down = null;
  function onDown(event) {
    wake();
    down = event.target.closest('.bar, .panel') || event.button ? null : { x: event.clientX, y: event.clientY };
  }

  function onUp(event) {
    if (!down) return;
    const right = event.clientX - down.x;
    const far = Math.abs(right) > SWIPE_PX && Math.abs(right) > Math.abs(event.clientY - down.y);
    down = null;
    if (far) act(right < 0 ? 'on' : 'back');
    else if (event.pointerType === 'mouse') act('on');
    else if (!black.hidden) setBlack(false);
  }

  // A slide was laid out for the window as it was.
  function onTurn() {
    if (!shown) return;
    const index = at;
    turn += 1;
    isChanging = false;
    if (clock) clock.stop();
    for (const one of [...made.keys()]) drop(one);
    shown = clock = null;
    delete stage.dataset.slide;
    go(index);
  }

  // -- open, full screen, close ----------------------------------------------------------------------------------------------

  function keepAddress(number) {
    const url = new URL(location.href);
    if (number) url.searchParams.set('slide', number);
    else url.searchParams.delete('slide');
    try {
      history.replaceState(null, '', url);
    } catch {
      /* some browsers refuse it for files */
    }
  }

  async function stayAwake() {
    try {
      lock = await navigator.wakeLock.request('screen');
    } catch {
      /* there is none without https */
    }
  }

  // Phones refuse: the layer fills their window all the same.
  async function fill() {
    isFullWanted = true;
    try {
      await stage.requestFullscreen({ navigationUI: 'hide' });
    } catch {
      isFullWanted = false;
    }
    stage.focus({ preventScroll: true });
  }

  async function leaveFull() {
    isFullWanted = false;
    await document.exitFullscreen();
  }

  // Escape in full screen reaches the browser only: it is the end of the show.
  function onFullChange() {
    if (!document.fullscreenElement && isFullWanted) close();
  }

  function onVisible() {
    if (!stage.hidden && document.visibilityState === 'visible') stayAwake();
  }

  function open(number, { full }) {
    if (!stage.hidden) return;
    stage.hidden = false;
    report.inert = true;
    document.documentElement.style.overflow = 'hidden';
    for (const video of report.querySelectorAll('video')) video.pause();
    if (full) fill();
    else stage.focus({ preventScroll: true });
    stayAwake();
    wake();
    go(number - 1);
  }

  function close() {
    if (stage.hidden) return;
    const number = at + 1;
    turn += 1;
    isFullWanted = isChanging = false;
    const left = document.fullscreenElement ? document.exitFullscreen().catch(() => {}) : Promise.resolve();
    if (clock) clock.stop();
    for (const one of [...made.keys()]) drop(one);
    shown = clock = null;
    stage.hidden = panel.hidden = black.hidden = true;
    buttons.settings.setAttribute('aria-pressed', 'false');
    delete stage.dataset.slide;
    if (lock) lock.release();
    lock = null;
    report.inert = false;
    document.documentElement.style.overflow = '';
    keepAddress(0);
    left.then(() => document.getElementById('present').focus({ preventScroll: true }));
    const section = document.getElementById(`slide-${number}`);
    if (section) section.scrollIntoView({ behavior: 'instant' });
    else scrollTo({ top: 0, behavior: 'instant' });
  }

  document.addEventListener('keydown', onKey, true);
  document.addEventListener('fullscreenchange', onFullChange);
  document.addEventListener('visibilitychange', onVisible);
  stage.addEventListener('pointermove', wake);
  stage.addEventListener('focusin', wake);
  stage.addEventListener('pointerdown', onDown);
  stage.addEventListener('pointerup', onUp);
  stage.addEventListener('pointercancel', () => {
    down = null;
  });
  matchMedia('(orientation: portrait)').addEventListener('change', onTurn);
  return { open, isOpen: () => !stage.hidden };
}
