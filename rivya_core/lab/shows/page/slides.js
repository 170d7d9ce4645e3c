'use strict';
// What one slide looks like. All text of people goes in as textContent.

const PLAYERS_MAX = 9; // beyond this a slide shows posters: no machine decodes sixty clips at once
const SPOKEN = new Set(['title', 'finding', 'decision']);

function el(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) {
    made.textContent = text;
    made.dir = 'auto';
  }
  return made;
}

function columnsOf(count) {
  if (count <= 3) return count || 1;
  return Math.ceil(Math.sqrt(count));
}

// A slide of words beside clips shows two wide ones below each other: there they are larger than side by side.
function splitColumnsOf(show, keys) {
  const areWide = keys.every((key) => (show.clips[key].width_px || 16) > (show.clips[key].height_px || 9));
  return keys.length === 2 && areWide ? 1 : columnsOf(keys.length);
}

function labelOf(show, clip) {
  return show.mode === 'mixed' ? `${clip.label} · ${clip.mode.toUpperCase()}` : clip.label;
}

const isWinner = (show, key) => Boolean(show.decision) && show.decision.clips.includes(key);

function roleOf(show, key) {
  if (isWinner(show, key)) return 'Winner';
  return key === show.baseline ? 'Baseline' : '';
}

function buildTile(show, key, source, isPlayer, label) {
  const tile = el('figure', label ? 'tile' : 'tile alone');
  const picture = document.createElement(isPlayer ? 'video' : 'img');
  if (isPlayer) {
    Object.assign(picture, {
      muted: true,
      playsInline: true,
      preload: 'auto',
      poster: source.poster,
      src: source.address(),
    });
    picture.dataset.key = key;
    picture.setAttribute('aria-label', show.clips[key].label);
  } else {
    Object.assign(picture, { src: source.poster, alt: show.clips[key].label });
  }
  picture.width = show.clips[key].width_px || 16;
  picture.height = show.clips[key].height_px || 9;
  tile.style.setProperty('--ratio', picture.width / picture.height);
  tile.append(picture);
  if (label) {
    const name = el('figcaption', 'text', label);
    const role = roleOf(show, key);
    if (role) name.append(' ', el('span', role === 'Winner' ? 'chip' : 'chip quiet', role));
    tile.append(name);
  }
  return tile;
}

// `said`: what the slide says already; a clip of that name needs no label.
function buildTiles(show, keys, sources, said, columns = columnsOf(keys.length)) {
  const tiles = el('div', keys.length > PLAYERS_MAX ? 'tiles many' : 'tiles');
  const captionOf = (key) => (labelOf(show, show.clips[key]) === said ? '' : labelOf(show, show.clips[key]));
  tiles.style.setProperty('--columns', columns);
  tiles.style.setProperty('--narrow', keys.length > 3 ? Math.ceil(Math.sqrt(keys.length / 2)) : 1);
  tiles.append(
    ...keys.map((key) => buildTile(show, key, sources.get(key), keys.length <= PLAYERS_MAX, captionOf(key))),
  );
  return tiles;
}

function isWholeGrid(show, slide) {
  const all = new Set(show.grid ? show.grid.cells.flat(2) : []);
  return (
    slide.layout === 'grid' &&
    all.size > 0 &&
    all.size === new Set(slide.clips).size &&
    slide.clips.every((key) => all.has(key))
  );
}

// How a grid uses the window best: the parts that stand side by side, each with some of the lines, and the takes in a row of a
// combination. A grid without rows is cut between its columns, so that a line is a part of the one row.
function layMatrix(lines, across, takes, ratio, hasRows) {
  const [width, height] = [innerWidth * 0.97, innerHeight - 110];
  let best = { size: 0, parts: 1, inRow: 1 };
  for (let parts = 1; parts <= Math.min(lines, 12); parts += 1) {
    const down = Math.ceil(lines / parts);
    const cell_px = width / parts / (hasRows ? across + 0.8 : across);
    const line_px = height / down - (hasRows ? 6 : 34);
    for (let inRow = 1; inRow <= takes; inRow += 1) {
      const size = Math.min(cell_px / inRow, (line_px / Math.ceil(takes / inRow)) * ratio);
      if (size > best.size * 1.02) best = { size, parts, inRow };
    }
  }
  return best;
}

function buildMatrix({ columns, rows, cells }, show, sources) {
  const hasRows = rows.some(Boolean);
  const keysOf = (keys) => keys.filter((key) => sources.has(key));
  const isPlayer = cells.flat(2).length <= PLAYERS_MAX;
  const first = show.clips[cells.flat(2)[0]];
  const ratio = (first.width_px || 16) / (first.height_px || 9);
  const takes = Math.max(1, ...cells.flat().map((keys) => keysOf(keys).length));
  const { parts, inRow } = layMatrix(
    hasRows ? cells.length : columns.length,
    hasRows ? columns.length : 1,
    takes,
    ratio,
    hasRows,
  );
  const matrix = el('div', `matrix-slide ${hasRows ? 'rows' : 'flat'}`);
  matrix.style.setProperty('--columns', columns.length);
  matrix.style.setProperty('--parts', parts);
  matrix.style.setProperty('--takes', inRow);

  function addCell(box, keys) {
    const cell = el('div', 'cell');
    for (const key of keysOf(keys)) {
      const label = show.mode === 'mixed' ? show.clips[key].mode.toUpperCase() : '';
      const tile = buildTile(show, key, sources.get(key), isPlayer, label);
      if (isWinner(show, key)) tile.classList.add('won');
      cell.append(tile);
    }
    box.append(cell);
  }

  if (!hasRows) {
    columns.forEach((name, index) => {
      const part = el('div', 'part');
      part.append(el('p', 'name text', name));
      for (const row of cells) addCell(part, row[index]);
      matrix.append(part);
    });
    return matrix;
  }
  const down = Math.ceil(cells.length / parts);
  for (let from = 0; from < cells.length; from += down) {
    const part = el('div', 'part');
    part.append(el('p'), ...columns.map((name) => el('p', 'name text', name)));
    cells.slice(from, from + down).forEach((row, index) => {
      part.append(el('p', 'name row text', rows[from + index]));
      for (const keys of row) addCell(part, keys);
    });
    matrix.append(part);
  }
  return matrix;
}

// What stands large on a slide of words, what above it and what below.
function wordsOf(show, slide) {
  if (slide.layout === 'title') return { big: slide.heading || show.title, lines: [slide.caption, ...slide.text] };
  const cost = show.cost ? show.cost.sentence : '';
  if (slide.layout === 'decision' && show.decision) {
    return {
      above: 'Decision',
      big: show.decision.label,
      meta: slide.text.includes(cost) ? cost : '',
      lines: [slide.caption, ...slide.text.filter((line) => line !== cost)],
    };
  }
  if (show.votes && slide.text.includes(show.votes.sentence)) {
    return { above: slide.heading, big: show.votes.sentence, lines: [slide.caption], hasVotes: true };
  }
  return {
    above: slide.heading,
    big: slide.text[0] || slide.caption,
    lines: slide.text.length ? [slide.caption, ...slide.text.slice(1)] : [],
  };
}

function buildWords(show, slide) {
  const { above, big, lines, meta, hasVotes } = wordsOf(show, slide);
  const words = el('div', 'words text');
  if (above) words.append(el('p', 'kicker', above));
  words.append(el('p', big.length > 90 ? 'big long' : 'big', big));
  for (const line of lines) if (line && line !== big) words.append(el('p', 'lead', line));
  if (lines.join('').length > 400) words.classList.add('much');
  const votes = document.querySelector('#report .votes');
  if (hasVotes && votes) words.append(votes.cloneNode(true));
  if (meta) words.append(el('p', 'meta', meta));
  return words;
}

// What a screen reader says of a slide: its heading, else its caption, else its clips.
function nameOf(show, slide) {
  return slide.heading || slide.caption || slide.clips.map((key) => show.clips[key].label).join(', ');
}

// `box` is the slide; `players` are its videos.
function buildSlide(show, index, sources) {
  const slide = show.slides[index];
  const keys = slide.clips.filter((key) => sources.has(key));
  const box = el('div', `slide ${slide.layout}`);
  box.setAttribute('aria-hidden', 'true');
  if (SPOKEN.has(slide.layout)) {
    const words = buildWords(show, slide);
    if (keys.length) {
      const split = el('div', 'split');
      split.append(buildTiles(show, keys, sources, '', splitColumnsOf(show, keys)), words);
      box.append(split);
    } else {
      box.append(words);
    }
  } else {
    if (slide.heading) box.append(el('p', 'heading text', slide.heading));
    box.append(
      isWholeGrid(show, slide) ? buildMatrix(show.grid, show, sources) : buildTiles(show, keys, sources, slide.heading),
    );
    const caption = [slide.caption, ...slide.text].filter(Boolean).join(' ');
    if (caption) box.append(el('p', 'caption text', caption));
  }
  return { index, box, players: [...box.querySelectorAll('video')] };
}

function buildSettings(show, slide) {
  const found = document.createDocumentFragment();
  for (const key of new Set(slide.clips)) {
    const clip = show.clips[key];
    if (!clip) continue;
    found.append(el('h2', '', labelOf(show, clip) || 'Clip'));
    const list = el('dl');
    const facts = [['Prompt', clip.prompt], ['Negative prompt', clip.negative_prompt], ...clip.settings];
    const told = new Set();
    for (const [name, value] of facts) {
      if (!value || told.has(name)) continue;
      told.add(name);
      const line = el('div');
      line.append(el('dt', '', name), el('dd', '', value));
      list.append(line);
    }
    found.append(list);
  }
  if (!found.childNodes.length) found.append(el('p', '', 'This slide has no clip.'));
  return found;
}
