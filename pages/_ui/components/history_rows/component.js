const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let its = states.get(parentElement);
  if (!its) {
    its = {
      data,
      root: make(parentElement, 'div', 'rows'),
      lines: new Map(),
      selected: new Set(remembered()),
      anchor: null,
    };
    states.set(parentElement, its);
    drawBar(its, its.root);
    drawShower(its, its.root);
    drawTable(its, its.root);
    its.body.onkeydown = (event) => walk(its, event);
  }
  Object.assign(its, { data, send: setTriggerValue });
  for (const id of data.gone) its.selected.delete(id);
  its.root.classList.toggle('gallery', data.view === 'gallery');
  its.known.replaceChildren(
    ...data.labels.map((label) => Object.assign(document.createElement('option'), { value: label })),
  );
  fillShows(its, data.shows);
  drawRows(its);
  mark(its, data.opened);
  show(its);
}
