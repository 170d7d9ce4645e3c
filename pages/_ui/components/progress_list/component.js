const clocks = new WeakMap();

function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

function acts(row, act) {
  const group = part('div', 'acts');
  for (const action of row.acts) {
    const button = part('button', '', action.label);
    button.type = 'button';
    button.dataset.act = action.name;
    button.setAttribute('aria-label', `${action.label}: ${row.title}`);
    button.onclick = () => {
      button.disabled = true; // taken, before the server has heard of it
      button.textContent = action.doing;
      act(action.name, row.id);
    };
    group.append(button);
  }
  return group;
}

function notes(row, dense) {
  const group = part('div', 'notes');
  for (const note of row.notes) {
    if (!(dense && note.aside)) group.append(part('p', note.warn ? 'note warn' : 'note', note.text));
  }
  return group;
}

function line(row, act) {
  const item = part('li');
  item.dataset.id = row.id;
  const head = part('div', 'head');
  const time = part('span', 'time');
  const bars = part('span', 'bars');
  bars.setAttribute('aria-hidden', 'true');
  for (const step of row.steps) bars.append(part('span', `bar ${step.phase}`));
  const now = row.steps.find((step) => step.phase === 'now');
  const title = part('p', 'title', row.title);
  title.title = row.title;
  head.append(title, part('p', 'facts', row.brief), bars, part('span', 'now-step', now ? now.name : ''), time);
  if (row.acts.length) head.append(acts(row, act));
  item.append(head, notes(row, true));
  return { item, time };
}

function draw(row, act) {
  const item = part('li');
  item.dataset.id = row.id;
  const head = part('div', 'head');
  const time = part('span', 'time');
  head.append(part('p', 'title', row.title), time);
  item.append(head, part('p', 'facts', row.facts));
  const steps = part('ol', 'steps');
  for (const step of row.steps) {
    const one = part('li', step.phase);
    if (step.phase === 'now') one.setAttribute('aria-current', 'step');
    one.append(part('span', 'step', step.name), part('span', 'at', step.at));
    steps.append(one);
  }
  const foot = part('div', 'foot');
  foot.append(notes(row, false));
  if (row.acts.length) foot.append(acts(row, act));
  item.append(steps, foot);
  return { item, time };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector('.list');
  const active = parentElement.activeElement;
  const focus = active && active.dataset.act && [active.dataset.act, active.closest('[data-id]').dataset.id];
  const received = performance.now();
  const dense = data.rows.length > 1;
  list.classList.toggle('dense', dense);
  if (dense) list.tabIndex = 0;
  else list.removeAttribute('tabindex');
  const make = dense ? line : draw;
  const rows = data.rows.map((row) => ({
    ...make(row, (name, id) => setTriggerValue('act', { name, id })),
    age: row.age_s,
  }));
  list.replaceChildren(...rows.map((row) => row.item));
  if (focus) {
    const again = list.querySelector(`[data-id="${CSS.escape(focus[1])}"] [data-act="${CSS.escape(focus[0])}"]`);
    if (again) again.focus();
  }
  const tick = () => {
    for (const row of rows) row.time.textContent = span(row.age + (performance.now() - received) / 1000);
  };
  clearInterval(clocks.get(parentElement));
  clocks.set(parentElement, setInterval(tick, 1000));
  tick();
  return () => {
    if (!parentElement.isConnected) clearInterval(clocks.get(parentElement));
  };
}
