function chip(label, tone) {
  const made = part('span', 'chip', label);
  made.style.background = `var(--st-${tone}-background-color)`;
  made.style.color = `var(--st-${tone}-text-color)`;
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector('.rows');
  const focused = parentElement.activeElement && parentElement.activeElement.dataset.id;
  list.replaceChildren(
    ...data.rows.map((row) => {
      const item = part('li');
      const link = part('a');
      link.href = row.href;
      link.dataset.id = row.id;
      link.onclick = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        link.classList.add('opening');
        setTriggerValue('open', row.id);
      };
      const top = part('div', 'top');
      const chips = part('span', 'chips');
      row.chips.forEach(([label, tone]) => chips.append(chip(label, tone)));
      top.append(part('span', 'name', row.name), chips);
      link.append(top);
      if (row.question) link.append(part('p', 'question', row.question));
      if (row.winner) link.append(part('p', 'winner', row.winner));
      const bar = part('div', 'bar');
      for (const [name, number] of Object.entries(row.parts).filter(([, count]) => count)) {
        const piece = part('span', name);
        piece.style.width = `${(number / Math.max(1, row.total)) * 100}%`;
        bar.append(piece);
      }
      const facts = part('p', 'facts');
      row.facts.forEach((text) => facts.append(part('span', '', text)));
      if (bar.childElementCount) link.append(bar);
      link.append(facts);
      if (row.poster !== undefined) {
        link.classList.add('pictured');
        const frame = part('span', 'poster');
        if (row.poster) frame.append(Object.assign(part('img'), { src: row.poster, alt: '', loading: 'lazy' }));
        link.prepend(frame);
      }
      item.append(link);
      return item;
    }),
  );
  if (focused) {
    const again = list.querySelector(`[data-id="${CSS.escape(focused)}"]`);
    if (again) again.focus();
  }
}
