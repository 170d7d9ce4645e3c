// What can be done with what is ticked.

function act(its, name, label = '', ids = [...its.selected]) {
  if (ids.length) its.send('act', { act: name, ids, label, at: Date.now() });
}

function download(its, address) {
  const form = document.createElement('form');
  Object.assign(form, { method: 'post', action: address, hidden: true });
  for (const id of its.selected) {
    const field = make(form, 'input', '');
    Object.assign(field, { type: 'hidden', name: 'id', value: id });
  }
  document.body.append(form);
  form.submit();
  form.remove();
}

function drawBar(its, parent) {
  its.bar = make(parent, 'div', 'bar');
  its.bar.setAttribute('role', 'group');
  its.bar.setAttribute('aria-label', 'Selected clips');
  its.count = make(its.bar, 'span', 'count');
  its.count.setAttribute('role', 'status');
  const buttons = make(its.bar, 'span', 'acts');
  its.acts = {};
  const add = (name, text, press) => {
    its.acts[name] = button(buttons, text);
    its.acts[name].onclick = press;
  };
  add('compare', 'Compare', () => act(its, 'compare'));
  if (its.data.mayWrite) {
    add('favorite', 'Favorite', () => act(its, 'favorite'));
    add('label', 'Label', () => {
      its.labeller.hidden = !its.labeller.hidden;
      if (!its.labeller.hidden) its.labeller.querySelector('input').focus();
    });
    add('show', 'Add to show', () => {
      its.shower.hidden = !its.shower.hidden;
      if (!its.shower.hidden) its.shower.querySelector('select').focus();
    });
  }
  add('zip', 'Download ZIP', () => download(its, served('/exports/clips.zip')));
  if (its.data.mayRecord) add('cassette', 'Cassette', () => download(its, served('/exports/cassette.zip')));
  if (its.data.mayDelete) add('delete', 'Delete', () => act(its, 'delete'));
  add('clear', 'Clear', () => {
    its.selected.clear();
    show(its);
  });
  its.labeller = make(parent, 'form', 'labeller');
  its.labeller.hidden = true;
  const field = make(its.labeller, 'input', '');
  Object.assign(field, { maxLength: 40, placeholder: 'Label', autocomplete: 'off' });
  field.setAttribute('aria-label', 'Label for the selected clips');
  field.setAttribute('list', 'labels');
  its.known = make(its.labeller, 'datalist', '');
  its.known.id = 'labels';
  const give = (name) => {
    if (field.value.trim()) {
      act(its, name, field.value);
      field.value = '';
      its.labeller.hidden = true;
    }
  };
  make(its.labeller, 'button', '', 'Add').type = 'submit';
  button(its.labeller, 'Remove').onclick = () => give('unlabel');
  its.labeller.onsubmit = (event) => {
    event.preventDefault();
    give('label');
  };
  its.labeller.onkeydown = (event) => {
    if (event.key === 'Escape') {
      its.labeller.hidden = true;
      its.acts.label.focus();
    }
  };
}

function drawShower(its, parent) {
  its.shower = make(parent, 'form', 'labeller');
  its.shower.hidden = true;
  its.shows = make(its.shower, 'select', '');
  its.shows.setAttribute('aria-label', 'Show for the selected clips');
  make(its.shower, 'button', '', 'Add').type = 'submit';
  const close = () => {
    its.shower.hidden = true;
    its.acts.show.focus();
  };
  its.shower.onsubmit = (event) => {
    event.preventDefault();
    act(its, 'show', its.shows.value);
    close();
  };
  its.shower.onkeydown = (event) => {
    if (event.key === 'Escape') close();
  };
}

function fillShows(its, shows) {
  const written = JSON.stringify(shows);
  if (its.shows.dataset.written === written) return;
  its.shows.dataset.written = written;
  its.shows.replaceChildren(...shows.map(([id, title]) => new Option(title, id)));
}
