// Clips whose time only a test moves: what the pages' scripts use of a video element, without a file, a decoder or a real clock.

const test = { now_ms: 0, changes: 0, timers: [] };
performance.now = () => test.now_ms;

// `lag_s` passes between `play` and the first movement; `pace` is how fast it runs beside the rate that it is told; a seek of one
// that `seeksSlowly` ends when the test calls `endSeek`.
class TestClip extends EventTarget {
  constructor({ duration = 5, lag_s = 0, pace = 1, seeksSlowly = false } = {}) {
    super();
    Object.assign(this, { duration, lag_s, pace, seeksSlowly, at_s: 0, waits_s: 0, seeks: [], plays: 0 });
    Object.assign(this, { paused: true, seeking: false, ended: false, loop: false, readyState: 4, playbackRate: 1 });
    Object.assign(this, { error: null, currentSrc: '', dataset: {} });
  }

  get currentTime() {
    return this.at_s;
  }

  set currentTime(at_s) {
    this.at_s = at_s;
    this.seeks.push(at_s);
    this.seeking = this.seeksSlowly;
  }

  endSeek() {
    this.seeking = false;
    this.dispatchEvent(new Event('seeked'));
  }

  play() {
    if (this.paused) this.waits_s = this.lag_s;
    this.paused = false;
    this.plays += 1;
    return Promise.resolve();
  }

  pause() {
    this.paused = true;
  }

  advance(step_s) {
    if (this.paused || this.seeking || this.readyState < 3) return;
    this.waits_s -= step_s;
    if (this.waits_s >= 0) return;
    this.at_s += step_s * this.playbackRate * this.pace;
    if (this.at_s < this.duration) return;
    this.at_s = this.loop ? this.at_s - this.duration : this.duration;
    if (!this.loop) this.paused = true;
  }
}

// What was promised meanwhile is done; nothing in it waits for real time.
async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

async function pass(seconds, videos, step, step_s = 1 / 60) {
  for (let left_s = seconds; left_s > 0; left_s -= step_s) {
    test.now_ms += step_s * 1000;
    for (const video of videos) video.advance(step_s);
    step();
    await settle();
  }
}
