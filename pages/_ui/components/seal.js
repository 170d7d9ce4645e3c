/** Adler-32 of a text as UTF-8: the same number as `seal` in `__init__.py`. */
function seal(text) {
  let low = 1;
  let high = 0;
  for (const byte of new TextEncoder().encode(text)) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}
