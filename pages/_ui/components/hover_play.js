// Posters that play their clip while the mouse or the keyboard's focus is on them: muted, in a loop, never with reduced motion.
//
// Use: component("name", shared=("dom", "hover_play")), and for each poster, as often as you like,
//   hoverPlay(target, picture, src)
// target: what is hovered or focused, usually the button around the poster. picture: a box inside it with a position of its own
// (`position: relative; overflow: hidden`); the clip is laid over its <img>, below marks that come after it. src: "/clips/<id>.mp4",
// or '' for a clip that must not play. A touch plays nothing, because a tap means something else already.
//
// The clip lives inside `picture`, so an element that is made anew at each redraw would cut it off: keep elements with `keyed`
// of dom.js. One clip plays at a time on a page.

const HOVER_PAUSE_MS = 120; // a mouse that only crosses a poster loads nothing
const HOVER_STARTS = 'rivya-hover-play';
const hovered = new WeakMap();

function stopHover(target) {
  const state = hovered.get(target);
  clearTimeout(state.timer);
  if (!state.video) return;
  state.video.removeAttribute('src');
  state.video.load();
  state.video.remove();
  state.video = null;
}

function startHover(target) {
  const state = hovered.get(target);
  if (state.video || !state.src || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  document.dispatchEvent(new CustomEvent(HOVER_STARTS, { detail: target }));
  const video = document.createElement('video');
  Object.assign(video, {
    muted: true,
    loop: true,
    playsInline: true,
    src: state.src,
    tabIndex: -1,
    className: 'hover-play',
  });
  video.setAttribute('aria-hidden', 'true');
  video.style.cssText =
    'position:absolute;inset:0;width:100%;height:100%;object-fit:contain;pointer-events:none;opacity:0';
  video.onplaying = () => {
    video.style.opacity = 1;
  };
  video.onerror = () => stopHover(target);
  state.video = video;
  const image = state.picture.querySelector('img');
  if (image) image.after(video);
  else state.picture.prepend(video);
  video.play().catch(() => {});
  const other = (event) => {
    if (event.detail !== target) stopHover(target);
    if (!state.video) document.removeEventListener(HOVER_STARTS, other);
  };
  document.addEventListener(HOVER_STARTS, other);
}

function hoverPlay(target, picture, src) {
  const known = hovered.get(target);
  if (known) {
    if (known.src !== src) stopHover(target);
    Object.assign(known, { picture, src });
    return;
  }
  const state = { picture, src, video: null, timer: 0 };
  hovered.set(target, state);
  target.addEventListener('pointerenter', (event) => {
    if (event.pointerType === 'touch') return;
    clearTimeout(state.timer);
    state.timer = setTimeout(() => startHover(target), HOVER_PAUSE_MS);
  });
  target.addEventListener('pointerleave', () => {
    if (!target.matches(':focus-visible')) stopHover(target);
  });
  target.addEventListener('focusin', () => {
    if (target.matches(':focus-visible')) startHover(target);
  });
  target.addEventListener('focusout', () => {
    if (!target.matches(':hover')) stopHover(target);
  });
}
