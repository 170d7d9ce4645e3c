'use strict';
// The report works without any script: its players are plain elements. With scripts one clip plays at a time, side by side clips play
// together, a clip that is not there says so, nothing is painted over a printed picture, and the slides can be shown.

function watchPlayers() {
  document.addEventListener(
    'play',
    (event) => {
      const group = event.target.closest('.cards.playing');
      for (const video of document.querySelectorAll('video[data-clip]')) {
        if (video !== event.target && (!group || !group.contains(video))) video.pause();
      }
    },
    true,
  );
  document.addEventListener(
    'error',
    (event) => {
      if (event.target.matches('video[data-clip]')) event.target.nextElementSibling.hidden = false;
    },
    true,
  );
}

function addTogether(cards) {
  const videos = [...cards.querySelectorAll('video')];
  const name = videos.length === 2 ? 'Play both' : 'Play all';
  const button = el('button', 'together', name);
  let clock = null;
  const stop = () => {
    if (clock) clock.stop();
    clock = null;
    cards.classList.remove('playing');
    button.textContent = name;
  };
  button.type = 'button';
  button.addEventListener('click', () => {
    if (clock) {
      stop();
      return;
    }
    cards.classList.add('playing');
    clock = playTogether(videos);
    for (const video of videos) video.currentTime = 0;
    clock.play();
    button.textContent = 'Stop';
  });
  document.addEventListener(
    'play',
    (event) => {
      if (clock && !cards.contains(event.target)) stop();
    },
    true,
  );
  cards.before(button);
}

function watchPrinter() {
  const players = () => document.querySelectorAll('video[data-clip]');
  addEventListener('beforeprint', () => {
    for (const video of players()) {
      video.pause();
      video.controls = false;
    }
  });
  addEventListener('afterprint', () => {
    for (const video of players()) video.controls = true;
  });
}

function start() {
  const show = JSON.parse(document.getElementById('show').textContent);
  watchPlayers();
  watchPrinter();
  for (const cards of document.querySelectorAll('.cards[data-together]')) addTogether(cards);
  const button = document.getElementById('present');
  if (!button) return;
  const presenter = makePresenter(show, readSources(), document.getElementById('report'));
  button.parentElement.hidden = false;
  button.addEventListener('click', () => presenter.open(1, { full: true }));
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'f' || event.ctrlKey || event.metaKey || event.altKey || presenter.isOpen()) return;
    event.preventDefault();
    presenter.open(1, { full: true });
  });
  const asked = Number(new URLSearchParams(location.search).get('slide'));
  if (asked >= 1) presenter.open(asked, { full: false });
}

start();
