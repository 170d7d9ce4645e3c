"""Choosing clips for the wall: posters to tick, on as many pages as there are, and a tray with what was chosen.

What is ticked lives in the browser until "Compare" is pressed, so that ticking is instant and turning pages loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import formatting, layout, mode_marks
from pages._ui.compare_limits import LEAST, MOST
from pages._ui.components import shared_scripts
from pages._ui.direction import COMPONENT_CSS
from pages._ui.mode_marks import Marks
from rivya_core import GenerationRecord
from rivya_core.lab.media.video_probe import UNOPENED

_HTML = """
<div class="picker">
  <ul class="posters" aria-label="Clips"></ul>
  <div class="tray" role="group" aria-label="Chosen clips">
    <ol class="chosen"></ol>
    <p class="count" role="status"></p>
    <button type="button" class="clear">Clear</button>
    <button type="button" class="go"></button>
  </div>
</div>
"""

_CSS = """
:host { display: block; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.picker { font: 400 14px/1.45 var(--st-font); color: var(--st-text-color); --ring: light-dark(#4B38C8, #A99BFF); }
ul, ol, p { margin: 0; padding: 0; list-style: none; }
.posters { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(156px, 1fr)); padding: 4px; }
.poster { all: unset; display: block; width: 100%; cursor: pointer; border-radius: var(--st-base-radius); }
button:focus-visible { outline: 3px solid var(--ring); outline-offset: 3px; }
.picture { position: relative; display: block; aspect-ratio: 16 / 9; overflow: hidden; border-radius: 8px; background: #0B0B12; }
img { width: 100%; height: 100%; object-fit: contain; display: block; }
.poster[aria-pressed="true"] .picture { box-shadow: 0 0 0 2px var(--st-background-color), 0 0 0 4px var(--ring); }
.mark, .length, .tick { position: absolute; color: #fff; border-radius: 5px; }
.mark { left: 6px; top: 6px; padding: 1px 6px; background: rgb(76 29 149 / .92); font: 600 9.5px/1.6 var(--st-font); letter-spacing: .06em; }
.mark.live { background: rgb(153 27 27 / .94); }
.length { right: 6px; bottom: 6px; padding: 1px 6px; background: rgb(0 0 0 / .74); font: 500 11px/1.6 var(--st-font); }
.tick { right: 6px; top: 6px; width: 24px; height: 24px; background: rgb(0 0 0 / .6); box-shadow: inset 0 0 0 2px #fff;
  font: 700 13px/24px var(--st-font); text-align: center; }
.poster[aria-pressed="true"] .tick { background: #4B38C8; }
.name { display: -webkit-box; margin-top: 7px; font: 450 13px/1.4 var(--st-font); -webkit-line-clamp: 2; -webkit-box-orient: vertical;
  overflow: hidden; overflow-wrap: anywhere; }
.facts { display: block; margin-top: 1px; font: 400 12px/1.4 var(--st-font); opacity: .8; }
.tray { position: sticky; bottom: 0; z-index: 3; display: flex; gap: 12px; align-items: center; margin-top: 14px; padding: 10px 0;
  border-top: 1px solid var(--st-border-color); background: var(--st-background-color); }
.chosen { display: flex; gap: 6px; min-width: 0; overflow-x: auto; padding: 4px; }
.chosen button { all: unset; position: relative; display: block; width: 64px; height: 36px; border-radius: 6px; overflow: hidden;
  background: #0B0B12; cursor: pointer; }
.chosen button:focus-visible { outline: 3px solid var(--ring); outline-offset: 1px; }
.chosen .out { position: absolute; right: 2px; top: 2px; width: 18px; height: 18px; border-radius: 5px; background: rgb(0 0 0 / .74);
  color: #fff; font: 600 12px/18px var(--st-font); text-align: center; }
.count { flex: 1 1 auto; min-width: 120px; }
.go, .clear { flex: none; height: 40px; padding: 0 16px; border-radius: var(--st-button-radius); font: 550 14.5px/1 var(--st-font);
  cursor: pointer; border: 1px solid var(--st-border-color); background: transparent; color: inherit; }
.go { background: var(--st-primary-color); border-color: var(--st-primary-color); color: #fff; }
.go:disabled { background: var(--st-secondary-background-color); border-color: var(--st-border-color); color: inherit; cursor: not-allowed; }
@media (max-width: 640px) {
  .posters { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; }
  .tray { flex-wrap: wrap; gap: 6px 10px; }
  .chosen { flex: 1 1 100%; }
  .chosen:empty { display: none; }
}
"""

_JS = """
const pickers = new WeakMap();

function poster(clip) {
  const image = part('img');
  image.loading = 'lazy';
  image.alt = '';
  image.src = clip.poster;
  return image;
}

function toggle(picker, clip) {
  const at = picker.chosen.findIndex((one) => one.id === clip.id);
  picker.full = at < 0 && picker.chosen.length >= picker.data.most;
  if (at >= 0) picker.chosen.splice(at, 1);
  else if (!picker.full) picker.chosen.push(clip);
  mark(picker);
}

function item(picker, clip) {
  const row = part('li');
  const button = part('button', 'poster');
  button.type = 'button';
  button.dataset.id = clip.id;
  button.onclick = () => toggle(picker, clip);
  const picture = part('span', 'picture');
  if (clip.poster) picture.append(poster(clip));
  if (clip.mark) picture.append(part('span', clip.mark === 'LIVE' ? 'mark live' : 'mark', clip.mark));
  picture.append(part('span', 'tick'));
  if (clip.length) picture.append(part('span', 'length', clip.length));
  button.append(picture, part('span', 'name', clip.name));
  if (clip.facts) button.append(part('span', 'facts', clip.facts));
  hoverPlay(button, picture, clip.src);
  row.append(button);
  return row;
}

function mark(picker) {
  const { root, chosen, data } = picker;
  for (const button of root.querySelectorAll('.poster')) {
    const at = chosen.findIndex((one) => one.id === button.dataset.id);
    button.setAttribute('aria-pressed', String(at >= 0));
    button.querySelector('.tick').textContent = at >= 0 ? String(at + 1) : '';
  }
  const tray = root.querySelector('.chosen');
  const focused = root.activeElement && root.activeElement.dataset.out;
  tray.replaceChildren(...chosen.map((clip, index) => {
    const row = part('li');
    const button = part('button');
    button.type = 'button';
    button.dataset.out = String(index);
    button.setAttribute('aria-label', `Take clip ${index + 1} out: ${clip.name}`);
    button.title = clip.name;
    button.onclick = () => toggle(picker, clip);
    if (clip.poster) button.append(poster(clip));
    button.append(part('span', 'out', '\\u00d7'));
    row.append(button);
    return row;
  }));
  if (focused) {
    const again = tray.querySelectorAll('button');
    if (again.length) again[Math.min(Number(focused), again.length - 1)].focus();
    else root.querySelector('.poster')?.focus();
  }
  const count = chosen.length;
  root.querySelector('.count').textContent = picker.full ? `${data.most} at most: take one out first.`
    : count === 0 ? `Choose ${data.least} to ${data.most} clips.`
      : count < data.least ? 'One more, at least.' : `${count} of at most ${data.most}`;
  const go = root.querySelector('.go');
  go.textContent = count < data.least ? 'Compare' : `Compare ${count} clips`;
  go.disabled = count < data.least;
  root.querySelector('.clear').hidden = count === 0;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let picker = pickers.get(parentElement);
  if (!picker || picker.data.start !== data.start) {
    // whoever comes back here with Back finds what was ticked
    picker = { root: parentElement, chosen: history.state?.picked ?? [...data.chosen] };
  }
  pickers.set(parentElement, picker);
  picker.data = data;
  const focused = parentElement.activeElement && parentElement.activeElement.dataset.id;
  parentElement.querySelector('.posters').replaceChildren(...data.clips.map((clip) => item(picker, clip)));
  parentElement.querySelector('.go').onclick = () => {
    history.replaceState({ ...history.state, picked: picker.chosen }, '');
    setTriggerValue('go', picker.chosen.map((clip) => clip.id));
  };
  parentElement.querySelector('.clear').onclick = () => {
    picker.chosen = [];
    picker.full = false;
    mark(picker);
    parentElement.querySelector('.poster')?.focus();
  };
  mark(picker);
  if (focused) parentElement.querySelector(`.poster[data-id="${CSS.escape(focused)}"]`)?.focus();
}
"""

_component = st.components.v2.component(
    "rivya_wall_picker", html=_HTML, css=_CSS + COMPONENT_CSS, js=shared_scripts("dom", "hover_play") + _JS
)


def picker(
    rows: Sequence[GenerationRecord], chosen: Sequence[GenerationRecord], names: Mapping[str, str], *, key: str
) -> list[str] | None:
    """Draw the posters and the tray; the ids to compare when that was pressed just now, or None.

    ``chosen``: what is in the tray at first. ``names``: better names than the prompts, by id.
    """
    marks = mode_marks.marks(layout.lab().mode, (record.mode for record in (*rows, *chosen)))
    result = _component(
        key=key,
        data={
            "clips": [_card(record, names, marks) for record in rows],
            "chosen": [_card(record, names, marks) for record in chosen],
            "start": " ".join(record.id for record in chosen),
            "least": LEAST,
            "most": MOST,
        },
        on_go_change=_nothing,
    )
    return [str(one) for one in result.go] if isinstance(result.go, list) else None


def _card(record: GenerationRecord, names: Mapping[str, str], marks: Marks) -> dict[str, Any]:
    return {
        "id": record.id,
        "poster": f"/posters/{record.id}.jpg" if record.poster_key else "",
        "name": names.get(record.id) or formatting.excerpt(record.prompt, 80),
        "facts": " · ".join(part for part in (formatting.shape(record), f"take {record.take}") if part),
        "length": f"{record.clip_duration_s:.0f} s" if record.clip_duration_s else "",
        "src": "" if record.clip_check == UNOPENED else f"/clips/{record.id}.mp4",
        "mark": marks.of(record.mode),
    }


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""
