const attached = new WeakMap();

// The uploader takes what is dropped on it by itself; what is dragged within the page is no file.
function isOurs(event) {
  if (!event.dataTransfer || !event.dataTransfer.types.includes('Files')) return false;
  return !event
    .composedPath()
    .some((one) => one instanceof Element && one.matches('[data-testid="stFileUploaderDropzone"]'));
}

export default function ({ data, parentElement }) {
  const hint = parentElement.querySelector('.hint');
  hint.textContent = data.hint;
  hint.hidden = !data.hint;
  const over = (event) => {
    if (isOurs(event)) event.preventDefault(); // or nothing can be dropped here
  };
  const dropped = (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) handOver(data.slot, file);
  };
  const before = attached.get(parentElement);
  if (before) before();
  document.addEventListener('dragover', over);
  document.addEventListener('drop', dropped);
  const detach = () => {
    document.removeEventListener('dragover', over);
    document.removeEventListener('drop', dropped);
  };
  attached.set(parentElement, detach);
  return detach;
}
