const SAID_MS = 2500;
const timers = new WeakMap();

function rest(parts) {
  clearTimeout(timers.get(parts.button));
  parts.button.classList.remove('copied');
  parts.said.textContent = '';
  parts.byHand.hidden = true;
}

async function copy(parts, address) {
  rest(parts);
  try {
    await navigator.clipboard.writeText(address);
  } catch {
    parts.byHand.hidden = false;
    parts.input.value = address;
    parts.input.focus();
    parts.input.select();
    return;
  }
  parts.button.classList.add('copied');
  parts.said.textContent = 'Link copied';
  timers.set(
    parts.button,
    setTimeout(() => rest(parts), SAID_MS),
  );
}

export default function ({ data, parentElement }) {
  const find = (name) => parentElement.querySelector(name);
  const parts = { button: find('button'), said: find('.said'), byHand: find('label'), input: find('input') };
  const address = new URL(data.href, location.href).href;
  if (parts.button.dataset.address !== address) rest(parts); // what was said is of another one
  parts.button.dataset.address = address;
  parts.button.onclick = () => copy(parts, address);
  parts.input.onkeydown = (event) => {
    if (event.key !== 'Escape') return;
    rest(parts);
    parts.button.focus();
  };
}
