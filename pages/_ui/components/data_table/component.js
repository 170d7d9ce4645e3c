function fill(place, cell) {
  if (cell.href) {
    const link = part('a', '', cell.text);
    link.href = cell.href;
    link.target = '_self';
    place.append(link);
  } else if (cell.text) place.append(part('span', '', cell.text));
  if (cell.bar !== null) {
    const bar = part('span', cell.bar >= 1 ? 'bar full' : 'bar');
    bar.setAttribute('aria-hidden', 'true');
    const filled = part('i');
    filled.style.width = `${Math.min(100, Math.max(0, cell.bar * 100))}%`;
    bar.append(filled);
    place.append(bar);
  }
  if (cell.note) place.append(part('span', 'note', cell.note));
}

// Roles are written out: where the table is narrow, its rows are no longer drawn as a table's, and a browser forgets them.
function role(element, name, ...children) {
  element.setAttribute('role', name);
  element.append(...children);
  return element;
}

function line(cells, columns) {
  return role(
    part('tr'),
    'row',
    ...cells.map((cell, place) => {
      const column = columns[place];
      const made = role(part(place === 0 ? 'th' : 'td', column.kind), place === 0 ? 'rowheader' : 'cell');
      if (place === 0) made.scope = 'row';
      made.dataset.label = column.name;
      fill(made, cell);
      return made;
    }),
  );
}

function headings(columns) {
  return role(
    part('tr'),
    'row',
    ...columns.map((column) => {
      const made = role(part('th', column.kind, column.name), 'columnheader');
      made.scope = 'col';
      return made;
    }),
  );
}

export default function ({ data, parentElement }) {
  const { caption, columns, rows, foot } = data;
  let box = parentElement.querySelector('div.rv-sheet');
  if (!box) parentElement.append((box = part('div')));
  box.className = columns.length > 3 ? 'rv-sheet wide' : 'rv-sheet';
  const table = role(
    part('table'),
    'table',
    part('caption', '', caption),
    role(part('thead'), 'rowgroup', headings(columns)),
    role(part('tbody'), 'rowgroup', ...rows.map((cells) => line(cells, columns))),
  );
  if (foot) table.append(role(part('tfoot'), 'rowgroup', line(foot, columns)));
  box.replaceChildren(table);
}
