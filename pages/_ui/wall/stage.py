"""The wall's stage, in the browser: one card a clip, laid out to fill the screen, and two of them under a wipe.

Cards are kept by the clip's id and changed in place: a video element is made once and never moved in the document.
"""

from __future__ import annotations

JS = """
const ICONS = {
  play: 'M8 5v14l11-7z',
  pause: 'M6 19h4V5H6v14zm8-14v14h4V5h-4z',
  back: 'M6 6h2v12H6zm3.5 6l8.5 6V6z',
  forth: 'M6 18l8.5-6L6 6v12zM16 6v12h2V6h-2z',
  sound: 'M3 9v6h4l5 5V4L7 9H3zm13.5 3c0-1.77-1.02-3.29-2.5-4.03v8.05c1.48-.73 2.5-2.25 2.5-4.02z',
  mute: 'M16.5 12c0-1.77-1.02-3.29-2.5-4.03v2.21l2.45 2.45c.03-.2.05-.41.05-.63zM4.27 3 3 4.27 7.73 9H3v6h4l5 5v-6.73l4.25 '
    + '4.25 1.27-1.27L4.27 3zM12 4 9.91 6.09 12 8.18V4z',
  loop: 'M7 7h10v3l4-4-4-4v3H5v6h2V7zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2v4z',
  wipe: 'M10 3H5c-1.1 0-2 .9-2 2v14c0 1.1.9 2 2 2h5v2h2V1h-2v2zm0 15H5l5-6v6zm9-15h-5v2h5v13l-5-6v9h5c1.1 0 2-.9 2-2V5c0-1.1-.9-2'
    + '-2-2z',
  full: 'M7 14H5v5h5v-2H7v-3zm-2-4h2V7h3V5H5v5zm12 7h-3v2h5v-5h-2v3zM14 5v2h3v3h2V5h-5z',
  star: 'M12 17.27 18.18 21l-1.64-7.03L22 9.24l-7.19-.61L12 2 9.19 8.63 2 9.24l5.46 4.73L5.82 21z',
  edit: 'M3 17.25V21h3.75L17.81 9.94l-3.75-3.75L3 17.25zM20.71 7.04a1 1 0 0 0 0-1.41l-2.34-2.34a1 1 0 0 0-1.41 0l-1.83 1.83 '
    + '3.75 3.75 1.83-1.83z',
  gone: 'M6 19c0 1.1.9 2 2 2h8c1.1 0 2-.9 2-2V7H6v12zM19 4h-3.5l-1-1h-5l-1 1H5v2h14V4z',
  note: 'M20 2H4c-1.1 0-2 .9-2 2v18l4-4h14c1.1 0 2-.9 2-2V4c0-1.1-.9-2-2-2zm-3 9h-4v4h-2v-4H7V9h4V5h2v4h4v2z',
};
const BIGGEST_BLOB = 60e6;
const NARROW_PX = 640;

function part(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

// An icon is changed only when it is another one, so that a press under way is not lost.
function face(button, name, label) {
  if (button.dataset.icon !== name) {
    button.dataset.icon = name;
    button.replaceChildren(icon(name));
  }
  if (label) {
    button.setAttribute('aria-label', label);
    button.title = label;
  }
}

function press(name, act, label, key) {
  const button = part('button', name);
  button.type = 'button';
  if (label) button.textContent = label;
  if (key) button.title = key;
  button.onclick = act;
  return button;
}

// Five stars as one radio group: one stop for Tab, arrows and digits inside it.
function starRow(act) {
  const row = part('span', 'stars');
  row.setAttribute('role', 'radiogroup');
  let value = 0;
  const choose = (stars, again) => act(again && stars === value ? 0 : stars);
  const buttons = [1, 2, 3, 4, 5].map((stars) => {
    const button = press('star', () => choose(stars, true));
    button.setAttribute('role', 'radio');
    button.setAttribute('aria-label', stars === 1 ? '1 star' : `${stars} stars`);
    button.append(icon('star'));
    return button;
  });
  row.append(...buttons);
  row.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const digit = /^Digit[0-5]$/.test(event.code) ? Number(event.code.slice(5)) : null;
    if (step === undefined && digit === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (row.classList.contains('fixed')) return;
    const stars = digit ?? Math.max(1, Math.min(5, value + step));
    choose(stars, false);
    buttons[Math.max(0, stars - 1)].focus();
  };
  const show = (stars, label, fixed) => {
    value = stars;
    row.setAttribute('aria-label', label);
    row.classList.toggle('fixed', fixed);
    buttons.forEach((button, index) => {
      button.classList.toggle('lit', index < stars);
      button.setAttribute('aria-checked', String(index + 1 === stars));
      button.tabIndex = index === Math.max(0, stars - 1) ? 0 : -1;
      button.disabled = fixed;
    });
  };
  return { row, show };
}

function makeCard(wall, id) {
  const card = part('li', 'card');
  card.dataset.id = id;
  const frame = part('div', 'frame');
  const video = part('video');
  video.muted = true;
  video.playsInline = true;
  video.preload = 'auto';
  video.tabIndex = -1;
  video.disablePictureInPicture = true;
  const clip = { id, card, frame, video, state: 'loading', fps: 24, duration: 0, from: 0 };
  clip.number = part('span', 'number');
  clip.mark = part('span', 'mark');
  clip.says = part('span', 'says');
  clip.sound = press('sound', () => sound(wall, clip));
  frame.append(video, clip.number, clip.mark, clip.says, clip.sound);
  frame.onclick = (event) => { if (!event.target.closest('button')) choose(wall, id); };
  clip.name = press('name', () => choose(wall, id));
  clip.stars = starRow((stars) => rate(wall, id, 'overall', stars));
  clip.chips = part('ul', 'chips');
  const under = part('div', 'under');
  const line = part('div', 'line');
  line.append(clip.name, clip.stars.row);
  under.append(line, clip.chips);
  card.append(frame, under);
  return clip;
}

function failed(wall, clip, words) {
  clip.state = 'failed';
  clip.says.textContent = words;
  clip.video.pause();
  wall.clock.changed();
}

// The whole file is fetched once: seeks are then local, and more clips than a browser opens connections can play.
async function load(wall, clip, src) {
  clip.src = src;
  clip.says.textContent = 'Loading';
  const { video } = clip;
  video.onerror = () => failed(wall, clip, 'Your browser may not play this clip. History offers its download.');
  video.onloadeddata = () => {
    if (clip.state === 'ready') return;
    clip.state = 'ready';
    if (Number.isFinite(video.duration) && video.duration > 0) clip.duration = video.duration;
    clip.says.textContent = '';
    join(wall.clock, clip);
  };
  try {
    const answer = await fetch(src);
    if (!answer.ok) { failed(wall, clip, 'The file of this clip is gone. History can fetch it again.'); return; }
    if (Number(answer.headers.get('content-length')) > BIGGEST_BLOB) {
      answer.body.cancel();
      video.src = src;
      return;
    }
    const file = await answer.blob();
    if (!clip.dropped) { clip.blob = URL.createObjectURL(file); video.src = clip.blob; }
  } catch {
    failed(wall, clip, 'This clip could not be loaded. Reload the page to try again.');
  }
}

function drop(clip) {
  clip.dropped = true;
  clip.video.onerror = clip.video.onloadeddata = null;
  clip.video.pause();
  clip.video.removeAttribute('src');
  clip.video.load();
  if (clip.blob) URL.revokeObjectURL(clip.blob);
  clip.card.remove();
}

function syncCards(wall) {
  const { data, clips, clock } = wall;
  for (const [id, clip] of clips) if (!data.clips.some((one) => one.id === id)) { drop(clip); clips.delete(id); }
  data.clips.forEach((facts, index) => {
    let clip = clips.get(facts.id);
    if (!clip) {
      clip = makeCard(wall, facts.id);
      clips.set(facts.id, clip);
      clip.duration = facts.duration_s || 0;
      if (facts.poster) clip.video.poster = facts.poster;
      wall.els.stage.append(clip.card);
      load(wall, clip, facts.src);
    }
    clip.fps = facts.fps || 24;
    clip.ratio = facts.ratio;
    clip.facts = facts;
    clip.index = index;
    clip.card.style.order = String(index);
    clip.number.textContent = String(index + 1);
    clip.mark.textContent = facts.mark;
    clip.mark.hidden = !facts.mark;
    clip.mark.classList.toggle('live', facts.word === 'live');
    clip.video.setAttribute('aria-label', `Clip ${index + 1}, ${facts.word}: ${facts.title}`);
    clip.name.textContent = facts.title;
    clip.name.setAttribute('aria-label', `Clip ${index + 1}: ${facts.title}`);
    clip.name.title = facts.title;
    clip.chips.replaceChildren(...facts.chips.map((chip) => {
      const item = part('li', chip.other ? 'chip other' : 'chip');
      item.append(part('span', 'what', chip.name), part('span', 'value', chip.value));
      return item;
    }));
    clip.chips.hidden = facts.chips.length === 0;
  });
  clock.clips = data.clips.map((facts) => clips.get(facts.id));
  if (!clips.has(wall.chosen)) wall.chosen = data.clips.length ? data.clips[0].id : null;
  clock.lead = clips.get(wall.chosen) || null;
  keepWipe(wall);
}

function choose(wall, id, quiet) {
  if (!wall.clips.has(id)) return;
  const changed = wall.chosen !== id;
  wall.chosen = id;
  wall.clock.lead = wall.clips.get(id);
  if (changed && !quiet && wall.narrow) {
    wall.swiping = performance.now();
    wall.els.stage.scrollTo({ left: wall.clips.get(id).card.offsetLeft - wall.els.stage.offsetLeft - 12,
      behavior: wall.calm.matches ? 'auto' : 'smooth' });
  }
  draw(wall);
}

function sound(wall, clip) {
  clip.video.muted = !clip.video.muted;
  draw(wall);
}

// -- layout -----------------------------------------------------------------------------------------------------------

const TEXT_PX = 66;
const GAP_PX = 16;

function layout(wall) {
  const { stage, arena, section } = wall.els;
  const width = section.clientWidth;
  if (!width) return;
  const count = wall.clock.clips.length;
  const ratios = wall.clock.clips.map((clip) => clip.ratio || 16 / 9);
  const widest = Math.max(...ratios, 0.5);
  const tallest = Math.min(...ratios, 2.4);
  // one box for all: that of the clips where they agree, a square where some stand and some lie
  const ratio = widest / tallest < 1.1 ? widest : Math.max(Math.min(widest, 1.25), tallest);
  wall.narrow = width < NARROW_PX;
  section.classList.toggle('narrow', wall.narrow);
  const fullHeight = document.fullscreenElement ? window.innerHeight - 156 : window.innerHeight - 248;
  const height = Math.max(240, fullHeight);
  if (wall.wipe.on) {
    const two = [wall.clips.get(wall.wipe.left), wall.clips.get(wall.wipe.right)].map((clip) => clip.ratio || 16 / 9);
    const shape = Math.max(...two) / Math.min(...two) < 1.1 ? two[0] : Math.max(Math.min(Math.max(...two), 1.25), Math.min(...two));
    const boxW = Math.min(width, (height - 60) * shape);
    arena.style.setProperty('--wipe-w', `${Math.round(boxW)}px`);
    arena.style.setProperty('--wipe-h', `${Math.round(boxW / shape)}px`);
    arena.style.setProperty('--wipe-x', `${Math.round((width - boxW) / 2)}px`);
    return;
  }
  if (wall.narrow) {
    const across = count > 1 ? width * 0.86 : width;
    stage.style.setProperty('--box-w', `${Math.round(across)}px`);
    stage.style.setProperty('--box-h', `${Math.round(Math.min(across / ratio, window.innerHeight * 0.56))}px`);
    return;
  }
  let best = { area: -Infinity, cols: 1, w: width, h: width / ratio };
  const least = window.innerHeight < 600 ? 150 : 200;  // a low window has no room for a second row above the transport
  for (let cols = 1; cols <= count; cols += 1) {
    const rows = Math.ceil(count / cols);
    const most = (width - GAP_PX * (cols - 1)) / cols;
    if (cols > 1 && most < least) break;
    if (count === 3 && cols === 2) continue;  // the third would stand alone, beside a hole
    const h = Math.max(140, Math.min(most / ratio, (height - GAP_PX * (rows - 1)) / rows - TEXT_PX));
    const w = Math.min(most, Math.max(h * ratio, 210));
    const hidden = Math.max(0, rows * (h + TEXT_PX) - height);
    const area = Math.min(w, h * ratio) * h * Math.sqrt(count / (cols * rows)) - rows * hidden * width * 0.2;
    if (area > best.area) best = { area, cols, w, h };
  }
  stage.style.setProperty('--cols', String(best.cols));
  stage.style.setProperty('--box-w', `${Math.floor(best.w)}px`);
  stage.style.setProperty('--box-h', `${Math.floor(best.h)}px`);
}

function swiped(wall) {
  if (!wall.narrow || wall.wipe.on || performance.now() - (wall.swiping || 0) < 700) return;
  const { stage } = wall.els;
  const middle = stage.scrollLeft + stage.clientWidth / 2;
  const middleOfCard = (clip) => clip.card.offsetLeft - stage.offsetLeft + clip.card.offsetWidth / 2;
  let nearest = null;
  for (const clip of wall.clock.clips)
    if (!nearest || Math.abs(middleOfCard(clip) - middle) < Math.abs(middleOfCard(nearest) - middle)) nearest = clip;
  if (nearest && nearest.id !== wall.chosen) choose(wall, nearest.id, true);
}

// -- wipe -------------------------------------------------------------------------------------------------------------

function keepWipe(wall) {
  const ids = wall.data.clips.map((clip) => clip.id);
  const { wipe } = wall;
  if (!ids.includes(wipe.left)) wipe.left = wall.data.base && ids.includes(wall.data.base) ? wall.data.base : ids[0];
  if (!ids.includes(wipe.right) || wipe.right === wipe.left) wipe.right = ids.find((id) => id !== wipe.left);
  if (ids.length < 2) wipe.on = false;
}

function setWipe(wall, on) {
  const { wipe } = wall;
  if (on && wall.chosen !== wipe.left) wipe.right = wall.chosen;
  wipe.on = on;
  keepWipe(wall);
  draw(wall);
}

function pickWipe(wall, side, id) {
  const { wipe } = wall;
  const other = side === 'left' ? 'right' : 'left';
  if (wipe[other] === id) wipe[other] = wipe[side];
  wipe[side] = id;
  draw(wall);
}

function setCut(wall, percent) {
  wall.wipe.cut = Math.max(0, Math.min(100, percent));
  drawWipe(wall);
}

function drawWipe(wall) {
  const { arena, stage, divider } = wall.els;
  const { wipe } = wall;
  arena.classList.toggle('wipe', wipe.on);
  divider.hidden = !wipe.on;
  for (const clip of wall.clock.clips) {
    clip.card.classList.toggle('left', wipe.on && clip.id === wipe.left);
    clip.card.classList.toggle('right', wipe.on && clip.id === wipe.right);
  }
  if (!wipe.on) return;
  arena.style.setProperty('--cut', `${wipe.cut}%`);
  arena.style.setProperty('--cut-share', String(wipe.cut / 100));
  const [left, right] = [wall.clips.get(wipe.left), wall.clips.get(wipe.right)];
  divider.setAttribute('aria-valuenow', String(Math.round(wipe.cut)));
  divider.setAttribute('aria-valuetext',
    `Clip ${left.index + 1} on ${Math.round(wipe.cut)} percent from the left, clip ${right.index + 1} on the rest`);
}

function dragDivider(wall, event) {
  const { divider, arena } = wall.els;
  const box = arena.querySelector('.card.left .frame').getBoundingClientRect();
  const at = (moved) => setCut(wall, (moved.clientX - box.left) / box.width * 100);
  divider.setPointerCapture(event.pointerId);
  divider.onpointermove = at;
  divider.onpointerup = divider.onpointercancel = () => { divider.onpointermove = null; };
  divider.focus();
  at(event);
}
"""
