// One card a clip, laid out to fill the screen. Cards are kept by the clip's id and changed in place: a video element is made
// once and never moved in the document.

const BIGGEST_BLOB = 60e6;
const NARROW_PX = 640;
const TEXT_PX = 66;
const GAP_PX = 16;

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
  const [number, mark, says] = [part('span', 'number'), part('span', 'mark'), part('span', 'says')];
  const clip = { id, card, frame, video, number, mark, says, state: 'loading', fps: 24, duration: 0, from: 0 };
  clip.sound = press('sound', () => sound(wall, clip));
  frame.append(video, clip.number, clip.mark, clip.says, clip.sound);
  frame.onclick = (event) => {
    if (!event.target.closest('button')) choose(wall, id);
  };
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
    if (!answer.ok) {
      failed(wall, clip, 'The file of this clip is gone. History can fetch it again.');
      return;
    }
    if (Number(answer.headers.get('content-length')) > BIGGEST_BLOB) {
      answer.body.cancel();
      video.src = src;
      return;
    }
    const file = await answer.blob();
    if (!clip.dropped) {
      clip.blob = URL.createObjectURL(file);
      video.src = clip.blob;
    }
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
  for (const [id, clip] of clips)
    if (!data.clips.some((one) => one.id === id)) {
      drop(clip);
      clips.delete(id);
    }
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
    clip.chips.replaceChildren(
      ...facts.chips.map((chip) => {
        const item = part('li', chip.other ? 'chip other' : 'chip');
        item.append(part('span', 'what', chip.name), part('span', 'value', chip.value));
        return item;
      }),
    );
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
    wall.els.stage.scrollTo({
      left: wall.clips.get(id).card.offsetLeft - wall.els.stage.offsetLeft - 12,
      behavior: wall.calm.matches ? 'auto' : 'smooth',
    });
  }
  draw(wall);
}

function sound(wall, clip) {
  clip.video.muted = !clip.video.muted;
  draw(wall);
}

function drawCards(wall) {
  for (const clip of wall.clock.clips) {
    const chosen = clip.id === wall.chosen;
    clip.card.classList.toggle('chosen', chosen);
    clip.name.setAttribute('aria-pressed', String(chosen));
    const others = otherStars(wall, clip.id, 'overall');
    clip.stars.show(myStars(wall, clip.id, 'overall'), `Overall, clip ${clip.index + 1}`, wall.data.read_only);
    clip.stars.row.title = others.map((one) => `${one.author || 'no name'} ${one.stars}`).join(', ');
    face(
      clip.sound,
      clip.video.muted ? 'mute' : 'sound',
      `Clip ${clip.index + 1}: ${clip.video.muted ? 'sound is off' : 'sound is on'}${chosen ? ' (M)' : ''}`,
    );
    clip.sound.setAttribute('aria-pressed', String(!clip.video.muted));
  }
}

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
    const shape =
      Math.max(...two) / Math.min(...two) < 1.1 ? two[0] : Math.max(Math.min(Math.max(...two), 1.25), Math.min(...two));
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
  const least = window.innerHeight < 600 ? 150 : 200; // a low window has no room for a second row above the transport
  for (let cols = 1; cols <= count; cols += 1) {
    const rows = Math.ceil(count / cols);
    const most = (width - GAP_PX * (cols - 1)) / cols;
    if (cols > 1 && most < least) break;
    if (count === 3 && cols === 2) continue; // the third would stand alone, beside a hole
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
