// Hands a file to the uploader in the keyed container `slot`, as if it had been chosen there; false where there is none now.
function handOver(slot, file) {
  const input = document.querySelector(`.st-key-${slot} input[type="file"]`);
  if (!input || document.querySelector('[role="dialog"]')) return false;
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
  return true;
}
