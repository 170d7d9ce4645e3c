const NOTICE_MS = 15000;

// Kept on the window: the element is made anew at every page, and the tab's title is one.
const store = (window.rivyaEnded ??= {
  last: null,
  away: {},
  running: 0,
  title: '',
  plain: '',
  notice: null,
  timer: 0,
});

function counted(away) {
  return ['finished', 'failed', 'waiting for you']
    .filter((how) => away[how])
    .map((how) => `${away[how]} ${how}`)
    .join(', ');
}

// Streamlit writes the page's own title at every run; ours goes in front of whatever it wrote last.
function retitle() {
  if (document.title !== store.title) store.plain = document.title;
  const words = [counted(store.away), store.running ? `${store.running} running` : ''].filter(Boolean).join(', ');
  store.title = words ? `${words} · ${store.plain}` : store.plain;
  if (document.title !== store.title) document.title = store.title;
}

function notify(words) {
  if (!notifies()) return;
  const shown = new Notification(words, { body: 'Rivya Lab', tag: 'rivya-ended' });
  shown.onclick = () => {
    window.focus();
    shown.close();
  };
}

function returned() {
  if (document.hidden) return;
  const words = counted(store.away);
  store.away = {};
  retitle();
  if (!words) return;
  store.said = `${words} since you left`;
  store.until = Date.now() + NOTICE_MS;
  store.draw();
}

function draw(root) {
  const notice = root.querySelector('.notice');
  const left = (store.until ?? 0) - Date.now();
  clearTimeout(store.timer);
  notice.hidden = left <= 0;
  root.querySelector('.said').textContent = left > 0 ? store.said : '';
  if (left > 0) store.timer = setTimeout(() => draw(root), left);
}

export default function ({ data, parentElement }) {
  store.draw = () => draw(parentElement);
  parentElement.querySelector('button').onclick = () => {
    store.until = 0;
    store.draw();
  };
  if (!store.watched) {
    store.watched = true;
    document.addEventListener('visibilitychange', returned);
    new MutationObserver(retitle).observe(document.head, { subtree: true, childList: true, characterData: true });
  }
  const newest = data.ended.length ? data.ended.at(-1)[0] : 0;
  if (store.last !== null && document.hidden) {
    const fresh = data.ended.filter(([at]) => at > store.last);
    for (const [, how] of fresh) store.away[how] = (store.away[how] ?? 0) + 1;
    if (fresh.length) notify(counted(store.away));
  }
  store.last = Math.max(store.last ?? 0, newest);
  store.running = data.running;
  retitle();
  store.draw();
}
