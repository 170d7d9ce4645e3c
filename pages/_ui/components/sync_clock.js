// One position in time that all clips follow.
//
// A clip is never left to itself: while the clock runs, each clip's speed is bent a little until it agrees with the clock, and a clip
// that is far off is put right by a seek. At every start all clips go to the same place first and then run together; when
// the clock stands, all show the middle of the same frame.

const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];
const FAR_S = 0.25; // further off than this: seek
const NEAR_S = 0.004; // closer than this: leave alone
const GAIN = 3; // share of the distance made good in a second
const BEND = 0.4; // at most this much faster or slower: a frame is made good in a tenth of a second
const LOOK_MS = 60;
const STARVED_MS = 250;
const READY_MS = 4000;

function newClock(changed) {
  return {
    mode: 'still',
    at: 0,
    from: 0,
    since: 0,
    rate: 1,
    looping: true,
    start: null,
    end: null,
    short: 'hold',
    clips: [],
    lead: null,
    next: null,
    busy: false,
    looked: 0,
    starved: 0,
    began: 0,
    changed,
  };
}

const ready = (clock) => clock.clips.filter((clip) => clip.state === 'ready');
const spanOf = (clock) =>
  Math.max(0, ...clock.clips.filter((clip) => clip.state !== 'failed').map((clip) => clip.duration));
const fpsOf = (clock) => (clock.lead && clock.lead.fps) || (clock.clips[0] && clock.clips[0].fps) || 24;
const startOf = (clock) => clock.start ?? 0;
const endOf = (clock) => clock.end ?? spanOf(clock);
const isPlaying = (clock) =>
  clock.mode === 'running' ||
  clock.mode === 'starting' ||
  Boolean(clock.busy && (clock.next ? clock.next.play : clock.play));

function nowOf(clock) {
  if (clock.mode !== 'running') return clock.at;
  return clock.from + ((performance.now() - clock.since) / 1000) * clock.rate;
}

// Frames are counted from 0; a place in the middle of a frame shows that frame and no other.
const frameOf = (clock, t) => Math.floor(t * fpsOf(clock) + 1e-6);
const lastFrame = (clock) => Math.max(0, Math.round(spanOf(clock) * fpsOf(clock)) - 1);
const middleOf = (clock, frame) => (Math.max(0, Math.min(lastFrame(clock), frame)) + 0.5) / fpsOf(clock);

const loopsAlone = (clock, clip) => clock.short === 'loop' && clip.duration > 0 && clip.duration < spanOf(clock) - 0.05;
const placeIn = (clock, clip, t) => (loopsAlone(clock, clip) ? t % clip.duration : Math.min(t, clip.duration));
const stillPlace = (clock, clip, t) =>
  Math.max(0, Math.min(placeIn(clock, clip, t), clip.duration - 0.5 / (clip.fps || 24)));
const isOver = (clock, clip, t) => !loopsAlone(clock, clip) && t >= clip.duration - 0.5 / (clip.fps || 24);

function settled(video, enough) {
  return new Promise((resolve) => {
    const names = ['seeked', 'canplay', 'loadeddata', 'error'];
    const end = () => {
      clearTimeout(timer);
      names.forEach((name) => video.removeEventListener(name, look));
      resolve();
    };
    const look = () => {
      if (video.error || (!video.seeking && video.readyState >= enough)) end();
    };
    const timer = setTimeout(end, READY_MS);
    names.forEach((name) => video.addEventListener(name, look));
    look();
  });
}

// Bring all clips to one place, then stand or run. While one seek is under way only the newest wish is kept.
async function bring(clock, t, isWanted) {
  clock.next = { t, play: isWanted };
  clock.at = t;
  if (clock.busy) {
    clock.changed();
    return;
  }
  clock.busy = true;
  while (clock.next) {
    const wish = clock.next;
    clock.next = null;
    clock.play = wish.play;
    clock.mode = 'gathering';
    clock.changed();
    const clips = ready(clock);
    for (const { video } of clips) video.pause();
    for (const clip of clips) {
      const place = stillPlace(clock, clip, wish.t);
      if (Math.abs(clip.video.currentTime - place) > 1e-4) clip.video.currentTime = place;
    }
    await Promise.all(clips.map((clip) => settled(clip.video, wish.play ? 3 : 2)));
    if (!clock.next) {
      clock.at = wish.t;
      if (wish.play) begin(clock);
      else clock.mode = 'still';
    }
  }
  clock.busy = false;
  clock.changed();
}

function begin(clock) {
  clock.mode = 'starting';
  clock.began = performance.now();
  for (const clip of ready(clock)) {
    clip.from = clip.video.currentTime;
    clip.video.loop = loopsAlone(clock, clip);
    clip.video.playbackRate = clock.rate;
    if (!isOver(clock, clip, clock.at)) clip.video.play().catch(() => {});
  }
}

// The clock runs from the moment the clips do: a start takes each of them some milliseconds.
function awaitMotion(clock) {
  const going = ready(clock).filter((clip) => !isOver(clock, clip, clock.at));
  const moved = going.map((clip) => clip.video.currentTime - clip.from).sort((a, b) => a - b);
  const late = performance.now() - clock.began > 600;
  if (!late && moved.length && moved[0] <= 0) return;
  clock.from = clock.at + Math.max(0, moved[Math.floor(moved.length / 2)] || 0);
  clock.since = performance.now();
  clock.starved = 0;
  clock.mode = 'running';
  clock.changed();
}

function tick(clock) {
  if (clock.mode === 'starting') awaitMotion(clock);
  if (clock.mode !== 'running') return;
  const t = nowOf(clock);
  if (t >= endOf(clock) - 0.02) {
    if (clock.looping) bring(clock, startOf(clock), true);
    else bring(clock, middleOf(clock, frameOf(clock, endOf(clock) - 1e-3)), false);
    return;
  }
  const now = performance.now();
  if (now - clock.looked < LOOK_MS) return;
  clock.looked = now;
  follow(clock, t, now);
}

function follow(clock, t, now) {
  let starving = false;
  for (const clip of ready(clock)) {
    const { video } = clip;
    if (isOver(clock, clip, t)) continue; // it stands on its last frame
    const place = placeIn(clock, clip, t);
    if (video.seeking) continue;
    if (video.paused) {
      video.currentTime = place;
      video.playbackRate = clock.rate;
      video.play().catch(() => {});
      continue;
    }
    if (video.readyState < 3) {
      starving = true;
      continue;
    }
    let off = place - video.currentTime;
    if (loopsAlone(clock, clip)) off -= Math.round(off / clip.duration) * clip.duration;
    if (Math.abs(off) > FAR_S) {
      video.currentTime = place;
      continue;
    }
    const bend = Math.abs(off) < NEAR_S ? 0 : Math.max(-BEND, Math.min(BEND, off * GAIN));
    const rate = clock.rate * (1 + bend);
    if (Math.abs(video.playbackRate - rate) > 0.002) video.playbackRate = rate;
  }
  if (!starving) clock.starved = 0;
  else if (!clock.starved) clock.starved = now;
  else if (now - clock.starved > STARVED_MS) bring(clock, t, true); // everybody waits for the slowest
}

function play(clock) {
  const t = nowOf(clock);
  bring(clock, t >= endOf(clock) - 1.5 / fpsOf(clock) ? startOf(clock) : t, true);
}

function pause(clock) {
  bring(clock, middleOf(clock, frameOf(clock, nowOf(clock))), false);
}

const toggle = (clock) => (isPlaying(clock) ? pause(clock) : play(clock));
const seek = (clock, t) => {
  const playing = isPlaying(clock);
  bring(clock, playing ? Math.max(0, Math.min(t, spanOf(clock) - 0.05)) : middleOf(clock, frameOf(clock, t)), playing);
};
const stepBy = (clock, frames) => bring(clock, middleOf(clock, frameOf(clock, nowOf(clock)) + frames), false);

function setSpeed(clock, rate) {
  clock.from = nowOf(clock);
  clock.since = performance.now();
  clock.rate = rate;
  for (const { video } of clock.clips) video.playbackRate = rate;
  clock.changed();
}

function changeSpeed(clock, by) {
  const at = SPEEDS.indexOf(clock.rate);
  setSpeed(clock, SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, (at < 0 ? SPEEDS.indexOf(1) : at) + by))]);
}

function markLoop(clock, which) {
  const frame = frameOf(clock, nowOf(clock));
  if (which === 'start') {
    clock.start = frame / fpsOf(clock);
    if (clock.end !== null && clock.end <= clock.start) clock.end = null;
  } else if (which === 'end') {
    clock.end = (Math.min(frame, lastFrame(clock)) + 1) / fpsOf(clock);
    if (clock.start !== null && clock.start >= clock.end) clock.start = null;
  } else {
    clock.start = clock.end = null;
  }
  if (which) clock.looping = true;
  clock.changed();
}

function setShort(clock, how) {
  clock.short = how;
  bring(clock, nowOf(clock), isPlaying(clock));
}

// A clip whose file has come: it takes its place, standing or running.
function join(clock, clip) {
  if (clock.mode === 'still') clip.video.currentTime = stillPlace(clock, clip, clock.at);
  clock.changed();
}
