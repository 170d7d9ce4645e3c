const GIVE_UP_MS = 60000; // a busy server may take that long to draw a page
const OWN_ACTS = ['wheel', 'touchstart', 'keydown', 'pointerdown'];

const address = () => location.pathname + location.search;
const main = () => document.querySelector('[data-testid="stMain"]');

function goesSomewhere(url, places) {
  const next = new URL(url, location.href);
  if (next.pathname !== location.pathname) return true;
  const now = new URLSearchParams(location.search);
  return places.some((name) => (now.get(name) ?? '') !== (next.searchParams.get(name) ?? ''));
}

function keepEntries(places) {
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    if (url === undefined || url === null || goesSomewhere(url, places)) push(state, title, url);
    else history.replaceState(state, title, url);
  };
}

function keepScroll() {
  const seen = new Map();
  let stop = null;
  const restore = () => {
    if (stop) stop();
    const here = address();
    const wanted = seen.get(here);
    if (!wanted) return;
    // The page is drawn piece by piece: it is scrolled as soon as it is long enough, unless the person scrolls or presses something first.
    const tried = () => {
      if (address() !== here) {
        stop();
        return;
      }
      const box = main();
      if (!box || box.scrollHeight - box.clientHeight < wanted) return;
      box.scrollTop = wanted;
      stop();
    };
    const drawn = new MutationObserver(tried);
    drawn.observe(document.body, { childList: true, subtree: true });
    const timer = setTimeout(() => stop(), GIVE_UP_MS);
    const own = () => stop();
    stop = () => {
      stop = null;
      drawn.disconnect();
      clearTimeout(timer);
      for (const kind of OWN_ACTS) removeEventListener(kind, own);
    };
    for (const kind of OWN_ACTS) addEventListener(kind, own, { passive: true });
    requestAnimationFrame(tried);
  };
  // Whoever goes somewhere presses something first; scroll events come too late, when the new page is already at its top.
  for (const kind of ['pointerdown', 'keydown'])
    document.addEventListener(kind, () => seen.set(address(), main()?.scrollTop ?? 0), true);
  addEventListener('popstate', restore);
}

export default function ({ data }) {
  if (window.rivyaHistory) return;
  window.rivyaHistory = true;
  keepEntries(data.places);
  keepScroll();
}
