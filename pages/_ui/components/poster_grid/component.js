const ANSWER_MS = 10000; // a choice that was never answered, over a broken line, does not hold for ever
const grids = new WeakMap();

function poster(grid, clip) {
  const item = part('li');
  const button = part('button', 'poster');
  button.type = 'button';
  button.dataset.id = clip.id;
  button.onclick = () => pressed(grid, clip.id);
  const picture = part('span', 'picture');
  picture.append(
    part('img'),
    part('span', 'mark'),
    part('span', 'tick'),
    part('span', 'takes'),
    part('span', 'length'),
  );
  button.append(picture, part('span', 'name'), part('span', 'facts'));
  item.append(button);
  return item;
}

function write(item, clip) {
  const image = item.querySelector('img');
  image.loading = 'lazy';
  image.alt = '';
  if (clip.poster) {
    if (image.getAttribute('src') !== clip.poster) image.src = clip.poster;
  } else image.removeAttribute('src');
  const chip = item.querySelector('.mark');
  chip.textContent = clip.mark;
  chip.classList.toggle('live', clip.mark === 'LIVE');
  item.querySelector('.length').textContent = clip.length;
  item.querySelector('.takes').textContent = clip.takes;
  item.querySelector('.name').textContent = clip.name;
  item.querySelector('.facts').textContent = clip.facts;
  hoverPlay(item.querySelector('button'), item.querySelector('.picture'), clip.src);
}

function pressed(grid, id) {
  const clip = grid.data.clips.find((one) => one.id === id);
  if (grid.data.several) tick(grid, clip);
  else choose(grid, clip);
}

// Said in the browser at once: the poster is marked and the player has the clip before the server heard of it.
function choose(grid, clip) {
  grid.chosen = { id: clip.id, at: Date.now() };
  mark(grid);
  if (grid.data.player && clip.play) {
    document.dispatchEvent(
      new CustomEvent('rivya-play', { detail: { player: grid.data.player, at: grid.chosen.at, clip: clip.play } }),
    );
  }
  grid.pick(grid.chosen);
}

function mark(grid) {
  const { chosen, data } = grid;
  const waits = chosen && data.answered < chosen.at && Date.now() - chosen.at < ANSWER_MS;
  const shown = waits ? chosen.id : data.shown;
  for (const button of grid.list.querySelectorAll('button'))
    button.setAttribute('aria-pressed', String(button.dataset.id === shown));
}

export default function ({ data, parentElement, setTriggerValue }) {
  let grid = grids.get(parentElement);
  if (!grid) {
    grid = { root: parentElement, list: parentElement.querySelector('.shelf'), chosen: null, several: null };
    grids.set(parentElement, grid);
  }
  grid.data = data;
  grid.pick = (chosen) => setTriggerValue('pick', chosen);
  grid.list.classList.toggle('strip', Boolean(data.strip));
  grid.list.classList.toggle('several', Boolean(data.several));
  keyed(grid.list, data.clips, (clip) => poster(grid, clip), write);
  if (data.several) {
    grid.list.setAttribute('aria-label', 'Clips');
    drawTray(grid, (ids) => setTriggerValue('go', ids));
  } else mark(grid);
}
