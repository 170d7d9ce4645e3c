// The page of a ballot: it works from a file, without a network. What leaves is one line of text.
const $ = (id) => document.getElementById(id);
const ballot = JSON.parse($('ballot').textContent);
const KEPT = `rivya-ballot-${ballot.id}`;
const VOTE_KEYS = {
  1: 'left',
  a: 'left',
  ArrowLeft: 'left',
  2: 'right',
  b: 'right',
  ArrowRight: 'right',
  0: 'tie',
  t: 'tie',
  x: 'bad',
  s: 'skip',
};
const WHY_KEYS = ['5', '6', '7'];
const SIDES = ['left', 'right'];
const MARKS = SIGNS.length;

const videos = SIDES.map((side) => $(`video-${side}`));
const votes = [...document.querySelectorAll('[data-vote]')];
const whys = [...document.querySelectorAll('[data-why]')];
const addresses = new Map();
let pairs = [],
  state = null,
  shown = null,
  isSure = false;

// -- what is kept in this browser ---------------------------------------------------------------------------------------

const fresh = () => ({ voter: newVoter(), name: '', marks: [], stopped: false, sent: false });

function isState(one) {
  return (
    one &&
    /^[\w-]{12}$/u.test(one.voter) &&
    typeof one.name === 'string' &&
    Array.isArray(one.marks) &&
    one.marks.length <= ballot.pairs &&
    one.marks.every((mark) => Number.isInteger(mark) && mark >= 0 && mark < MARKS)
  );
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT));
    return isState(kept) ? kept : fresh();
  } catch {
    return fresh();
  }
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(state));
  } catch {
    $('forgets').hidden = false;
  }
}

// -- clips ----------------------------------------------------------------------------------------------------------------

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const signs = atob(text),
    bytes = new Uint8Array(signs.length);
  for (let i = 0; i < signs.length; i += 1) bytes[i] = signs.codePointAt(i);
  return bytes;
}

function addressOf(clip) {
  if (!addresses.has(clip)) {
    const bytes = bytesOf($(`clip-${clip}`).textContent.trim());
    addresses.set(clip, URL.createObjectURL(new Blob([bytes], { type: 'video/mp4' })));
  }
  return addresses.get(clip);
}

const isReady = () => videos.every((video) => video.readyState >= 2);
const isBroken = () => videos.some((video) => video.error);

// Both run once from the beginning, and start again together when the longer one has ended.
function playBoth() {
  for (const video of videos) {
    video.currentTime = 0;
    video.play().catch(() => {});
  }
}

function toggle() {
  if (videos.some((video) => !video.paused && !video.ended)) videos.forEach((video) => video.pause());
  else if (videos.every((video) => video.ended)) playBoth();
  else
    for (const video of videos) {
      if (!video.ended) video.play().catch(() => {});
    }
}

function showPlay() {
  $('play').firstChild.textContent = videos.some((video) => !video.paused && !video.ended)
    ? 'Pause the clips '
    : 'Play the clips ';
}

// A vote waits until both clips can be seen; a pair that cannot be played can only be skipped.
function lock() {
  const may = (vote) => (isBroken() ? vote === 'skip' : isReady());
  for (const button of votes) button.setAttribute('aria-disabled', String(!may(button.dataset.vote)));
  $('says').textContent = isBroken() ? 'A clip cannot be played here. Skip this pair.' : '';
}

// -- voting ---------------------------------------------------------------------------------------------------------------

function show() {
  const at = state.marks.length,
    isAll = at >= ballot.pairs,
    isDone = isAll || state.stopped;
  $('vote').hidden = isDone;
  $('done').hidden = !isDone;
  $('count').textContent = isAll
    ? `All ${ballot.pairs} pairs are done.`
    : isDone
      ? `${at} of ${ballot.pairs} pairs are done.`
      : `Pair ${at + 1} of ${ballot.pairs}`;
  $('undo').disabled = $('stop').disabled = !at;
  $('change').textContent = isAll ? 'Change my last vote' : 'Go on voting';
  for (const button of whys) button.setAttribute('aria-pressed', 'false');
  if (isDone) {
    videos.forEach((video) => video.pause());
    finish();
    return;
  }
  const pair = pairs[at];
  $('prompt').hidden = !pair.prompt;
  $('prompt-text').textContent = pair.prompt;
  if (shown === at) return;
  shown = at;
  SIDES.forEach((side, i) => {
    videos[i].src = addressOf(pair[side]);
  });
  lock();
  playBoth();
}

function cast(outcome) {
  const button = votes.find((one) => one.dataset.vote === outcome);
  if (state.marks.length >= ballot.pairs || button.getAttribute('aria-disabled') === 'true') return;
  const chosen = whys
    .filter((one) => one.getAttribute('aria-pressed') === 'true')
    .map((one) => Number(one.dataset.why));
  state.marks.push(markOf(outcome, chosen));
  keep();
  show();
}

function undo() {
  if (!state.marks.length || state.sent) return;
  if (state.stopped) state.stopped = false;
  else state.marks.pop();
  shown = null;
  keep();
  show();
}

// Some votes are worth more than none: pairs that were not seen are skipped.
function stop() {
  if (!state.marks.length) return;
  state.stopped = true;
  keep();
  show();
}

// -- the line -------------------------------------------------------------------------------------------------------------

let file = '';

function finish() {
  const unseen = Array.from({ length: ballot.pairs - state.marks.length }, () => markOf('skip', []));
  const line = lineOf(ballot, state.voter, [...state.marks, ...unseen], state.name);
  $('line').value = line;
  URL.revokeObjectURL(file);
  file = URL.createObjectURL(new Blob([`${line}\n`], { type: 'text/plain' }));
  $('save').href = file;
  $('save').download = `vote-${state.voter}.txt`;
  const isServed = location.protocol.startsWith('http');
  $('send').hidden = !isServed;
  $('copy').classList.toggle('big', !isServed);
  $('send').disabled = $('name').disabled = $('change').disabled = state.sent;
  if (state.sent) $('said').textContent = 'Your vote was sent. You can close this page.';
}

async function copyLine() {
  $('line').select();
  try {
    await navigator.clipboard.writeText($('line').value);
  } catch {
    document.execCommand('copy');
  }
  $('said').textContent = 'Copied. Send it back to whoever gave you this ballot.';
}

async function sendLine() {
  $('send').disabled = true;
  const mine = state;
  let said = 'It could not be sent. Copy the line and send it yourself.';
  try {
    const answer = await fetch('vote', {
      method: 'POST',
      body: $('line').value,
      headers: { 'Content-Type': 'text/plain' },
    });
    if (answer.status !== 404) said = await answer.text();
    mine.sent = answer.ok;
  } catch {
    mine.sent = false;
  }
  if (state !== mine) return; // the next person votes by now
  keep();
  finish();
  $('said').textContent = said;
}

// The next person at the same screen gets a deal of their own; asked twice, because the line goes away.
function another() {
  if (!isSure) {
    isSure = true;
    $('another').textContent = 'Sure? This line goes away';
    return;
  }
  begin(fresh());
  keep();
}

function begin(found) {
  state = found;
  pairs = deal(ballot, state.voter);
  shown = null;
  isSure = false;
  $('another').textContent = 'Another person votes';
  $('said').textContent = '';
  $('name').value = state.name;
  show();
}

// -- wiring ---------------------------------------------------------------------------------------------------------------

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, textarea') || $('vote').hidden)
    return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const why = WHY_KEYS.indexOf(key);
  const isOnButton = event.target.matches('button, a');
  if (VOTE_KEYS[key]) {
    if (!event.repeat) cast(VOTE_KEYS[key]);
  } else if (why >= 0) whys[why].click();
  else if (key === 'u') {
    if (!event.repeat) undo();
  } else if (key === 'p' || (key === ' ' && !isOnButton)) toggle();
  else return;
  event.preventDefault();
}

for (const button of votes) button.onclick = () => cast(button.dataset.vote);
for (const button of whys) {
  button.onclick = () => button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
}
for (const video of videos) {
  video.onloadeddata = video.onerror = lock;
  video.onplay = video.onpause = showPlay;
  video.onended = () => {
    showPlay();
    if (videos.every((one) => one.ended)) playBoth();
  };
}
for (const mark of document.querySelectorAll('.mark')) {
  mark.textContent = ballot.mark;
  mark.hidden = !ballot.mark;
}
$('undo').onclick = $('change').onclick = undo;
$('stop').onclick = stop;
$('play').onclick = toggle;
$('copy').onclick = copyLine;
$('send').onclick = sendLine;
$('another').onclick = another;
$('name').oninput = () => {
  state.name = $('name').value;
  keep();
  finish();
};
document.onkeydown = press;
$('noscript').hidden = true;
$('app').hidden = false;
begin(recall());
keep();
