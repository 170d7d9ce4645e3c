// Elements with text, and lists whose elements outlive a redraw: what plays, is focused or hovered goes on.

function part(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

// Brings the children of `list` into the order of `rows`. An element belongs to its row's id for as long as the row is there:
// `make(row)` builds it once, `update(element, row)` writes what may have changed.
function keyed(list, rows, make, update) {
  const before = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const wanted = new Set(rows.map((row) => row.id));
  for (const [id, element] of before) if (!wanted.has(id)) element.remove();
  let at = list.firstElementChild;
  for (const row of rows) {
    let element = before.get(row.id);
    if (!element) {
      element = make(row);
      element.dataset.key = row.id;
    }
    if (element === at) at = at.nextElementSibling;
    else list.insertBefore(element, at);
    update(element, row);
  }
}
