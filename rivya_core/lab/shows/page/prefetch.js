'use strict';
// Clips of a served page are fetched whole, the nearest first: after that neither the network nor the server is needed.

const BUDGET_BYTES = 600e6;

// `sources`: clip key -> { src, poster, blob, address() }, from the players of the report.
function readSources() {
  const sources = new Map();
  for (const video of document.querySelectorAll('video[data-clip]')) {
    sources.set(video.dataset.clip, {
      src: video.src,
      poster: video.poster,
      blob: '',
      address() {
        return this.blob || this.src;
      },
    });
  }
  return sources;
}

// `nearest()` lists clip keys, the most wanted first; `onFetched(key)` is told of each clip that is here. The result starts
// fetching, unless it is under way; what could not be fetched is not tried again.
function prefetchClips(sources, nearest, onFetched) {
  const failed = new Set();
  let left_bytes = BUDGET_BYTES;
  let isRunning = false;

  const isWanted = (key) => {
    const source = sources.get(key);
    return source && !source.blob && !failed.has(key) && /^https?:/u.test(source.src);
  };

  async function fetchOne(key) {
    const source = sources.get(key);
    try {
      const answer = await fetch(source.src);
      const bytes = answer.ok && Number(answer.headers.get('content-length'));
      const blob = answer.ok && bytes <= left_bytes ? await answer.blob() : null;
      if (!blob || blob.size > left_bytes) {
        failed.add(key);
        return;
      }
      left_bytes -= blob.size;
      source.blob = URL.createObjectURL(blob);
      onFetched(key);
    } catch {
      failed.add(key);
    }
  }

  return async () => {
    if (isRunning) return;
    isRunning = true;
    for (let key = nearest().find(isWanted); key; key = nearest().find(isWanted)) await fetchOne(key);
    isRunning = false;
  };
}
