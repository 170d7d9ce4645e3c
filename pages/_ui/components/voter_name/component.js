const NAME = 'rivya-voter';
const told = new WeakSet();

function stored() {
  try {
    return localStorage.getItem(NAME) || '';
  } catch {
    return '';
  } // a browser may refuse to keep anything
}

function store(name) {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    /* the session remembers it */
  }
}

export default function ({ data, parentElement, setStateValue }) {
  if (data.keep && data.keep !== stored()) store(data.keep);
  if (told.has(parentElement)) return;
  told.add(parentElement);
  const name = stored();
  if (name && !data.keep) setStateValue('name', name);
}
