const DRIFT_S = 0.08;
const pairs = new WeakMap();

function figure(clip, open) {
  const video = part('video');
  video.muted = true;
  video.loop = true;
  video.playsInline = true;
  video.preload = 'metadata';
  video.tabIndex = -1;
  if (clip.poster) video.poster = clip.poster;
  video.style.setProperty('--ratio', clip.ratio);
  video.src = clip.src;
  const link = part('a');
  link.href = clip.href;
  link.setAttribute('aria-label', `Open the clip of ${clip.name}`);
  link.append(video);
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(clip.id);
  };
  const box = part('figure');
  box.append(link, part('figcaption', '', clip.name));
  video.onerror = () => box.append(part('p', 'trouble', 'Your browser may not play this clip.'));
  return { box, video };
}

// The first clip is the clock; the second one follows it.
function follow(videos) {
  const [first, second] = videos;
  if (second.readyState < 2 || first.seeking || second.seeking) return;
  if (Math.abs(first.currentTime - second.currentTime) > DRIFT_S) second.currentTime = first.currentTime;
}

function build(root, data, open) {
  const both = data.clips.map((clip) => figure(clip, open));
  const videos = both.map((one) => one.video);
  const button = part('button', '', 'Play both');
  button.type = 'button';
  const state = { wanted: !matchMedia('(prefers-reduced-motion: reduce)').matches, seen: false };
  const run = () => {
    const plays = state.wanted && state.seen;
    button.textContent = state.wanted ? 'Pause both' : 'Play both';
    for (const video of videos) {
      if (plays) video.play().catch(() => {});
      else video.pause();
    }
  };
  button.onclick = () => {
    state.wanted = !state.wanted;
    run();
  };
  videos[0].ontimeupdate = () => follow(videos);
  const clips = part('div', 'clips');
  clips.append(...both.map((one) => one.box));
  root.replaceChildren(clips, button);
  const watcher = new IntersectionObserver(
    (entries) => {
      state.seen = entries.at(-1).isIntersecting;
      run();
    },
    { threshold: 0.4 },
  );
  watcher.observe(clips);
  run();
  return () => {
    watcher.disconnect();
    for (const video of videos) {
      video.ontimeupdate = video.onerror = null;
      video.removeAttribute('src');
      video.load();
    }
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const drawn = JSON.stringify(data);
  const before = pairs.get(parentElement);
  if (!before || before.drawn !== drawn) {
    if (before) before.end();
    const end = build(parentElement.querySelector('.pair'), data, (id) => setTriggerValue('open', id));
    pairs.set(parentElement, { drawn, end });
  }
  return () => {
    if (parentElement.isConnected) return;
    const last = pairs.get(parentElement);
    if (last) last.end();
    pairs.delete(parentElement);
  };
}
