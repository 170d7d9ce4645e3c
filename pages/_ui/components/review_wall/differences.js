// How the clips' requests differ.

function buildDifferences(wall) {
  const { els } = wall;
  const head = part('div', 'panel-head');
  els.baseline = part('select');
  els.baseline.onchange = () => send(wall, { kind: 'base', id: els.baseline.value });
  const label = part('label', 'named', 'against ');
  label.append(els.baseline);
  head.append(part('h2', 'title', 'What differs'), label);
  els.table = part('div', 'scroll');
  els.table.tabIndex = 0;
  els.table.setAttribute('role', 'region');
  els.table.setAttribute('aria-label', 'What differs, clip by clip');
  els.same = part('div', 'same');
  els.sweep = part('p', 'hint', 'Sweep: ');
  els.sweepLink = part('a', '');
  els.sweepLink.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    send(wall, { kind: 'sweep' });
  };
  els.sweep.append(els.sweepLink);
  els.table.onscroll = () => cueSideways(els);
  els.sideways = part('p', 'hint');
  els.sideways.hidden = true;
  const shade = part('div', 'shade');
  shade.append(els.table);
  els.differences.append(head, els.sweep, els.sideways, shade, els.same);
}

function drawDifferences(wall) {
  const { els, data } = wall;
  const now = JSON.stringify([data.rows, data.same, data.base, data.clips.map((clip) => clip.id)]);
  if (els.differences.dataset.of !== now) {
    els.differences.dataset.of = now;
    els.baseline.replaceChildren(
      ...data.clips.map((clip, index) => {
        const one = part('option', '', `Clip ${index + 1}`);
        one.value = clip.id;
        return one;
      }),
    );
    els.table.hidden = data.rows.length === 0;
    els.table.replaceChildren(differenceTable(data));
    els.same.replaceChildren();
    if (!data.rows.length)
      els.same.append(
        part(
          'p',
          '',
          'Nothing: all of these were asked for in the same words and settings. What you see ' +
            'differ is chance, as between any two takes.',
        ),
      );
    if (data.same.length) {
      const list = part('dl', '');
      for (const fact of data.same) list.append(part('dt', '', fact.name), part('dd', '', fact.value));
      const more = part('details', '');
      more.append(part('summary', '', data.rows.length ? 'The same in all' : 'The request'), list);
      els.same.append(more);
    }
  }
  els.baseline.value = data.base;
  els.sideways.textContent = `${data.clips.length} clips. Scroll sideways for more.`;
  els.sweep.hidden = !data.sweep;
  els.sweepLink.textContent = data.sweep ? data.sweep.name : '';
  els.sweepLink.href = data.sweep ? data.sweep.href : '';
  const at = wall.clips.get(wall.chosen);
  for (const cell of els.table.querySelectorAll('[data-clip]'))
    cell.classList.toggle('chosen', Boolean(at) && cell.dataset.clip === at.id);
}

// After the layout: before it the table has no width, or that of another window.
function showColumn(wall) {
  const { els } = wall;
  if (!els.table.clientWidth) return;
  cueSideways(els);
  const column = els.table.querySelector('th.chosen');
  if (!column || wall.columnShown === column.dataset.clip) return;
  wall.columnShown = column.dataset.clip;
  const left = column.offsetLeft - els.table.querySelector('.corner').offsetWidth;
  const right = column.offsetLeft + column.offsetWidth - els.table.clientWidth;
  if (els.table.scrollLeft > left) els.table.scrollLeft = left;
  else if (els.table.scrollLeft < right) els.table.scrollLeft = right;
  cueSideways(els);
}

function cueSideways({ table, sideways }) {
  const left = table.scrollLeft > 1,
    right = table.scrollLeft + table.clientWidth < table.scrollWidth - 1;
  table.parentElement.classList.toggle('more-right', right);
  sideways.hidden = !left && !right;
}

function differenceTable(data) {
  const table = part('table');
  const head = part('tr');
  const corner = part('td', 'corner');
  head.append(corner);
  data.clips.forEach((clip, index) => {
    const cell = part('th', '', `Clip ${index + 1}`);
    cell.scope = 'col';
    cell.dataset.clip = clip.id;
    if (clip.id === data.base) cell.append(part('span', 'hint', ' baseline'));
    head.append(cell);
  });
  const body = part('tbody');
  for (const row of data.rows) {
    const line = part('tr', row.long ? 'long' : '');
    const name = part('th', '', row.name);
    name.scope = 'row';
    line.append(name);
    row.cells.forEach((cell, index) => {
      const box = part('td', cell.other ? 'other' : '');
      box.dataset.clip = data.clips[index].id;
      for (const [kind, words] of cell.parts)
        box.append(part({ added: 'ins', gone: 'del' }[kind] || 'span', kind === 'quiet' ? 'hint' : '', words));
      line.append(box);
    });
    body.append(line);
  }
  const top = part('thead');
  top.append(head);
  table.append(top, body);
  return table;
}
