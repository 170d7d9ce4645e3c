function button(name, text, press) {
  const made = part('button', name, text);
  made.type = 'button';
  made.onclick = press;
  return made;
}

function makeSlide(slide, send) {
  const item = part('li');
  const open = button('open', undefined, () => {
    send('choose', slide.id);
    if (matchMedia('(max-width: 767px)').matches) {
      document.querySelector('.st-key-show_slide')?.scrollIntoView({ block: 'start' });
    }
  });
  const words = part('span', 'words');
  words.append(part('span', 'place'), part('span', 'heading'), part('span', 'caption'), part('span', 'lines'));
  open.append(part('span', 'stage'), words);
  const moves = part('span', 'moves');
  moves.append(
    button('up', '↑', () => send('up', slide.id)),
    button('down', '↓', () => send('down', slide.id)),
  );
  item.append(open, moves);
  return item;
}

function picture(poster) {
  const frame = part('span', 'picture');
  const image = part('img');
  Object.assign(image, { loading: 'lazy', alt: '', src: poster.src });
  frame.append(image);
  if (poster.mark) frame.append(part('span', 'mark', poster.mark));
  return frame;
}

function drawStage(stage, slide) {
  const written = JSON.stringify([slide.posters, slide.more, slide.heading]);
  if (stage.dataset.written === written) return;
  stage.dataset.written = written;
  const count = slide.posters.length;
  stage.style.setProperty('--columns', count > 4 ? 3 : count > 1 ? 2 : 1);
  stage.replaceChildren(...slide.posters.map(picture));
  if (!count) stage.append(part('span', 'text', slide.heading));
  if (slide.more) stage.append(part('span', 'more', `+${slide.more}`));
}

function updateSlide(item, slide, place, data) {
  const name = `slide ${place}${slide.heading ? `: ${slide.heading}` : ''}`;
  const open = item.querySelector('.open');
  const isChosen = slide.id === data.chosen;
  item.classList.toggle('chosen', isChosen);
  open.toggleAttribute('aria-current', isChosen);
  item.querySelector('.place').textContent = `${place} · ${slide.kind}`;
  item.querySelector('.heading').textContent = slide.heading;
  item.querySelector('.caption').textContent = slide.caption;
  item.querySelector('.lines').textContent = slide.lines.join(' ');
  drawStage(item.querySelector('.stage'), slide);
  item.querySelector('.moves').hidden = !data.mayEdit;
  for (const [way, isEnd] of [
    ['up', place === 1],
    ['down', place === data.slides.length],
  ]) {
    const move = item.querySelector(`.${way}`);
    move.setAttribute('aria-label', `Move ${name} ${way}`);
    move.disabled = isEnd;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector('.slides');
  const send = (act, number) => setTriggerValue('act', { act, number: Number(number), at: Date.now() });
  const held = list.contains(list.getRootNode().activeElement) ? list.getRootNode().activeElement : null;
  const places = new Map(data.slides.map((slide, at) => [slide.id, at + 1]));
  keyed(
    list,
    data.slides,
    (slide) => makeSlide(slide, send),
    (item, slide) => updateSlide(item, slide, places.get(slide.id), data),
  );
  if (held && held.isConnected) {
    // a slide that moved stays under the keyboard; at an end the other way is what is left
    const next = held.disabled ? held.parentElement.querySelector('button:not(:disabled)') : held;
    next?.focus({ preventScroll: true });
  }
}
