'use strict';
// What one slide looks like. All text of people goes in as textContent.

const PLAYERS_MAX = 9;    // beyond this a slide shows posters: no machine decodes sixty clips at once
const MARKS = { simulated: 'SIMULATED', live: 'LIVE', mixed: 'LIVE and SIMULATED' };
const SPOKEN = ['title', 'finding', 'decision'];

function el(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) {
    made.textContent = text;
    made.dir = 'auto';
  }
  return made;
}

const markOf = (show) => show.replay || MARKS[show.mode];

function columnsOf(count) {
  if (count <= 3) return count || 1;
  return Math.ceil(Math.sqrt(count));
}

function labelOf(show, clip) {
  return show.mode === 'mixed' ? `${clip.label} · ${clip.mode.toUpperCase()}` : clip.label;
}

function buildTile(show, key, source, isPlayer, label) {
  const tile = el('figure', label ? 'tile' : 'tile alone');
  const picture = document.createElement(isPlayer ? 'video' : 'img');
  if (isPlayer) {
    Object.assign(picture, { muted: true, playsInline: true, preload: 'auto', poster: source.poster, src: source.address() });
    picture.dataset.key = key;
    picture.setAttribute('aria-label', show.clips[key].label);
  } else {
    Object.assign(picture, { src: source.poster, alt: show.clips[key].label });
  }
  picture.width = show.clips[key].width_px || 16;
  picture.height = show.clips[key].height_px || 9;
  tile.append(picture);
  if (label) tile.append(el('figcaption', 'text', label));
  return tile;
}

// `said`: what the slide says already; a clip of that name needs no label.
function buildTiles(show, keys, sources, said) {
  const tiles = el('div', keys.length > PLAYERS_MAX ? 'tiles many' : 'tiles');
  const nameOf = (key) => labelOf(show, show.clips[key]) === said ? '' : labelOf(show, show.clips[key]);
  tiles.style.setProperty('--columns', columnsOf(keys.length));
  tiles.style.setProperty('--narrow', keys.length > 3 ? Math.ceil(Math.sqrt(keys.length / 2)) : 1);
  tiles.append(...keys.map((key) => buildTile(show, key, sources.get(key), keys.length <= PLAYERS_MAX, nameOf(key))));
  return tiles;
}

function isWholeGrid(show, slide) {
  const all = new Set(show.grid ? show.grid.cells.flat(2) : []);
  return slide.layout === 'grid' && all.size > 0 && all.size === new Set(slide.clips).size && slide.clips.every((key) => all.has(key));
}

function buildMatrix({ columns, rows, cells }, show, sources) {
  const hasRows = rows.some(Boolean);
  const matrix = el('div', `matrix-slide ${hasRows ? 'rows' : 'flat'}`);
  const isPlayer = cells.flat(2).length <= PLAYERS_MAX;
  matrix.style.setProperty('--columns', columns.length);
  if (hasRows) matrix.append(el('p'));
  matrix.append(...columns.map((name) => el('p', 'name text', name)));
  cells.forEach((row, index) => {
    if (hasRows) matrix.append(el('p', 'name row text', rows[index]));
    for (const keys of row) {
      const cell = el('div', 'cell');
      const label = (key) => show.mode === 'mixed' ? show.clips[key].mode.toUpperCase() : '';
      cell.append(...keys.filter((key) => sources.has(key)).map((key) => buildTile(show, key, sources.get(key), isPlayer, label(key))));
      matrix.append(cell);
    }
  });
  return matrix;
}

// What stands large on a slide of words, what above it and what below.
function wordsOf(show, slide) {
  if (slide.layout === 'title') return { big: slide.heading || show.title, lines: [slide.caption, ...slide.text] };
  const cost = show.cost ? show.cost.sentence : '';
  if (slide.layout === 'decision' && show.decision) {
    return {
      above: 'Decision', big: show.decision.label, meta: slide.text.includes(cost) ? cost : '',
      lines: [slide.caption, ...slide.text.filter((line) => line !== cost)],
    };
  }
  if (show.votes && slide.text.includes(show.votes.sentence)) {
    return { above: slide.heading, big: show.votes.sentence, lines: [slide.caption], hasVotes: true };
  }
  return { above: slide.heading, big: slide.text[0] || slide.caption, lines: slide.text.length ? [slide.caption, ...slide.text.slice(1)] : [] };
}

function buildWords(show, slide) {
  const { above, big, lines, meta, hasVotes } = wordsOf(show, slide);
  const words = el('div', 'words text');
  if (above) words.append(el('p', 'kicker', above));
  words.append(el('p', big.length > 90 ? 'big long' : 'big', big));
  for (const line of lines) if (line && line !== big) words.append(el('p', 'lead', line));
  const votes = document.querySelector('#report .votes');
  if (hasVotes && votes) words.append(votes.cloneNode(true));
  if (meta) words.append(el('p', 'meta', meta));
  return words;
}

// `box` is the slide; `players` are its videos.
function buildSlide(show, index, sources) {
  const slide = show.slides[index];
  const keys = slide.clips.filter((key) => sources.has(key));
  const box = el('div', `slide ${slide.layout}`);
  box.setAttribute('aria-hidden', 'true');
  if (SPOKEN.includes(slide.layout)) {
    const words = buildWords(show, slide);
    if (keys.length) {
      const split = el('div', 'split');
      split.append(buildTiles(show, keys, sources, ''), words);
      box.append(split);
    } else {
      box.append(words);
    }
  } else {
    if (slide.heading) box.append(el('p', 'heading text', slide.heading));
    box.append(isWholeGrid(show, slide) ? buildMatrix(show.grid, show, sources) : buildTiles(show, keys, sources, slide.heading));
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
