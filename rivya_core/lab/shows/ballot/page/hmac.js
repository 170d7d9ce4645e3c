// SHA-256 (FIPS 180-4) and HMAC (RFC 2104) in plain script: crypto.subtle does not exist on http pages of a local network.
const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n += 1) if (PRIMES.every((prime) => n % prime)) PRIMES.push(n);
const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32);
const ROUND_WORDS = PRIMES.map((prime) => fraction(Math.cbrt(prime)) | 0);
const FIRST_WORDS = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)) | 0);
const rotated = (word, bits) => (word >>> bits) | (word << (32 - bits));

function schedule(view, at) {
  const words = new Int32Array(64);
  for (let i = 0; i < 64; i += 1) {
    if (i < 16) {
      words[i] = view.getInt32(at + i * 4);
      continue;
    }
    const early = words[i - 15],
      late = words[i - 2];
    words[i] =
      words[i - 16] +
      words[i - 7] +
      (rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3)) +
      (rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10));
  }
  return words;
}

function sha256(bytes) {
  const padded = new Uint8Array(((bytes.length + 8) >> 6) * 64 + 64);
  const view = new DataView(padded.buffer);
  padded.set(bytes);
  padded[bytes.length] = 128;
  view.setUint32(padded.length - 4, bytes.length * 8);
  const hash = Int32Array.from(FIRST_WORDS);
  for (let at = 0; at < padded.length; at += 64) {
    const words = schedule(view, at);
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i += 1) {
      const one =
        (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + ROUND_WORDS[i] + words[i]) | 0;
      const two = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => {
      hash[i] += word;
    });
  }
  const digest = new DataView(new ArrayBuffer(32));
  hash.forEach((word, i) => digest.setInt32(i * 4, word));
  return new Uint8Array(digest.buffer);
}

// Keys are at most 64 bytes long.
function hmac(key, text) {
  const padded = new Uint8Array(64);
  padded.set(new TextEncoder().encode(key));
  const mixed = (pad, rest) => {
    const all = new Uint8Array(64 + rest.length);
    all.set(padded.map((byte) => byte ^ pad));
    all.set(rest, 64);
    return sha256(all);
  };
  return mixed(0x5c, mixed(0x36, new TextEncoder().encode(text)));
}
