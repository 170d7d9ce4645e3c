const attached = new WeakMap();

function imageOf(event) {
  const data = event.clipboardData;
  if (!data) return null;
  const file = [...data.files].find((one) => one.type.startsWith('image/'));
  if (!file) return null;
  // Text that was copied with its picture, as from a document, is meant as text where one can write.
  const target = event.composedPath()[0];
  const writes = target instanceof Element && target.matches('input, textarea, [contenteditable="true"]');
  return writes && data.getData('text/plain') ? null : file;
}

export default function ({ data, parentElement }) {
  const apple = /Mac|iPhone|iPad/u.test(navigator.platform);
  const hint = parentElement.querySelector('.hint');
  hint.querySelector('.keys').textContent = apple ? '⌘ V' : 'Ctrl+V';
  hint.hidden = !data.hint;
  const pasted = (event) => {
    const file = imageOf(event);
    if (!file || !handOver(data.slot, file)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const before = attached.get(parentElement);
  if (before) before();
  document.addEventListener('paste', pasted, true);
  const detach = () => document.removeEventListener('paste', pasted, true);
  attached.set(parentElement, detach);
  return detach;
}
