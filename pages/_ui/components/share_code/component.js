const QUIET = 4; // ISO/IEC 18004: modules of white that a code needs around it

const seen = new WeakSet();

// The press that began it may be further down, where the code would not be on the screen.
function bringIntoView(code) {
  if (seen.has(code)) return;
  seen.add(code);
  requestAnimationFrame(() => code.scrollIntoView({ block: 'nearest' }));
}

export default function ({ data, parentElement }) {
  const svg = parentElement.querySelector('svg');
  const side = data.size + 2 * QUIET;
  svg.setAttribute('viewBox', `${-QUIET} ${-QUIET} ${side} ${side}`);
  svg.setAttribute('aria-label', data.label);
  const ground = svg.querySelector('rect');
  for (const [name, value] of Object.entries({ x: -QUIET, y: -QUIET, width: side, height: side }))
    ground.setAttribute(name, value);
  svg.querySelector('path').setAttribute('d', data.path);
  const address = parentElement.querySelector('.address');
  if (address.textContent !== data.address) address.textContent = data.address; // what is selected stays selected
  bringIntoView(parentElement.querySelector('.code'));
}
