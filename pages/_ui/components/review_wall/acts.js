// What a person says goes to the server; until it answers, it is shown as said.

function send(wall, act) {
  wall.seq += 1;
  wall.pending.push({ ...act, seq: wall.seq, author: wall.author });
  wall.trigger('acts', { uid: wall.uid, acts: wall.pending });
  clearTimeout(wall.unheard);
  wall.unheard = setTimeout(() => {
    if (wall.pending.length) say(wall, 'Not saved yet: the server does not answer. What you do next sends it again.');
  }, 6000);
  draw(wall);
}

function say(wall, words, undo) {
  const { said } = wall.els;
  said.replaceChildren(part('span', '', words));
  if (undo)
    said.append(
      press(
        'plain',
        () => {
          said.hidden = true;
          undo();
          home(wall);
        },
        'Undo',
      ),
    );
  said.append(
    press(
      'plain',
      () => {
        said.hidden = true;
        home(wall);
      },
      'Close',
    ),
  );
  said.hidden = !words;
}

function received(wall, data) {
  wall.data = data;
  const done = data.done[wall.uid] || 0;
  for (const miss of data.failed) {
    if (miss.uid !== wall.uid || wall.told.has(miss.seq)) continue;
    wall.told.add(miss.seq);
    const act = wall.pending.find((one) => one.seq === miss.seq);
    if (act && act.text && wall.els.editor.hidden) openEditor(wall, act.id, act.at_s, act.text, act.note);
    say(wall, miss.words);
  }
  wall.pending = wall.pending.filter((act) => act.seq > done);
}

function rate(wall, id, criterion, stars) {
  if (wall.data.read_only) return;
  send(wall, { kind: 'stars', id, criterion, stars });
}

function myStars(wall, id, criterion) {
  const wish = wall.pending.findLast(
    (act) => act.kind === 'stars' && act.id === id && act.criterion === criterion && act.author === wall.author,
  );
  if (wish) return wish.stars;
  const mine = (wall.clips.get(id).facts.stars[criterion] || []).find((one) => one.author === wall.author);
  return mine ? mine.stars : 0;
}

const otherStars = (wall, id, criterion) =>
  (wall.clips.get(id).facts.stars[criterion] || []).filter((one) => one.author !== wall.author);
