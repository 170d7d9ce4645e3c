// The bar under the clips: a timeline with the notes as markers, and the buttons of the clock.

function clockWords(t) {
  const whole = Math.max(0, t);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - minutes * 60).toFixed(2).padStart(5, '0')}`;
}

// A note keeps the middle of its frame; people read where the frame begins, as beside the timeline.
function noteWords(wall, id, at_s) {
  const fps = (wall.clips.get(id) || {}).fps || 24;
  return clockWords(Math.floor(at_s * fps + 1e-6) / fps);
}

const speedWords = (rate) => `${rate}\u00D7`;

function buildBar(wall) {
  const { bar } = wall.els;
  const { clock } = wall;
  const els = wall.els;
  els.track = part('div', 'track');
  els.rail = part('div', 'rail');
  els.rail.setAttribute('role', 'slider');
  els.rail.setAttribute('aria-label', 'Position');
  els.rail.setAttribute('aria-valuemin', '0');
  els.rail.tabIndex = 0;
  els.range = part('div', 'range');
  els.fill = part('div', 'fill');
  els.head = part('div', 'head');
  els.rail.append(els.range, els.fill, els.head);
  els.markers = part('div', 'markers');
  els.track.append(els.markers, els.rail);
  const at = (event) => {
    const box = els.rail.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * spanOf(clock);
  };
  els.rail.onpointerdown = (event) => {
    const playing = isPlaying(clock);
    els.rail.setPointerCapture(event.pointerId);
    const to = (moved, play) =>
      bring(clock, play ? Math.min(at(moved), spanOf(clock) - 0.05) : middleOf(clock, frameOf(clock, at(moved))), play);
    to(event, false);
    els.rail.onpointermove = (moved) => to(moved, false);
    els.rail.onpointerup = els.rail.onpointercancel = (last) => {
      els.rail.onpointermove = els.rail.onpointerup = els.rail.onpointercancel = null;
      to(last, playing);
    };
  };
  const group = (...items) => {
    const box = part('div', 'group');
    box.append(...items);
    return box;
  };
  els.back = press('tool', () => stepBy(clock, -1));
  face(els.back, 'back', 'One frame back (comma or left arrow)');
  els.play = press('tool main', () => toggle(clock));
  els.forth = press('tool', () => stepBy(clock, 1));
  face(els.forth, 'forth', 'One frame on (full stop or right arrow)');
  els.time = part('span', 'time');
  els.slower = press('tool', () => changeSpeed(clock, -1), '\u2212', 'J');
  els.slower.setAttribute('aria-label', 'Slower');
  els.speed = press('tool wide', () => setSpeed(clock, 1), '', 'Normal speed (K)');
  els.faster = press('tool', () => changeSpeed(clock, 1), '+', 'L');
  els.faster.setAttribute('aria-label', 'Faster');
  els.loop = press('tool', () => {
    clock.looping = !clock.looping;
    clock.changed();
  });
  els.loopIn = press('tool word', () => markLoop(clock, 'start'), 'In', 'The loop begins here (I)');
  els.loopOut = press('tool word', () => markLoop(clock, 'end'), 'Out', 'The loop ends here (O)');
  els.loopAll = press('tool word', () => markLoop(clock, ''), 'Whole', 'Loop the whole clip again (X)');
  els.short = press('tool word', () => setShort(clock, clock.short === 'hold' ? 'loop' : 'hold'), '', 'H');
  els.wipe = press('tool', () => setWipe(wall, !wall.wipe.on));
  els.sides = part('span', 'sides');
  for (const side of ['left', 'right']) {
    const pick = part('select');
    pick.setAttribute('aria-label', side === 'left' ? 'Clip left of the divider' : 'Clip right of the divider');
    pick.onchange = () => pickWipe(wall, side, pick.value);
    els[`${side}Side`] = pick;
    els.sides.append(pick);
  }
  els.change = press('tool word', () => send(wall, { kind: 'change' }), 'Change clips');
  els.full = press('tool', () => fullScreen(wall));
  face(els.full, 'full', 'Full screen (F)');
  els.keys = press('tool', () => help(wall), '?', 'Keyboard (?)');
  els.keys.setAttribute('aria-label', 'Keyboard shortcuts');
  els.numbers = part('div', 'group numbers');
  const tools = part('div', 'tools');
  const more = part('div', 'more'); // on a phone one row that can be pushed sideways
  more.append(
    group(els.loop, els.loopIn, els.loopOut, els.loopAll),
    group(els.wipe, els.sides),
    group(els.slower, els.speed, els.faster),
    group(els.short),
    group(els.change, els.full, els.keys),
  );
  tools.append(group(els.back, els.play, els.forth), els.time, els.numbers, more);
  bar.append(els.track, tools);
}

function drawBar(wall) {
  const { els, clock } = wall;
  const playing = isPlaying(clock);
  face(els.play, playing ? 'pause' : 'play', playing ? 'Pause (Space)' : 'Play (Space)');
  els.speed.textContent = speedWords(clock.rate);
  els.speed.setAttribute('aria-label', `Speed ${speedWords(clock.rate)}; back to normal`);
  face(els.loop, 'loop', clock.looping ? 'Loop is on (Shift+L)' : 'Loop is off (Shift+L)');
  els.loop.setAttribute('aria-pressed', String(clock.looping));
  const span = spanOf(clock) || 1;
  const ranged = clock.start !== null || clock.end !== null;
  els.loopAll.hidden = !ranged;
  els.range.hidden = !ranged;
  els.range.style.left = `${(startOf(clock) / span) * 100}%`;
  els.range.style.width = `${((endOf(clock) - startOf(clock)) / span) * 100}%`;
  const lengths = clock.clips.filter((clip) => clip.state !== 'failed').map((clip) => clip.duration);
  els.short.parentElement.hidden = Math.max(...lengths) - Math.min(...lengths) < 0.05;
  els.short.textContent = clock.short === 'hold' ? 'Short clips wait' : 'Short clips loop';
  els.short.setAttribute('aria-pressed', String(clock.short === 'loop'));
  face(els.wipe, 'wipe', wall.wipe.on ? 'Leave the wipe (W)' : 'Wipe two clips (W)');
  els.wipe.setAttribute('aria-pressed', String(wall.wipe.on));
  els.sides.hidden = !wall.wipe.on;
  for (const side of ['left', 'right']) {
    const pick = els[`${side}Side`];
    const names = clock.clips.map((clip) => [clip.id, `Clip ${clip.index + 1}`]);
    if (pick.dataset.of !== JSON.stringify(names)) {
      pick.dataset.of = JSON.stringify(names);
      pick.replaceChildren(
        ...names.map(([id, name]) => {
          const one = part('option', '', name);
          one.value = id;
          return one;
        }),
      );
    }
    pick.value = wall.wipe[side] || '';
  }
  if (els.numbers.childElementCount !== clock.clips.length)
    els.numbers.replaceChildren(
      ...clock.clips.map((_, index) => {
        const button = press('tool', () => choose(wall, wall.clock.clips[index].id), String(index + 1));
        button.setAttribute('aria-label', `Clip ${index + 1}`);
        return button;
      }),
    );
  [...els.numbers.children].forEach((button, index) =>
    button.setAttribute('aria-pressed', String(clock.clips[index].id === wall.chosen)),
  );
  drawMarkers(wall);
  paint(wall);
}

function drawMarkers(wall) {
  const span = spanOf(wall.clock) || 1;
  const notes = wall.data.notes.filter((note) => wall.clips.has(note.id));
  const now = JSON.stringify([span, notes]);
  if (wall.els.markers.dataset.of === now) return;
  wall.els.markers.dataset.of = now;
  wall.els.markers.replaceChildren(
    ...notes.map((note) => {
      const marker = press('marker', () => jump(wall, note), String(wall.clips.get(note.id).index + 1));
      marker.style.left = `${Math.min(100, (note.at_s / span) * 100)}%`;
      marker.title = `${noteWords(wall, note.id, note.at_s)} \u00B7 ${note.author || 'you'}: ${note.text}`;
      marker.setAttribute(
        'aria-label',
        `Note on clip ${wall.clips.get(note.id).index + 1} at ${noteWords(wall, note.id, note.at_s)}`,
      );
      marker.tabIndex = -1;
      return marker;
    }),
  );
}

function jump(wall, note) {
  choose(wall, note.id);
  bring(wall.clock, middleOf(wall.clock, frameOf(wall.clock, note.at_s)), false);
}

function paint(wall) {
  const { els, clock } = wall;
  const span = spanOf(clock);
  const t = Math.min(nowOf(clock), span);
  const share = `${span ? Math.min(1, t / span) * 100 : 0}%`;
  els.head.style.left = share;
  els.fill.style.width = share;
  const frame = Math.min(frameOf(clock, t), lastFrame(clock));
  els.time.textContent = `${clockWords(frame / fpsOf(clock))} / ${clockWords(span)} \u00B7 frame ${frame + 1}`;
  if (clock.mode === 'still' || performance.now() - (wall.spoken || 0) > 1000) {
    wall.spoken = performance.now();
    els.rail.setAttribute('aria-valuemax', span.toFixed(2));
    els.rail.setAttribute('aria-valuenow', t.toFixed(2));
    els.rail.setAttribute('aria-valuetext', `${clockWords(t)} of ${clockWords(span)}, frame ${frame + 1}`);
  }
}
