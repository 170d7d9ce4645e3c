const watched = new WeakMap();
const NEAR = 0.9; // from here on the count is amber
const BEFORE = 40; // characters shown of what still fits, so that one finds the place
const MOST_SHOWN = 400; // of what is too much
const SETTLE_MS = 60; // React puts a new text into the box after it told us of it

/** Split a text by code points, as Python counts: how many there are, and where the first `limit` of them end. */
function measured(text, limit) {
  let count = 0;
  let end = text.length;
  for (let at = 0; at < text.length; count += 1) {
    if (count === limit) end = at;
    at += text.codePointAt(at) > 0xffff ? 2 : 1;
  }
  return { count, end };
}

function excess(text, end, count, limit) {
  const fits = Array.from(text.slice(0, end)).slice(-BEFORE).join('');
  const beyond = Array.from(text.slice(end));
  const shown = beyond.slice(0, MOST_SHOWN).join('') + (beyond.length > MOST_SHOWN ? '…' : '');
  const many = count - limit;
  return [
    `${many.toLocaleString('en')} character${many === 1 ? '' : 's'} too many: `,
    part('span', 'fits', `…${fits}`),
    part('mark', '', shown),
  ];
}

function draw(root, text, limit) {
  const counter = root.querySelector('.counter');
  const { count, end } = measured(text, limit);
  const beyond = limit !== null && count > limit;
  counter.classList.toggle('beyond', beyond);
  counter.classList.toggle('near', limit !== null && !beyond && count >= limit * NEAR);
  counter.querySelector('.count').textContent =
    limit === null ? `${count} character${count === 1 ? '' : 's'}` : `${count} / ${limit}`;
  const over = counter.querySelector('.over');
  over.hidden = !beyond;
  over.replaceChildren(...(beyond ? excess(text, end, count, limit) : []));
}

export default function ({ data, parentElement }) {
  const limit = data.limit ?? null;
  const box = () => document.querySelector(`.st-key-${data.box} textarea`);
  const count = () => {
    const found = box();
    if (found) draw(parentElement, found.value, limit);
  };
  const typed = (event) => {
    if (event.target instanceof HTMLTextAreaElement && event.target === box()) count();
  };
  const before = watched.get(parentElement);
  if (before) before();
  document.addEventListener('input', typed, true);
  let later;
  const begin = () => {
    count();
    if (!box()) later = setTimeout(begin, SETTLE_MS); // the box is still on its way: its code is loaded apart
  };
  count();
  later = setTimeout(begin, SETTLE_MS);
  const leave = () => {
    document.removeEventListener('input', typed, true);
    clearTimeout(later);
  };
  watched.set(parentElement, leave);
  return leave;
}
