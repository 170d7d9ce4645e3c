// What the slide show's clock and deck do with clips and slides of a test.

globalThis.setInterval = (step) => test.timers.push(step);
globalThis.clearInterval = (number) => {
  test.timers[number - 1] = null;
};
const tickAll = () => test.timers.forEach((step) => step?.());

function together(durations) {
  const videos = durations.map((duration) => new TestClip({ duration }));
  return { videos, clock: playTogether(videos) };
}

// The speed, and the seeks, of a clip that is `behind_s` behind the longest one, which is at `lead_s`.
function bent(behind_s, lead_s, rate) {
  const { videos, clock } = together([5, 4]);
  clock.play();
  const [lead, video] = videos;
  [lead.at_s, video.at_s, lead.playbackRate] = [lead_s, lead_s - behind_s, rate];
  tickAll();
  const found = { seeks: video.seeks, rate: Math.round(video.playbackRate * 1000) / 1000 };
  clock.stop();
  return { ...found, afterwards: video.playbackRate };
}

function endedOf(which, isGoing) {
  const { videos, clock } = together([3, 5, 4]);
  if (isGoing) clock.play();
  for (const video of videos) video.at_s = 2;
  videos[which].dispatchEvent(new Event('ended'));
  const found = { places: videos.map((video) => video.at_s), paused: videos.map((video) => video.paused) };
  clock.stop();
  return found;
}

function stoppedForGood() {
  const { videos, clock } = together([3, 5]);
  clock.play();
  clock.stop();
  [videos[0].at_s, videos[1].at_s] = [1, 2];
  videos[1].dispatchEvent(new Event('ended'));
  tickAll();
  return videos.map((video) => [video.at_s, video.paused, video.playbackRate, video.loop]);
}

function alone() {
  const { videos, clock } = together([3]);
  const timers = test.timers.filter(Boolean).length;
  const seen = [videos[0].loop, clock.isGoing()];
  clock.toggle();
  seen.push(clock.isGoing(), videos[0].paused);
  clock.toggle();
  seen.push(clock.isGoing(), videos[0].paused);
  clock.stop();
  return { seen, timers, loop: videos[0].loop };
}

// -- the deck --------------------------------------------------------------------------------------------------------------

// The browser draws meanwhile; what never comes is the test's failure.
async function came(isThere) {
  for (let frame = 0; frame < 1000 && !isThere(); frame += 1) await new Promise(requestAnimationFrame);
}

const words = (count) =>
  Array.from({ length: count }, (_, at) => ({
    layout: 'title',
    heading: `Slide ${at}`,
    caption: '',
    text: [],
    clips: [],
  }));

function showOf(slides, clips = {}) {
  return {
    title: 'A show',
    mode: 'simulated',
    mark: 'SIMULATED',
    slides,
    clips,
    decision: null,
    votes: null,
    cost: null,
    grid: null,
  };
}

function deckOf(show, sources = new Map()) {
  const layer = document.createElement('div');
  document.body.replaceChildren(layer);
  const told = { requested: [], shown: [] };
  const deck = makeDeck(show, sources, layer, {
    onRequest: (index) => told.requested.push(index),
    onShown: (index) => told.shown.push(index),
  });
  const built = () => [...layer.children].map((box) => Number(/\d+/u.exec(box.textContent)[0])).sort((a, b) => a - b);
  const on = () => [...layer.querySelectorAll('.on')].map((box) => box.textContent);
  return { deck, layer, told, built, on };
}

async function went(count, asked) {
  const { deck, layer, told, built, on } = deckOf(showOf(words(count)));
  for (const index of asked) await deck.goTo(index);
  return { index: deck.index(), data: Number(layer.dataset.slide), built: built(), on: on(), ...told };
}

// All asked for at once: an earlier change that is done later must not win.
async function wentAtOnce(count, asked) {
  const { deck, told, built, on } = deckOf(showOf(words(count)));
  await Promise.all(asked.map((index) => deck.goTo(index)));
  return { index: deck.index(), shown: told.shown, built: built(), on: on(), isChanging: deck.isChanging() };
}

async function rebuilt() {
  const { deck, layer, built } = deckOf(showOf(words(5)));
  deck.rebuild();
  const before = built();
  await deck.goTo(3);
  const box = layer.querySelector('.on');
  deck.rebuild();
  await came(() => layer.dataset.slide);
  const after = { built: built(), same: layer.querySelector('.on') === box, slide: layer.dataset.slide };
  deck.clear();
  return { before, after, cleared: [built(), layer.dataset.slide ?? null, deck.clock()] };
}

// The order in which clips are fetched from slide `at`; those in `broken` cannot be fetched, `count` of all are wanted.
async function fetched(clipsOfSlides, at, broken, count) {
  const asked = [];
  globalThis.fetch = (address) => {
    asked.push(address.split('/').pop());
    return Promise.resolve(
      new Response('clip', { status: broken.includes(asked.at(-1)) ? 404 : 200, headers: { 'content-length': 4 } }),
    );
  };
  const keys = [...new Set(clipsOfSlides.flat())];
  const clips = Object.fromEntries(keys.map((key) => [key, { label: key, width_px: 16, height_px: 9, settings: [] }]));
  const sources = new Map(
    keys.map((key) => [key, { src: `http://show.test/${key}`, poster: '', blob: '', address: () => '' }]),
  );
  const slides = clipsOfSlides.map((own, number) => ({
    layout: 'clips',
    heading: `${number}`,
    caption: '',
    text: [],
    clips: own,
  }));
  const { deck, layer } = deckOf(showOf(slides, clips), sources);
  await deck.goTo(at);
  const kept = () => Number(layer.dataset.kept || 0);
  await came(() => kept() + broken.length === count);
  await settle();
  return { asked, kept: kept() };
}
