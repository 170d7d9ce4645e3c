const attached = new WeakMap();
let pressedLast = null;
const PAUSE_MS = 300;
const UPLOAD_LOOK_MS = 150;
const SETTLE_MS = 60; // React puts a new text into the box after it told us of it

function commit(box) {
  box.dispatchEvent(new FocusEvent('focusout', { bubbles: true }));
  if (document.activeElement === box) box.dispatchEvent(new FocusEvent('focusin', { bubbles: true }));
}

/** Whether what is typed here is committed while typing. An empty number is left alone: Streamlit would fill it in again. */
function follows(box) {
  return box instanceof HTMLTextAreaElement || (box instanceof HTMLInputElement && box.type === 'number');
}

function isStale(seals) {
  return Object.entries(seals).some(([name, known]) => {
    const box = document.querySelector(`.st-key-${name} :is(textarea, input)`);
    return box !== null && seal(box.value) !== known;
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const apple = /Mac|iPhone|iPad/u.test(navigator.platform);
  parentElement.querySelector('.hint').hidden = !data.sends;
  parentElement.querySelector('.keys').textContent = apple ? '⌘ Enter' : 'Ctrl+Enter';
  const inForm = (target) => target instanceof Element && target.closest(`.st-key-${data.form}`);
  let timer = 0;
  let waiting = 0;
  // A file still on its way must not become a clip without it: what is sent waits for the upload.
  const uploading = () => document.querySelector(`.st-key-${data.form} [data-testid="stFileChipIconSpinner"]`);
  const send = () => {
    clearTimeout(waiting);
    if (uploading()) waiting = setTimeout(send, UPLOAD_LOOK_MS);
    else setTriggerValue('send', Date.now());
  };
  // What was said of an earlier text is not seen beside a newer one; it keeps its room, so that nothing moves.
  const hideAnswers = () => {
    const stale = isStale(data.seals);
    for (const name of data.answers) {
      for (const answer of document.querySelectorAll(`.st-key-${name}`)) {
        answer.inert = stale;
        answer.style.opacity = stale ? 0 : ''; // Streamlit's own elements set their visibility themselves
      }
    }
  };
  const typed = (event) => {
    const box = event.target;
    if (!follows(box) || !inForm(box)) return;
    hideAnswers();
    if (event.isComposing) return;
    clearTimeout(timer);
    if (box.value === '' && box.type === 'number') return;
    timer = setTimeout(() => commit(box), PAUSE_MS);
  };
  const pressed = (event) => {
    if (!data.sends || event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || event.isComposing || event.repeat)
      return;
    if (!inForm(event.target) && event.target !== document.body) return;
    event.preventDefault();
    event.stopPropagation();
    clearTimeout(timer);
    if (follows(event.target)) commit(event.target);
    send();
  };
  // The second click of a double click ends here. The server takes it for the same press as well, unless a busy one hears of it late.
  const clicked = (event) => {
    const button = inForm(event.target) && event.target.closest('button[data-testid="stBaseButton-primary"]');
    if (button && event.detail > 1 && button === pressedLast) event.stopPropagation();
    else pressedLast = button; // a first click that found the button disabled was none
  };
  const before = attached.get(parentElement);
  if (before) before();
  else timer = setTimeout(() => document.querySelectorAll(`.st-key-${data.form} textarea`).forEach(commit), PAUSE_MS);
  document.addEventListener('input', typed, true);
  document.addEventListener('keydown', pressed, true);
  document.addEventListener('click', clicked, true);
  hideAnswers();
  const later = setTimeout(hideAnswers, SETTLE_MS);
  const detach = () => {
    document.removeEventListener('input', typed, true);
    document.removeEventListener('keydown', pressed, true);
    document.removeEventListener('click', clicked, true);
    clearTimeout(later);
  };
  attached.set(parentElement, detach);
  return detach;
}
