// Notes on the clips. Text of people reaches the page as `textContent` only. The note that is being written is never drawn anew.

function buildNotes(wall) {
  const { els } = wall;
  els.notesBox = part('div', 'notes-box');
  const head = part('div', 'panel-head');
  els.add = press('button', () => newNote(wall), 'Add a note here', 'N');
  head.append(part('h3', '', 'Notes'), els.add);
  els.editor = part('div', 'editor');
  els.editor.hidden = true;
  const label = part('label', 'editor-for');
  els.editorFor = part('span', '');
  els.text = part('textarea');
  els.text.rows = 2;
  els.text.maxLength = 2000;
  els.text.onkeydown = (event) => {
    if (event.key === 'Escape') {
      event.preventDefault();
      closeEditor(wall);
    }
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      saveNote(wall);
    }
  };
  label.append(els.editorFor, els.text);
  const row = part('div', 'acts');
  row.append(
    press('button main', () => saveNote(wall), 'Save note'),
    press('button', () => closeEditor(wall), 'Cancel'),
    part('span', 'hint', 'Enter saves, Shift+Enter makes a new line, Esc cancels'),
  );
  els.editor.append(label, row);
  els.noNotes = part('p', 'hint', '');
  els.notes = part('ul', 'notes');
  els.notes.setAttribute('aria-label', 'Notes');
  els.notesBox.append(head, els.noNotes, els.notes);
  els.bar.prepend(els.editor); // in sight of the clips, wherever the page is scrolled to
}

function openEditor(wall, id, at_s, text, note) {
  const { els } = wall;
  wall.writing = { id, at_s, note: note || null };
  els.editorFor.textContent = `${note ? 'Note' : 'New note'} on clip ${wall.clips.get(id).index + 1} at ${noteWords(wall, id, at_s)}`;
  els.text.value = text || '';
  els.editor.hidden = false;
  els.text.focus({ preventScroll: true });
}

function newNote(wall) {
  if (wall.data.read_only || !wall.chosen) return;
  const clip = wall.clips.get(wall.chosen);
  const frame = frameOf(wall.clock, nowOf(wall.clock));
  pause(wall.clock);
  openEditor(wall, wall.chosen, stillPlace(wall.clock, clip, middleOf(wall.clock, frame)));
}

function saveNote(wall) {
  const text = wall.els.text.value.trim();
  const { id, at_s, note } = wall.writing;
  if (!text) {
    wall.els.text.focus();
    return;
  }
  closeEditor(wall);
  send(wall, note ? { kind: 'edit', note, text, id, at_s } : { kind: 'note', id, at_s, text });
}

function closeEditor(wall) {
  wall.writing = null;
  wall.els.editor.hidden = true;
  wall.els.text.value = '';
  home(wall);
}

function removeNote(wall, note) {
  send(wall, { kind: 'delete', note: note.note });
  say(wall, 'The note is deleted.', () => send(wall, { kind: 'restore', note: note.note }));
  home(wall);
}

function drawNotes(wall) {
  const { els, data } = wall;
  const gone = new Set(wall.pending.filter((act) => act.kind === 'delete').map((act) => act.note));
  const notes = data.notes.filter((note) => wall.clips.has(note.id) && !gone.has(note.note));
  const now = JSON.stringify([notes, wall.chosen, wall.author, data.read_only]);
  if (els.notes.dataset.of === now) return;
  els.notes.dataset.of = now;
  const focused = wall.root.activeElement && wall.root.activeElement.dataset.note;
  els.notes.replaceChildren(
    ...notes.map((note) => {
      const item = part('li', note.id === wall.chosen ? 'note mine' : 'note');
      const number = wall.clips.get(note.id).index + 1;
      const at = noteWords(wall, note.id, note.at_s);
      const go = press('plain at', () => jump(wall, note), at);
      go.dataset.note = `go${note.note}`;
      go.setAttribute('aria-label', `Go to ${at} on clip ${number}`);
      const words = part('div', 'words');
      words.append(
        part('p', 'text', note.text),
        part('p', 'by', `Clip ${number} \u00B7 ${note.author || 'you'} \u00B7 ${note.when}`),
      );
      item.append(go, words);
      if (!data.read_only) {
        const edit = press('tool small', () => openEditor(wall, note.id, note.at_s, note.text, note.note));
        face(edit, 'edit', `Edit the note at ${at} on clip ${number}`);
        edit.dataset.note = `edit${note.note}`;
        const remove = press('tool small', () => removeNote(wall, note));
        face(remove, 'gone', `Delete the note at ${at} on clip ${number}`);
        remove.dataset.note = `gone${note.note}`;
        item.append(edit, remove);
      }
      return item;
    }),
  );
  els.noNotes.hidden = notes.length > 0;
  if (focused) {
    const again = els.notes.querySelector(`[data-note="${CSS.escape(focused)}"]`);
    if (again) again.focus();
  }
}
