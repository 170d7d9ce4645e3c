// What the wall's clock does with clips of a test. Each function tries one thing and returns what came of it.

const round = (seconds) => Math.round(seconds * 1000) / 1000;

function wallOf(clips, how = {}) {
  const clock = newClock(() => {
    test.changes += 1;
  });
  const made = clips.map((clip) => ({ fps: 24, state: 'ready', from: 0, duration: 5, ...clip }));
  for (const clip of made) clip.video = new TestClip(clip);
  const lead = made.reduce((longest, clip) => (clip.duration > longest.duration ? clip : longest));
  return Object.assign(clock, { clips: made, lead }, how);
}

const videosOf = (clock) => clock.clips.map((clip) => clip.video);
const passOn = (clock, seconds) => pass(seconds, videosOf(clock), () => tick(clock));
const places = (clock) => videosOf(clock).map((video) => round(video.currentTime));

async function started(clips, how) {
  const clock = wallOf(clips, how);
  play(clock);
  await settle();
  return clock;
}

// The largest distance of a clip from the clock in the last second of three.
async function drift(clips, rate) {
  const clock = await started(clips, { rate });
  await passOn(clock, 2);
  let most_s = 0;
  await pass(1, videosOf(clock), () => {
    tick(clock);
    for (const video of videosOf(clock)) most_s = Math.max(most_s, Math.abs(video.currentTime - nowOf(clock)));
  });
  return {
    most_s,
    mode: clock.mode,
    passed_s: round(nowOf(clock)),
    seeks: videosOf(clock).map((video) => video.seeks.length),
  };
}

async function thrownOff(by_s) {
  const clock = await started([{}, {}]);
  await passOn(clock, 1);
  const [, video] = videosOf(clock);
  video.at_s += by_s;
  await passOn(clock, 0.1);
  const bent = video.playbackRate;
  await passOn(clock, 1.5);
  return { seeks: video.seeks.length, bent, off_s: Math.abs(video.currentTime - nowOf(clock)) };
}

async function pausedByOthers() {
  const clock = await started([{}, {}]);
  await passOn(clock, 1);
  const [, video] = videosOf(clock);
  video.pause();
  await passOn(clock, 0.2);
  return { paused: video.paused, off_s: Math.abs(video.currentTime - nowOf(clock)) };
}

// Frames whose middle shows another frame.
function wrongFrames(fps, duration) {
  const clock = wallOf([{ fps, duration }]);
  const frames = Array.from({ length: lastFrame(clock) + 1 }, (_, frame) => frame);
  return frames.filter((frame) => frameOf(clock, middleOf(clock, frame)) !== frame);
}

async function stepped(from_frame, steps) {
  const clock = wallOf([{}, { duration: 4, fps: 30 }]);
  bring(clock, middleOf(clock, from_frame), false);
  await settle();
  for (const by of steps) {
    stepBy(clock, by);
    await settle();
  }
  const [lead, other] = clock.clips;
  return { frame: frameOf(clock, lead.video.currentTime), other_s: round(other.video.currentTime), mode: clock.mode };
}

// Where the clock is after some time, and how often it went back.
async function ran(seconds, how) {
  const clock = await started([{ duration: 2 }, { duration: 2 }], how);
  let [backs, before] = [0, nowOf(clock)];
  await pass(seconds, videosOf(clock), () => {
    tick(clock);
    if (nowOf(clock) < before - 0.1) backs += 1;
    before = nowOf(clock);
  });
  return { backs, mode: clock.mode, at_s: round(nowOf(clock)), paused: videosOf(clock).every((video) => video.paused) };
}

async function shortAt(short, seconds) {
  const clock = await started([{ duration: 5 }, { duration: 2 }], { short });
  await passOn(clock, seconds);
  const [, clip] = videosOf(clock);
  return { at_s: clip.currentTime, paused: clip.paused, expected_s: placeIn(clock, clock.clips[1], nowOf(clock)) };
}

function marked(frames) {
  const clock = wallOf([{}], { looping: false });
  for (const [which, frame] of frames) {
    clock.at = middleOf(clock, frame);
    markLoop(clock, which);
  }
  const framesOf = (seconds) => (seconds === null ? null : Math.round(seconds * 24));
  return { start: framesOf(clock.start), end: framesOf(clock.end), looping: clock.looping };
}

function speeds(from, by) {
  const clock = wallOf([{}, {}], { rate: from });
  changeSpeed(clock, by);
  return [clock.rate, ...videosOf(clock).map((video) => video.playbackRate)];
}

// A speed changed under way goes on from where the clock is.
async function changedUnderWay() {
  const clock = await started([{}, {}]);
  await passOn(clock, 1);
  const before = nowOf(clock);
  setSpeed(clock, 0.5);
  const after = nowOf(clock);
  await passOn(clock, 1);
  return { jump_s: Math.abs(after - before), passed_s: round(nowOf(clock) - after) };
}

async function starved(wait_s) {
  const clock = await started([{}, {}]);
  await passOn(clock, 1);
  const [first, slow] = videosOf(clock);
  slow.readyState = 2;
  await passOn(clock, wait_s);
  const meanwhile = { mode: clock.mode, waits: first.paused };
  slow.readyState = 4;
  slow.dispatchEvent(new Event('canplay'));
  await settle();
  await passOn(clock, 1);
  return { ...meanwhile, later: clock.mode, apart_s: Math.abs(first.currentTime - slow.currentTime) };
}

// Asked to play from one place, and then for others to stand at while the first seek is under way.
async function hurried(asked) {
  const clock = wallOf([{ seeksSlowly: true }]);
  const [video] = videosOf(clock);
  asked.forEach((at_s, number) => bring(clock, at_s, number === 0));
  await settle();
  video.endSeek();
  await settle();
  video.endSeek();
  await settle();
  return {
    seeks: video.seeks.map(round),
    plays: video.plays,
    mode: clock.mode,
    busy: clock.busy,
    at_s: round(clock.at),
  };
}

async function joined(at_s) {
  const clock = wallOf([{}, { duration: 2 }]);
  clock.clips[1].state = 'loading';
  bring(clock, at_s, false);
  await settle();
  clock.clips[1].state = 'ready';
  join(clock, clock.clips[1]);
  return places(clock);
}
