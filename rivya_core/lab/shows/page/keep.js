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

// `nearest()` lists clip keys, the most wanted first; `kept(key)` is told of each clip that is here.
function keepClips(sources, nearest, kept) {
  const failed = new Set();
  let left = BUDGET_BYTES;
  let isAtWork = false;

  const isWanted = (key) => {
    const source = sources.get(key);
    return source && !source.blob && !failed.has(key) && /^https?:/.test(source.src);
  };

  async function fetchOne(key) {
    const source = sources.get(key);
    try {
      const answer = await fetch(source.src);
      const bytes = answer.ok && Number(answer.headers.get('content-length'));
      const blob = answer.ok && bytes <= left ? await answer.blob() : null;
      if (!blob || blob.size > left) {
        failed.add(key);
        return;
      }
      left -= blob.size;
      source.blob = URL.createObjectURL(blob);
      kept(key);
    } catch {
      failed.add(key);
    }
  }

  return async () => {
    if (isAtWork) return;
    isAtWork = true;
    for (let key = nearest().find(isWanted); key; key = nearest().find(isWanted)) await fetchOne(key);
    isAtWork = false;
  };
}
