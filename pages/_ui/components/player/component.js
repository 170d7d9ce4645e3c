const ANSWER_MS = 10000; // a choice that was never answered, over a broken line, does not hold for ever
const IN_SIGHT = 0.4;
const FRAME_S = 1 / 24;
const players = new WeakMap();

// Space and arrows stay with the browser's own controls; these keys come on top.
function press(video, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ',': -FRAME_S, '.': FRAME_S }[event.key];
  if (step !== undefined) {
    video.pause();
    video.currentTime = Math.max(0, Math.min(video.duration || 0, video.currentTime + step));
  } else if (event.key === 'l') {
    video.loop = !video.loop;
  } else if (event.key === 'f') {
    if (document.fullscreenElement) document.exitFullscreen();
    else video.requestFullscreen();
  } else {
    if (event.key === 'c' || event.key === 'r') event.stopPropagation(); // Streamlit would clear caches or run again
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

// Playing by itself ends where a person takes the player in hand: what they paused stays paused, what they watch is theirs.
function steer(player) {
  const { video } = player;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (!player.data.autoplay || player.inHand || calm) return;
  if (player.inSight && video.paused) {
    video.muted = true;
    video.loop = true;
    video.play().catch(() => {});
  } else if (!player.inSight && !video.paused) {
    player.leaving = true;
    video.pause();
  }
}

function show(player, clip) {
  const { root, video } = player;
  const mark = root.querySelector('.mark');
  const trouble = root.querySelector('.trouble');
  mark.textContent = clip.mark;
  mark.classList.toggle('live', clip.mark === 'LIVE');
  video.setAttribute('aria-label', clip.label);
  if (player.clip && player.clip.src === clip.src) return;
  player.clip = clip;
  player.inHand = false;
  video.style.setProperty('--ratio', clip.ratio);
  if (clip.poster) video.poster = clip.poster;
  else video.removeAttribute('poster');
  trouble.hidden = true;
  trouble.querySelector('a').href = clip.download;
  video.src = clip.src;
  steer(player);
}

function made(root) {
  const video = root.querySelector('video');
  const player = { root, video, clip: null, chosen: null, inHand: false, inSight: false, leaving: false };
  player.sight = new IntersectionObserver(
    (entries) => {
      player.inSight = entries.at(-1).intersectionRatio >= IN_SIGHT;
      steer(player);
    },
    { threshold: IN_SIGHT },
  );
  player.sight.observe(video);
  // A clip that is chosen elsewhere on the page is here at once; the server's own word for it follows.
  player.listen = ({ detail }) => {
    if (detail.player !== player.data.name) return;
    player.chosen = detail;
    show(player, detail.clip);
  };
  document.addEventListener('rivya-play', player.listen);
  return player;
}

export default function ({ data, parentElement, setStateValue }) {
  const first = !players.has(parentElement);
  if (first) players.set(parentElement, made(parentElement));
  const player = players.get(parentElement);
  const { video, chosen } = player;
  player.data = data;
  const late = chosen && data.answered < chosen.at && Date.now() - chosen.at < ANSWER_MS;
  if (!late) show(player, data.clip);
  const trouble = parentElement.querySelector('.trouble');
  if (first) player.said = data.believed;
  const report = (playing) => {
    const word = playing ? player.clip.id : '';
    if (word !== player.said) setStateValue('playing', word);
    player.said = word;
  };
  video.onerror = () => {
    if (video.getAttribute('src')) trouble.hidden = false;
  };
  video.onloadedmetadata = () => {
    trouble.hidden = video.videoWidth > 0;
  }; // sound alone is no clip
  video.onpointerdown = () => {
    player.inHand = true;
  };
  video.onkeydown = (event) => {
    if (!['Tab', 'Shift'].includes(event.key)) player.inHand = true;
    press(video, event);
  };
  video.onvolumechange = () => {
    if (!video.muted) player.inHand = true;
  };
  video.onplay = () => {
    if (player.inHand || !data.autoplay) report(true);
  };
  video.onpause = () => {
    const ours = player.leaving || document.hidden;
    player.leaving = false;
    if (ours || video.seeking) return;
    player.inHand = true;
    report(false);
  };
  video.onended = () => report(false);
  if (first && video.paused) report(false); // this is a new element: what played before it is gone
  return () => {
    if (parentElement.isConnected) return;
    player.sight.disconnect();
    document.removeEventListener('rivya-play', player.listen);
    video.onplay = video.onpause = video.onended = video.onerror = null;
    video.removeAttribute('src');
    video.load();
  };
}
