'use strict';
// Clips that play side by side follow one clock: the longest clip leads, the others bend their speed until they agree with it and
// hold their last picture until it ends; then all begin again.

const AGREE_EVERY_MS = 200;
const FAR_S = 0.3;
const BEND_MAX = 0.3;

function playTogether(videos) {
  const leader = () =>
    videos.reduce((longest, video) => ((video.duration || 0) > (longest.duration || 0) ? video : longest));
  let isGoing = false;

  function agree() {
    const lead = leader();
    for (const video of videos) {
      if (video === lead || video.seeking || video.readyState < 2 || lead.currentTime >= video.duration - 0.05)
        continue;
      const behind_s = lead.currentTime - video.currentTime;
      if (Math.abs(behind_s) > FAR_S) video.currentTime = lead.currentTime;
      video.playbackRate = lead.playbackRate * (1 + Math.max(-BEND_MAX, Math.min(BEND_MAX, behind_s * 2)));
      if (isGoing && video.paused) video.play().catch(() => {});
    }
  }

  function restart(event) {
    if (!isGoing || event.target !== leader()) return;
    for (const video of videos) video.currentTime = 0;
    play();
  }

  function play() {
    isGoing = true;
    return Promise.all(videos.map((video) => video.play().catch(() => {})));
  }

  function pause() {
    isGoing = false;
    for (const video of videos) video.pause();
  }

  const timer = videos.length > 1 ? setInterval(agree, AGREE_EVERY_MS) : 0;
  for (const video of videos) {
    video.loop = videos.length === 1;
    if (videos.length > 1) video.addEventListener('ended', restart);
  }
  return {
    play,
    pause,
    toggle: () => (isGoing ? pause() : play()),
    isGoing: () => isGoing,
    stop() {
      pause();
      clearInterval(timer);
      for (const video of videos) {
        video.removeEventListener('ended', restart);
        video.loop = false;
        video.playbackRate = 1;
      }
    },
  };
}
