const percent = (share) => `${Math.round(share * 100)} %`;

function scale(row) {
  const line = part('div', 'scale');
  line.setAttribute('aria-hidden', 'true');
  const span = part('div', 'span');
  span.style.left = `${row.low * 100}%`;
  span.style.width = `${(row.high - row.low) * 100}%`;
  const dot = part('div', 'dot');
  dot.style.left = `${row.share * 100}%`;
  line.append(part('div', 'half'), span, dot);
  return line;
}

function draw(row) {
  const line = part('tr');
  line.append(part('td', 'place', String(row.place)));
  const name = part('td', 'name');
  const title = part('div', 'title');
  if (row.poster) {
    const poster = part('img', 'poster');
    poster.alt = '';
    poster.src = row.poster;
    title.append(poster);
  }
  title.append(part('span', '', row.name));
  name.append(title);
  const chips = part('div', 'chips');
  for (const chip of row.chips) chips.append(part('span', `chip ${chip.tone}`, chip.text));
  if (row.chips.length) name.append(chips);
  const wide = part('td', 'wide');
  const figure = part('div', 'figure');
  const figures = part('div', 'figures');
  figures.append(part('span', 'share', percent(row.share)), ` (${percent(row.low)} to ${percent(row.high)})`);
  figure.append(figures, scale(row));
  wide.append(figure);
  line.append(name, wide, part('td', 'counts', row.counts));
  return line;
}

// Clips play muted, in a loop, while they are in sight; never with reduced motion, where they wait for a press.
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) target.play().catch(() => {});
    else target.pause();
  }
});

function clip(one) {
  const figure = part('figure', 'clip');
  const video = part('video');
  Object.assign(video, { muted: true, loop: true, playsInline: true, controls: true, preload: 'metadata' });
  if (one.poster) video.poster = one.poster;
  video.setAttribute('aria-label', `Winning clip: ${one.label}`);
  video.src = one.src;
  if (!matchMedia('(prefers-reduced-motion: reduce)').matches) watch.observe(video);
  figure.append(video);
  if (one.mark) figure.append(part('span', 'mark', one.mark));
  figure.append(part('figcaption', '', one.label));
  return figure;
}

function showWinning(box, clips) {
  const shown = clips.map((one) => one.src).join(' ');
  if (box.dataset.shown === shown) return; // what plays goes on
  box.dataset.shown = shown;
  box.hidden = !clips.length;
  box.querySelectorAll('video').forEach((video) => watch.unobserve(video));
  box.replaceChildren(...clips.map(clip));
}

export default function ({ data, parentElement }) {
  const find = (name) => parentElement.querySelector(name);
  find('.sentence').textContent = data.sentence;
  find('.rate').textContent = data.rate;
  find('caption').textContent = data.caption;
  find('.what').textContent = data.what;
  showWinning(find('.winning'), data.winning);
  find('tbody').replaceChildren(...data.rows.map(draw));
  find('.notes').replaceChildren(...data.notes.map((note) => part('li', '', note)));
}
