// The strip above the grid: how far the sweep is, and its credits.

function drawStrip(parent, strip) {
  const box = parent.querySelector('.strip');
  box.hidden = !strip;
  if (!strip) return;
  const bar = box.querySelector('.bar');
  bar.setAttribute('aria-label', strip.count);
  const wanted = Object.entries(strip.parts);
  if (bar.children.length !== wanted.length) bar.replaceChildren(...wanted.map(([name]) => part('span', name)));
  wanted.forEach(([, number], index) => {
    bar.children[index].style.width = `${(number / Math.max(1, strip.total)) * 100}%`;
    bar.children[index].hidden = !number;
  });
  box.querySelector('.count').textContent = strip.count;
  box.querySelector('.money').textContent = strip.money;
}
