function point(moment) {
  const line = part('div', 'rv-line');
  line.append(
    part('span', 'rv-what', moment.what),
    part('span', 'rv-when', moment.when + (moment.gap ? ` · ${moment.gap}` : '')),
  );
  const item = part('li');
  item.style.setProperty('--dot', `var(--st-${moment.tone}-color, var(--st-primary-color))`);
  item.append(line);
  if (moment.note) item.append(part('span', 'rv-note', moment.note));
  return item;
}

export default function ({ data, parentElement }) {
  let list = parentElement.querySelector('ol.rv-time');
  if (!list) parentElement.append((list = part('ol', 'rv-time')));
  list.replaceChildren(...data.map(point));
}
