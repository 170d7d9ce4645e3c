'use strict';
// The slide show as a person uses it: a layer over the report with a bar of buttons, keys, swipes, full screen and a settings panel.
// Which slide is on screen, and how it changes, is the deck's.

const DIGIT_MS = 900;
const IDLE_MS = 2500;
const SWIPE_PX = 50;
const ICONS = {
  previous: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  fullscreen: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  close: 'M6 6l12 12M18 6L6 18',
};
const KEYS = {
  ArrowRight: 'next',
  ArrowDown: 'next',
  PageDown: 'next',
  n: 'next',
  ArrowLeft: 'previous',
  ArrowUp: 'previous',
  PageUp: 'previous',
  Backspace: 'previous',
  p: 'previous',
  Home: 'first',
  End: 'last',
  ' ': 'pause',
  '.': 'black',
  b: 'black',
  f: 'fullscreen',
  F5: 'fullscreen',
  i: 'settings',
  c: 'captions',
  Enter: 'enter',
  Escape: 'close',
};

function buildIcon(icon) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', icon);
  svg.append(path);
  return svg;
}

// The bar's buttons by their action; a press calls `act(action)`.
function buildBar(position, act) {
  const bar = el('div', 'bar');
  const buttons = {};

  function add(action, name, text, wide) {
    const button = el('button', wide ? 'wide' : '', text);
    button.type = 'button';
    if (ICONS[action]) {
      button.append(buildIcon(ICONS[action]));
      button.setAttribute('aria-label', name);
    }
    button.title = name;
    button.addEventListener('click', () => act(action));
    bar.append(button);
    buttons[action] = button;
  }

  add('previous', 'Previous slide');
  bar.append(position);
  add('next', 'Next slide');
  add('captions', 'Captions (c)', 'Captions', true);
  add('settings', 'Settings (i)', 'Settings');
  add('fullscreen', 'Full screen (f)');
  add('close', 'Leave the slides (Esc)');
  buttons.captions.setAttribute('aria-pressed', 'true');
  buttons.settings.setAttribute('aria-pressed', 'false');
  return { bar, buttons };
}

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

// `report` is inert while the slides are open.
function makePresenter(show, sources, report) {
  const count = show.slides.length;
  const stage = el('div', 'stage');
  const panel = el('aside', 'panel');
  const black = el('div', 'black');
  const position = el('p', 'place');
  const announcer = el('p', 'sr');
  const { bar, buttons } = buildBar(position, act);
  let digits = '';
  let digitTimer = 0;
  let idleTimer = 0;
  let wakeLock = null;
  let isFullscreenWanted = false;
  let wasPlaying = false;

  stage.tabIndex = -1;
  stage.hidden = panel.hidden = black.hidden = true;
  stage.setAttribute('role', 'region');
  stage.setAttribute('aria-roledescription', 'slide show');
  stage.setAttribute('aria-label', show.title);
  panel.setAttribute('aria-label', 'Settings');
  panel.tabIndex = 0;
  position.setAttribute('aria-hidden', 'true');
  announcer.setAttribute('aria-live', 'polite');
  stage.append(el('span', 'mark', show.mark), panel, bar, announcer, black);
  document.body.append(stage);

  const deck = makeDeck(show, sources, stage, {
    onRequest: showPosition,
    onShown(index) {
      buttons.previous.disabled = index === 0;
      buttons.next.disabled = index === count - 1;
      announcer.textContent = `Slide ${index + 1} of ${count}: ${nameOf(show, show.slides[index])}`;
      if (!panel.hidden) fillPanel();
      keepAddress(index + 1);
    },
  });

  function showPosition() {
    position.textContent = `${deck.index() + 1} / ${count}`;
  }

  function fillPanel() {
    panel.replaceChildren(buildSettings(show, show.slides[deck.index()]));
    panel.scrollTop = 0;
  }

  // The bar goes away while nobody moves.
  function wake() {
    stage.classList.remove('idle');
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => stage.classList.add('idle'), IDLE_MS);
  }

  // -- actions ---------------------------------------------------------------------------------------------------------------

  function act(action) {
    if (action !== 'black' && !black.hidden) setBlack(false);
    if (action === 'next') deck.goTo(deck.index() + 1);
    else if (action === 'previous') deck.goTo(deck.index() - 1);
    else if (action === 'first') deck.goTo(0);
    else if (action === 'last') deck.goTo(count - 1);
    else if (action === 'pause') deck.clock()?.toggle();
    else if (action === 'black') setBlack(black.hidden);
    else if (action === 'fullscreen') toggleFullscreen();
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
      wasPlaying = Boolean(deck.clock()?.isGoing());
      deck.clock()?.pause();
    } else if (wasPlaying) {
      deck.clock()?.play();
    }
  }

  // -- keys: a number is typed digit by digit and obeyed once no further digit comes -------------------------------------------

  function jump() {
    clearTimeout(digitTimer);
    const number = Number(digits);
    digits = '';
    showPosition();
    if (number) deck.goTo(number - 1);
  }

  function typeDigit(digit) {
    digits = (digits + digit).slice(-4);
    position.textContent = `${digits} …`;
    clearTimeout(digitTimer);
    wake();
    if (Number(digits) * 10 > count) jump();
    else digitTimer = setTimeout(jump, DIGIT_MS);
  }

  // A held key leads on through the slides, each after the one before is there; it repeats nothing else.
  function isIgnoredRepeat(event, action) {
    return event.repeat && (deck.isChanging() || (action !== 'next' && action !== 'previous'));
  }

  function onKey(event) {
    if (stage.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Tab') wake();
    const isOnButton = event.target instanceof HTMLButtonElement;
    const isDigit = /^[0-9]$/u.test(event.key);
    const action = KEYS[event.key];
    if (isOnButton && (event.key === ' ' || event.key === 'Enter')) return;
    if (event.target === panel && event.key.startsWith('Arrow')) return;
    if (!action && !isDigit) return;
    event.preventDefault();
    event.stopPropagation();
    if (isDigit) {
      typeDigit(event.key);
    } else if (!isIgnoredRepeat(event, action)) {
      if (action === 'enter' && digits) jump();
      else act(action === 'enter' ? 'next' : action);
    }
  }

  // -- mouse and touch -------------------------------------------------------------------------------------------------------

  let down = null;
  function onDown(event) {
    wake();
    down = event.target.closest('.bar, .panel') || event.button ? null : { x: event.clientX, y: event.clientY };
  }

  function onUp(event) {
    if (!down) return;
    const right = event.clientX - down.x;
    const isSwipe = Math.abs(right) > SWIPE_PX && Math.abs(right) > Math.abs(event.clientY - down.y);
    down = null;
    if (isSwipe) act(right < 0 ? 'next' : 'previous');
    else if (event.pointerType === 'mouse') act('next');
    else if (!black.hidden) setBlack(false);
  }

  // -- open, full screen, close ----------------------------------------------------------------------------------------------

  async function stayAwake() {
    try {
      wakeLock = await navigator.wakeLock.request('screen');
    } catch {
      /* there is none without https */
    }
  }

  // Phones refuse: the layer fills their window all the same.
  async function enterFullscreen() {
    isFullscreenWanted = true;
    try {
      await stage.requestFullscreen({ navigationUI: 'hide' });
    } catch {
      isFullscreenWanted = false;
    }
    stage.focus({ preventScroll: true });
  }

  function toggleFullscreen() {
    if (!document.fullscreenElement) {
      enterFullscreen();
      return;
    }
    isFullscreenWanted = false;
    document.exitFullscreen();
  }

  // Escape in full screen reaches the browser only: it is the end of the show.
  function onFullscreenChange() {
    if (!document.fullscreenElement && isFullscreenWanted) close();
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
    if (full) enterFullscreen();
    else stage.focus({ preventScroll: true });
    stayAwake();
    wake();
    deck.goTo(number - 1);
  }

  function close() {
    if (stage.hidden) return;
    const number = deck.index() + 1;
    isFullscreenWanted = false;
    const left = document.fullscreenElement ? document.exitFullscreen().catch(() => {}) : Promise.resolve();
    deck.clear();
    stage.hidden = panel.hidden = black.hidden = true;
    buttons.settings.setAttribute('aria-pressed', 'false');
    if (wakeLock) wakeLock.release();
    wakeLock = null;
    report.inert = false;
    document.documentElement.style.overflow = '';
    keepAddress(0);
    left.then(() => document.getElementById('present').focus({ preventScroll: true }));
    const section = document.getElementById(`slide-${number}`);
    if (section) section.scrollIntoView({ behavior: 'instant' });
    else scrollTo({ top: 0, behavior: 'instant' });
  }

  document.addEventListener('keydown', onKey, true);
  document.addEventListener('fullscreenchange', onFullscreenChange);
  document.addEventListener('visibilitychange', onVisible);
  stage.addEventListener('pointermove', wake);
  stage.addEventListener('focusin', wake);
  stage.addEventListener('pointerdown', onDown);
  stage.addEventListener('pointerup', onUp);
  stage.addEventListener('pointercancel', () => {
    down = null;
  });
  matchMedia('(orientation: portrait)').addEventListener('change', deck.rebuild);
  return { open, isOpen: () => !stage.hidden };
}
