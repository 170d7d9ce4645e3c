// Play all: the clips in sight play muted on one clock, each in a loop; those that come into sight join it where it stands.

const MOST_PLAYING = 24;
const LOOK_MS = 500;
const DRIFT_S = 0.2;
const READY_MS = 2500;

function playAll(view) {
  const button = view.parent.querySelector('.play-all');
  const playing = new Map(); // shot -> video
  const seen = new Set();
  let timer = 0;
  let begun = 0;
  const sight = new IntersectionObserver((entries) => {
    entries.forEach((entry) => (entry.isIntersecting ? seen.add(entry.target) : seen.delete(entry.target)));
    if (player.on) join();
  });

  const place = (video) => ((performance.now() - begun) / 1000) % (video.duration || 1);

  const follow = () => {
    playing.forEach((video, shot) => {
      if (!shot.isConnected || !seen.has(shot)) drop(shot);
    });
    if (document.hidden || !begun) return;
    playing.forEach((video) => {
      if (video.readyState < 3 || video.seeking) return;
      const away = Math.abs(video.currentTime - place(video));
      if (Math.min(away, video.duration - away) > DRIFT_S) video.currentTime = place(video);
      if (video.paused) video.play().catch(() => {});
    });
  };

  const drop = (shot) => {
    const video = playing.get(shot);
    playing.delete(shot);
    if (!video) return;
    video.removeAttribute('src');
    video.load();
    video.remove();
  };

  const join = () => {
    follow();
    [...seen]
      .filter((shot) => shot.isConnected && !playing.has(shot))
      .slice(0, MOST_PLAYING - playing.size)
      .forEach((shot) => {
        const video = part('video', 'playing');
        Object.assign(video, { muted: true, loop: true, playsInline: true, preload: 'auto', tabIndex: -1 });
        video.setAttribute('aria-hidden', 'true');
        video.src = shot.dataset.clip;
        playing.set(shot, video);
        shot.querySelector('.open').append(video);
      });
  };

  // Once all can play, or after a moment: what is late joins.
  const begin = () => {
    const ready = [...playing.values()].map(
      (video) =>
        new Promise((done) => {
          if (video.readyState >= 3) done();
          else video.oncanplay = video.onerror = done;
        }),
    );
    Promise.race([
      Promise.all(ready),
      new Promise((done) => {
        setTimeout(done, READY_MS);
      }),
    ]).then(() => {
      if (!player.on) return;
      begun = performance.now();
      follow();
    });
  };

  const player = {
    on: false,
    offer() {
      button.hidden = !view.data.cells.some((cell) => cell.takes.some((take) => take.clip && !take.dark));
    },
    watch(shots) {
      shots.querySelectorAll('.shot.has[data-clip]').forEach((shot) => sight.observe(shot));
    },
    stop() {
      player.on = false;
      begun = 0;
      clearInterval(timer);
      [...playing.keys()].forEach(drop);
      sight.disconnect();
      seen.clear();
    },
  };

  button.onclick = () => {
    if (player.on) player.stop();
    else player.on = true;
    button.setAttribute('aria-pressed', String(player.on));
    button.querySelector('.said').textContent = player.on ? 'Stop' : 'Play all';
    view.data.cells.forEach((cell) => fill(view, cell));
    if (!player.on) return;
    timer = setInterval(join, LOOK_MS);
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        join();
        begin();
      }),
    );
  };
  return player;
}
