// What the wall's parts are made of: icons, buttons, stars.

const ICONS = {
  play: 'M8 5v14l11-7z',
  pause: 'M6 19h4V5H6v14zm8-14v14h4V5h-4z',
  back: 'M6 6h2v12H6zm3.5 6l8.5 6V6z',
  forth: 'M6 18l8.5-6L6 6v12zM16 6v12h2V6h-2z',
  sound: 'M3 9v6h4l5 5V4L7 9H3zm13.5 3c0-1.77-1.02-3.29-2.5-4.03v8.05c1.48-.73 2.5-2.25 2.5-4.02z',
  mute:
    'M16.5 12c0-1.77-1.02-3.29-2.5-4.03v2.21l2.45 2.45c.03-.2.05-.41.05-.63zM4.27 3 3 4.27 7.73 9H3v6h4l5 5v-6.73l4.25 ' +
    '4.25 1.27-1.27L4.27 3zM12 4 9.91 6.09 12 8.18V4z',
  loop: 'M7 7h10v3l4-4-4-4v3H5v6h2V7zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2v4z',
  wipe:
    'M10 3H5c-1.1 0-2 .9-2 2v14c0 1.1.9 2 2 2h5v2h2V1h-2v2zm0 15H5l5-6v6zm9-15h-5v2h5v13l-5-6v9h5c1.1 0 2-.9 2-2V5c0-1.1-.9-2' +
    '-2-2z',
  full: 'M7 14H5v5h5v-2H7v-3zm-2-4h2V7h3V5H5v5zm12 7h-3v2h5v-5h-2v3zM14 5v2h3v3h2V5h-5z',
  star: 'M12 17.27 18.18 21l-1.64-7.03L22 9.24l-7.19-.61L12 2 9.19 8.63 2 9.24l5.46 4.73L5.82 21z',
  edit:
    'M3 17.25V21h3.75L17.81 9.94l-3.75-3.75L3 17.25zM20.71 7.04a1 1 0 0 0 0-1.41l-2.34-2.34a1 1 0 0 0-1.41 0l-1.83 1.83 ' +
    '3.75 3.75 1.83-1.83z',
  gone: 'M6 19c0 1.1.9 2 2 2h8c1.1 0 2-.9 2-2V7H6v12zM19 4h-3.5l-1-1h-5l-1 1H5v2h14V4z',
  note: 'M20 2H4c-1.1 0-2 .9-2 2v18l4-4h14c1.1 0 2-.9 2-2V4c0-1.1-.9-2-2-2zm-3 9h-4v4h-2v-4H7V9h4V5h2v4h4v2z',
};

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
    const digit = /^Digit[0-5]$/u.test(event.code) ? Number(event.code.slice(5)) : null;
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
