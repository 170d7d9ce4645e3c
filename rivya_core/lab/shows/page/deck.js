'use strict';
// The slides on screen and beside it. The neighbours of the slide on screen are built ahead; a change shows the new slide, transparent,
// over the old one until its pictures are drawn, and only then takes the old one away.

const PICTURE_MS = 600; // the longest a change waits for a picture
const POSTER_MS = 400;

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

// `layer` is the element that holds the slides. `onRequest(index)` is called when a change begins, `onShown(index)` when its slide is
// on screen.
function makeDeck(show, sources, layer, { onRequest, onShown }) {
  const count = show.slides.length;
  const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
  const built = new Map();
  let requested = 0;
  let shown = null;
  let clock = null;
  let newestChange = 0;
  let isChanging = false;

  const near = (index) => [index, index + 1, index - 1].filter((one) => one >= 0 && one < count);

  function nearestClips() {
    const distance = (index) => Math.abs(index - requested);
    const order = Array.from({ length: count }, (_, index) => index);
    order.sort((one, other) => distance(one) - distance(other) || other - one);
    return order.flatMap((index) => (show.slides[index].clips.length > PLAYERS_MAX ? [] : show.slides[index].clips));
  }

  // A slide that waits takes the fetched clip at once; the one on screen keeps playing and takes it when its own source fails.
  const prefetch = prefetchClips(sources, nearestClips, (key) => {
    layer.dataset.kept = [...sources.values()].filter((source) => source.blob).length;
    for (const slide of built.values()) {
      for (const video of slide.players) {
        if (video.dataset.key === key && (slide !== shown || video.error) && slide.index !== requested) {
          video.src = sources.get(key).blob;
        }
      }
    }
  });

  function useFetched(event) {
    const source = sources.get(event.target.dataset.key);
    if (!source.blob || event.target.src === source.blob) return;
    event.target.src = source.blob;
    if (clock && clock.isGoing()) event.target.play().catch(() => {});
  }

  function build(index) {
    if (!built.has(index)) {
      const slide = buildSlide(show, index, sources);
      for (const video of slide.players) video.addEventListener('error', useFetched);
      layer.insertBefore(slide.box, layer.firstChild);
      built.set(index, slide);
    }
    return built.get(index);
  }

  function remove(index) {
    const { box, players } = built.get(index);
    built.delete(index);
    for (const video of players) {
      video.removeEventListener('error', useFetched);
      video.pause();
      video.removeAttribute('src');
      video.load();
    }
    box.remove();
  }

  async function picturesDrawn(slide, next) {
    if (!slide.players.length) return;
    if (!slide.players.every(hasPicture)) {
      await within(Promise.all(slide.players.map(posterDrawn)), POSTER_MS);
      slide.box.classList.add('over');
      if (!reducedMotion.matches) next.play();
      return;
    }
    const painted = Promise.all(slide.players.map((video) => (video.error ? null : framePainted(video))));
    slide.box.classList.add('over');
    if (reducedMotion.matches) await twoFrames();
    else next.play();
    await within(painted, reducedMotion.matches ? 0 : PICTURE_MS);
  }

  async function goTo(index) {
    const to = Math.max(0, Math.min(count - 1, index));
    if (shown && to === requested && (isChanging || to === shown.index)) return;
    newestChange += 1;
    const change = newestChange;
    const slide = build(to);
    const next = playTogether(slide.players);
    requested = to;
    isChanging = true;
    onRequest(to);
    for (const video of slide.players) if (video.currentTime > 0) video.currentTime = 0;
    await picturesDrawn(slide, next);
    await twoFrames();
    if (change !== newestChange) {
      next.stop();
      if (slide.index !== requested) slide.box.classList.remove('over');
      return;
    }
    putOn(slide, next);
    isChanging = false;
    for (const one of near(to)) build(one);
    for (const one of built.keys()) if (!near(to).includes(one)) remove(one);
    prefetch();
  }

  function putOn(slide, next) {
    for (const { box } of built.values()) box.classList.remove('over');
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
    layer.dataset.slide = slide.index + 1;
    onShown(slide.index);
  }

  function clear() {
    newestChange += 1;
    isChanging = false;
    if (clock) clock.stop();
    for (const one of built.keys()) remove(one);
    shown = clock = null;
    delete layer.dataset.slide;
  }

  return {
    goTo,
    clear,
    index: () => requested,
    isChanging: () => isChanging,
    // What plays the clips on screen; null before the first slide is there.
    clock: () => clock,
    // A slide is laid out for the window as it is when the slide is built.
    rebuild() {
      if (!shown) return;
      clear();
      goTo(requested);
    },
  };
}
