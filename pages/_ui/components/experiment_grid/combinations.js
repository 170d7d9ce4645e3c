// One combination: its takes as posters, and what is said below them.

const SHOWN = 4; // takes of a combination that stand side by side
const OPENING_MS = 1500;
const STAR = 'M12 3.5l2.6 5.5 6 .8-4.4 4.1 1.1 5.9L12 16.9l-5.3 2.9 1.1-5.9L3.4 9.8l6-.8z';

function icon(path) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

// Tell whether a value says its variable already, as "hour 0" of "hour" does.
function says(label, axis) {
  return label.toLowerCase().startsWith(axis.toLowerCase());
}

// The takes of a combination that are in front: all up to four, then four at a time; take 1 comes first.
function front(view, cell) {
  const first = Math.min(view.front.get(cell.k) || 0, Math.floor((cell.takes.length - 1) / SHOWN) * SHOWN);
  return { first, takes: cell.takes.slice(first, first + SHOWN) };
}

function turn(view, cell, step) {
  const { first } = front(view, cell);
  const pages = Math.ceil(cell.takes.length / SHOWN);
  view.front.set(cell.k, ((first / SHOWN + step + pages) % pages) * SHOWN);
  fill(view, cell);
}

function tick(view, id, on) {
  if (on && view.picked.size >= view.data.most) return false;
  if (on) view.picked.add(id);
  else view.picked.delete(id);
  view.tell([...view.picked]);
  drawPicked(view);
  return true;
}

function nameOf(cell, take) {
  return cell.takes.length > 1 ? `${cell.name}, take ${take.n}` : cell.name;
}

function posterOf(id) {
  const image = part('img');
  image.loading = 'lazy';
  image.decoding = 'async';
  image.alt = '';
  image.onerror = () => {
    image.style.visibility = 'hidden';
  }; // a clip that could not be opened has none
  image.src = served(`/posters/${id}.jpg`);
  return image;
}

function starOf(view, take, name) {
  const star = control('star', `Favorite ${name}`, undefined, () => {
    take.star = !take.star;
    star.setAttribute('aria-pressed', String(take.star));
    view.act('star', take.id, take.star);
  });
  star.setAttribute('aria-pressed', String(take.star));
  star.append(icon(STAR));
  star.disabled = !view.data.stars;
  return star;
}

function emptyShot(view, take, name) {
  const opens = Boolean(take.note && take.id);
  const blank = opens
    ? control('blank', `${take.w}: ${name}. Open`, undefined, () => {
        blank.classList.add('opening'); // until the card is there
        setTimeout(() => blank.classList.remove('opening'), OPENING_MS);
        view.act('card', take.id);
      })
    : part('div', 'blank');
  blank.classList.add(take.s);
  blank.append(part('span', 'dot'), part('span', '', take.w));
  return blank;
}

function shotOf(view, cell, take) {
  const name = nameOf(cell, take);
  const shot = part('div', `shot ${take.clip ? 'has' : take.s}`);
  shot.dataset.take = take.n;
  if (take.clip && !take.dark) shot.dataset.clip = served(`/clips/${take.id}.mp4`);
  shot.classList.toggle('on', view.picked.has(take.id));
  if (!take.clip) {
    shot.append(emptyShot(view, take, name));
    if (cell.takes.length > 1) shot.append(part('span', 'number', String(take.n)));
    return shot;
  }
  const open = control('open', `Open ${name}`, undefined, () => openClip(view, cell, take));
  open.append(posterOf(take.id));
  if (!view.player.on) hoverPlay(open, open, take.dark ? '' : served(`/clips/${take.id}.mp4`));
  shot.append(open);
  if (cell.takes.length > 1) shot.append(part('span', 'number', String(take.n)));
  const label = part('label', 'tick');
  const box = part('input');
  box.type = 'checkbox';
  box.checked = view.picked.has(take.id);
  box.setAttribute('aria-label', `Select ${name}`);
  box.onchange = () => {
    if (!tick(view, take.id, box.checked)) box.checked = false;
    shot.classList.toggle('on', box.checked);
  };
  label.append(box);
  shot.append(label);
  if (view.data.stars || take.star) shot.append(starOf(view, take, name));
  return shot;
}

// What is said of takes without a clip, each reason once: the takes in front are not all there may be.
function notesOf(cell) {
  const counts = new Map();
  cell.takes
    .filter((take) => take.note)
    .forEach((take) => {
      const counted = counts.get(`${take.w} ${take.note}`) || { take, count: 0 };
      counts.set(`${take.w} ${take.note}`, { take, count: counted.count + 1 });
    });
  return [...counts.values()].map(({ take, count }) => {
    const which = cell.takes.length > 1 ? `${count} of ${cell.takes.length} ${take.w.toLowerCase()}: ` : '';
    return part('p', `note ${take.tone || ''}`, which + take.note);
  });
}

function footOf(view, cell, first, takes) {
  const foot = part('div', 'foot');
  const reused = cell.takes.filter((take) => take.word).length;
  const word = cell.takes.length > 1 ? `${reused} reused` : 'Reused';
  foot.append(part('span', 'word', reused ? word : ''));
  if (cell.takes.length > SHOWN) {
    const pages = part('span', 'turn');
    pages.append(
      control('back', `Takes before, ${cell.name}`, '\u2039', () => turn(view, cell, -1)),
      part('span', 'at', `${first + 1}-${first + takes.length} of ${cell.takes.length}`),
      control('next', `Further takes, ${cell.name}`, '\u203A', () => turn(view, cell, 1)),
    );
    foot.append(pages);
  }
  return foot.textContent ? foot : null;
}

function fill(view, cell) {
  const box = view.boxes.get(cell.k);
  const { first, takes } = front(view, cell);
  const drawn = JSON.stringify([
    takes,
    first,
    notesOf(cell).map((one) => one.textContent),
    cell.takes.length,
    cell.name,
    takes.map((take) => view.picked.has(take.id)),
    view.player.on,
  ]);
  if (box.dataset.drawn === drawn) return;
  const active = view.parent.activeElement;
  const held =
    active && box.contains(active)
      ? [active.closest('.shot')?.dataset.take, active.className.split(' ')[0] || active.type]
      : null;
  box.dataset.drawn = drawn;
  const shots = part('div', 'takes');
  shots.classList.toggle('many', cell.takes.length > 1);
  shots.append(...takes.map((take) => shotOf(view, cell, take)));
  const parts = [shots];
  if (view.data.flow) {
    const title = part('p', 'name');
    if (view.data.axis && !says(cell.name, view.data.axis)) title.append(part('span', 'axis', view.data.axis), ' ');
    title.append(cell.name);
    title.title = cell.name;
    parts.push(title);
  }
  const foot = footOf(view, cell, first, takes);
  if (foot) parts.push(foot);
  box.replaceChildren(...parts, ...notesOf(cell));
  if (held) again(box, ...held)?.focus();
  view.player.watch(shots);
}

function again(box, take, name) {
  const within = take ? box.querySelector(`.shot[data-take="${take}"]`) : box;
  return within?.querySelector(name === 'checkbox' ? 'input' : `.${name}`) || box.querySelector('.open, button');
}
