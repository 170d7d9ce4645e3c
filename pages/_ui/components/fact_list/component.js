const COPIED_MS = 1500;

function copyButton(fact) {
  const button = part('button', '', 'Copy');
  button.type = 'button';
  button.setAttribute('aria-label', `Copy ${fact.label}`);
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(fact.value);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Select and copy';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, COPIED_MS);
  };
  return button;
}

function row(fact) {
  const label = part('dt');
  label.append(part('span', '', fact.label));
  const value = part('dd');
  value.append(part(fact.copy ? 'code' : 'span', '', fact.value));
  if (fact.copy) value.append(copyButton(fact));
  if (fact.note) value.append(part('span', 'rv-note', fact.note));
  const made = part('div');
  made.append(label, value);
  return made;
}

export default function ({ data, parentElement }) {
  let list = parentElement.querySelector('dl.rv-facts');
  if (!list) parentElement.append((list = part('dl', 'rv-facts')));
  list.replaceChildren(...data.map(row));
}
