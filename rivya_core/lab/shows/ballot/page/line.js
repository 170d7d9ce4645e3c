// The deal of a voter and the line of text that says the vote. vote_lines.py says the same and reads what is written here.
const SIGNS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const OUTCOMES = ['left', 'right', 'tie', 'bad', 'skip'];
const WHY_STEP = 8;
const VOTER_BYTES = 9;
const SEAL_LENGTH = 16;
const NAME_MAX = 60;

function base64(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const three = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0);
    const four = [three >> 18, (three >> 12) & 63, (three >> 6) & 63, three & 63];
    text += four
      .slice(0, bytes.length - i + 1)
      .map((place) => SIGNS[place])
      .join('');
  }
  return text;
}

const newVoter = () => base64(crypto.getRandomValues(new Uint8Array(VOTER_BYTES)));

function newChance(key, seed) {
  let words = [],
    number = 0;
  const next = () => {
    if (!words.length) {
      const view = new DataView(hmac(key, `${seed}.${number}`).buffer);
      words = [0, 4, 8, 12, 16, 20, 24, 28].map((at) => view.getUint32(at));
      number += 1;
    }
    return words.shift();
  };
  // Words that would favor the small numbers are passed over.
  const below = (most) => {
    const fair = Math.floor(2 ** 32 / most) * most;
    let word = next();
    while (word >= fair) word = next();
    return word % most;
  };
  const shuffled = (most) => {
    const order = Array.from({ length: most }, (_, i) => i);
    for (let last = most - 1; last > 0; last -= 1) {
      const other = below(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  };
  return { below, shuffled };
}

// The pairs of one voter in the order shown; the block of each is drawn with equal weights, every time anew.
function deal(ballot, voter) {
  const chance = newChance(ballot.key, `deal.${ballot.id}.${voter}`);
  const clips = new Map();
  const pairs = [];
  let turns = [];
  for (let i = 0; i < ballot.pairs; i += 1) {
    if (!turns.length) turns = chance.shuffled(ballot.matches.length);
    const match = turns.pop();
    const block = chance.below(ballot.matches[match].length);
    const [one, other] = ballot.matches[match][block];
    const place = `${match}.${block}`;
    if (!(clips.get(place) || []).length) clips.set(place, chance.shuffled(one.length * other.length));
    const at = clips.get(place).pop();
    const pair = [one[Math.floor(at / other.length)], other[at % other.length]];
    if (chance.below(2)) pair.reverse();
    pairs.push({ left: pair[0], right: pair[1], prompt: ballot.prompts[match][block] });
  }
  return pairs;
}

const markOf = (outcome, whys) => OUTCOMES.indexOf(outcome) + whys.reduce((sum, why) => sum + (WHY_STEP << why), 0);
const seal = (key, body) => base64(hmac(key, body)).slice(0, SEAL_LENGTH);

function lineOf(ballot, voter, marks, name) {
  const said = base64(new TextEncoder().encode([...name.trim()].slice(0, NAME_MAX).join('')));
  const body = ['RV1', ballot.id, voter, marks.map((mark) => SIGNS[mark]).join(''), said].join('.');
  return `${body}.${seal(ballot.key, body)}`;
}
