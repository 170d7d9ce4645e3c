const ANSWER_MS = 10000; // a choice that was never answered, over a broken line, does not hold for ever
const grids = new WeakMap();

function poster(grid, clip) {
  const item = part('li');
  const button = part('button');
  button.type = 'button';
  button.dataset.id = clip.id;
  button.onclick = () => choose(grid, clip.id);
  const picture = part('span', 'picture');
  picture.append(part('img'), part('span', 'mark'), part('span', 'takes'), part('span', 'length'));
  button.append(picture, part('span', 'name'));
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
  hoverPlay(item.querySelector('button'), item.querySelector('.picture'), clip.src);
}

// Said in the browser at once: the poster is marked and the player has the clip before the server heard of it.
function choose(grid, id) {
  const clip = grid.data.clips.find((one) => one.id === id);
  grid.chosen = { id, at: Date.now() };
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
  if (!grid) grids.set(parentElement, (grid = { list: parentElement.querySelector('.shelf'), chosen: null }));
  grid.data = data;
  grid.pick = (chosen) => setTriggerValue('pick', chosen);
  grid.list.classList.toggle('strip', data.strip);
  keyed(grid.list, data.clips, (clip) => poster(grid, clip), write);
  mark(grid);
}
